"""Drafting: what columns are called and hold is weighed, what is unsure is said, and no person's value is shown."""

import json
import os

import pyarrow as pa
import pytest

from connectors.definition import read_source
from connectors.drafting.description import described
from connectors.drafting.evidence import named, prefix_of
from connectors.drafting.initials import initials
from connectors.drafting.places import place_of
from connectors.drafting.profile import form_of, profile
from connectors.drafting.proposal import Proposal, proposals
from connectors.drafting.questions import Nobody, decided, with_columns, with_row_id
from connectors.drafting.seeing import has_header, looks
from connectors.drafting.text import CHECK, Heading, definition, doubts, lacks_key
from connectors.look import Look
from schemas.citizen_numbers import citizen_check
from schemas.errors import DefinitionError, SourceUnreachable, UnknownItem, WrongFormat
from schemas.resource import resource_named, resources_shipped

HEADING = Heading("register", "公安局", "登记", 21, {})


def citizen(number: int) -> str:
    """A number of a synthetic person; odd ones are men's."""
    bare = f"500101199001{1 + number % 28:02d}{number:03d}"
    return bare + citizen_check(bare)


CITIZENS = [citizen(number) for number in range(100, 160)]


def look(columns: dict, connector: str = "file", options: dict | None = None, **fields) -> Look:
    sample = pa.table(columns)
    return Look(
        "登记", options or {"path": "a.csv"}, dict.fromkeys(columns, "text"), sample, connector, **fields
    )


def proposal(columns: dict, resource: str = "natural_person", **given) -> Proposal:
    return proposals(look(columns, **given), [resource_named(resource)])[0]


def persons(**more) -> dict:
    count = len(CITIZENS)
    return {"身份证号": CITIZENS, "姓名": [f"张三{n}" for n in range(count)]} | {
        name: (values * count)[:count] for name, values in more.items()
    }


def unsure(found: Proposal) -> dict[str, str]:
    return {name: choice.doubt for name, choice in found.choices.items() if not choice.sure}


@pytest.mark.parametrize(
    ("name", "letters"),
    [("出生日期", "csrq"), ("文化程度", "whcd"), ("权利人证件号", "qlrzjh"), ("鑫", None), ("a", None)],
)
def test_initials_of_pinyin_are_told(name, letters):
    assert initials(name) == letters


@pytest.mark.parametrize(
    ("column", "item", "least", "most"),
    [
        ("citizen_number", "citizen_number", 1, 1),
        ("身份证号码（必填）", "citizen_number", 1, 1),
        ("ID_CARD", "citizen_number", 1, 1),
        ("出生时间", "date_of_birth", 0.95, 0.95),
        ("zjyxqq", "document_valid_from", 0.95, 0.95),
        ("死者姓名", "name", 0.6, 0.6),
        ("家庭住址", "registered_address", 0.7, 0.7),
        ("备注", "name", 0, 0),
    ],
)
def test_a_name_is_worth_what_it_tells(column, item, least, most):
    resource = resource_named("natural_person")
    assert least <= named(resource, resource.item(item), [column]) <= most


def test_a_prefix_that_columns_share_is_no_part_of_their_names():
    assert prefix_of(["CF_WSH", "CF_ZT", "CF_JDRQ", "ID"]) == "CF_"
    assert prefix_of(["a_b", "c_d", "e"]) == ""


def test_plain_columns_are_sure_and_make_a_definition_that_reads():
    columns = persons(性别=["男", "女"], 出生日期=["19900101", "1985-02-03"], 登记编号=[])
    columns["登记编号"] = [str(number) for number in range(len(CITIZENS))]
    found = proposal(columns)
    assert not unsure(found)
    text = definition(found, HEADING)
    source = read_source(text, "draft", {})
    assert {item: mapped.column for item, mapped in source.mapping.items()} == {
        "citizen_number": "身份证号", "name": "姓名", "sex": "性别", "date_of_birth": "出生日期",
    }  # fmt: skip
    assert source.row_id == ("登记编号",)
    assert source.mapping["sex"].code_set == "sex"
    assert source.authority == {"default": 10}
    assert not doubts(found, HEADING)


