"""OpenLineage events of real runs, to a real HTTP server and to a file: what they tell, what they never hold, what they cost."""

import json
import re
import socket
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hub_registers import source_of
from made_codes import credit_code
from openlineage.client.event_v2 import RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset
from sqlalchemy import text
from typer.testing import CliRunner

from connectors.window import Window
from hub.cli import app
from hub.ingest import ingest_source
from hub.openlineage.announcing import opened_outbox
from hub.openlineage.outbox import MOST_WAITING, SENT, Outbox
from hub.openlineage.told import Parent
from infra.database import Role
from schemas.errors import MissingColumn, SchemaDrift

pytestmark = pytest.mark.server

NAMES = ("甲公司", "乙公司", "张三丰")


class _Backend(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), json.loads(body)))
        self.server.released.wait(self.server.hang)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_words):
        """Say nothing."""


@pytest.fixture
def backend():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    server.seen, server.status, server.hang, server.released = [], 201, 0, threading.Event()
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    yield server
    server.released.set()
    server.shutdown()
    serving.join()
    server.server_close()


def _url(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def telling(bare_hub, say):
    """Return a hub that tells a backend of its runs over two firms of the registrar's."""
    say("registrar", ("r-1", credit_code(1), "甲公司", "张三丰", "5", None, "2026-01-01 08:00:00"))
    say("registrar", ("r-2", credit_code(2), "乙公司", None, "many", None, "2026-01-02 08:00:00"))

    def _open(url, seconds=2.0, key=None):
        told = {"openlineage_url": url, "openlineage_seconds": seconds, "openlineage_api_key": key}
        return opened_outbox(bare_hub.settings.model_copy(update=told))

    return lambda url, **more: _Opened(bare_hub, _open(url, **more))


class _Opened:
    def __init__(self, hub, opened):
        self.hub, self._opened = hub, opened

    def __enter__(self):
        return replace(self.hub, outbox=self._opened.__enter__())

    def __exit__(self, *told):
        self._opened.__exit__(*told)


def _told(hub):
    with hub.database.engine(Role.OWNER).connect() as connection:
        return list(connection.execute(text("SELECT lineage FROM library.run ORDER BY number")).scalars())


def _checked(event):
    """Hold an event against OpenLineage's model: its own classes check ids, times and states, facets name their schema."""
    assert event["schemaURL"].endswith("#/$defs/RunEvent")
    RunState(event["eventType"])
    RunEvent(
        eventTime=event["eventTime"],
        run=_run(event["run"]),
        job=_job(event["job"]),
        producer=event["producer"],
    )
    facets = [*event["run"]["facets"].values(), *event["job"]["facets"].values()]
    for dataset in (*event["inputs"], *event["outputs"]):
        assert dataset["namespace"]
        assert dataset["name"]
        facets += [
            *dataset["facets"].values(),
            *dataset.get("inputFacets", {}).values(),
            *dataset.get("outputFacets", {}).values(),
        ]
    for facet in facets:
        assert re.fullmatch(
            r"https://openlineage\.io/spec/facets/[\d-]+/\w+\.json#/\$defs/\w+", facet["_schemaURL"]
        )
        assert facet["_producer"].startswith("urn:exchange-hub:")
    return event


def _run(run):
    from openlineage.client.event_v2 import Run

    return Run(run["runId"])


def _job(job):
    from openlineage.client.event_v2 import Job

    return Job(job["namespace"], job["name"])


def test_a_run_is_told_to_a_server_with_all_its_facets(telling, backend):
    with telling(_url(backend), key="k-1") as hub:
        ingest_source(hub, "registrar")

    assert [path for path, _, _ in backend.seen] == ["/api/v1/lineage"] * 2
    assert {headers["Authorization"] for _, headers, _ in backend.seen} == {"Bearer k-1"}
    start, complete = (_checked(event) for _, _, event in backend.seen)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"]
    assert complete["job"]["name"] == "ingest.registrar"
    assert complete["job"]["facets"]["ownership"]["owners"][0]["name"] == "市场监督管理局"
    assert _told(hub) == ["sent"]


def test_what_is_read_and_written_is_named_counted_and_judged(telling, backend):
    with telling(_url(backend)) as hub:
        ingest_source(hub, "registrar")

    (read,), (written,) = backend.seen[1][2]["inputs"], backend.seen[1][2]["outputs"]
    assert read["namespace"].startswith("sqlite://")
    assert (read["name"], written["name"].rpartition(".library.")[2]) == ("main.firms", "golden_legal_person")
    assert written["namespace"] == "postgres://localhost:5432"
    types = {field["name"]: field.get("type") for field in read["facets"]["schema"]["fields"]}
    assert types["staff"] == "TEXT"
    assert "fax" not in types  # the hub does not read it
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 2
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assertions = {
        (a["column"], a["assertion"]): a
        for a in read["inputFacets"]["dataQualityAssertions"]["assertions"]
        if "column" in a
    }
    assert assertions["code", "identifier"]["success"] is True
    assert (assertions["staff", "number"]["success"], assertions["staff", "number"]["severity"]) == (
        False,
        "warn",
    )
    assert assertions["staff", "number"]["actual"] == "1 of 2 rows"
    assert read["inputFacets"]["dataQualityMetrics"]["columnMetrics"]["code"]["nullCount"] == 0


def test_columns_are_followed_with_their_transformations(telling, backend):
    with telling(_url(backend)) as hub:
        ingest_source(hub, "registrar")

    facet = backend.seen[0][2]["outputs"][0]["facets"]["columnLineage"]
    how = {
        item: [(f["field"], f["transformations"][0]) for f in told["inputFields"]]
        for item, told in facet["fields"].items()
    }
    ((column, name),) = how["name"]
    assert (column, name["type"], name["subtype"], name["masking"]) == (
        "名称_全称",
        "DIRECT",
        "IDENTITY",
        False,
    )
    assert how["staff_count"][0][1]["subtype"] == "TRANSFORMATION"
    assert how["representative_name"][0][1]["masking"] is True  # sealed where it is written
    indirect = {(f["field"], f["transformations"][0]["subtype"]) for f in facet["dataset"]}
    assert indirect == {("code", "GROUP_BY"), ("seen", "FILTER"), ("seen", "SORT")}
    assert column_lineage_dataset.ColumnLineageDatasetFacet._get_schema() == facet["_schemaURL"]


def test_no_event_holds_a_value_a_password_or_an_error_s_words(telling, tmp_path, say):
    path = tmp_path / "events.jsonl"
    with telling(f"file://{path}") as hub:
        ingest_source(hub, "registrar")
        broken = source_of("registrar", tmp_path, extra="staff_count: {column: secret_place}")
        with pytest.raises((MissingColumn, SchemaDrift)):
            ingest_source(replace(hub, sources={"registrar": broken}), "registrar")

    lines = path.read_text(encoding="utf-8").splitlines()
    events = [_checked(json.loads(line)) for line in lines]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "START", "FAIL"]
    assert events[-1]["run"]["facets"]["errorMessage"]["message"] in (
        "missing_column: A column is missing", "schema_drift: The source's columns have changed",
    )  # fmt: skip
    plain = "\n".join(json.dumps(json.loads(line), ensure_ascii=False) for line in lines)
    for value in (*NAMES, credit_code(1), credit_code(2), "r-1", "many"):
        assert value not in plain
    assert not re.search(r'"(?:min|max|quantiles|distinctCount)": [^{n]', plain)
    assert path.stat().st_mode & 0o007 == 0
    assert _told(hub) == ["sent", "sent"]


