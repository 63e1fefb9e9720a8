"""What is told of catalogue entries, ready for JSON: the same at a terminal and through the API."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from catalog.actor import Actor
from catalog.compatibility import Change, changes_between
from catalog.entries import Entries
from catalog.entry_reader import Happened, Standing
from catalog.person import Role
from catalog.readers import Reader
from catalog.workflow import Matter
from connectors.source import Source

Answer = dict[str, Any]


def standing_told(standing: Standing) -> Answer:
    """Tell where an entry stands."""
    return asdict(standing)


def done_told(entry: str, matter: Matter) -> Answer:
    """Tell what an act led to."""
    due = matter.due_at.isoformat() if matter.due_at else None
    version = int(matter.id.rpartition("/")[2])
    return {"entry": entry, "version": version, "state": matter.state, "duty": matter.duty, "due_at": due}


def entry_told(entries: Entries, entry: str, version: int | None = None) -> Answer:
    """Tell what a version says, the one in force or else the newest by default, where the entry stands, and what is due."""
    standing = entries.reader.standing(entry)
    duties = [
        {"version": number, "duty": duty, "due_at": at.isoformat()}
        for number, duty, at in entries.reader.duties(entry)
    ]
    return {
        **standing_told(standing),
        "duties": duties,
        "says": entries.reader.version(entry, version).as_dict(),
    }


def history_told(happened: Sequence[Happened]) -> list[Answer]:
    """Tell everything that was done, in order."""
    return [{**asdict(one), "at": one.at.isoformat(), "facts": dict(one.facts)} for one in happened]


def diff_told(
    entries: Entries, entry: str, sources: Mapping[str, Source], versions: tuple[int, int] | None = None
) -> Answer:
    """Tell what a version changes of another, by default the one under way of the one in force, and whom what breaks concerns."""
    changes = _changes(entries, entry, versions)
    breaking = [change for change in changes if change.breaking]
    agreements = entries.agreements_affected(entry, changes) if breaking else []
    return {
        "entry": entry,
        "compatible": not breaking,
        "changes": [change.as_dict() for change in changes],
        "agreements": [_reader_told(reader) for reader in agreements],
        "sources": list(_sources(entry, breaking, sources.values())),
    }


def possible_told(entries: Entries, entry: str, actor: Actor) -> list[str]:
    """Tell what somebody may do now, as commands and routes call it."""
    return [act.replace("_", "-") for act in entries.possible(entry, actor)]


def may_see_all(actor: Actor, standing: Standing) -> bool:
    """Whether somebody sees what is not published: people of the providing department, and the catalogue authority."""
    return actor.organisation == standing.provider or Role.CATALOGUE_AUTHORITY in actor.roles


def _changes(entries: Entries, entry: str, versions: tuple[int, int] | None) -> list[Change]:
    if versions is None:
        return entries.changes(entry)
    before, after = (entries.reader.version(entry, number) for number in versions)
    return changes_between(before, after)


def _reader_told(reader: Reader) -> Answer:
    told = asdict(reader)
    return {
        **told,
        "items": list(reader.items),
        "masked": list(reader.masked),
        "valid_to": reader.valid_to.isoformat(),
    }


def _sources(entry: str, breaking: Sequence[Change], known: Iterable[Source]) -> Iterable[str]:
    """Name the sources that contribute to what breaks; where an item is new and required, every source has to deliver it."""
    items = {change.item for change in breaking if change.item}
    needed = any(change.item and change.before is None for change in breaking)
    for source in known:
        if source.resource == entry and (needed or items & set(source.mapping)):
            yield source.code
