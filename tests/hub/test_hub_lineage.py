"""Lineage of made-up registers: back from an item to its column and why others lost, on to whom a column serves, drawn."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hub_registers import REGISTERS, SOURCE, source_of
from joserfc.jwk import OKPKey
from made_codes import credit_code
from sqlalchemy import text
from typer.testing import CliRunner

from audit.entry import Entry, Kind
from audit.notes import ledger_signer
from audit.recording import append_sync, record_administration
from audit.sealer import seal
from audit.use import check_counts
from base_libraries.origins import Moment
from catalog.agreement import Agreement
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from catalog.system import System
from hub.cli import app
from hub.ingest import ingest_source
from hub.lineage.backward import Question, Reason, inspect
from hub.lineage.forward import Page, every_page, impact, of_column, of_resource, of_source
from hub.lineage.picture import Picture, of_impact, of_record
from infra.database import Role
from schemas.errors import (
    InvalidIdentifier,
    LedgerBroken,
    RecordNotFound,
    UnknownColumn,
    UnknownItem,
    UnknownResource,
)

pytestmark = pytest.mark.server

KEY = OKPKey.generate_key("Ed25519").as_dict(private=False)
WHO = Reason("operator:test")


@pytest.fixture
def told(bare_hub, say):
    """Three departments speak of firm 1; the registrar's word wins, of the others the later one."""
    say("registrar", ("r-1", credit_code(1), "甲公司", "张三丰", None, None, "2026-01-01 08:00:00"))
    say("tax", ("t-1", credit_code(1), "甲有限公司", "张三丰", "5", "100", "2026-02-01 08:00:00"))
    say("statistics", ("s-1", credit_code(1), "甲厂", None, None, "2000000", "2026-01-15 08:00:00"))
    for code in REGISTERS:
        ingest_source(bare_hub, code)
    return bare_hub


def _items(answer):
    return {item["item"]: item for item in answer["items"]}


def _rows(hub, query, **told):
    with hub.database.engine(Role.OWNER).connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), told)]


# ── back ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_item_is_followed_to_its_column_batch_row_and_rule(told):
    name = _items(inspect(told, "legal_person", credit_code(1), Question(), WHO))["name"]

    origin = name["origin"]
    ((number, digest),) = _rows(told, "SELECT number, digest FROM library.batch WHERE source = 'registrar'")
    assert (origin["source"], origin["department"], origin["columns"]) == (
        "registrar",
        "市场监督管理局",
        ["名称_全称"],
    )
    assert (origin["batch"]["number"], origin["batch"]["digest"], origin["row"]) == (number, digest, "r-1")
    assert (origin["rule"], origin["rank"], origin["mapping_of"]) == ("authority", 10, "batch")
    assert origin["dataset"]["namespace"].startswith("sqlite://")
    assert origin["dataset"]["name"] == "main.firms"
    assert {rule["rule"]: rule["passed"] for rule in origin["quality"]}["not_null"] is True


def test_every_other_word_says_why_it_lost(told):
    items = _items(inspect(told, "legal_person", credit_code(1), Question(), WHO))

    def lost(item):
        return {other["source"]: (other["says"], other["lost_by"]) for other in items[item]["others"]}

    assert lost("name") == {"tax": ("other", "authority"), "statistics": ("other", "authority")}
    assert lost("representative_name")["tax"] == ("same", "authority")
    assert (items["staff_count"]["origin"]["source"], items["staff_count"]["origin"]["rule"]) == (
        "tax",
        "only",
    )
    assert lost("staff_count") == {"registrar": ("nothing", "says nothing")}
    assert (items["registered_capital"]["origin"]["source"], lost("registered_capital")) == (
        "tax",
        {"statistics": ("other", "recency")},
    )
    assert items["address"]["origin"] is None
    assert items["address"]["others"] == []


