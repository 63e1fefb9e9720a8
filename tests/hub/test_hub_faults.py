"""The hub's own database fails in the middle of an ingest, or somebody stops it: one clear error, nothing half-written, and it goes on."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from departments import OfCsv, credit_code, firms
from kills import following
from library_state import library_state, pulled_state, require_accounted
from skipping import absent
from sqlalchemy import text

from hub.ingest import ingest_source
from hub.upgrade import upgrade_database
from infra.database import Role, open_database
from infra.embedded import EmbeddedPostgres
from schemas.errors import DatabaseFull, DatabaseUnavailable, HubError, SourceBusy, SpoolFull

pytestmark = pytest.mark.server
ROWS = 2_000


class OfManyFirms(OfCsv):
    """One large file; ``bad`` makes every fourth code impossible."""

    bad = False

    def turn(self, day):
        rows = [
            f"{n},{'X' if self.bad and n % 4 == 0 else ''}{credit_code(n)},{'重庆' * 8}{n}公司,5,代表{n},2026-01-01 00:00:00,"
            for n in range(ROWS)
        ]
        (self.folder / "day0.csv").write_text(
            "\n".join(["id,code,name,staff,person,updated,ended", *rows, ""])
        )


def prepared(settings, tmp_path):
    (tmp_path / "sources").mkdir(exist_ok=True)
    own = settings.model_copy(update={"sources": tmp_path / "sources"})
    with open_database(own) as database:
        upgrade_database(database)
    return own


def undisturbed(settings, department, acts=1, rows=500):
    department.begin()
    with following(settings, department) as hub:
        for day in range(acts):
            department.turn(day)
            ingest_source(hub, "firms", batch_rows=rows)
        return library_state(hub), pulled_state(hub)


def at(stage, batch, do):
    """Do something once, at a stage of a batch."""
    done = []

    def watch(step):
        if (step.stage, step.batch) == (stage, batch) and not done:
            done.append(do())

    return watch


# ── the server goes away ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stage", ["gate", "consolidate", "record"])
def test_a_connection_that_is_cut_is_one_clear_error_and_the_next_run_goes_on(
    hub_settings, database_copy, tmp_path, stage
):
    settings, department = prepared(hub_settings, tmp_path), OfManyFirms(tmp_path / "firms")
    other = database_copy(settings)
    expected = undisturbed(settings, department)

    def cut():
        with psycopg.connect(other.database_url, autocommit=True) as connection:
            ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(ending)

    with following(other, department) as hub:
        with pytest.raises(DatabaseUnavailable, match=r"broke off|does not answer"):
            ingest_source(hub, "firms", batch_rows=500, progress=at(stage, 2, cut))
        ingest_source(hub, "firms", batch_rows=500)
        assert (library_state(hub), pulled_state(hub)) == expected


def test_a_server_that_crashes_and_comes_back_has_lost_nothing(settings, tmp_path, server_programs):
    with EmbeddedPostgres(tmp_path / "server", binaries=server_programs, temporary=True, memory=64) as server:
        department = OfManyFirms(tmp_path / "firms")
        department.begin()
        department.turn(0)
        own = settings.model_copy(update={"database_url": server.url("hub")})
        own = prepared(own, tmp_path)

        def crash():
            assert server._postmaster._control("stop", "-m", "immediate").returncode == 0

        with following(own, department) as hub, pytest.raises(DatabaseUnavailable):
            ingest_source(hub, "firms", batch_rows=500, progress=at("publish", 3, crash))
        server.start()
        with following(own, department) as hub:
            with hub.database.engine(Role.APPLICATION).connect() as connection:
                assert connection.execute(text("SELECT sum(pulled) FROM library.batch")).scalar_one() == 1000
            assert ingest_source(hub, "firms", batch_rows=500).pulled == ROWS - 1000
            require_accounted(hub)
            with hub.database.engine(Role.APPLICATION).connect() as connection:
                count = connection.execute(text("SELECT count(*) FROM library.golden_legal_person"))
                assert count.scalar_one() == ROWS


# ── the disk is full ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def small_disk(folder: Path, size: str):
    """A disk of that size at the folder."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        absent("the right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


@pytest.fixture
def small_database(server, settings, tmp_path):
    """A hub whose database is on a disk of 64 MB, and the disk."""
    place = server._postmaster.place
    name = f"small_{uuid.uuid4().hex[:8]}"
    owner = place.data.stat()
    with small_disk(place.data.parent / name, "64m") as disk:
        os.chown(disk, owner.st_uid, owner.st_gid)
        disk.chmod(0o700)
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE hub_template TABLESPACE {name}")
            try:
                yield prepared(settings.model_copy(update={"database_url": server.url(name)}), tmp_path), disk
            finally:
                (disk / "filler").unlink(missing_ok=True)
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
                connection.execute(f"DROP TABLESPACE {name}")


@pytest.mark.parametrize(("stage", "bad"), [("consolidate", False), ("publish", True)])
def test_a_full_disk_is_one_clear_error_and_the_next_run_goes_on(
    small_database, hub_settings, tmp_path, stage, bad
):
    """Good rows find no room in the library, bad ones none in the quarantine."""
    settings, disk = small_database
    department = OfManyFirms(tmp_path / "firms")
    department.bad = bad
    twin = prepared(hub_settings, tmp_path)
    expected = undisturbed(twin, department)

    with following(settings, department) as hub:
        with pytest.raises(DatabaseFull, match="is full") as caught:
            ingest_source(hub, "firms", batch_rows=500, progress=at(stage, 2, lambda: fill(disk)))
        assert "Make room" in caught.value.hint
        with pytest.raises(HubError, match="is full"):
            ingest_source(hub, "firms", batch_rows=500)
        (disk / "filler").unlink()
        report = ingest_source(hub, "firms", batch_rows=500)
        assert report.pulled == ROWS - 500
        assert (library_state(hub), pulled_state(hub)) == expected


