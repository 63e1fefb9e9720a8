"""Demand, responsibility and negative lists, and the coverage of the catalogue, by the commands that ``docs/catalogue.md`` shows."""

import json

import documents
import pytest
import yaml
from openpyxl import load_workbook
from sqlalchemy import text
from typer.testing import CliRunner

from hub.cli import app
from infra.database import Role, open_database
from schemas.errors import (
    MalformedRequest,
    NotInForce,
    NotRegistered,
    NotYourPart,
    SourceAlreadyNamed,
    WrongCells,
    WrongEntry,
    WrongLine,
)

pytestmark = pytest.mark.server
PAGE = documents.page("catalogue.md")
AUTHORITY, USER = ("--as", "zhao.authority"), ("--as", "zhou.civil")
HOUSING, CIVIL = "115001030092751236", "11500000MB1670604W"


def run(*arguments):
    shown = CliRunner().invoke(app, ["catalogue", *arguments])
    if shown.exception and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    return shown


def told(*arguments):
    return json.loads(run(*arguments, "--json").output)


def refused(error, *arguments):
    with pytest.raises(error) as found:
        run(*arguments)
    return str(found.value)


@pytest.fixture
def place(hub_settings, monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_HOME", str(hub_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", hub_settings.database_url)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["db", "upgrade"]).exit_code == 0
    (example,) = documents.blocks(PAGE, "yaml")
    (tmp_path / "rent_subsidy.yaml").write_text(example, encoding="utf-8")
    documents.run(documents.blocks(PAGE, "sh")[0])
    documents.run(documents.blocks(PAGE, "sh")[4])
    return tmp_path


def test_supply_is_steered_by_three_lists(place, hub_settings):
    (demand,) = told("demand", "list")
    assert (demand["id"], demand["status"], demand["entries"]) == ("d-000001", "matched", ["rent_subsidy"])
    (found,) = told("demand", "candidates", "d-000001")
    assert (found["entry"], found["items"]) == ("rent_subsidy", ["公民身份号码", "金额"])
    (due,) = told("responsibility", "list", "--organisation", HOUSING)
    assert (due["entry"], due["due_on"]) == ("rent_subsidy", "2026-12-31")

    wanted = ("name=其他", "items=金额；地址", "purpose=审核", "legal_basis=条例", f"organisation={CIVIL}")
    refused(NotYourPart, "demand", "add", *wanted, *AUTHORITY)
    refused(NotYourPart, "demand", "add", *wanted[:-1], f"organisation={HOUSING}", *USER)
    assert "is not told" in refused(WrongLine, "demand", "add", f"organisation={CIVIL}", *USER)
    refused(MalformedRequest, "demand", "add", "name", *USER)
    assert told("demand", "add", *wanted, *USER) == {"id": "d-000002", "outcome": "added"}
    assert told("demand", "add", "id=d-000002", *wanted, *USER)["outcome"] == "unchanged"
    assert (
        told("demand", "add", "id=d-000002", *wanted[:-2], "legal_basis=新条例", wanted[-1], *USER)["outcome"]
        == "changed"
    )
    refused(NotRegistered, "demand", "candidates", "d-000009")
    refused(NotRegistered, "demand", "drop", "d-000009", *USER)

    taken = ("scope=保障对象", "datum=金额", "due_on=2026-01-31")
    assert "has its source" in refused(
        SourceAlreadyNamed, "responsibility", "add", *taken, f"organisation={CIVIL}", *AUTHORITY
    )
    late = ("scope=保障对象", "datum=地址", "due_on=2025-01-31", f"organisation={HOUSING}")
    assert told("responsibility", "add", *late, *AUTHORITY)["id"] == "r-000002"
    assert "has no item 地址" in refused(
        WrongLine, "responsibility", "supply", "r-000002", "--entry", "rent_subsidy", *AUTHORITY
    )
    refused(NotYourPart, "negative", "drop", "n-000001", *USER)

    figures = {(one["by"], one["value"]): one for one in told("coverage")}
    everything = figures["all", ""]
    assert [
        everything[name] for name in ("published", "with_source", "read", "items", "items_with_source")
    ] == [1, 0, 0, 4, 1]
    assert [everything[name] for name in ("responsibilities", "met", "late", "demands", "demands_met")] == [
        2,
        1,
        1,
        2,
        1,
    ]
    assert figures["organisation", CIVIL]["published"] == 0
    assert (figures["sharing", "conditional"]["published"], figures["sharing", "conditional"]["late"]) == (
        1,
        None,
    )
    assert "有条件共享" in run("coverage", "--by", "sharing").output
    with open_database(hub_settings) as database, database.engine(Role.AUDITOR).connect() as connection:
        entries = connection.execute(
            text("SELECT action, facts::text FROM ledger.entry WHERE action LIKE 'demand.%' ORDER BY id")
        ).all()
    assert [action for action, _ in entries] == [
        "demand.add",
        "demand.confirm",
        "demand.add",
        "demand.change",
    ]
    assert not any("审核" in facts for _, facts in entries)