def test_of_equally_late_words_of_one_rank_the_lower_ordinal_wins(told, say):
    say("statistics", ("s-1", credit_code(1), "甲厂", None, None, "2000001", "2026-02-01 08:00:00"))
    ingest_source(told, "statistics")

    capital = _items(inspect(told, "legal_person", credit_code(1), Question(("registered_capital",)), WHO))[
        "registered_capital"
    ]
    assert capital["origin"]["rule"] == "tie-break"
    assert [other["lost_by"] for other in capital["others"]] == ["tie-break"]


def test_transformations_are_told_as_the_definition_has_them(told):
    items = _items(inspect(told, "legal_person", credit_code(1), Question(), WHO))

    assert items["name"]["origin"]["transformation"]["kind"] == "identity"
    assert items["registered_capital"]["origin"]["transformation"]["kind"] == "transformation"
    assert (
        items["registered_capital"]["origin"]["transformation"]["steps"][-1]
        == "read as a number, times 10000"
    )


def test_no_value_is_shown_unless_asked_for_and_then_masked(told):
    plain = json.dumps(inspect(told, "legal_person", credit_code(1), Question(), WHO), ensure_ascii=False)
    shown = inspect(told, "legal_person", credit_code(1), Question(values=True), WHO)

    assert not any(value in plain for value in ("甲", "张", credit_code(1), "2000000"))
    boss = _items(shown)["representative_name"]
    assert (boss["value"], boss["others"][0]["value"]) == ("张**", "张**")
    assert "三丰" not in json.dumps(shown, ensure_ascii=False)
    assert {other["source"]: other["value"] for other in _items(shown)["name"]["others"]}[
        "tax"
    ] == "甲有限公司"


def test_looking_is_on_the_ledger_and_so_is_looking_in_vain(told):
    reason = Reason("operator:li", "异议核查", "政务数据共享条例 第二十六条", "CASE-7")
    inspect(told, "legal_person", credit_code(1), Question(("name",), values=True), reason)
    with pytest.raises(RecordNotFound):
        inspect(told, "legal_person", credit_code(2), Question(("name",)), reason)

    query = (
        "SELECT actor, outcome, items, purpose, case_code, keys, octet_length(subjects), facts->>'values', records "
        "FROM ledger.entry WHERE action = 'lineage.record' ORDER BY id"
    )
    assert _rows(told, query) == [
        ("operator:li", "done", ["name"], "异议核查", "CASE-7", 1, 16, "true", 1),
        ("operator:li", "not_found", ["name"], "异议核查", "CASE-7", 1, 16, "false", 0),
    ]


def test_an_earlier_version_has_its_own_lineage(told, say):
    between = datetime.now(UTC)
    first = inspect(told, "legal_person", credit_code(1), Question(("name",)), WHO)
    say("registrar", ("r-1", credit_code(1), "乙公司", "李四", "7", None, "2026-03-01 08:00:00"))
    ingest_source(told, "registrar")

    now = inspect(told, "legal_person", credit_code(1), Question(("name", "staff_count")), WHO)
    assert now["version"] == first["version"] + 1
    assert _items(now)["staff_count"]["origin"]["source"] == "registrar"
    for moment in (Moment(version=first["version"]), Moment(as_of=between)):
        then = inspect(told, "legal_person", credit_code(1), Question(("name", "staff_count"), moment), WHO)
        assert (then["version"], then["valid_to"] is not None) == (first["version"], True)
        name, staff = _items(then)["name"], _items(then)["staff_count"]
        assert name["origin"]["batch"] == _items(first)["name"]["origin"]["batch"]
        assert name["origin"]["row"] is None  # what the registrar said then has been replaced
        assert staff["origin"]["source"] == "tax"
        assert [(other["source"], other["lost_by"]) for other in staff["others"]] == [
            ("registrar", "said only since")
        ]
    with pytest.raises(RecordNotFound):
        inspect(
            told, "legal_person", credit_code(1), Question((), Moment(as_of=between - timedelta(days=1))), WHO
        )
    with pytest.raises(RecordNotFound):
        inspect(told, "legal_person", credit_code(1), Question((), Moment(version=9)), WHO)


