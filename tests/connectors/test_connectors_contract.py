"""The contract that every kind of connector keeps, against real systems: nothing lost, nothing doubled, nothing left open, nothing told."""

import json
import logging
import threading
import time
import traceback
from pathlib import Path

import pytest
from broker import broker  # noqa: F401 (fixture)
from department_system import MISSING, System
from servers import PASSWORD, USER, Relay
from systems import SYSTEMS

from connectors.kinds import KINDS, options_of
from connectors.options import table
from infra.embedded import EmbeddedPostgres
from schemas.errors import MissingColumn, SourceError, SourceLoginFailed, SourceUnreachable

ROWS = {n: f"重庆{n}公司" for n in range(1, 26)}


@pytest.fixture(scope="session")
def logging_server(tmp_path_factory, server_programs):
    """A server that keeps a logical log."""
    told = ("wal_level=logical", "max_wal_senders=4")
    folder = tmp_path_factory.mktemp("contract") / "server"
    with EmbeddedPostgres(
        folder, binaries=server_programs, temporary=True, memory=64, settings=told
    ) as server:
        yield server


def those(holds):
    """Run a test over the systems of which that holds."""
    return pytest.mark.parametrize(
        "system", [name for name, kind in SYSTEMS.items() if holds(kind)], indirect=True
    )


every = those(lambda kind: True)
on_a_server = those(lambda kind: kind.remote)


@pytest.fixture
def system(request, define, monkeypatch):
    monkeypatch.setenv("STORE_SECRET", PASSWORD)
    made = SYSTEMS[request.param](define, request)
    yield made
    made.close()


@pytest.fixture
def relay(system):
    """Stands before the system's server."""
    made = Relay(system.port)
    yield made
    made.close()


class Library:
    """What the hub knows, as it stores it: by the row's reference, with the state, which goes through JSON."""

    def __init__(self, system, state=None):
        self.system, self.state, self.rows, self.taken = system, state, {}, []

    def store(self, batch):
        for row in batch.table.to_pylist():
            self.taken.append(row["_row"])
            if row.get("_gone"):
                self.rows.pop(int(row["_row"]), None)
            else:
                self.rows[int(row["_row"])] = row["name"]
        self.state = json.loads(json.dumps(batch.watermark))

    def pull(self, source, batch_rows=10):
        batches = []
        for batch in self.system.pull(source, self.state, batch_rows):
            batches.append(batch)
            self.store(batch)
        return batches


@pytest.fixture
def library(system):
    return Library(system)


# ── once, and only what is new ───────────────────────────────────────────────────────────────────────


@every
def test_everything_comes_once_in_bounded_batches(system, library):
    system.put(ROWS)
    batches = library.pull(system.source())
    assert library.rows == ROWS
    assert len(library.taken) == len(ROWS)
    assert [batch.number_of_rows for batch in batches] == [10, 10, 5]
    for batch in batches:
        assert batch.table.column_names[-1] in ("_row", "_gone")
        assert {"code", "name", "id", "_row"} <= set(batch.table.column_names)
        assert batch.window


@every
def test_a_second_run_finds_nothing_new(system, library):
    source = system.source()
    system.put(ROWS)
    first = library.pull(source)
    again = library.pull(source)
    if system.repeats:
        assert [batch.digest for batch in again] == [batch.digest for batch in first]
    else:
        assert again == []
    assert library.rows == ROWS


@every
def test_nothing_there_yields_nothing_and_what_comes_later_comes(system, library):
    system.put({1: "甲"})
    library.pull(system.source())
    system.put({2: "乙"})
    library.pull(system.source())
    assert library.rows == {1: "甲", 2: "乙"}


@every
def test_a_change_brings_the_change_or_the_whole(system, library):
    source = system.source()
    system.put(ROWS)
    library.pull(source)
    library.taken.clear()
    system.put({7: "新名", 100: "新设"})
    library.pull(source)
    assert library.rows == ROWS | {7: "新名", 100: "新设"}
    assert len(library.taken) == len(set(library.taken))
    if not system.whole:
        assert sorted(library.taken) == ["100", "7"]


@those(lambda kind: kind.tells_gone)
def test_a_row_that_is_gone_is_told_where_the_system_tells(system, library):
    source = system.source()
    system.put(ROWS)
    library.pull(source)
    system.delete(3)
    library.pull(source)
    assert library.rows == {n: name for n, name in ROWS.items() if n != 3}


# ── stopped anywhere ─────────────────────────────────────────────────────────────────────────────────


@every
def test_two_pulls_of_the_same_state_are_the_same(system):
    source = system.source()
    system.put(ROWS)
    first, second = (list(system.pull(source, None, 10)) for _ in range(2))
    assert [batch.digest for batch in first] == [batch.digest for batch in second]
    assert [batch.watermark for batch in first] == [batch.watermark for batch in second]