def test_two_columns_that_could_be_the_key_are_asked_about():
    columns = {"申请人身份证号": CITIZENS, "配偶身份证号": CITIZENS[::-1]}
    found = proposal(columns)
    assert "or is it" in unsure(found)["citizen_number"]
    assert lacks_key(found)
    assert f"{CHECK} citizen_number: {{column: 申请人身份证号}}" in definition(found, HEADING)
    named_so = with_columns(found, {"citizen_number": "配偶身份证号"})
    assert not lacks_key(named_so)
    assert (
        read_source(definition(named_so, HEADING), "draft", {}).mapping["citizen_number"].column
        == "配偶身份证号"
    )


def test_a_column_of_the_right_name_and_wrong_values_is_unsure():
    found = proposal(persons(出生日期=["重庆", "万州"], 手机号码=["023-1234", "13800000000"]))
    assert "0%" in unsure(found)["date_of_birth"]
    assert "50%" in unsure(found)["mobile_phone"]


def test_names_that_often_mean_something_else_are_unsure():
    assert set(unsure(proposal(persons(家庭住址=["重庆市万州区一路1号"], 死亡日期=["2020-01-01"])))) == {
        "registered_address", "life_status_date",
    }  # fmt: skip


class TestCodes:
    """0 and 1 may be anybody's codes; words, and what agrees with the numbers beside it, tell."""

    def test_codes_of_sex_that_agree_with_the_citizen_numbers_are_sure(self):
        agreeing = ["1" if int(number[16]) % 2 else "2" for number in CITIZENS]
        assert "sex" not in unsure(proposal(persons() | {"性别": agreeing}))

    def test_codes_of_sex_that_do_not_are_asked_about(self):
        swapped = ["2" if int(number[16]) % 2 else "1" for number in CITIZENS]
        assert "1 男" in unsure(proposal(persons() | {"性别": swapped}))["sex"]
        assert "sex" in unsure(proposal(persons(性别=["0", "1"])))

    def test_a_departments_own_codes_are_asked_for_one_by_one(self):
        found = proposal(persons(登记状态=["1"], 生存状态=["0", "1", "2"]))
        assert found.choices["life_status"].open_codes == ("0", "1", "2")
        assert 'codes: {"0": "", "1": "", "2": ""}' in definition(found, HEADING)
        assert "1 在世" in definition(found, HEADING)

    def test_of_words_only_the_unknown_ones_are_asked_for(self):
        found = proposal(persons(婚姻状况=["未婚", "已婚", "单身"]))
        assert found.choices["marital_status"].open_codes == ("单身",)
        answered = decided(found, Answers("10 未婚"))
        source = read_source(definition(answered, HEADING), "draft", {})
        assert source.mapping["marital_status"].codes == {"单身": "10"}
        assert source.mapping["marital_status"].code_set == "marital_status"

    def test_names_in_a_coded_column_are_not_shown(self):
        people = ["欧阳修一", "司马光二", "诸葛亮三"]
        found = proposal(persons(民族=people))
        shown = json.dumps(described(found), ensure_ascii=False) + definition(found, HEADING)
        assert "ethnic_group" in unsure(found)
        assert not any(name in shown for name in people)


class Answers:
    """Answers questions by what an answer begins with, in turn; then leaves all open."""

    def __init__(self, *answers: str):
        self.answers, self.asked = list(answers), []

    def choose(self, question, answers):
        self.asked.append((question, list(answers)))
        if not self.answers:
            return None
        wanted = self.answers.pop(0)
        return next(place for place, answer in enumerate(answers) if answer.startswith(wanted))

    def text(self, question, default):
        return default


def test_what_a_person_answers_is_sure_and_what_is_left_open_stays_a_check():
    columns = persons(家庭住址=["重庆市万州区一路1号"], 死亡日期=["2020-01-01"])
    answers = Answers("none of them")
    found = decided(proposal(columns), answers)
    assert len(answers.asked) == 2
    assert "registered_address" not in found.choices
    assert "life_status_date" in unsure(found)
    assert unsure(decided(proposal(columns), Nobody())) == unsure(proposal(columns))
    shown = json.dumps(answers.asked, ensure_ascii=False)
    assert "一路" not in shown


