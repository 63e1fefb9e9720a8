"""The hub's PostgreSQL as the rooms see it: one ``Database``, three roles, three drivers.

psycopg through SQLAlchemy for ordinary statements, ADBC for Arrow tables in and out, asyncpg for the API. Errors of
connecting become ``DatabaseUnavailable``, which names host and database and never the password.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, text

from infra.embedded import EmbeddedPostgres, url_if_running
from infra.logins import Role, broken_off, prepare, unavailable, urls_of
from infra.settings import Settings
from schemas.errors import ConfigurationError, DatabaseNotReady, DatabaseUnavailable, HubError

if TYPE_CHECKING:
    import asyncpg
    from alembic.config import Config

    from infra.bulk import BulkConnection

__all__ = [
    "Database",
    "Role",
    "check_ready",
    "connect_if_running",
    "drop_everything",
    "open_database",
    "roll_back",
    "upgrade",
]

DATABASE = "hub"
MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_SCHEMA = "migration"  # holds Alembic's table alone, so that the application can read but not write it
_UPGRADE_LOCK = 0x687562  # advisory lock key, "hub"
_PATIENCE = 3  # seconds, of who may not wait


class Database:
    """Connections to one database, by role. Made by ``open_database``; not to be carried across a fork."""

    def __init__(self, urls: Mapping[Role, str]) -> None:
        self._urls = dict(urls)
        self._engines: dict[Role, Engine] = {}

    def url(self, role: Role) -> str:
        """The libpq URL of that role; psycopg, asyncpg and ADBC take it as it is. May hold a password."""
        try:
            return self._urls[role]
        except KeyError:
            raise ConfigurationError(f"No database login for {role}.", hint="Set HUB_DATABASE_URL.") from None

    def engine(self, role: Role) -> Engine:
        """The SQLAlchemy engine of that role (psycopg), one per role and process."""
        if role not in self._engines:
            url = self.url(role)
            options = {"creator": lambda: _connect(url), "hide_parameters": True}  # an error shows no values
            engine = create_engine("postgresql+psycopg://", **options)
            event.listen(engine, "handle_error", lambda context: _told(url, context), retval=True)
            self._engines[role] = engine
        return self._engines[role]

    @contextmanager
    def bulk(self, role: Role) -> Iterator["BulkConnection"]:
        """A ``BulkConnection`` in one transaction: committed when the block ends well, else rolled back.

        Raises ``DatabaseFull`` or ``DatabaseUnavailable`` where the disk is full or the server goes away meanwhile.
        """
        from adbc_driver_manager import Error

        from infra.bulk import BulkConnection

        url = self.url(role)
        try:
            connection = BulkConnection(url)
        except Error as error:
            raise unavailable(url, error) from error
        try:
            yield connection
            connection.commit()
        except BaseException as error:
            alive = roll_back(connection)
            told = broken_off(url, error, alive=alive) if isinstance(error, Error) else None
            if told is not None:
                raise told from error
            raise
        finally:
            connection.close()

    async def pool(self, role: Role, min_size: int, max_size: int) -> "asyncpg.Pool":
        """An asyncpg pool of that role, bound to the running event loop; the caller closes it."""
        import asyncpg

        url = self.url(role)
        try:
            return await asyncpg.create_pool(url, min_size=min_size, max_size=max_size)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise unavailable(url, error) from error

    def close(self) -> None:
        """Close the engines' connections."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


def roll_back(connection: "BulkConnection") -> bool:
    """Roll a connection back; False where it is gone, which rolls back as well."""
    from adbc_driver_manager import Error

    try:
        connection.rollback()
    except Error:
        return False
    return True


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database the settings name, or the embedded one; database and roles are created when missing.

    The schema is not touched: see ``upgrade`` and ``check_ready``.
    """
    with ExitStack() as stack:
        if _is_embedded(settings):
            server = stack.enter_context(EmbeddedPostgres(settings.home / "postgres"))
            prepare(server.url(DATABASE), logins=True)
            urls: Mapping[Role, str] = {role: server.url(DATABASE, role) for role in Role}
        else:
            urls = urls_of(settings)
            if settings.database_url:
                prepare(settings.database_url)
            else:
                _connect(next(iter(urls.values()))).close()
        database = Database(urls)
        stack.callback(database.close)
        yield database


@contextmanager
def connect_if_running(settings: Settings) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection as the application, for who may wait for nothing: no server is started, no role or database made.

    Raises ``DatabaseUnavailable`` within seconds where there is nobody to answer.
    """
    if _is_embedded(settings):
        url = url_if_running(settings.home / "postgres", DATABASE, Role.APPLICATION)
    else:
        url = urls_of(settings).get(Role.APPLICATION)
    if url is None:
        raise DatabaseUnavailable("The hub's database does not run.")
    with _connect(url, connect_timeout=_PATIENCE) as connection:
        connection.execute(f"SET statement_timeout = '{_PATIENCE}s'")
        yield connection


def upgrade(database: Database) -> None:
    """Bring the schema to the newest version, as the owner, in one transaction; a no-op when it is there."""
    from alembic import command

    with database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        command.upgrade(migration_config(connection), "head")


def drop_everything(database: Database) -> None:
    """Drop all schemas of the hub with what they hold, as the owner. The caller has asked whether that is meant."""
    with database.engine(Role.OWNER).begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        connection.execute(
            text(f"DROP SCHEMA IF EXISTS codes, library, ledger, catalog, {VERSION_SCHEMA} CASCADE")
        )


def check_ready(database: Database) -> None:
    """``DatabaseNotReady`` unless the schema is at the version this program knows."""
    from alembic.script import ScriptDirectory

    wanted = set(ScriptDirectory.from_config(migration_config()).get_heads())
    query = text(f"SELECT version_num FROM {VERSION_SCHEMA}.alembic_version")
    with database.engine(Role.APPLICATION).connect() as connection:
        present = connection.execute(
            text("SELECT to_regclass(:name) IS NOT NULL"), {"name": f"{VERSION_SCHEMA}.alembic_version"}
        ).scalar_one()
        found = set(connection.execute(query).scalars()) if present else set()
    if found != wanted:
        state = f"is at version {', '.join(sorted(found))}" if found else "has no schema yet"
        raise DatabaseNotReady(f"The hub's database {state}.", hint="Run: hub db upgrade")


def migration_config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration, in code: no file to find at run time."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _is_embedded(settings: Settings) -> bool:
    return not (settings.database_url or settings.database_application_url or settings.database_auditor_url)


def _told(url: str, context: ExceptionContext) -> HubError | None:
    """What is raised in the place of a driver's error; None for the error itself."""
    return broken_off(url, context.original_exception, alive=not context.is_disconnect)


def _connect(url: str, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        return psycopg.connect(url, **options)
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error