def test_the_mapping_told_is_that_of_the_batch_not_of_today(told, say, tmp_path):
    changed = {**told.sources, "tax": source_of("tax", tmp_path, extra="staff_count: {column: fax}", rank=5)}
    later = replace(told, sources=changed)

    staff = _items(inspect(later, "legal_person", credit_code(1), Question(("staff_count",)), WHO))[
        "staff_count"
    ]
    assert (staff["origin"]["columns"], staff["origin"]["rank"]) == (["staff"], 50)

    say("registrar", ("r-2", credit_code(2), "丙公司", None, None, None, "2026-03-01 08:00:00"))
    say("tax", ("t-2", credit_code(2), "丁公司", None, None, None, "2026-03-01 08:00:00"))
    ingest_source(later, "registrar")
    ingest_source(later, "tax")
    items = _items(inspect(later, "legal_person", credit_code(2), Question(("staff_count", "name")), WHO))
    assert (items["staff_count"]["origin"]["columns"], items["name"]["origin"]["rank"]) == (["fax"], 5)
    assert [other["lost_by"] for other in items["name"]["others"]] == ["authority"]
    kept = _rows(later, "SELECT source, count(*) FROM library.definition GROUP BY 1 ORDER BY 1")
    assert kept == [
        ("registrar", 1),
        ("statistics", 2),
        ("tax", 3),
    ]  # where it is is known from its own run on


def test_what_came_before_definitions_were_kept_is_told_as_of_today(told):
    with told.database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("DELETE FROM library.definition"))

    name = _items(inspect(told, "legal_person", credit_code(1), Question(("name",)), WHO))["name"]
    assert (name["origin"]["mapping_of"], name["origin"]["columns"]) == ("today", ["名称_全称"])
    assert {other["source"]: other["lost_by"] for other in name["others"]}["tax"] == "authority"


def test_wrong_questions_are_told(told):
    with pytest.raises(UnknownResource, match="legal_person"):
        inspect(told, "firms", credit_code(1), Question(), WHO)
    with pytest.raises(UnknownItem):
        inspect(told, "legal_person", credit_code(1), Question(("colour",)), WHO)
    with pytest.raises(InvalidIdentifier):
        inspect(told, "legal_person", "12", Question(), WHO)
    assert _rows(told, "SELECT count(*) FROM ledger.entry WHERE action LIKE 'lineage%'") == [(0,)]


# ── on ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def agreed(told):
    with told.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_organisation(Organisation("11500000009275123M", "审批局", "500000"), actor="test")
        now = datetime.now(UTC)
        for number in range(1, 4):
            catalogue.add_system(System(f"sys-{number}", "11500000009275123M", "s", (KEY,)), actor="test")
            terms = {
                "purposes": frozenset({"p"}), "legal_bases": frozenset({"l"}), "valid_from": now - timedelta(days=1),
                "valid_to": now + timedelta(days=1),
            }  # fmt: skip
            items = ("name", "staff_count") if number < 3 else ("address",)
            masked = frozenset({"name"}) if number == 2 else frozenset()
            catalogue.add_agreement(
                Agreement(f"a-{number}", f"sys-{number}", "legal_person", items, masked=masked, **terms),
                actor="test",
            )
    return told


def _call(hub, agreement, items, action="record", records=1):
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        append_sync(connection, Entry(
            kind=Kind.CALL, action=action, outcome="answered", actor=agreement.replace("a", "sys"), agreement=agreement,
            resource="legal_person", items=items, records=records,
        ))  # fmt: skip


def _impact(hub, reach, **page):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        found = reach(connection) if callable(reach) else reach
        return impact(connection, found, Page(**page))


def _column(hub, source, column):
    found = hub.source(source)
    return lambda connection: of_column(connection, found, hub.resources["legal_person"], column)