def test_a_key_that_no_column_is_can_be_named():
    found = proposal(
        {"号": CITIZENS, "姓名": ["张三"] * len(CITIZENS)} | {"甲": ["x"] * len(CITIZENS)}, "place"
    )
    assert lacks_key(found)
    answered = decided(found, Answers("甲"))
    assert answered.choices["place_code"].column == "甲"


def test_columns_named_beforehand_must_be_there():
    found = proposal(persons())
    with pytest.raises(DefinitionError, match="no column '没有'"):
        with_columns(found, {"sex": "没有"})
    with pytest.raises(UnknownItem):
        with_columns(found, {"colour": "姓名"})
    with pytest.raises(DefinitionError, match="no column '没有'"):
        with_row_id(found, ["没有"])


def test_a_key_of_several_columns_is_joined_as_its_item_describes_it():
    rows = {
        "CF_WSH": [f"渝罚〔2025〕{n:03d}号" for n in range(30)],
        "CF_CFJGDM": ["11500106MAN5W72C8D"] * 30,
        "CF_XDR_DM": ["91350100M000100Y43"] * 30,
        "CF_ZT": ["0", "2"] * 15,
    }
    found = proposal(rows, "credit_record")
    assert lacks_key(found)
    text = definition(found, HEADING)
    assert f'{CHECK} record_number: {{columns: [{{constant: CF}}, CF_WSH, CF_CFJGDM], join: ":"}}' in text
    assert f'{CHECK} kind: {{constant: "02"}}' in text
    answered = decided(found, Answers("CF_ZT", "1 有效", "2 撤销", "02"))
    source = read_source(definition(answered, HEADING), "draft", {})
    assert source.mapping["kind"].constant == "02"
    assert source.mapping["status"].codes == {"0": "1", "2": "2"}
    assert source.mapping["record_number"].source_columns == ("CF_WSH", "CF_CFJGDM")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("注册资本（万元）", ""),
        ("注册资本", "is it in 万元?"),
        ("注册资本（元）", "scale: 0.0001"),
        ("注册资本（美元）", "which scale"),
    ],
)
def test_another_unit_than_the_items_is_said(column, said):
    codes = ["91350100M000100Y43"] * 5
    found = proposal({"统一社会信用代码": codes, column: ["50", "100", "3", "4", "5"]}, "legal_person")
    doubt = found.choices["registered_capital"].doubt
    assert said in doubt
    assert bool(doubt) == bool(said)


def test_a_table_whose_rows_nothing_tells_apart_lacks_a_key():
    found = proposal(persons(备注=["x"]), connector="sql", options={"url": "sqlite:///a", "table": "t"})
    assert lacks_key(found)
    assert f"{CHECK} row_id" in definition(found, HEADING)
    answered = decided(found, Answers("备注"))
    assert not lacks_key(answered)


def test_a_persons_number_never_names_rows():
    found = proposal(
        persons(), connector="sql", options={"url": "sqlite:///a", "table": "t"}, key=("身份证号",)
    )
    assert found.row_id == ()
    companies = {"注册号": [f"5001{n:011d}" for n in range(60)], "编号": CITIZENS}
    assert proposal(companies, "legal_person").row_id == ()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["2026-01-02 03:04:05", "2026-01-03 00:00:00"], "\nwatermark: {column: 更新时间, type: datetime}"),
        (["2026/1/2", "2026/11/3"], f"\n{CHECK} watermark: {{column: 更新时间, type: datetime}}"),
    ],
)
def test_a_watermark_is_proposed_where_its_text_grows_with_time(values, line):
    columns = persons(更新时间=values) | {"编号": [str(n) for n in range(len(CITIZENS))]}
    found = proposal(columns, connector="sql", options={"url": "sqlite:///a", "table": "t"})
    text = definition(found, HEADING)
    assert line in text
    assert "observed_at: 更新时间" in text


def test_what_a_system_says_of_a_column_counts_as_a_name():
    found = proposal(
        {"c1": CITIZENS, "c2": ["张三"] * len(CITIZENS)}, labels={"c1": "公民身份号码", "c2": "姓名"}
    )
    assert not unsure(found)
    assert found.choices["name"].column == "c2"


