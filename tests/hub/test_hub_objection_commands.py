"""``hub objection`` and ``hub notice`` at the terminal: one objection all its way, in tables and in JSON."""

import json

import pytest
from doubted_hub import FIRM, READER, REGISTRAR, TAX, Doubted, fill
from hub_registers import REGISTERS, SOURCE
from made_codes import credit_code
from sqlalchemy import text
from typer.testing import CliRunner

from audit.recording import record_administration
from catalog.people import People
from catalog.person import PersonStatus
from hub.cli import app
from infra.database import Role
from schemas.errors import MalformedObjection, NotRegistered, NotYourPart, UnknownMatter

pytestmark = pytest.mark.server


@pytest.fixture
def told(bare_hub, say, tmp_path, monkeypatch):
    with bare_hub.database.engine(Role.APPLICATION).begin() as connection:
        fill(connection)
    folder = tmp_path / "definitions"
    folder.mkdir()
    for code, (department, ordinal, rank, extra) in REGISTERS.items():
        definition = SOURCE.format(code=code, department=department, ordinal=ordinal, rank=rank, extra=extra)
        (folder / f"{code}.yaml").write_text(definition.replace("${folder}", str(tmp_path)), encoding="utf-8")
    for name in ("home", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(bare_hub.settings, name)))
    monkeypatch.setenv("HUB_SOURCES", str(folder))
    doubted = Doubted(bare_hub, say)
    doubted.tell("registrar", ("r-1", credit_code(1), "甲公司", None, None, None, "2026-01-01 08:00:00"))
    return doubted


def run(*words, group="objection"):
    done = CliRunner().invoke(app, [group, *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout) if "--json" in words else done.stdout


def test_an_objection_goes_all_its_way(told):
    entry = told.read(credit_code(1))
    raised = run(
        "raise", FIRM, "--as", "desk", "--key", credit_code(1), "--item", "name", "--answer", str(entry), "--case", "C-1",
        "--says", "名称有误 [bold]", "--proof", "执照", "--json",
    )  # fmt: skip
    id_ = raised["objection"]
    assert (raised["provider"], raised["state"], raised["duty"]) == (REGISTRAR, "under_review", "answer")
    assert run("possible", id_, "--as", "keeper", "--json")["possible"] == ["accept", "reject", "hand_over"]
    assert "Possible: withdraw." in run("possible", id_, "--as", "window")
    assert "answer is due by" in run("accept", id_, "--as", "keeper")
    assert run("correct", id_, "--as", "keeper", "--reason", "已更正", "--json")["state"] == "in_progress"
    shown = run("show", id_, "--as", "keeper")
    assert credit_code(1) in shown
    assert "名称有误 [bold]" in shown
    told.tell("registrar", ("r-1", credit_code(1), "正名公司", None, None, None, "2026-02-01 08:00:00"))
    assert "rated" in run("rate", id_, "--as", "desk", "--score", "4", "--solved")
    acts = [event["act"] for event in run("history", id_, "--as", "desk", "--json")]
    assert acts == ["raise", "accept", "correct", "close", "rate"]
    assert "close" in run("history", id_, "--as", "desk")
    assert [o["objection"] for o in run("list", "--as", "judge", "--state", "rated", "--json")] == [id_]
    assert run("list", "--as", "desk", "--late", "--json") == []
    assert run("list", "--as", "outsider", "--json") == []
    assert id_ in run("list", "--as", "keeper")
    assert run("look", "--json") == {"corrected": [], "recall_notices": 0}
    assert "0 reminded of." in run("remind")

    (notice,) = run("list", "--as", "desk", "--pending", "--json", group="notice")
    assert (notice["entry"], notice["objection"], notice["system"]) == (str(entry), id_, "permits")
    assert str(entry) in run("list", "--as", "window", group="notice")
    assert run("list", "--as", "outsider", "--json", group="notice") == []
    assert "acknowledged by desk" in run("acknowledge", str(notice["number"]), "--as", "desk", group="notice")
    with told.open() as connection:
        terminals = connection.execute(
            text("SELECT DISTINCT facts ->> 'via' FROM ledger.entry WHERE actor IN ('desk', 'keeper')")
        ).scalars().all()  # fmt: skip
    assert len(terminals) == 1
    assert terminals[0].startswith("operator:")


def test_what_the_provider_does_not_correct_is_settled_by_the_authority(told):
    words = (
        "raise",
        FIRM,
        "--as",
        "desk",
        "--key",
        credit_code(1),
        "--item",
        "name",
        "--case",
        "C-1",
        "--says",
        "有误",
    )
    id_ = run(*words, "--json")["objection"]
    run("hand-over", id_, "--as", "keeper", "--to", TAX, "--office", "01", "--reason", "源头")
    run("accept", id_, "--as", "taxman")
    run("answer", id_, "--as", "taxman", "--reason", "属实")
    run("dispute", id_, "--as", "desk", "--reason", "不同意")
    run("uphold", id_, "--as", "judge", "--reason", "重核")
    run("answer", id_, "--as", "taxman", "--reason", "属实")
    run("dispute", id_, "--as", "desk", "--reason", "不同意")
    assert "is settled." in run("dismiss", id_, "--as", "judge", "--reason", "驳回")
    second = run(*words, "--json")["objection"]
    assert "rejected" in run("reject", second, "--as", "keeper", "--reason", "非异议")
    third = run("raise", FIRM, "--as", "desk", "--kind", "catalogue", "--says", "目录有误", "--json")[
        "objection"
    ]
    run("accept", third, "--as", "keeper")
    assert "handled" in run("amend", third, "--as", "keeper", "--reason", "目录已改")
    fourth = run(*words, "--json")
    assert fourth["user"] == READER
    assert "withdrawn" in run("withdraw", fourth["objection"], "--as", "desk")


def test_who_may_not_is_refused(told):
    def refused(error, *words):
        done = CliRunner().invoke(app, ["objection", *words])
        assert isinstance(done.exception, error), done.output

    words = ("raise", FIRM, "--key", credit_code(1), "--case", "C-1", "--says", "有误", "--as")
    refused(NotRegistered, *words, "nobody")
    refused(NotYourPart, *words, "keeper")
    refused(MalformedObjection, *words, "desk", "--kind", "anger")
    refused(MalformedObjection, *words, "desk", "--answer", "x")
    refused(UnknownMatter, "show", "OB1", "--as", "desk")
    refused(MalformedObjection, "list", "--as", "desk", "--state", "angry")
    with told.open() as connection:
        People(connection, record_administration).set_person_status(
            "desk", PersonStatus.SUSPENDED, actor="test"
        )
    refused(NotYourPart, *words, "desk")
