"""What is told of code sets, ready for JSON: the same words at the command line and through the API."""

from datetime import date
from typing import Any

from catalog.code_edition import Edition
from catalog.code_sets import CodeSets, spelling_of
from catalog.crosswalk import Match
from schemas.division_events import Event
from schemas.divisions import ALWAYS, Division
from schemas.errors import UnknownCode
from schemas.succession import became


def edition_told(edition: Edition) -> dict[str, Any]:
    """Describe an edition."""
    names = ("name", "edition", "title", "standard", "origin", "precision", "entries", "digest")
    return {name: getattr(edition, name) for name in names} | {"as_of": _day(edition.as_of)}


def division_told(row: Division) -> dict[str, Any]:
    """Describe one meaning of a code; None where the table does not tell, or the meaning is in force still."""
    told: dict[str, Any] = {
        "code": row.code,
        "name": row.name,
        "level": row.level and row.level.value,
        "parent": row.parent or None,
        "valid_from": None if row.valid_from == ALWAYS else row.valid_from.isoformat(),
        "valid_to": _day(row.valid_to),
    }
    if row.successors:
        told["successors"] = list(row.successors)
    if row.transfers:
        told["transfers"] = [{"to": part.to, "on": part.on.isoformat()} for part in row.transfers]
    return told


def event_told(event: Event) -> dict[str, Any]:
    """Describe one event."""
    told: dict[str, Any] = {"day": event.day.isoformat(), "change": event.change.value}
    told |= {"before": list(event.before), "after": list(event.after)}
    return told | ({"approval": event.approval} if event.approval else {})


def match_told(match: Match) -> dict[str, Any]:
    """Describe one row of a crosswalk."""
    return {
        "outcome": match.outcome.value,
        "level": match.level and match.level.value,
        "left": match.left,
        "left_name": match.left_name,
        "right": match.right,
        "right_name": match.right_name,
        "evidence": match.evidence,
    }


def code_on(code_sets: CodeSets, edition: Edition, code: str, day: date) -> dict[str, Any]:
    """Tell what a code meant on a day, or what it had become by then; ``UnknownCode`` when it was yet to come, or never was."""
    family = code_sets.family(edition, code)
    known = family.meanings(spelling_of(family, code))
    there = next((row for row in known if row.in_force(day)), None)
    if there is not None:
        return {"code": code, "on": day.isoformat(), "state": "in_force", "meaning": division_told(there)}
    past = [row for row in known if row.valid_to is not None and row.valid_to <= day]
    if not past:
        begins = known[0].valid_from
        raise UnknownCode(f"A code of {edition.name} meant nothing on {day}.", hint=f"It begins on {begins}.")
    path = became(code_sets.heirs(edition, [code]), past[-1].code, past[-1].valid_from, day)
    return {
        "code": code,
        "on": day.isoformat(),
        "state": "succeeded" if path.found else "ended",
        "meaning": division_told(past[-1]),
        "became": [division_told(row) for row in path.found],
        "lost": list(path.lost),
    }


def code_history(code_sets: CodeSets, edition: Edition, code: str) -> dict[str, Any]:
    """Tell every meaning a code had, and what happened to it."""
    family = code_sets.family(edition, code)
    known = spelling_of(family, code)
    events = code_sets.events(edition, code=known)
    return {
        "code": code,
        "meanings": [division_told(row) for row in family.meanings(known)],
        "events": [event_told(event) for _, event in events],
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
