"""Sources read from YAML: what holds together, and what is refused naming file and field."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from connectors.definition import load_source, load_sources
from connectors.mapping import Constant
from schemas.errors import ConfigurationError, DefinitionError

SOCIAL_SECURITY = """
code: social_security
resource: natural_person
department: 人力资源和社会保障局
title: 社会保险参保登记
ordinal: 3
connector: file
options: {path: "${city}/social_security/*.csv", format: csv, encoding: auto}
watermark: {column: 更新时间, type: datetime}
row_id: 参保编号
observed_at: 更新时间
mapping:
  citizen_number: {column: 身份证号}
  name: {column: 姓名}
  insurance_status: {column: 参保状态, codes: {正常参保: "1", 暂停参保: 2}}
  life_status: {constant: "2"}
authority: {default: 50, insurance_status: 10}
quality:
  - {rule: not_null, item: insurance_status, severity: warning}
"""


def write(folder: Path, name: str = "social_security", **changes) -> Path:
    raw = yaml.safe_load(SOCIAL_SECURITY) | changes
    path = folder / f"{name}.yaml"
    kept = {key: value for key, value in raw.items() if value is not ...}
    path.write_text(yaml.safe_dump(kept, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def test_a_source_is_read_whole(tmp_path):
    source = load_source(write(tmp_path), {"city": tmp_path / "city"})
    assert source.option("path") == f"{tmp_path}/city/social_security/*.csv"
    assert source.columns == ("身份证号", "姓名", "参保状态", "参保编号", "更新时间")
    assert source.mapping["insurance_status"].codes == {"正常参保": "1", "暂停参保": "2"}
    assert (source.rank("insurance_status"), source.rank("name")) == (10, 50)
    assert source.row_id == ("参保编号",)


def test_joined_columns_may_hold_constants(tmp_path):
    mapping = {
        "record_number": {"columns": [{"constant": "2"}, "CF_WSH", "CF_JGDM"], "join": ":"},
        "amount": {"column": "CF_NR_FK", "scale": 0.0001},
    }
    path = write(tmp_path, resource="credit_record", mapping=mapping, authority=..., quality=...)
    source = load_source(path, {"city": "."})
    assert source.mapping["record_number"].columns == (Constant("2"), "CF_WSH", "CF_JGDM")
    assert source.mapping["record_number"].source_columns == ("CF_WSH", "CF_JGDM")
    assert source.mapping["amount"].scale == Decimal("0.0001")


MAPPING = {"citizen_number": {"column": "身份证号"}}
SQL = {"url": "sqlite:///x", "table": "户籍"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "Social"}, "code"),
        ({"ordinal": 0}, "ordinal"),
        ({"ordinal": "3"}, "ordinal"),
        ({"title": ...}, "title"),
        ({"flavour": "x"}, "flavour"),
        ({"resource": "ghost"}, "resource"),
        ({"connector": "ftp"}, "connector"),
        ({"options": {"format": "csv"}}, "options.path"),
        ({"options": {"path": "x", "format": "xls"}}, "options.format"),
        ({"options": {"path": "x", "format": "csv", "colour": "red"}}, "options.colour"),
        ({"options": {"path": "${nowhere}/x", "format": "csv"}}, "nowhere"),
        ({"connector": "sql", "options": SQL | {"query": "SELECT 1"}}, "either 'table' or 'query'"),
        ({"connector": "sql", "options": SQL, "row_id": ...}, "row_id"),
        ({"mapping": {"name": {"column": "姓名"}}}, "citizen_number"),
        ({"mapping": MAPPING | {"shoe_size": {"column": "鞋码"}}}, "mapping.shoe_size"),
        ({"mapping": MAPPING | {"name": {"column": "a", "constant": "b"}}}, "mapping.name"),
        ({"mapping": MAPPING | {"name": {"kolumn": "a"}}}, "mapping.name.kolumn"),
        ({"mapping": MAPPING | {"name": "姓名"}}, "mapping.name"),
        ({"mapping": MAPPING | {"sex": {"column": "a", "code_set": "moods"}}}, "mapping.sex"),
        ({"mapping": MAPPING | {"date_of_birth": {"column": "a", "date": "%Y"}}}, "mapping.date_of_birth"),
        ({"mapping": MAPPING | {"sex": {"column": "a", "scale": "much"}}}, "mapping.sex"),
        ({"authority": {"shoe_size": 1}}, "authority.shoe_size"),
        ({"authority": {"name": "high"}}, "authority.name"),
        ({"quality": [{"rule": "not_null", "item": "shoe_size"}]}, "quality.shoe_size"),
        ({"quality": ["not_null"]}, "quality"),
        ({"watermark": "更新时间"}, "watermark"),
        ({"watermark": {"column": "更新时间", "type": "mood"}}, "watermark.type"),
        ({"row_id": "身份证号"}, "身份证号"),
        ({"row_id": 7}, "row_id"),
    ],
)
def test_a_wrong_definition_names_file_and_field(tmp_path, changes, field):
    path = write(tmp_path, **changes)
    with pytest.raises(DefinitionError) as caught:
        load_source(path, {"city": "."})
    assert "social_security.yaml" in str(caught.value)
    assert field in str(caught.value)


@pytest.mark.parametrize("text", ["- a\n- b\n", "code: [", "\udcff"])
def test_what_is_no_definition_is_refused(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DefinitionError, match=r"broken\.yaml"):
        load_source(path, {})


def test_secrets_are_filled_in_only_on_use(tmp_path, monkeypatch):
    secret = tmp_path / "password"
    secret.write_text("s3cret\n", encoding="utf-8")
    url = f"postgresql://reader:${{file:{secret}}}@${{env:REGISTER_HOST}}/register"
    path = write(tmp_path, connector="sql", options={"url": url, "table": "户籍人口"})
    source = load_source(path, {})
    assert "s3cret" not in repr(source)
    with pytest.raises(ConfigurationError, match="REGISTER_HOST"):
        source.option("url")
    monkeypatch.setenv("REGISTER_HOST", "10.0.0.1")
    assert source.option("url") == "postgresql://reader:s3cret@10.0.0.1/register"
    secret.unlink()
    with pytest.raises(ConfigurationError, match="password"):
        source.option("url")


def test_sources_are_listed_by_ordinal_and_told_apart(tmp_path):
    write(tmp_path, name="a", code="later", ordinal=9)
    write(tmp_path, name="b", code="sooner", ordinal=1)
    assert list(load_sources(tmp_path, {"city": "."})) == ["sooner", "later"]
    write(tmp_path, name="c", code="third", ordinal=1)
    with pytest.raises(DefinitionError, match=r"ordinal 1 is taken by c\.yaml too"):
        load_sources(tmp_path, {"city": "."})
    write(tmp_path, name="c", code="later", ordinal=2)
    with pytest.raises(DefinitionError, match=r"code 'later' is taken by c\.yaml too"):
        load_sources(tmp_path, {"city": "."})