@every
def test_stopped_after_every_batch_nothing_is_lost_or_doubled(system, library):
    """One batch a run, each run killed after it: the same batches as in one go."""
    source = system.source()
    system.put(ROWS)
    whole = [batch.digest for batch in system.pull(source, None, 4)]
    digests = []
    for _ in whole:
        pulled = system.pull(source, library.state, 4)
        batch = next(pulled)
        pulled.close()
        library.store(batch)
        digests.append(batch.digest)
    assert digests == whole
    assert library.rows == ROWS
    assert len(library.taken) == len(ROWS)


@every
def test_a_batch_that_was_not_stored_comes_again(system, library):
    source = system.source()
    system.put(ROWS)
    pulled = system.pull(source, None, 10)
    library.store(next(pulled))
    lost = next(pulled)
    pulled.close()
    again = library.pull(source)
    assert again[0].digest == lost.digest
    assert library.rows == ROWS


@those(lambda kind: kind.may_repeat)
def test_a_page_that_comes_twice_changes_nothing(system, library):
    system.put(ROWS)
    system.twice = True
    library.pull(system.source())
    assert library.rows == ROWS
    assert library.pull(system.source()) == []


# ── broken ───────────────────────────────────────────────────────────────────────────────────────────

MANY = {n: f"重庆市渝中区第{n}有限责任公司" * 4 for n in range(1, 4001)}


def told(caught, caplog, source) -> str:
    return "".join((*traceback.format_exception(caught.value), repr(caught.value), caplog.text, repr(source)))


def harmless(words: str) -> None:
    assert PASSWORD not in words
    assert "wr0ng-one" not in words
    assert "重庆" not in words.replace("tests/", "")


@on_a_server
def test_a_connection_that_is_cut_within_a_page_loses_nothing(system, library, request, caplog):
    caplog.set_level(logging.DEBUG)
    relay = request.getfixturevalue("relay")
    source = system.source(port=relay.port)
    system.put(MANY)
    relay.cuts = [150_000, 150_000, 150_000]
    with pytest.raises(SourceUnreachable) as caught:
        library.pull(source, 500)
    harmless(told(caught, caplog, source))
    relay.cuts = []
    library.pull(source, 500)
    assert library.rows == MANY
    assert len(library.taken) == len(set(library.taken))


@on_a_server
def test_a_system_that_is_not_there_is_unreachable(system, caplog):
    caplog.set_level(logging.DEBUG)
    source = system.source(port=1)
    with pytest.raises(SourceUnreachable, match="register") as caught:
        list(system.pull(source, None, 10))
    assert caught.value.hint
    harmless(told(caught, caplog, source))


@on_a_server
def test_wrong_credentials_are_a_failed_login(system, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    system.put({1: "重庆甲"})
    monkeypatch.setenv("STORE_SECRET", "wr0ng-one")
    source = system.source(user="somebody_else")
    with pytest.raises(SourceLoginFailed, match="register") as caught:
        list(system.pull(source, None, 10))
    harmless(told(caught, caplog, source))


@every
def test_a_missing_column_is_named(system, caplog):
    system.put(dict.fromkeys(range(60), "重庆甲"))
    source = system.source(mapping=MISSING)
    with pytest.raises(MissingColumn, match="'absent'") as caught:
        list(system.pull(source, None, 100))
    assert caught.value.context["column"] == "absent"
    assert caught.value.columns == ("absent",)
    assert {"code", "name"} <= caught.value.found.keys()  # so that the hub can tell what changed
    harmless(told(caught, caplog, source))


@those(lambda kind: kind.truncate is not System.truncate)
def test_what_ends_too_early_is_refused(system, caplog):
    system.put(MANY)
    system.truncate()
    source = system.source()
    with pytest.raises(SourceError, match="register") as caught:
        list(system.pull(source, None, 10_000))
    harmless(told(caught, caplog, source))


# ── what is left ─────────────────────────────────────────────────────────────────────────────────────


def open_files() -> set[str]:
    links = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(link.readlink()))
        except OSError:
            continue
    # a library may keep a table of its own open for the life of the process, as PROJ does from its first use on
    others = ("/dev/", "/proc/", "/site-packages/")
    return {link for link in links if link.startswith("/") and not any(part in link for part in others)}


@pytest.mark.parametrize("finished", [True, False])
@every
def test_nothing_is_left_open(system, finished):
    system.put(MANY)
    source = system.source()
    threads, files = set(threading.enumerate()), open_files()
    pulled = system.pull(source, None, 100)
    next(pulled)
    assert system.open_connections() <= 1
    if finished:
        list(pulled)
    pulled.close()
    deadline = time.monotonic() + 20
    while (
        system.open_connections()
        or (left := set(threading.enumerate()) - threads)
        or (kept := open_files() - files)
    ):
        assert time.monotonic() < deadline, (system.open_connections(), left, kept)
        time.sleep(0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_declared_and_described(kind):
    model = options_of(kind)
    assert model.model_config["frozen"]
    assert model.model_config["extra"] == "forbid"
    assert "| None |" not in table(model)
    assert all(field.description for field in model.model_fields.values())


def test_every_kind_is_held_to_the_contract():
    assert {name.partition("/")[0] for name in SYSTEMS} == set(KINDS)
    assert USER != PASSWORD
