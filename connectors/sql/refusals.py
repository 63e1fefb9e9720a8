"""What a department's database answered, as the hub's own errors. No driver's words get through: they quote values."""

from collections.abc import Sequence

from connectors.source import Source
from schemas.errors import MissingColumn, SourceError, SourceLoginFailed, SourceUnreachable, WrongFormat

_LOGIN_STATES = ("28000", "28P01", "42501")
_TIMEOUT_STATE, _LOCK_STATE = "57014", "55P03"
_COLUMN_STATE = "42703"
_TABLE_STATES = ("42P01", "3F000")


def login(source: Source, place: str) -> SourceLoginFailed:
    """The name or password was refused."""
    hint = "Check the user and password in options.url with the department."
    return SourceLoginFailed(
        f"Source {source.code}: {place} refused the login.", hint=hint, source=source.code
    )


def unreachable(source: Source, place: str) -> SourceUnreachable:
    """Nothing answers there, or no such database."""
    hint = "Check options.url, the network and whether the database is up."
    return SourceUnreachable(
        f"Source {source.code}: {place} cannot be reached.", hint=hint, source=source.code
    )


def timed_out(source: Source, place: str) -> SourceUnreachable:
    """A page took longer than allowed."""
    hint = "Raise options.timeout_seconds, or ask for an index over watermark and row id."
    return SourceUnreachable(
        f"Source {source.code}: {place} did not answer in time.", hint=hint, source=source.code
    )


def locked(source: Source, place: str) -> SourceUnreachable:
    """Somebody else holds the table."""
    hint = "Run again when the department's own work on the table is done, or raise options.lock_timeout_seconds."
    return SourceUnreachable(
        f"Source {source.code}: {place} has the table locked.", hint=hint, source=source.code
    )


def missing_table(source: Source, place: str) -> SourceError:
    """There is no such table."""
    table = source.option("table")
    named = f"table {table!r}" if table else "table that the query names"
    return SourceError(
        f"Source {source.code}: {place} has no {named}.", hint="Correct options.table.", source=source.code
    )


def from_sqlstate(source: Source, place: str, state: str) -> SourceError:
    """Translate a class of the SQL standard, or PostgreSQL's own."""
    if state in _LOGIN_STATES:
        return login(source, place)
    if state == _TIMEOUT_STATE:
        return timed_out(source, place)
    if state == _LOCK_STATE:
        return locked(source, place)
    if state == _COLUMN_STATE:
        return MissingColumn(
            f"Source {source.code}: the query names a column that is not there.", source=source.code
        )
    if state in _TABLE_STATES:
        return missing_table(source, place)
    if state.startswith(("08", "57P", "53", "3D")):
        return unreachable(source, place)
    return failed_query(source, place, f" (SQLSTATE {state})")


def failed_query(source: Source, place: str, state: str = "") -> SourceError:
    """The database answers, but not this query: it would write, or a value in it cannot be computed."""
    hint = "Run options.query, or a SELECT of the mapped columns, at the department to see why."
    return SourceError(
        f"Source {source.code}: {place} refused the query{state}.", hint=hint, source=source.code
    )


def no_id(source: Source, column: str) -> WrongFormat:
    """A row has nothing by which it could be named."""
    return WrongFormat(
        f"Source {source.code}: a row has no {column!r}, so the rows cannot be paged by it.",
        hint="Name a column that is never null in row_id.",
        source=source.code,
        column=column,
    )


def same_ids(source: Source, order: Sequence[str]) -> WrongFormat:
    """Several rows have the same id."""
    named = ", ".join(repr(name) for name in order)
    return WrongFormat(
        f"Source {source.code}: rows have the same {named}, so they cannot be told apart.",
        hint="Name enough columns in row_id to tell every row from all others.",
        source=source.code,
        column=order[-1],
    )