def test_a_column_is_followed_to_items_agreements_calls_scorecards_and_dags(agreed, settled):
    _call(agreed, "a-1", ("name", "staff_count"), records=3)
    _call(agreed, "a-1", ("name",))
    _call(agreed, "a-2", ("staff_count",))
    _call(agreed, "a-2", ("staff_count",), action="lineage.record")
    settled()
    seal(agreed.database.engine(Role.APPLICATION), ledger_signer(agreed.keyring, "urn:hub:test"))

    found = _impact(agreed, _column(agreed, "tax", "staff"))
    assert [item["item"] for item in found["items"]] == ["staff_count"]
    assert [(reader["agreement"], [(i["item"], i["calls"], i["masked"]) for i in reader["items"]])
            for reader in found["agreements"]] == [
        ("a-1", [("staff_count", 1, False)]), ("a-2", [("staff_count", 1, False)])
    ]  # fmt: skip
    assert [(one["item"], one["calls"], one["records"]) for one in found["calls"]] == [("staff_count", 2, 4)]
    assert [card["subject"] for card in found["scorecards"]] == ["tax", "legal_person"]
    assert found["dags"] == ["ingest_tax", "scorecard_legal_person", "seal"]
    assert found["sources"][0]["dataset"]["name"] == "main.firms"
    later = _impact(
        agreed, _column(agreed, "tax", "staff"), since=datetime.now(UTC).date() + timedelta(days=31)
    )
    assert later["calls"] == []

    with agreed.database.engine(Role.OWNER).begin() as connection:
        check_counts(connection)
        connection.execute(text("UPDATE catalog.item_use SET calls = calls + 1 WHERE item = 'name'"))
        with pytest.raises(LedgerBroken, match="uses of items"):
            check_counts(connection)


def test_a_column_tells_what_else_it_does_and_one_that_is_not_read_feeds_nothing(agreed):
    seen = _impact(agreed, _column(agreed, "tax", "seen"))
    assert (seen["items"], seen["agreements"]) == ([], [])
    assert seen["roles"] == ["shows what is new", "says when the row was observed"]
    assert _impact(agreed, _column(agreed, "tax", "fax"))["items"] == []
    with pytest.raises(UnknownColumn, match="no column of that name"):
        _impact(agreed, _column(agreed, "tax", "colour"))


def test_a_resource_a_source_and_an_item_are_followed_too(agreed):
    resource = agreed.resources["legal_person"]
    whole = _impact(agreed, of_resource(resource, agreed.sources))
    assert [source["code"] for source in whole["sources"]] == list(REGISTERS)
    assert len(whole["items"]) == len(resource.items)
    assert [reader["agreement"] for reader in whole["agreements"]] == ["a-1", "a-2", "a-3"]

    name = _impact(agreed, of_resource(resource, agreed.sources, "name"))
    assert [edge["rank"] for edge in name["items"][0]["from"]] == [10, 50, 50]
    assert {reader["agreement"] for reader in name["agreements"]} == {"a-1", "a-2"}

    tax = _impact(agreed, of_source(agreed.source("tax"), resource))
    assert [item["item"] for item in tax["items"]] == [
        "credit_code", "name", "representative_name", "registered_capital", "staff_count",
    ]  # fmt: skip


def test_agreements_come_by_page_and_by_system(agreed):
    reach = of_resource(agreed.resources["legal_person"], agreed.sources)
    first = _impact(agreed, reach, limit=2)
    assert ([r["agreement"] for r in first["agreements"]], first["next"]) == (["a-1", "a-2"], "a-2")
    second = _impact(agreed, reach, limit=2, after=first["next"])
    assert ([r["agreement"] for r in second["agreements"]], second["next"]) == (["a-3"], None)
    with agreed.database.engine(Role.APPLICATION).connect() as connection:
        assert len(every_page(connection, reach, Page(limit=1))["agreements"]) == 3

    own = _impact(agreed, reach.seen_by({"address"}), system="sys-3")
    assert ([item["item"] for item in own["items"]], own["sources"]) == (["address"], [])
    assert [reader["agreement"] for reader in own["agreements"]] == ["a-3"]


