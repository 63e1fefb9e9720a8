"""What an orchestrator noticed and a run could not tell itself: it was given up, or it was not done in time.

``hub.runs`` records how a run ended; of one that was killed, or never got to begin, only who had ordered it knows.
"""

from typing import Any

from audit.entry import Entry, Kind
from audit.recording import append_sync
from hub.composition import Hub
from infra.database import Role
from schemas.errors import HubError


def record_given_up(hub: Hub, code: str, *, error: BaseException | str | None, run: str, tries: int) -> None:
    """Put on the ledger that a run over a source failed for good; of an error only its kind is kept."""
    _append(hub, code, "ingest.given_up", problem_of(error), {"run": run, "tries": tries})


def record_late(hub: Hub, code: str, *, run: str, minutes: int) -> None:
    """Put on the ledger that a run over a source was not done ``minutes`` after it had been ordered."""
    _append(hub, code, "ingest.late", "deadline_missed", {"run": run, "minutes": minutes})


def record_duty_given_up(
    hub: Hub, duty: str, *, error: BaseException | str | None, run: str, tries: int
) -> None:
    """Put on the ledger that work which is no source's, say sealing, failed for good; of an error only its kind is kept."""
    entry = Entry(
        kind=Kind.ADMINISTRATION,
        action="duty.given_up",
        outcome="failed",
        problem=problem_of(error),
        actor=f"dag:{duty}",
        facts={"target": duty, "run": run, "tries": tries},
    )
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        append_sync(connection, entry)


def problem_of(error: BaseException | str | None) -> str:
    """Return the code of a hub error, else the type's name: another library's words may quote a value."""
    if isinstance(error, HubError):
        return error.code
    return type(error).__name__ if isinstance(error, BaseException) else "stopped"


def _append(hub: Hub, code: str, action: str, problem: str, facts: dict[str, Any]) -> None:
    left_out = code in {broken.code for broken in hub.broken} - set(hub.sources)
    entry = Entry(
        kind=Kind.INGEST,
        action=action,
        outcome="failed",
        problem=problem,
        actor=f"source:{code}",
        resource=None if left_out else hub.source(code).resource,
        facts=facts,
    )
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        append_sync(connection, entry)
