"""Fixtures of every room: settings, a keyring, and a database of one's own on a server all workers share."""

import gc
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from skipping import absent

from hub.demo_sharing.years import assumed_years
from hub.upgrade import upgrade_database
from infra.database import Database, open_database
from infra.embedded import EmbeddedPostgres
from infra.keyring import FileKeyring
from infra.logins import prepare
from infra.place import locked
from infra.settings import Settings

OLDEST_SERVER = 15
TEMPLATE = "hub_template"
LONGEST = (
    *(
        "test_dags_scheduler",
        "test_hub_kills",
        "test_hub_villages",
        "test_hub_codes_national",
        "test_hub_faults",
    ),
    *("test_dags_ingest", "test_connectors_contract", "test_hub_drift", "test_hub_drafting", "test_docs"),
)
"""Files that take the most of the suite's time, the longest first."""


def pytest_configure():
    """A run that is told to end (a time limit, a cancelled job) still takes its server down; tables have one width.

    SIGINT is heard, by what tests start too, though a shell ignores it for what it runs in the background.
    """
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, signal.default_int_handler)
    # workers of a parallel run have a width, and commands print as wide as into a pipe
    os.environ.pop("COLUMNS", None)


def pytest_collection_modifyitems(items: list[pytest.Item]):
    """The longest first, file by file: workers that are left with small tests end together."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_collection_finish():
    """What is imported now stays: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def system_binaries() -> Path | None:
    """``bin`` of a system PostgreSQL new enough, the newest one found."""
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    if configuration := shutil.which("pg_config"):
        told = subprocess.run([configuration, "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(told.stdout.strip()))
    found = {major: folder for folder in folders if (major := _major_version(folder)) >= OLDEST_SERVER}
    return found[max(found)] if found else None


def _major_version(folder: Path) -> int:
    if not all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
        return 0
    told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    number = told.stdout.split()[2] if told.returncode == 0 else "0"
    return int(number.split(".")[0].rstrip("abcdeghilnprtuv"))


@pytest.fixture(scope="session")
def server_programs() -> Path | None:
    """None for the wheel's; HUB_TEST_SERVER=system runs the same suite on an installed PostgreSQL."""
    if os.environ.get("HUB_TEST_SERVER", "embedded") == "embedded":
        return None
    programs = system_binaries()
    if programs is None:
        absent(f"an installed PostgreSQL {OLDEST_SERVER} or newer, which HUB_TEST_SERVER=system asks for,")
    return programs


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory) -> Path:
    """One folder for all xdist workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def server(shared_folder, server_programs) -> Iterator[EmbeddedPostgres]:
    """The run's server; the last worker out deletes it."""
    folder = _in_memory(shared_folder) or shared_folder / "server"
    little_log = ("max_wal_size=1GB",)
    with EmbeddedPostgres(
        folder, binaries=server_programs, temporary=True, memory=128, settings=little_log
    ) as running:
        with locked(shared_folder / "template.lock"):
            _make_template(running)
        yield running


def _in_memory(shared_folder: Path) -> Path | None:
    """A folder of this run in memory, where the machine has much of it; what a run that was killed left there is removed.

    A database is a thousand files, and each test has its own: ext4 looks at every file lately deleted before it makes one, which took
    more of a run than the tests did.
    """
    memory = Path("/dev/shm")
    if not memory.is_dir() or min(shutil.disk_usage(memory).total, psutil.virtual_memory().total) < 12 << 30:
        return None
    mine = f"hub-tests-{os.getuid()}-"
    with locked(shared_folder / "run.lock"):
        note = shared_folder / "run"
        if not note.exists():
            for left in memory.glob(f"{mine}*"):
                if (
                    time.time() - left.stat().st_mtime > 3600
                ):  # where it is in use all the same, nothing happens to it
                    EmbeddedPostgres(left, temporary=True).start().close()
            note.write_text(f"{mine}{uuid.uuid4().hex}")
    ours = memory / note.read_text()
    ours.mkdir(exist_ok=True)
    return ours


def _make_template(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        query = "SELECT datistemplate FROM pg_database WHERE datname = %s"
        if (row := connection.execute(query, (TEMPLATE,)).fetchone()) and row[0]:
            return
        prepare(server.url(TEMPLATE), logins=True)
        with open_database(_settings(shared=server.url(TEMPLATE))) as database:
            upgrade_database(database)
        # nobody may be connected to a template while it is cloned, not even the vacuum
        connection.execute(f"ALTER DATABASE {TEMPLATE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")


def _settings(home: Path = Path("/nonexistent"), shared: str | None = None) -> Settings:
    return Settings(home=home, database_url=shared, database_application_url=None, database_auditor_url=None)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, every_year):
    """Tests see no HUB_ variable of the person who runs them, but the calendar that all of them count by."""
    for name in [name for name in os.environ if name.startswith("HUB_") and name != "HUB_TEST_SERVER"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HUB_CALENDAR", str(every_year))


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Settings of a hub whose home is a fresh folder. They name no server: see ``hub_settings``."""
    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="session", autouse=True)
def every_year(tmp_path_factory) -> Iterator[Path]:
    """A calendar of this year and those around it, for every hub of the tests: deadlines are counted from the day they run on."""
    folder = assumed_years(tmp_path_factory.mktemp("calendar"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_CALENDAR", str(folder))
        yield folder


@pytest.fixture
def keyring(settings) -> FileKeyring:
    """A fresh keyring, at the place the settings name."""
    return FileKeyring(settings.keyring)


@pytest.fixture
def empty_database_url(server) -> Iterator[str]:
    """Owner's URL of a new, empty database."""
    yield from _database(server, "template1")


@pytest.fixture
def hub_settings(settings, server) -> Iterator[Settings]:
    """Settings of a hub with a migrated, empty database of its own; for whatever opens the database itself."""
    for url in _database(server, TEMPLATE):
        yield settings.model_copy(update={"database_url": url})


@pytest.fixture
def database(hub_settings) -> Iterator[Database]:
    """A migrated, empty hub database of one's own."""
    with open_database(hub_settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_database(server, tmp_path_factory) -> Iterator[Database]:
    """One migrated hub database for all tests of a file, which do not mind what the others wrote."""
    for url in _database(server, TEMPLATE):
        with open_database(_settings(tmp_path_factory.mktemp("shared"), url)) as opened:
            yield opened


def _database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        # its files are copied: written through the log page by page, which is the default, it costs three times as much
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield server.url(name)
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def settled(server) -> Callable[[], None]:
    """Wait until every transaction begun so far has ended: the ledger's order waits for them, whosoever they are."""

    def _wait() -> None:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            last = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
            query = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8"
            deadline = time.monotonic() + 120
            while connection.execute(query, last).fetchone() != (True,):
                assert time.monotonic() < deadline, "another test's transaction does not end"
                time.sleep(0.02)

    return _wait


@pytest.fixture
def database_copy(server, tmp_path):
    """Make a copy of a hub: a clone of its database as it stands, with the same keyring."""
    made = []

    def _copy(settings: Settings) -> Settings:
        name, original = (
            f"test_{uuid.uuid4().hex}",
            psycopg.conninfo.conninfo_to_dict(settings.database_url)["dbname"],
        )
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(ending, (original,))
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {original} STRATEGY file_copy")
        made.append(name)
        return settings.model_copy(update={"database_url": server.url(name)})

    yield _copy
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
