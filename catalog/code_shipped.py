"""The code sets shipped with the program, as editions: those of ``schemas/code_sets`` and the divisions of Chongqing."""

from collections.abc import Mapping
from functools import cache

from catalog.code_edition import DIVISION, SHIPPED, Edition, digest_of, last_change
from schemas.code_sets import CodeSet, code_sets_shipped
from schemas.division_events import Event, events_in
from schemas.divisions import ALWAYS, Division, Divisions, divisions


@cache
def shipped_editions() -> Mapping[str, Edition]:
    """Return the edition ``shipped`` of every code set that has one, by name."""
    found = {}
    for name in (DIVISION, *code_sets_shipped()):
        rows = shipped_rows(name)
        title, standard = _titles(name)
        found[name] = Edition(
            name=name,
            edition=SHIPPED,
            title=title,
            standard=standard,
            origin="shipped with the program",
            digest=digest_of(rows),
            as_of=last_change(rows),
            precision="day",
            entries=len(rows),
        )
    return found


@cache
def shipped_rows(name: str) -> tuple[Division, ...]:
    """Return every meaning of every code of a shipped code set."""
    if name == DIVISION:
        return divisions().rows
    return tuple(
        Division(code, label, None, "", ALWAYS, None)
        for code, label in code_sets_shipped()[name].entries.items()
    )


@cache
def shipped_table(name: str) -> Divisions:
    """Return a shipped code set as a table."""
    return divisions() if name == DIVISION else Divisions(shipped_rows(name))


@cache
def shipped_events(name: str) -> tuple[Event, ...]:
    """Return everything that happened in a shipped code set, the oldest event first."""
    return events_in(shipped_table(name))


def _titles(name: str) -> tuple[str, str]:
    if name == DIVISION:
        return "行政区划（重庆市，至乡级）", "GB/T 2260、GB/T 10114"
    known: CodeSet = code_sets_shipped()[name]
    return known.title, known.standard
