"""Schema drift: what changed in a system's columns since the hub last took them, told and never guessed.

What the source's policy makes of a change to a column that the hub reads: ``freeze`` refuses the batch, ``quarantine`` keeps
its rows out until a person has looked, ``evolve`` goes on. A column that the hub does not read is reported, whatever the
policy. A renamed column is one missing and one new: that they are the same is only proposed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from connectors.batch import Shape
from connectors.missing import likely_name
from connectors.source import Source
from schemas.errors import MissingColumn

# Types that a system tells of a column without saying anything: nothing in it yet, or none stated.
_UNTOLD = frozenset({"null", "unknown", "unstated"})


class Kind(StrEnum):
    """What happened to a column."""

    NEW = "new"
    MISSING = "missing"
    RETYPED = "retyped"


@dataclass(frozen=True)
class Change:
    """One column's change: its type before and now, the items it feeds, and the new column it may have been renamed to.

    Without one that is ``needed`` the source is not read, whatever a person accepts.
    """

    kind: Kind
    column: str
    was: str | None = None
    now: str | None = None
    items: tuple[str, ...] = ()
    perhaps: str | None = None
    needed: bool = False

    @property
    def title(self) -> str:
        """One sentence for a person."""
        words = {
            Kind.NEW: f"column {self.column!r} is new ({self.now})",
            Kind.MISSING: f"column {self.column!r} is missing",
            Kind.RETYPED: f"column {self.column!r} was {self.was} and is {self.now}",
        }[self.kind]
        return f"{words}, perhaps renamed to {self.perhaps!r}" if self.perhaps else words

    def record(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self) | {"kind": self.kind.value, "items": list(self.items)}


def changes(source: Source, known: Shape, found: Shape) -> tuple[Change, ...]:
    """Compare two shapes of a source's system; nothing is known or found where a shape is empty."""
    if not known or not found:
        return ()
    new = [name for name in found if name not in known]
    gone = [name for name in known if name not in found]
    fed = _items_by_column(source)
    return (
        *(Change(Kind.NEW, name, now=found[name], items=fed.get(name, ())) for name in new),
        *(
            Change(Kind.MISSING, name, known[name], None, fed.get(name, ()), likely_name(name, new))
            for name in gone
        ),
        *(
            Change(Kind.RETYPED, name, known[name], kind, fed.get(name, ()))
            for name, kind in found.items()
            if name in known and kind != known[name] and not _UNTOLD.intersection((kind, known[name]))
        ),
    )


def expected(source: Source, known: Shape, found: Shape) -> Shape:
    """Return what is known; before anything is, the definition is: a column that it names must be there."""
    return known or {**found, **dict.fromkeys(source.columns, "unstated")}


def refused(source: Source, known: Shape, missing: MissingColumn) -> tuple[Change, ...]:
    """Tell what changed where the system lacks columns without which it is not read: these first, each with its likely name."""
    found, fed = missing.found, _items_by_column(source)
    others = [name for name in found if name not in known and name not in source.columns]
    lacking = tuple(
        Change(
            Kind.MISSING,
            name,
            known.get(name),
            None,
            fed.get(name, ()),
            likely_name(name, others),
            needed=True,
        )
        for name in missing.columns
    )
    others_changed = changes(source, expected(source, known, found), found)
    return (*lacking, *(change for change in others_changed if change.column not in missing.columns))


def touching(source: Source, found: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes to columns that the hub reads; one that was missing and is there again is none."""
    read = set(source.columns)
    return tuple(change for change in found if change.column in read and change.kind is not Kind.NEW)


def merged(known: Shape, found: Shape) -> Shape:
    """Return what is known once ``found`` is taken: a type told before stays where none is told now."""
    return {name: known.get(name, kind) if kind in _UNTOLD else kind for name, kind in found.items()}


def _items_by_column(source: Source) -> Mapping[str, tuple[str, ...]]:
    fed: dict[str, tuple[str, ...]] = {}
    for item, mapped in source.mapping.items():
        for column in mapped.source_columns:
            fed[column] = (*fed.get(column, ()), item)
    return fed
