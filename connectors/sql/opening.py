"""Opening a department's database through SQLAlchemy: an engine that keeps no connection, a session that cannot write, and refusals."""

import sqlite3
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from connectors.source import Source
from connectors.sql import mysql, refusals, sqlite
from schemas.errors import ConfigurationError, SourceError, WrongFormat


def engine_of(source: Source, deadline: sqlite.Deadline) -> sa.Engine:
    """Make the engine of ``options.url``; raises ``ConfigurationError`` where its driver is not installed."""
    url = make_url(str(source.option("url")))
    backend, seconds = url.get_backend_name(), source.option("timeout_seconds")
    if backend == sqlite.BACKEND:
        return sqlite.engine(url.database or "", deadline, source.option("lock_timeout_seconds"))
    try:
        arguments = mysql.arguments(url.get_dialect().driver, seconds) if backend in mysql.BACKENDS else {}
        return sa.create_engine(url, poolclass=NullPool, connect_args=arguments)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise ConfigurationError(
            f"Source {source.code}: the driver of {url.drivername} is not installed.",
            hint="Install it beside the hub, for example pymysql for mysql+pymysql.",
        ) from None


def session_of(source: Source, dialect: sa.Dialect) -> Sequence[str]:
    """Return the statements that make a session unable to write and limit it in time, where the dialect has such."""
    if dialect.name == sqlite.BACKEND:
        return sqlite.SESSION
    if dialect.name in mysql.BACKENDS:
        return mysql.session(
            mariadb=getattr(dialect, "is_mariadb", False),
            seconds=source.option("timeout_seconds"),
            lock_seconds=source.option("lock_timeout_seconds"),
        )
    return []


def refused(source: Source, place: str, dialect: sa.Dialect, error: Exception) -> SourceError:
    """Tell as one of the hub's errors what a driver said; its words may quote values, so they go no further."""
    original = error.orig if isinstance(error, DBAPIError) else error
    state = _state(dialect, original)
    if state == "format":
        return WrongFormat(f"Source {source.code}: {place} is no SQLite database, or a broken one.")
    return refusals.from_sqlstate(source, place, state)


def _state(dialect: sa.Dialect, original: BaseException | None) -> str:
    """Return the class of the SQL standard, as far as the driver tells it."""
    if isinstance(original, sqlite3.Error):
        return sqlite.state_of(str(original))
    arguments = getattr(original, "args", ())
    if dialect.name in mysql.BACKENDS and arguments and arguments[0] in mysql.ERRORS:
        return mysql.ERRORS[arguments[0]]
    return getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "unknown"