def test_a_full_spool_stores_nothing_of_the_file_and_the_next_run_goes_on(
    hub_settings, tmp_path, monkeypatch
):
    import gzip
    import tempfile

    settings, department = prepared(hub_settings, tmp_path), OfManyFirms(tmp_path / "firms")
    department.turn(0)
    plain = department.folder / "day0.csv"
    (department.folder / "day0.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    with small_disk(tmp_path / "spool", "1m") as disk, following(settings, department) as hub:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        filler = fill(disk)
        with pytest.raises(SpoolFull, match=r"no room to fetch or unpack the file day0\.csv"):
            ingest_source(hub, "firms", batch_rows=500)
        filler.unlink()
        assert ingest_source(hub, "firms", batch_rows=500).pulled == ROWS
        assert list(disk.iterdir()) == []
        require_outcomes(hub, ["failed", "done"])


def require_outcomes(hub, outcomes):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        found = connection.execute(text("SELECT outcome FROM library.run ORDER BY number")).scalars()
        assert list(found) == outcomes


# ── somebody stops it, or starts it twice ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_says_so_and_the_next_run_goes_on(hub_settings, database_copy, tmp_path, sent):
    settings, department = prepared(hub_settings, tmp_path), OfManyFirms(tmp_path / "firms")
    (settings.sources / "firms.yaml").write_text(department.definition(), encoding="utf-8")
    other = database_copy(settings)
    expected = undisturbed(settings, department)

    with ExitStack() as stack:
        ahead, behind, watching = (
            stack.enter_context(psycopg.connect(other.database_url, autocommit=True)) for _ in range(3)
        )
        ahead.execute(TAKE_LIBRARY)
        process = ingesting(other)
        until(process, lambda: waiting(watching) == 1)
        queued = threading.Thread(target=behind.execute, args=(TAKE_LIBRARY,))
        queued.start()
        until(process, lambda: waiting(watching) == 2)
        ahead.close()  # the process stores its first batch, and stands behind the other for its second
        queued.join()
        until(process, lambda: waiting(watching) == 1)
        process.send_signal(sent)
        _, told = process.communicate(timeout=120)

    assert process.returncode == 130, told
    assert "Stopped. What was committed stays; the next run goes on from there." in told
    with following(other, department) as hub:
        require_outcomes(hub, ["stopped"])
        assert ingest_source(hub, "firms", batch_rows=500).pulled == ROWS - 500
        assert (library_state(hub), pulled_state(hub)) == expected


TAKE_LIBRARY = "SELECT pg_advisory_lock(hashtextextended('library.legal_person', 0))"
INGEST = "from hub.cli import main; main()"


def ingesting(settings) -> subprocess.Popen:
    """Start the command that ingests the firms, 500 rows a batch."""
    named = {"home": settings.home, "database_url": settings.database_url, "sources": settings.sources}
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, "ingest", "firms", "--batch-rows", "500"],
        env=os.environ | {f"HUB_{name.upper()}": str(value) for name, value in named.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def waiting(connection) -> int:
    """Count the sessions that wait for a library."""
    query = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    return connection.execute(query).fetchone()[0]


def until(process, reached) -> None:
    """Wait, while the process lives."""
    while not reached():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_two_runs_at_once_one_waits_for_nothing_and_loses_nothing(hub_settings, tmp_path):
    settings, department = prepared(hub_settings, tmp_path), OfManyFirms(tmp_path / "firms")
    department.turn(0)
    refused = []
    with following(settings, department) as hub:

        def again():
            with pytest.raises(SourceBusy):
                ingest_source(hub, "firms")
            refused.append(True)

        assert ingest_source(hub, "firms", batch_rows=500, progress=at("gate", 2, again)).pulled == ROWS
        assert refused
        require_accounted(hub)


# ── files twice, and late ────────────────────────────────────────────────────────────────────────────


def test_the_same_file_twice_changes_nothing(hub_settings, tmp_path):
    settings, department = prepared(hub_settings, tmp_path), OfCsv(tmp_path / "firms")
    department.turn(0)
    with following(settings, department) as hub:
        ingest_source(hub, "firms")
        before = library_state(hub)
        os.utime(department.folder / "day0.csv")  # delivered anew, the same
        assert ingest_source(hub, "firms").pulled == 0
        (department.folder / "day0 (1).csv").write_bytes((department.folder / "day0.csv").read_bytes())
        report = ingest_source(hub, "firms")
        assert (report.created, report.updated, report.contributed) == (0, 0, 0)
        assert {
            name: value for name, value in library_state(hub).items() if name not in ("counts", "quarantine")
        } == {name: value for name, value in before.items() if name not in ("counts", "quarantine")}


def test_an_older_file_that_comes_late_does_not_overwrite_what_is_known(
    hub_settings, database_copy, tmp_path
):
    settings, department = prepared(hub_settings, tmp_path), OfCsv(tmp_path / "firms")
    other = database_copy(settings)
    expected = undisturbed(settings, department, acts=2)[0]["legal_person"]

    department.begin()
    with following(other, department) as hub:
        for day in (1, 0):
            department.turn(day)
            ingest_source(hub, "firms")
        found = library_state(hub)["legal_person"]
    gone = {credit_code(firm["id"]) for firm in firms(1) if firm["ended"]}
    late = {key: record for key, (_, record, _) in found.items() if record["credit_code"] not in gone}
    assert late == {key: record for key, (_, record, _) in expected.items()}