# ── drawn ────────────────────────────────────────────────────────────────────────────────────────────

_LABEL = r'"(?:[\w ./,-]|#\d+;|<br>)+"'
_NODE = rf"    n\d+(?:\[{_LABEL}\]|\[\({_LABEL}\)\]|\[\[{_LABEL}\]\]|\(\[{_LABEL}\]\)|\{{\{{{_LABEL}\}}\}}|\[/{_LABEL}/\]|\[\\{_LABEL}\\\]|>{_LABEL}\])"
_ARROW = rf"    n\d+ (?:-->|-\.->)(?:\|{_LABEL}\|)? n\d+"


def _check_flowchart(drawn):
    """Hold a flowchart against a strict part of Mermaid's grammar; every arrow joins nodes that are there."""
    first, *lines = drawn.splitlines()
    assert first == "flowchart LR"
    nodes = {
        line.split("n", 1)[1].split('"')[0].rstrip("[(/\\>{") for line in lines if re.fullmatch(_NODE, line)
    }
    for line in lines:
        if re.fullmatch(_NODE, line):
            continue
        assert re.fullmatch(_ARROW, line), line
        assert set(re.findall(r"n(\d+)(?: |$)", line)) <= nodes, line


HOSTILE = (
    'a"]; click n0 "javascript:alert(1)"', "x[y](z){w}", "%%{init: {}}%%", "end", "`md`", "<script>", "#quot;", "列 名；“全”",
    "line\nbreak", "style: #x;", "a --> b", "|", "\\", "", "e\u0301\u202e",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(name):
    picture = Picture()
    nodes = [picture.node(kind, name) for kind in ("column", "item", "source", "batch", "agreement", "dag")]
    picture.arrow(nodes[0], nodes[1], name or "x")
    picture.arrow(nodes[1], nodes[2], lost=True)

    _check_flowchart(picture.text())
    assert picture.text().count("\n") == 9


def test_answers_are_drawn(agreed):
    record = of_record(inspect(agreed, "legal_person", credit_code(1), Question(("name", "address")), WHO))
    _check_flowchart(record)
    assert "名称_全称" in record
    column = of_impact(_impact(agreed, _column(agreed, "registrar", "名称_全称")))
    _check_flowchart(column)
    assert '"0 calls"' in column


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_commands_answer_in_tables_json_and_mermaid(told, tmp_path, monkeypatch):
    folder = tmp_path / "definitions"
    folder.mkdir()
    for code, (department, ordinal, rank, extra) in REGISTERS.items():
        definition = SOURCE.format(code=code, department=department, ordinal=ordinal, rank=rank, extra=extra)
        (folder / f"{code}.yaml").write_text(definition.replace("${folder}", str(tmp_path)), encoding="utf-8")
    for name in ("home", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(told.settings, name)))
    monkeypatch.setenv("HUB_SOURCES", str(folder))

    def run(*words):
        done = CliRunner().invoke(app, ["lineage", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    asked = ("item", "legal_person", credit_code(1), "name", "staff_count")
    assert json.loads(run(*asked, "--json"))["items"][0]["origin"]["source"] == "registrar"
    assert "authority" in run(*asked, "--values")
    _check_flowchart(run(*asked, "--mermaid"))
    assert json.loads(run(*asked, "--as-of", "2100-01-01", "--json"))["version"] >= 1
    for words in (
        ("column", "tax", "staff"),
        ("source", "tax"),
        ("resource", "legal_person", "--item", "name"),
    ):
        assert json.loads(run(*words, "--json"))["dags"]
        assert "Agreements that read them" in run(*words)
        _check_flowchart(run(*words, "--mermaid"))
