"""What a department's stream answered, as the hub's own errors. Nothing of its words gets through."""

import re
from urllib.parse import unquote, urlsplit

from connectors.source import Source
from connectors.stream.options import ChangesOptions
from schemas.errors import (
    ChangesLost,
    DefinitionError,
    SourceBusy,
    SourceError,
    SourceLoginFailed,
    SourceUnreachable,
)

_LOGIN = re.compile(
    r"authentication|password|role .* does not exist|pg_hba|not permitted to log in|认证|口令|密码|角色"
)
_LOGIN_STATES = ("28000", "28P01", "42501")
_ANEW = "Have the source taken in anew: reset its state, and name deletions: {by: comparison} to find what is gone."


def place_of(source: Source, url: str) -> str:
    """Say which system it is, by host and name; never by user or password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise DefinitionError(f"Source {source.code}: options.url is not a URL.") from None
    return f"{unquote(parts.path).strip('/') or parts.scheme} at {parts.hostname or 'this machine'}{port}"


def unreachable(source: Source, place: str) -> SourceUnreachable:
    """Nothing answers there, or the connection broke."""
    hint = "Check options.url, the network and whether the system is up."
    return SourceUnreachable(
        f"Source {source.code}: {place} cannot be reached.", hint=hint, source=source.code
    )


def login(source: Source, place: str, hint: str = "") -> SourceLoginFailed:
    """User or password were refused, or may not do what a stream needs."""
    hint = hint or "Check the user and password in options.url with the department."
    return SourceLoginFailed(
        f"Source {source.code}: {place} refused the login.", hint=hint, source=source.code
    )


def from_connecting(source: Source, place: str, state: str | None, words: str) -> SourceError:
    """Tell a refused login from a server that is not there."""
    if state in _LOGIN_STATES or (state is None and _LOGIN.search(words)):
        return login(source, place)
    return unreachable(source, place)


def from_sqlstate(source: Source, place: str, state: str | None, told: ChangesOptions) -> SourceError:
    """Translate a class of the SQL standard, or PostgreSQL's own."""
    if state in _LOGIN_STATES:
        return login(source, place, "The user needs the attribute REPLICATION, and SELECT on the table.")
    if state == "55006":
        return slot_in_use(source, place, told)
    if state == "57014":
        return SourceUnreachable(
            f"Source {source.code}: {place} did not answer in time.",
            hint="Raise options.changes.timeout_seconds, or lower most_changes.",
            source=source.code,
        )
    if state is None or state.startswith(("08", "57P", "53")):
        return unreachable(source, place)
    if state == "55000":  # the slot was given up meanwhile, or the log is not kept for it
        return lost(source, place, told)
    return refused(source, f"{place} refused a statement (SQLSTATE {state})", "Look into its log.")


def refused(source: Source, what: str, hint: str) -> SourceError:
    """Something is not as a stream needs it."""
    return SourceError(f"Source {source.code}: {what}.", hint=hint, source=source.code)


def no_logical_log(source: Source, place: str) -> SourceError:
    """The server writes no log from which changes can be read."""
    return refused(
        source,
        f"{place} keeps no logical log",
        "Ask the department to set wal_level = logical and to restart.",
    )


def no_publication(source: Source, place: str, told: ChangesOptions) -> SourceError:
    """The publication is not there, or has not the table."""
    return refused(
        source,
        f"{place} has no publication {told.publication!r} of the table {told.table!r}",
        f"Ask the department for: CREATE PUBLICATION {told.publication} FOR TABLE {told.table};",
    )


def partial_publication(source: Source, place: str, told: ChangesOptions, lacks: str) -> SourceError:
    """The publication leaves out what the hub must know."""
    return refused(
        source,
        f"the publication {told.publication!r} at {place} does not publish {lacks}",
        "Ask the department to publish whole rows and every kind of change.",
    )


def foreign_slot(source: Source, place: str, told: ChangesOptions) -> SourceError:
    """The slot is another's."""
    return refused(
        source,
        f"the slot {told.slot!r} at {place} is another database's or plugin's",
        "Name another in options.changes.slot.",
    )


def slot_in_use(source: Source, place: str, told: ChangesOptions) -> SourceError:
    """Somebody reads from it now."""
    return SourceBusy(
        f"Source {source.code}: the slot {told.slot!r} at {place} is read by another process.",
        hint="Each source needs a slot of its own.",
        source=source.code,
    )


def lost(source: Source, place: str, told: ChangesOptions) -> ChangesLost:
    """The log no longer goes back to where the hub stopped."""
    return ChangesLost(
        f"Source {source.code}: the slot {told.slot!r} at {place} is lost, and with it what changed since.",
        hint=f"Have the department drop the slot if it is still there. {_ANEW}",
        source=source.code,
    )


def truncated(source: Source, place: str, told: ChangesOptions) -> ChangesLost:
    """All rows were removed at once, and the log does not say which they were."""
    return ChangesLost(
        f"Source {source.code}: the table {told.table!r} at {place} was truncated.",
        hint=_ANEW,
        source=source.code,
    )
