"""The catalogue's entries through the API: reading for people and systems, every act for people, as ``hub catalogue`` has them.

What is not published is seen by the providing department and the catalogue authority alone; to others it is not there.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from starlette.requests import Request

from catalog.actor import Actor
from catalog.entries import Entries
from catalog.entry import CatalogueEntry, entry_from
from catalog.entry_reader import MOST_LISTED, Standing
from catalog.entry_workflow import UNDERWAY
from catalog.person import Role
from catalog.workflow import Matter
from exchange_api.bodies import Fields, named
from exchange_api.calls import body_of, parameters_of
from exchange_api.door import Attempt, Reading
from exchange_api.transactions import Transaction, Transactions
from hub.catalogue.acts import ACTS, act
from hub.catalogue.answers import (
    diff_told,
    done_told,
    entry_told,
    history_told,
    may_see_all,
    possible_told,
    standing_told,
)
from hub.catalogue.opening import entries_of
from hub.source_registry import Registry
from infra.clock import Clock, now
from infra.settings import Settings
from schemas.errors import MalformedRequest, NotYourPart, UnknownEntry

FILTERS = ("provider", "category", "state", "sharing")
_PAGE = 100
_LONGEST_NUMBER = 6
Made = TypeVar("Made")
Answer = dict[str, Any]
Writing = Callable[[Entries, CatalogueEntry, Actor], Matter]


class CatalogueDesk:
    """The readings of ``/v1/catalogue/entries``."""

    def __init__(
        self, settings: Settings, transactions: Transactions, registry: Registry, clock: Clock = now
    ) -> None:
        self._settings, self._transactions, self._registry, self._clock = (
            settings,
            transactions,
            registry,
            clock,
        )

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────

    async def listed(self, attempt: Attempt) -> Answer:
        """List entries by id, in pages; ``next`` is what ``after`` is for the following one."""
        asked = _asked(attempt.request, *FILTERS, "after", "limit")
        limit = _number(asked, "limit", _PAGE)
        if not 1 <= limit <= MOST_LISTED:
            raise MalformedRequest(f"Parameter limit must be 1 to {MOST_LISTED}.")
        filters = {name: asked.get(name) for name in FILTERS}

        def _list(entries: Entries, actor: Actor) -> Answer:
            seen_by = None if Role.CATALOGUE_AUTHORITY in actor.roles else actor.organisation or ""
            found = entries.reader.listed(filters, asked.get("after", ""), limit + 1, seen_by=seen_by)
            page = found[:limit]
            attempt.records = len(page)
            after = page[-1].id if len(found) > limit else None
            return {"entries": [standing_told(one) for one in page], "next": after}

        return await self._done(attempt, _list)

    async def entry(self, attempt: Attempt) -> Answer:
        """Tell what a version of an entry says, by default the one in force."""
        asked = _asked(attempt.request, "version")
        version = _number(asked, "version", 0) or None

        def _read(entries: Entries, actor: Actor) -> Answer:
            standing = _seen(entries, actor, _id(attempt), version)
            told = entry_told(entries, standing.id, version)
            return told if may_see_all(actor, standing) else {**told, "duties": []}

        return await self._done(attempt, _read)

    async def history(self, attempt: Attempt) -> Answer:
        """Tell every act on every version, and what was said with it."""
        return await self._done(
            attempt,
            lambda entries, actor: {
                "events": history_told(entries.reader.history(_own(entries, actor, _id(attempt))))
            },
        )

    async def changes(self, attempt: Attempt) -> Answer:
        """Tell what the version under way changes, or one version of another, and whom what breaks concerns."""
        asked = _asked(attempt.request, "from", "to")
        numbers = _number(asked, "from", 0), _number(asked, "to", 0)
        if (numbers[0] == 0) != (numbers[1] == 0):
            raise MalformedRequest("Give both from and to, or neither.")

        def _compare(entries: Entries, actor: Actor) -> Answer:
            entry = _own(entries, actor, _id(attempt))
            return diff_told(entries, entry, self._registry.sources(), numbers if numbers[0] else None)

        return await self._done(attempt, _compare)

    async def possible(self, attempt: Attempt) -> Answer:
        """Tell what the person may do with an entry now."""

        def _ask(entries: Entries, actor: Actor) -> Answer:
            entry = _seen(entries, actor, _id(attempt)).id
            return {"entry": entry, "possible": possible_told(entries, entry, actor)}

        return await self._done(attempt, _ask)

    # ── acts ─────────────────────────────────────────────────────────────────────────────────────────

    async def draft(self, attempt: Attempt) -> Answer:
        """Begin an entry."""
        return await self._written(attempt, entry_from(await body_of(attempt.request)), Entries.draft)

    async def change(self, attempt: Attempt) -> Answer:
        """Begin the next version of an entry."""
        return await self._written(attempt, await _same(attempt), Entries.change)

    async def edit(self, attempt: Attempt) -> Answer:
        """Write the version under way anew."""
        return await self._written(attempt, await _same(attempt), Entries.edit)

    def act(self, name: str) -> Reading:
        """Return the reading that does an act of the table."""
        line = ACTS[name]

        async def _reading(attempt: Attempt) -> Answer:
            known = (*line.says, *line.may_say)
            given = Fields(await _body(attempt) if known else {}, known)
            said = {field: given.text_or_none(field) for field in known}

            def _do(entries: Entries, actor: Actor) -> Answer:
                entry = _seen(entries, actor, _id(attempt)).id
                return done_told(entry, act(entries, entry, name, actor, said))

            return await self._done(attempt, _do)

        return _reading

    async def _written(self, attempt: Attempt, entry: CatalogueEntry, write: Writing) -> Answer:
        return await self._done(
            attempt, lambda entries, actor: done_told(entry.id, write(entries, entry, actor))
        )

    async def _done(self, attempt: Attempt, work: Callable[[Entries, Actor], Made]) -> Made:
        def _work(given: Transaction) -> Made:
            return work(entries_of(self._settings, given.connection, given.record, self._clock), given.actor)

        return await self._transactions.committed(attempt, _work)


def _id(attempt: Attempt) -> str:
    return named(attempt.request, "entry")


def _seen(entries: Entries, actor: Actor, entry: str, version: int | None = None) -> Standing:
    """Return where an entry stands; to whom it is not published it is not there, nor is its version under way."""
    standing = entries.reader.standing(entry)
    hidden = standing.in_force is None or (version == standing.newest and standing.state in UNDERWAY)
    if hidden and not may_see_all(actor, standing):
        raise UnknownEntry(f"The catalogue has no entry {entry}, or no such version of it.", entry=entry)
    return standing


def _own(entries: Entries, actor: Actor, entry: str) -> str:
    standing = _seen(entries, actor, entry)
    if not may_see_all(actor, standing):
        raise NotYourPart(
            f"What was done with entry {entry} is not for your organisation.",
            hint="It is for its department and the catalogue authority.",
        )
    return standing.id


async def _same(attempt: Attempt) -> CatalogueEntry:
    entry = entry_from(await body_of(attempt.request))
    if entry.id != _id(attempt):
        raise MalformedRequest("The entry's id is not that of the path.")
    return entry


async def _body(attempt: Attempt) -> Mapping[str, Any]:
    """Read what is said with an act; nothing at all where there is no body."""
    length = attempt.headers.get(b"content-length", b"0")
    if length == b"0" and b"transfer-encoding" not in attempt.headers:
        return {}
    return await body_of(attempt.request)


def _asked(request: Request, *known: str) -> dict[str, str]:
    asked = parameters_of(request.scope["query_string"])
    if asked.keys() - set(known):
        raise MalformedRequest(
            "There is a parameter that is not known.", hint=f"Known are: {', '.join(known)}."
        )
    if any("\0" in value for value in asked.values()):
        raise MalformedRequest("A parameter has a character that is in no entry.")
    return asked


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text)):
        raise MalformedRequest(f"Parameter {name} must be a whole number from 1.")
    return int(text)