def test_a_run_tells_whose_part_it_is_and_which_window_it_reads(telling, backend):
    parent = Parent("default", "ingest_registrar.ingest", "01890000-0000-7000-8000-000000000001", "ingest_registrar",
                    "01890000-0000-7000-8000-000000000002")  # fmt: skip
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    with telling(_url(backend)) as hub:
        ingest_source(hub, "registrar", window=window, parent=parent)

    facets = _checked(backend.seen[1][2])["run"]["facets"]
    assert facets["parent"]["run"]["runId"] == parent.run
    assert facets["parent"]["job"]["name"] == "ingest_registrar.ingest"
    assert facets["parent"]["root"]["job"]["name"] == "ingest_registrar"
    assert facets["nominalTime"]["nominalStartTime"].startswith("2026-01-01T00:00")


def test_a_run_that_is_stopped_is_told_as_aborted(telling, backend):
    def stop(_step):
        raise KeyboardInterrupt

    with telling(_url(backend)) as hub, pytest.raises(KeyboardInterrupt):
        ingest_source(hub, "registrar", progress=stop)
    assert [event["eventType"] for _, _, event in backend.seen] == ["START", "ABORT"]


def test_a_backend_that_is_away_fails_nothing_and_stands_on_the_record(telling):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{free.getsockname()[1]}"
    with telling(away) as hub:
        assert ingest_source(hub, "registrar").contributed == 2
    assert _told(hub) == ["not sent: ConnectionError"]


def test_a_backend_that_refuses_stands_on_the_record_with_its_status(telling, backend):
    backend.status = 503
    with telling(_url(backend)) as hub:
        assert ingest_source(hub, "registrar").contributed == 2
    assert _told(hub) == ["not sent: HTTPError 503"]
    assert len(backend.seen) == 2  # each event once


def test_a_backend_that_hangs_keeps_no_run_waiting_and_the_end_not_long(telling, backend):
    backend.hang = 60
    with telling(_url(backend), seconds=0.5) as hub:
        report = ingest_source(hub, "registrar")
        assert _told(hub) in (
            ["waiting"],
            ["not sent: ReadTimeout"],
        )  # the run is over and nobody waited for it
        ending = time.monotonic()
    assert report.contributed == 2
    assert time.monotonic() - ending < 5
    assert _told(hub)[0].startswith("not sent: ")


def test_more_events_than_may_wait_are_given_up_at_once():
    hanging, outcomes = threading.Event(), []
    outbox = Outbox(lambda _event: hanging.wait(30), 0.05)
    for _ in range(MOST_WAITING + 5):
        outbox.put(dict, outcomes.append)
    assert set(outcomes) == {"not sent: too many events wait"}
    assert 3 <= len(outcomes) <= 5
    outbox.close()
    hanging.set()
    assert len(outcomes) == MOST_WAITING + 5
    assert "not sent: the backend did not answer in time" in outcomes
    assert SENT not in outcomes


def test_nothing_is_sent_or_noted_unless_it_is_set(bare_hub, say):
    say("registrar", ("r-1", credit_code(1), "甲公司", None, "5", None, "2026-01-01 08:00:00"))
    ingest_source(bare_hub, "registrar")
    assert bare_hub.outbox is None
    assert _told(bare_hub) == [None]


def test_the_command_shows_what_became_of_the_events(telling, tmp_path, monkeypatch):
    with telling(f"file://{tmp_path}/events.jsonl") as hub:
        ingest_source(hub, "registrar")
    for name in ("home", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(hub.settings, name)))

    shown = CliRunner().invoke(app, ["lineage", "runs", "--json"], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    assert [(run["source"], run["lineage"]) for run in json.loads(shown.stdout)] == [("registrar", "sent")]
    assert "sent" in CliRunner().invoke(app, ["lineage", "runs"], catch_exceptions=False).stdout
