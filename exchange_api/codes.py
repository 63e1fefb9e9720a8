"""Code sets behind the door: open to every registered system, on the ledger like any call.

Tables of codes change rarely: an answer has an ETag, by which it need not be sent again. Nothing here is personal, yet
what was given is never quoted.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from catalog.code_edition import Edition
from catalog.code_sets import MOST_ENTRIES, CodeSets
from exchange_api.calls import body_of, parameters_of
from exchange_api.door import Attempt
from hub.code_answers import code_history, code_on, division_told, edition_told, event_told
from hub.code_crosswalks import MOST_AT_ONCE, MOST_CODES, crosswalk_page, day_of, translation
from infra.database import Database, Role
from schemas.divisions import ALWAYS
from schemas.errors import MalformedRequest, TooManyKeys

_AT_ONCE = 4  # readings of one process: each holds a connection
Answer = dict[str, Any]


class CodeDesk:
    """The readings of ``/v1/codes``; each takes an authenticated attempt and returns a JSON-ready answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def sets(self, attempt: Attempt) -> Any:
        """List every code set with its editions."""
        _asked(attempt)

        def _read(code_sets: CodeSets) -> Answer | None:
            editions = code_sets.editions()
            if _fresh(attempt, *(one.digest for one in editions)):
                return None
            attempt.records = len(editions)
            return {"code_sets": [edition_told(one) for one in editions]}

        return await self._read(_read)

    async def codes(self, attempt: Attempt) -> Any:
        """Answer a page of the codes of one day."""
        asked = _asked(attempt, "edition", "on", "parent", "after", "limit")
        limit = _limit(asked)

        def _read(code_sets: CodeSets) -> Answer | None:
            edition = _edition(code_sets, attempt, asked)
            day = _day(asked, "on") or day_of(edition)
            if _fresh(attempt, edition.digest, str(day)):
                return None
            rows = code_sets.at(
                edition, day, after=asked.get("after", ""), limit=limit + 1, parent=asked.get("parent")
            )
            attempt.records = len(rows[:limit])
            told = {"on": day.isoformat(), "codes": [division_told(row) for row in rows[:limit]]}
            return (
                edition_told(edition) | told | {"next": rows[limit - 1].code if len(rows) > limit else None}
            )

        return await self._read(_read)

    async def code(self, attempt: Attempt) -> Any:
        """Answer what a code meant on a day, or what it had become by then."""
        asked = _asked(attempt, "edition", "on")
        attempt.keys = 1

        def _read(code_sets: CodeSets) -> Answer | None:
            edition = _edition(code_sets, attempt, asked)
            day = _day(asked, "on") or day_of(edition)
            if _fresh(attempt, edition.digest, str(day)):
                return None
            told = code_on(code_sets, edition, attempt.request.path_params["code"], day)
            attempt.records = 1
            return {"name": edition.name, "edition": edition.edition, **told}

        return await self._read(_read)

    async def history(self, attempt: Attempt) -> Any:
        """Answer every meaning of a code, and what happened to it."""
        asked = _asked(attempt, "edition")
        attempt.keys = 1

        def _read(code_sets: CodeSets) -> Answer | None:
            edition = _edition(code_sets, attempt, asked)
            if _fresh(attempt, edition.digest):
                return None
            told = code_history(code_sets, edition, attempt.request.path_params["code"])
            attempt.records = len(told["meanings"])
            return {"name": edition.name, "edition": edition.edition, **told}

        return await self._read(_read)

    async def events(self, attempt: Attempt) -> Any:
        """Answer a page of what happened to codes, from a day on."""
        asked = _asked(attempt, "edition", "since", "after", "limit")
        limit, after = _limit(asked), _number(asked, "after", 0)

        def _read(code_sets: CodeSets) -> Answer | None:
            edition = _edition(code_sets, attempt, asked)
            if _fresh(attempt, edition.digest):
                return None
            since = _day(asked, "since") or ALWAYS
            found = code_sets.events(edition, since=since, after=after, limit=limit + 1)
            attempt.records = len(found[:limit])
            told = [{"number": number, **event_told(event)} for number, event in found[:limit]]
            page = {"events": told, "next": found[limit - 1][0] if len(found) > limit else None}
            return {"name": edition.name, "edition": edition.edition, "precision": edition.precision, **page}

        return await self._read(_read)

    async def search(self, attempt: Attempt) -> Any:
        """Answer the codes whose name has the words in it, in every edition of the code set."""
        asked = _asked(attempt, "words", "limit")
        words, limit = asked.get("words", "").strip(), _limit(asked)
        if not words:
            raise MalformedRequest("Parameter words is missing: the name, or a part of one.")

        def _read(code_sets: CodeSets) -> Answer:
            name = _edition(code_sets, attempt, {}).name
            found = code_sets.named(words, [name], limit)
            attempt.records = len(found)
            return {
                "name": name,
                "codes": [{"edition": one.edition, **division_told(row)} for one, row in found],
            }

        return await self._read(_read)

    async def crosswalk(self, attempt: Attempt) -> Any:
        """Answer a page of the crosswalk of two editions; the first who asks waits until it is made."""
        asked = _asked(attempt, "from", "to", "changes", "outcome", "within", "after", "limit")
        written = _sides(asked)
        outcomes = [part for part in asked.get("outcome", "").split(",") if part]
        limit, after = _limit(asked), _number(asked, "after", 0)
        name = attempt.request.path_params["name"]

        def _page() -> Answer:
            return crosswalk_page(
                self._database, written, name=name, outcomes=outcomes, within=asked.get("within", ""), after=after,
                limit=limit, actor=_actor(attempt), at_most=MOST_AT_ONCE,
            )  # fmt: skip

        told = await self._run(_page)
        attempt.records = len(told["matches"])
        return None if _fresh(attempt, str(told)) else told

    async def translate(self, attempt: Attempt) -> Any:
        """Answer for up to 1,000 codes what each is in another edition, or on a later day."""
        body = await body_of(attempt.request)
        if body.keys() - {"codes", "from", "to", "changes"}:
            raise MalformedRequest("There is a field that is not known.", hint="See docs/codes.md.")
        codes = body.get("codes")
        texts = {key: body[key] for key in ("from", "to", "changes") if key in body}
        if (
            not isinstance(codes, list)
            or not codes
            or not all(isinstance(one, str) for one in (*codes, *texts.values()))
        ):
            raise MalformedRequest("Field codes must be a list of strings, and from, to and changes strings.")
        if len(codes) > MOST_CODES:
            raise TooManyKeys(
                f"A call may ask for {MOST_CODES} codes, not {len(codes)}.", hint="Split the call."
            )
        attempt.keys = len(codes)
        written, name = _sides(texts), attempt.request.path_params["name"]

        def _translation() -> Answer:
            return translation(
                self._database, written, codes, name=name, actor=_actor(attempt), at_most=MOST_AT_ONCE
            )

        told = await self._run(_translation)
        attempt.records = sum(bool(one["codes"]) for one in told["codes"])
        return told

    async def _read(self, reading: Callable[[CodeSets], Answer | None]) -> Any:
        def _connected() -> Answer | None:
            with self._database.engine(Role.APPLICATION).connect() as connection:
                return reading(CodeSets(connection))

        return await self._run(_connected)

    async def _run(self, work: Callable[[], Any]) -> Any:
        async with self._free:
            return await asyncio.to_thread(work)