def test_what_the_negative_list_names_is_not_shared(place):
    entry = yaml.safe_load((place / "rent_subsidy.yaml").read_text(encoding="utf-8"))
    entry["items"].append({"name": "record", "title": "举报人", "type": "C", "length": 20})
    entry["id"] = "informers"
    file = place / "informers.yaml"
    file.write_text(yaml.safe_dump(entry, allow_unicode=True), encoding="utf-8")
    said = refused(WrongEntry, "draft", str(file), "--as", "li.housing")
    assert "items[5].title 举报人 may not be shared" in said
    assert "n-000001: 信访工作条例" in said
    entry |= {"sharing": "not_shared", "legal_basis": "信访工作条例"}
    del entry["condition"], entry["mode"]
    file.write_text(yaml.safe_dump(entry, allow_unicode=True), encoding="utf-8")
    assert told("draft", str(file), "--as", "li.housing")["state"] == "draft"
    assert "not in force" in refused(
        NotInForce, "demand", "confirm", "d-000001", "--entry", "informers", *USER
    )

    told("negative", "add", "name=发放金额", "items=金额", "legal_basis=统计法", *AUTHORITY)
    documents.run("hub catalogue change rent_subsidy.yaml --as li.housing", code=1)
    told("negative", "drop", "n-000002", *AUTHORITY)
    assert told("change", "rent_subsidy.yaml", "--as", "li.housing")["state"] == "draft"


def test_lists_go_out_and_in_as_workbooks(place):
    for kind, who in (("demand", USER), ("responsibility", AUTHORITY), ("negative", AUTHORITY)):
        assert told(kind, "export", f"{kind}.xlsx")["lines"] == 1
        assert told(kind, "import", f"{kind}.xlsx", *who) == {"added": 0, "changed": 0, "unchanged": 1}
    book = load_workbook("responsibility.xlsx")
    sheet = book["责任清单"]
    for row in (
        [None, HOUSING, "保障对象", "地址", "2026-12-31"],
        [None, "nobody", "保障对象", "姓名", "soon"],
    ):
        sheet.append(row)
    book.save("more.xlsx")
    said = refused(WrongCells, "responsibility", "import", "more.xlsx", *AUTHORITY)
    assert "责任清单!E4: due_on is no date" in said
    assert len(told("responsibility", "list")) == 1
    marked = load_workbook("more-marked.xlsx")
    assert marked["责任清单"]["E4"].fill.fgColor.rgb == "FFFFC7CE"
    marked["责任清单"]["E4"], marked["责任清单"]["B4"] = "2027-06-30", CIVIL
    marked.save("repaired.xlsx")
    assert told("responsibility", "import", "repaired.xlsx", *AUTHORITY) == {
        "added": 2,
        "changed": 0,
        "unchanged": 1,
    }
    assert "责任清单" in run("responsibility", "list").output
