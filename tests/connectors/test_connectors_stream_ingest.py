"""A department's stream, through the whole hub: killed after storing or before, nothing is doubled and nothing lost."""

from dataclasses import replace

# ruff: noqa: F811 (fixtures that are imported)
import pytest
from broker import broker  # noqa: F401 (fixture)
from made_codes import credit_code
from sqlalchemy import text
from test_connectors_changes import Register, logging_server  # noqa: F401 (fixture)
from test_connectors_stream_queue import Queue

from connectors.definition import read_source
from hub.composition import open_hub
from hub.ingest import ingest_source
from hub.upgrade import upgrade_database
from infra.database import Role, open_database

pytestmark = pytest.mark.server

SOURCE = """
code: firms
resource: legal_person
department: 市场监督管理局
title: 企业
ordinal: 77
connector: stream
"""
OF_LOG = """
options: {{url: "{url}", changes: {{table: 企业, publication: hub, slot: {slot}}}}}
row_id: 编号
mapping: {{credit_code: {{column: 代码}}, name: {{column: 名称}}}}
"""
OF_QUEUE = """
options: {{url: "{url}", queue: {{name: {name}, idle_seconds: 0.3}}}}
row_id: id
mapping: {{credit_code: {{column: code}}, name: {{column: name}}}}
deletions: {{by: tombstone, column: ended}}
"""


class KilledError(BaseException):
    """What a kill looks like from within."""


@pytest.fixture
def hub(hub_settings):
    with open_database(hub_settings) as database:
        upgrade_database(database)
    with open_hub(hub_settings) as opened:
        yield opened


def fed_by(hub, definition: str):
    return replace(hub, sources={"firms": read_source(SOURCE + definition, "firms.yaml", {})})


def killed(hub, stage: str, batch: int):
    """Run the source, killed at a stage of a batch: ``record`` is before it is stored, ``commit`` after."""

    def watch(step):
        if (step.stage, step.batch) == (stage, batch):
            raise KilledError

    with pytest.raises(KilledError):
        ingest_source(hub, "firms", progress=watch, batch_rows=10)


def run(hub):
    return ingest_source(hub, "firms", batch_rows=10)


def golden(hub) -> dict[str, str]:
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        rows = connection.execute(text("SELECT credit_code, name FROM library.golden_legal_person"))
        found = [tuple(row) for row in rows]
    assert len(dict(found)) == len(found)
    return dict(found)


def quarantined(hub) -> list[str]:
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        rows = connection.execute(text("SELECT reasons::text FROM library.quarantine"))
        return [row.reasons for row in rows]


def test_a_log_is_stored_once_whenever_the_hub_is_killed(hub, logging_server):
    register = Register(logging_server, '"编号" integer PRIMARY KEY, "代码" text, "名称" text')
    told = fed_by(hub, OF_LOG.format(url=register.url, slot=register.slot))
    firms = {number: credit_code(number) for number in range(40)}
    insert = 'INSERT INTO "企业" VALUES (%s, %s, %s)'
    for number in range(25):
        register.execute(insert, values=(number, firms[number], "重庆旧公司"))
    killed(told, "record", 1)
    killed(told, "commit", 2)
    assert run(told).created <= 15
    assert golden(told) == {firms[number]: "重庆旧公司" for number in range(25)}

    register.execute('UPDATE "企业" SET "名称" = \'重庆新公司\' WHERE "编号" < 20')
    register.execute('DELETE FROM "企业" WHERE "编号" IN (0, 24)')
    for number in range(25, 40):
        register.execute(insert, values=(number, firms[number], "重庆旧公司"))
    for stage, batch in (("record", 1), ("commit", 1), ("commit", 2)):
        killed(told, stage, batch)
    run(told)
    expected = {firms[n]: "重庆新公司" if n < 20 else "重庆旧公司" for n in range(40) if n not in (0, 24)}
    assert golden(told) == expected
    assert (run(told).pulled, golden(told)) == (0, expected)
    register.drop_slot()


def test_messages_are_stored_once_whenever_the_hub_is_killed(hub, broker, monkeypatch):
    monkeypatch.setenv("BROKER_SECRET", "guest")
    queue = Queue(broker)
    told = fed_by(hub, OF_QUEUE.format(url=broker.reference, name=queue.name))
    firms = {number: credit_code(number) for number in range(25)}
    queue.publish(*({"id": n, "code": code, "name": "重庆旧公司"} for n, code in firms.items()))
    for stage, batch in (("record", 1), ("commit", 1), ("commit", 2)):
        killed(told, stage, batch)
    queue.publish(
        {"id": 3, "code": firms[3], "name": "重庆新公司"},
        b"{broken",
        {"id": 4, "code": firms[4], "ended": "2026-01-05"},
    )
    killed(told, "commit", 1)
    run(told)
    run(told)
    expected = {code: "重庆新公司" if n == 3 else "重庆旧公司" for n, code in firms.items() if n != 4}
    assert golden(told) == expected
    assert queue.waiting() == 0
    (reasons,) = quarantined(told)
    assert "the message holds no JSON record" in reasons
    assert run(told).pulled == 0
