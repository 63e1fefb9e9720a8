"""Finding, among a file's first rows, the one that names the columns."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.batch import Shape
from connectors.file.formats import FILE, SHEET, TEXT, Wanted
from connectors.missing import missing_columns
from schemas.errors import DefinitionError, MissingColumn, WrongFormat

SEARCHED_ROWS = 50
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True)
class Header:
    """Where the header is (0-based row), at which position each column found stands, and all names as written."""

    row: int
    positions: Mapping[str, int]
    names: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many columns the file has."""
        return len(self.names)

    @property
    def shape(self) -> Shape:
        """Every named column; one that is read by the name that the source gives it, unless it had another before."""
        given = {place: name for name, place in self.positions.items() if plain(name) == self.names[place]}
        return {given.get(place, name): TEXT for place, name in enumerate(self.names) if name}


@dataclass(frozen=True)
class Search:
    """What came out of a search: the header, or how many columns the best row names and which it lacks.

    ``shape`` are all columns of the best row, where it names one that is asked for: any other row may be a person's data.
    """

    header: Header | None
    named: int
    lacking: list[str]
    shape: Shape = field(default_factory=dict)

    def beats(self, other: "Search") -> bool:
        """Whether it names more, or is complete where the other is not."""
        return (self.header is not None, self.named) > (other.header is not None, other.named)


def plain(name: Any) -> str:
    """Reduce a column name to what people mean by it: no blanks or line breaks, half-width."""
    return _BLANK.sub("", unicodedata.normalize("NFKC", str(name))).strip("\ufeff")


def asked(wanted: Wanted) -> list[str]:
    """The columns that stand in the file itself: neither its name nor its sheet's."""
    return [column for column in wanted.columns if column not in (FILE, SHEET)]


def forms(wanted: Wanted) -> dict[str, tuple[str, ...]]:
    """Every column that is asked for with the names it may have, plain, its own first."""
    aliases = wanted.option("aliases")
    return {
        column: tuple(plain(name) for name in (column, *aliases.get(column, ()))) for column in asked(wanted)
    }


def lacking(wanted: Wanted, found: Collection[str], given: Collection[str] = (FILE,)) -> list[str]:
    """Return what is lacking where ``found`` stands in the file and ``given`` is known without it."""
    return wanted.lacks({*found, *given})


def declared_row(wanted: Wanted) -> int | None:
    """Return ``options.header`` as a 0-based row, or None for ``auto``."""
    declared = wanted.option("header")
    if declared == "auto":
        return None
    if not isinstance(declared, int) or isinstance(declared, bool) or declared < 1:
        raise DefinitionError(
            f"Source {wanted.code}: options.header is neither auto nor a row number from 1."
        )
    return declared - 1


def search(rows: Sequence[Sequence[Any]], wanted: Wanted, given: Collection[str] = (FILE,)) -> Search:
    """Search the row that has every column without which nothing can be read, and the most of the others."""
    only, names_of = declared_row(wanted), forms(wanted)
    best = Search(None, 0, lacking(wanted, (), given))
    for number, row in enumerate(rows):
        if only is not None and number != only:
            continue
        found = _judged(number, row, names_of, wanted, given)
        if found.beats(best):
            best = found
        if found.header and found.named == len(names_of):
            break
    return best


def _judged(
    number: int,
    row: Sequence[Any],
    names_of: Mapping[str, tuple[str, ...]],
    wanted: Wanted,
    given: Collection[str],
) -> Search:
    names = tuple(plain(cell) if cell is not None else "" for cell in row)
    positions = {
        column: names.index(found[0])
        for column, named in names_of.items()
        if (found := [name for name in named if name in names])
    }
    without = lacking(wanted, positions, given)
    header = Header(number, positions, names)
    if without:
        return Search(None, len(positions), without, header.shape if positions else {})
    return Search(header, len(positions), without, header.shape)


def require_unambiguous(header: Header, path: Path, wanted: Wanted) -> Header:
    """Return the header, or raise ``WrongFormat`` when a needed column is there twice."""
    for column, place in header.positions.items():
        if header.names.count(header.names[place]) > 1:
            raise WrongFormat(
                f"Source {wanted.code}, file {path.name}: column {column!r} is there twice.",
                source=wanted.code,
                file=path.name,
                column=column,
            )
    return header


def missing(columns: Sequence[str], wanted: Wanted, place: str, found: Shape) -> MissingColumn:
    """Make the error that names source, place and columns, and carries what is there instead."""
    return missing_columns(wanted.code, f"{place} has no column", columns, found, wanted.columns)