def test_a_profile_shows_forms_and_no_values():
    told = profile("电话", "text", pa.chunked_array([["13812345678", "13987654321", None, ""]]))
    assert told.as_dict() == {
        "column": "电话", "type": "text", "rows": 4, "nulls": 2, "distinct": 2, "examples": ["9{11}"],
    }  # fmt: skip
    assert form_of("渝A-12，张三") == "汉A-99，汉汉"
    assert form_of("１３ａÉ") == "99aA"
    found = proposal(persons(性别=["男", "女"], 备注=["李四", "王五"]))
    shown = json.dumps(described(found), ensure_ascii=False) + definition(found, HEADING)
    assert "男" in shown
    for value in (*CITIZENS, "张三0", "李四", "王五"):
        assert value not in shown


def test_the_likeliest_resource_comes_first():
    assert proposals(look(persons()), list(resources_shipped().values()))[0].resource.code == "natural_person"


@pytest.mark.parametrize(
    ("columns", "headed"),
    [
        ({"姓名": ["a"], "1": ["b"], "备注": ["c"]}, True),
        ({CITIZENS[0]: ["a"], "张三": ["b"], "x": ["c"]}, False),
        ({"2020-01-01": ["a"], "12": ["b"], "x": ["c"]}, False),
    ],
)
def test_values_in_the_place_of_a_header_are_told(columns, headed):
    assert has_header(look(columns)) is headed


def test_a_file_without_a_header_is_refused_and_not_quoted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{CITIZENS[0]},张三\n{CITIZENS[1]},李四\n", encoding="utf-8")
    with pytest.raises(WrongFormat, match="no row with the names") as refused:
        looks(place_of(str(path)))
    assert CITIZENS[0] not in str(refused.value)


@pytest.mark.parametrize(
    ("typed", "kind", "options", "secrets"),
    [
        ("mysql://u:p%40s@db/reg", "sql", {"url": "mysql+pymysql://u:${env:REG_PASSWORD}@db/reg"}, {"REG_PASSWORD": "p%40s"}),
        ("postgresql://u@db/reg?password=x", "sql", {"url": "postgresql://u@db/reg?password=${env:REG_PASSWORD}"}, {"REG_PASSWORD": "x"}),
        ("postgresql://u:${env:P}@db/reg", "sql", {"url": "postgresql://u:${env:P}@db/reg"}, {}),
        (
            "sftp://u:p@host/a/*.csv", "file",
            {"path": "sftp://host/a/*.csv", "storage": {"user": "u", "password": "${env:HOST_PASSWORD}"}}, {"HOST_PASSWORD": "p"},
        ),
        (
            "https://h/api/firms?appKey=k1&page=1", "rest",
            {"url": "https://h/api/firms?page=1", "authentication": {"by": "api_key", "name": "appKey", "place": "query", "key": "${env:FIRMS_KEY}"}},
            {"FIRMS_KEY": "k1"},
        ),
        (
            "https://u:p@h/api/firms", "rest",
            {"url": "https://h/api/firms", "authentication": {"by": "basic", "user": "u", "password": "${env:FIRMS_PASSWORD}"}},
            {"FIRMS_PASSWORD": "p"},
        ),
        ("https://h/data/map.geojson", "spatial", {"path": "https://h/data/map.geojson"}, {}),
        ("https://h/data/list.csv.gz", "file", {"path": "https://h/data/list.csv.gz"}, {}),
    ],
)  # fmt: skip
def test_places_are_made_out_and_secrets_taken_out_of_them(typed, kind, options, secrets, monkeypatch):
    found = place_of(typed)
    assert (found.kind, found.options, found.secrets) == (kind, options, secrets)
    for name in secrets:
        monkeypatch.delenv(name, raising=False)
    with found.entered():
        assert {name: os.environ[name] for name in secrets} == secrets
    assert not set(secrets) & set(os.environ)


def test_what_leads_nowhere_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="gopher"):
        place_of("gopher://x/y")
    with pytest.raises(DefinitionError, match="host and port"):
        place_of("http://x:port/y")
    with pytest.raises(SourceUnreachable, match="no file"):
        place_of(str(tmp_path / "none.csv"))
