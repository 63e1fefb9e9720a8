"""Pausing a source: nobody pulls it until it is resumed, and no other source is held up by that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import text

from audit.recording import record_administration
from infra.database import Database, Role
from schemas.errors import SourcePaused

if TYPE_CHECKING:
    from hub.composition import Hub

_PAUSE = text("""
    INSERT INTO library.pause (source, reason, actor, since) VALUES (:source, :reason, :actor, :since)
    ON CONFLICT DO NOTHING
""")
_RESUME = text("DELETE FROM library.pause WHERE source = :source")
_PAUSED = text("SELECT source, reason, actor, since FROM library.pause")


@dataclass(frozen=True)
class Pause:
    """A source that is paused: why, by whom, since when."""

    source: str
    reason: str
    actor: str
    since: datetime


def pause(hub: "Hub", code: str, *, reason: str, actor: str) -> bool:
    """Pause a source; False when it was paused already. Raises ``UnknownSource``."""
    hub.source(code)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        values = {"source": code, "reason": reason, "actor": actor, "since": datetime.now(UTC)}
        changed = connection.execute(_PAUSE, values).rowcount == 1
        if changed:
            record_administration(
                connection, actor=actor, action="source.pause", target=code, facts={"reason": reason}
            )
    return changed


def resume(hub: "Hub", code: str, *, actor: str) -> bool:
    """Let a source be pulled again; False when it was not paused. Raises ``UnknownSource``."""
    hub.source(code)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        changed = connection.execute(_RESUME, {"source": code}).rowcount == 1
        if changed:
            record_administration(connection, actor=actor, action="source.resume", target=code, facts={})
    return changed


def paused(hub: "Hub") -> Mapping[str, Pause]:
    """Return what is paused now, by source."""
    return paused_in(hub.database)


def paused_in(database: Database) -> Mapping[str, Pause]:
    """Return what is paused now, by source, for who has a database and no hub."""
    with database.engine(Role.APPLICATION).connect() as connection:
        return {row.source: Pause(*row) for row in connection.execute(_PAUSED)}


def check_not_paused(hub: "Hub", code: str) -> None:
    """Raise ``SourcePaused`` where the source is paused."""
    refuse_paused(hub.database, code)


def refuse_paused(database: Database, code: str) -> None:
    """Raise ``SourcePaused`` where the source is paused, for who has a database and no hub."""
    if (found := paused_in(database).get(code)) is not None:
        raise SourcePaused(
            f"Source {code} is paused since {found.since:%Y-%m-%d %H:%M} UTC: {found.reason}",
            hint=f"Resume it with: hub schedule resume {code}",
            source=code,
        )