def _actor(attempt: Attempt) -> str:
    return f"system:{attempt.system.id}" if attempt.system else "system"


def _edition(code_sets: CodeSets, attempt: Attempt, asked: Mapping[str, str]) -> Edition:
    return code_sets.edition(attempt.request.path_params["name"], asked.get("edition"))


def _fresh(attempt: Attempt, *parts: str) -> bool:
    """Tell whether the caller has this answer already: it depends on the tables' content and the question alone."""
    scope = attempt.request.scope
    digest = hashlib.sha256(
        "\n".join((scope["path"], scope["query_string"].decode("latin-1"), *parts)).encode()
    )
    return attempt.has_fresh(f'"{digest.hexdigest()[:32]}"')


# ── parameters ───────────────────────────────────────────────────────────────────────────────────────


def _asked(attempt: Attempt, *known: str) -> dict[str, str]:
    asked = parameters_of(attempt.request.scope["query_string"])
    if asked.keys() - set(known):
        told = ", ".join(known) or "none"
        raise MalformedRequest("There is a query parameter that is not known.", hint=f"Known are: {told}.")
    return asked


def _day(asked: Mapping[str, str], name: str) -> date | None:
    if name not in asked:
        return None
    try:
        return date.fromisoformat(asked[name])
    except ValueError:
        raise MalformedRequest(f"Parameter {name} is not a date: YYYY-MM-DD.") from None


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    given = asked.get(name, str(default))
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise MalformedRequest(f"Parameter {name} is not a number.")
    return int(given)


def _limit(asked: Mapping[str, str]) -> int:
    limit = _number(asked, "limit", MOST_ENTRIES)
    if not 0 < limit <= MOST_ENTRIES:
        raise MalformedRequest(f"Parameter limit is not between 1 and {MOST_ENTRIES}.")
    return limit


def _sides(asked: Mapping[str, str]) -> tuple[str, str, str | None]:
    if not (asked.get("from") and asked.get("to")):
        raise MalformedRequest(
            "From and to are missing: which editions.", hint="Such as from=2023&to=shipped@2026-02-01."
        )
    return asked["from"], asked["to"], asked.get("changes")
