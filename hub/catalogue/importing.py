"""Taking a workbook of entries into the catalogue: all of it or nothing, unless the good ones alone are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from catalog.actor import Actor
from catalog.entries import Entries
from catalog.entry import CatalogueEntry, entry_faults, entry_from
from catalog.entry_reader import MOST_LISTED, EntryReader
from catalog.entry_workflow import UNDERWAY
from catalog.sheets.book import Book
from catalog.sheets.entry_form import FORMS, WrittenEntries, told_rows
from catalog.sheets.form import CellFault
from catalog.sheets.writing import write_book, write_marked
from schemas.errors import HubError, UnknownEntry, WrongCells, WrongEntry
from schemas.faults import Fault

OUTCOMES = ("drafted", "changed", "edited", "unchanged")


@dataclass(frozen=True)
class Taken:
    """What became of each entry, by id, and every fault of those that were not taken."""

    outcomes: dict[str, str]
    faults: Sequence[CellFault]

    def number(self, outcome: str) -> int:
        """Return of how many entries that became."""
        return list(self.outcomes.values()).count(outcome)


def take_entries(connection: Connection, entries: Entries, written: WrittenEntries, actor: Actor) -> Taken:
    """Take every entry that is right, as a draft, a change, or an edit of what is under way; the caller commits, or not."""
    outcomes: dict[str, str] = {}
    faults = list(written.faults)
    for one in written.entries:
        found = one.placed(entry_faults(one.raw))
        if not found:
            entry = entry_from(one.raw)
            try:
                with connection.begin_nested():
                    outcomes[entry.id] = _take(entries, entry, actor)
            except HubError as error:
                found = one.placed(_faults_of(error))
        faults += found
    return Taken(outcomes, faults)


def refuse_marked(
    book: Book, written: WrittenEntries, faults: Sequence[CellFault], marked: Path
) -> WrongCells:
    """Write the marked copy, and return the error that names it."""
    write_marked(book, written.sheets, faults, marked)
    return WrongCells(
        book.path.name,
        faults,
        hint=f"Nothing was taken. Each is marked in {marked}: repair it, and import that.",
    )


def export_entries(
    reader: EntryReader, path: Path, provider: str | None = None, state: str | None = None
) -> int:
    """Write entries, each as it is in force or else as its newest version has it; return how many."""
    number = 0

    def _counted() -> Iterator[CatalogueEntry]:
        nonlocal number
        for entry in _chosen(reader, provider, state):
            number += 1
            yield entry

    write_book(path, FORMS, told_rows(_counted()))
    return number


def _chosen(reader: EntryReader, provider: str | None, state: str | None) -> Iterator[CatalogueEntry]:
    after = ""
    while page := reader.listed({"provider": provider, "state": state}, after):
        for standing in page:
            if standing.in_force is not None or standing.state in UNDERWAY:
                yield reader.version(standing.id)
        after = page[-1].id if len(page) == MOST_LISTED else "~"


def _take(entries: Entries, entry: CatalogueEntry, actor: Actor) -> str:
    try:
        row = entries.reader.row(entry.id)
    except UnknownEntry:
        entries.draft(replace(entry, version=1), actor)
        return "drafted"
    standing = {row["in_force"], row["newest"] if row["state"] in UNDERWAY else None} - {None}
    if any(_says_the_same(entries.reader.version(entry.id, number), entry) for number in standing):
        return "unchanged"
    if row["state"] in UNDERWAY:
        entries.edit(entry, actor)
        return "edited"
    entries.change(entry, actor)
    return "changed"


def _says_the_same(known: CatalogueEntry, entry: CatalogueEntry) -> bool:
    """Whether both say the same, the hub's own marks of a version aside; no code says nothing."""
    code = known.code if entry.code is None else entry.code
    return known == replace(entry, version=known.version, published_on=known.published_on, code=code)


def _faults_of(error: HubError) -> Sequence[Fault]:
    if isinstance(error, WrongEntry):
        return error.faults
    return [Fault("id", f"cannot be taken: {error.detail.rstrip('.')}", error.hint)]
