"""Columns that a system lacks: the one error for it, which says what they may be called now and carries what is there instead."""

from collections.abc import Collection, Iterable, Sequence
from difflib import SequenceMatcher

from connectors.batch import Shape
from schemas.errors import MissingColumn

_ALIKE = 0.5


def missing_columns(
    code: str, where: str, columns: Sequence[str], found: Shape, used: Collection[str] = ()
) -> MissingColumn:
    """Make the error; ``where`` ends as ``… has no column``, and what is ``used`` already is no column's new name.

    ``found`` is empty where it cannot be told that what was read are names: they might be a person's.
    """
    others = [name for name in found if name not in used]
    named = ", ".join(_told(column, others) for column in columns)
    return MissingColumn(
        f"Source {code}: {where} {named}.",
        hint="Correct the mapping of the source, or ask the department what it renamed.",
        columns=columns,
        found=found,
        source=code,
        column=columns[0],
    )


def likely_name(name: str, candidates: Iterable[str]) -> str | None:
    """Return which of the candidates a column may be called now; a proposal, never acted upon."""
    scored = [(SequenceMatcher(None, name.lower(), other.lower()).ratio(), other) for other in candidates]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= _ALIKE else None


def _told(column: str, others: Sequence[str]) -> str:
    now = likely_name(column, others)
    return f"{column!r} (perhaps renamed to {now!r})" if now else repr(column)
