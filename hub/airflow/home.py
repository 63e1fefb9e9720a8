"""Where Airflow lives: its folder in the hub's home, its database beside the hub's, its settings as an environment."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql

from hub.server import environment
from infra.embedded import EmbeddedPostgres
from infra.logins import place_of
from infra.settings import Settings
from schemas.errors import ConfigurationError, DatabaseUnavailable

DATABASE = LOGIN = "airflow"
USER = "admin"
DAGS = Path(__file__).resolve().parents[2] / "dags"
MARK = "HUB_AIRFLOW_OF"  # variable by which the processes of a home are known
LOCAL_SETTINGS = Path(__file__).parent / "local_settings"
PARALLEL_TASKS = max(2, os.cpu_count() or 2)


@dataclass(frozen=True)
class AirflowHome:
    """A folder and a database of Airflow's own, and the loopback port of its web server."""

    folder: Path
    database_url: str
    port: int

    @property
    def url(self) -> str:
        """Where the web server is; the tasks report there too."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        """Folder of the processes' and the tasks' logs."""
        return self.folder / "logs"

    def variables(self, settings: Settings) -> dict[str, str]:
        """Return the environment of every Airflow process: the hub's settings and Airflow's, and nothing listens outside."""
        return (
            environment(settings)
            | {
                "PYTHONPATH": os.pathsep.join(
                    map(str, filter(None, (LOCAL_SETTINGS, os.environ.get("PYTHONPATH"))))
                ),
                MARK: str(self.folder),
                "SPT_NOENV": "1",  # a process that changes its title would else write over its environment, and the mark
                "AIRFLOW_HOME": str(self.folder),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _with_driver(self.database_url, "psycopg"),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": _with_driver(self.database_url, "asyncpg"),
                "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                "AIRFLOW__CORE__PARALLELISM": str(PARALLEL_TASKS),
                # what a killed scheduler left is taken up again within a minute
                "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords),
                "AIRFLOW__API__HOST": "127.0.0.1",
                "AIRFLOW__API__PORT": str(self.port),
                "AIRFLOW__API__BASE_URL": self.url,
                "AIRFLOW__API__WORKERS": "1",
                "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs),
                "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "great_expectations=WARNING",
                "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
                "NO_PROXY": "127.0.0.1,localhost",
                **{name: value for name, value in os.environ.items() if name.startswith("AIRFLOW__")},
            }
        )

    def password(self) -> str:
        """Return the login's password, made at first use and readable by the folder's owner only."""
        if not self._passwords.exists():
            draft = self._passwords.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps({USER: secrets.token_urlsafe(12)}), encoding="utf-8")
            draft.replace(self._passwords)
        found: dict[str, str] = json.loads(self._passwords.read_text(encoding="utf-8"))
        return found[USER]

    def is_migrated(self) -> bool:
        """Return whether the installed Airflow has brought this very database up to date: it needs long to find that out."""
        try:
            return self._migrated.read_text(encoding="utf-8") == self._state()
        except (OSError, psycopg.errors.UndefinedTable):
            return False

    def note_migrated(self) -> None:
        """Note that the installed Airflow has brought the database up to date."""
        self._migrated.write_text(self._state(), encoding="utf-8")

    def _state(self) -> str:
        query = "SELECT oid, (SELECT string_agg(version_num, ' ') FROM alembic_version) FROM pg_database WHERE datname = current_database()"
        with psycopg.connect(self.database_url) as connection:
            return f"{version('apache-airflow-core')} {connection.execute(query).fetchone()}"

    @property
    def _migrated(self) -> Path:
        return self.folder / "migrated"

    @property
    def _passwords(self) -> Path:
        return self.folder / "passwords.json"


@contextmanager
def airflow_home(settings: Settings, port: int) -> Iterator[AirflowHome]:
    """Make folder and database when missing, and keep the embedded PostgreSQL running while the block does."""
    folder = settings.home / "airflow"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.airflow_database_url:
        _check(settings.airflow_database_url)
        yield AirflowHome(folder, settings.airflow_database_url, port)
    elif settings.database_url:
        raise ConfigurationError(
            "The hub's database is on a server, and there Airflow needs one of its own.",
            hint="Create an empty database and name it by HUB_AIRFLOW_DATABASE_URL.",
        )
    else:
        with EmbeddedPostgres(settings.home / "postgres") as server:
            server.ensure_database(DATABASE)
            _give_to_login(server.url(DATABASE))
            yield AirflowHome(folder, server.url(DATABASE, LOGIN), port)


def _give_to_login(url: str) -> None:
    """Let Airflow log in as a role of its own, which owns its database and sees nothing of the hub's."""
    login = sql.Identifier(LOGIN)
    with psycopg.connect(url) as connection:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (LOGIN,)).rowcount:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(login))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(DATABASE), login))
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(login))


def _check(url: str) -> None:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"Airflow's {place_of(url)} does not answer.", hint="Check HUB_AIRFLOW_DATABASE_URL."
        ) from error


def _with_driver(url: str, driver: str) -> str:
    return f"postgresql+{driver}://{url.split('://', 1)[1]}"
