"""What became of a code between two days, along every heir: never guessed, and where a trail ends it says so."""

from dataclasses import dataclass
from datetime import date

from schemas.divisions import Division, Divisions


@dataclass(frozen=True)
class Succession:
    """``found``: what the code means on the later day, several after a split; ``lost``: the codes at which a trail ends,
    for no table says what followed them; ``parts``: the codes that a part was given to while the rest lived on.
    """

    found: tuple[Division, ...]
    lost: tuple[str, ...]
    parts: tuple[str, ...]


def became(table: Divisions, code: str, since: date, day: date) -> Succession:
    """Follow the meaning a code had on ``since`` to ``day``, which is not earlier; nothing is found where it had none."""
    found: dict[str, Division] = {}
    lost: list[str] = []
    parts: list[str] = []
    pending, seen = [(code, since)], set()
    while pending:
        step = pending.pop(0)
        if step in seen:
            continue
        seen.add(step)
        meant = next((row for row in table.meanings(step[0]) if row.in_force(step[1])), None)
        if meant is None:
            lost.append(step[0])
            continue
        parts += [part.to for part in meant.transfers if step[1] < part.on <= day]
        if meant.valid_to is None or day < meant.valid_to:
            found[meant.code] = meant
            continue
        heirs = meant.successors or _continued(table, meant)
        pending += [(heir, meant.valid_to) for heir in heirs]
        lost += [] if heirs else [meant.code]
    return Succession(tuple(found.values()), tuple(dict.fromkeys(lost)), tuple(dict.fromkeys(parts)))


def _continued(table: Divisions, meant: Division) -> tuple[str, ...]:
    """Return the code itself where its next meaning begins as this one ends: it was renamed, or moved."""
    begins = any(row.valid_from == meant.valid_to for row in table.meanings(meant.code))
    return (meant.code,) if begins else ()
