"""Verifying (核验): whether what is claimed of a subject's items is what the library knows, and nothing of what it knows.

Part of the security boundary: records are compared here in the clear; verdicts alone leave. A record outside the agreed rows is as one that
is not there: nothing of it is known.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from catalog.claims import Try
from exchange_api.agreed import all_shown
from exchange_api.calls import body_of, stated_in
from exchange_api.door import Attempt, Door
from exchange_api.doubt_marks import mark
from exchange_api.library import Library, Row, Shelf
from exchange_api.readings import Found, indexes_of, open_shelf_of, rows_of
from exchange_api.verify_call import VerifyCall, verify_call
from schemas.comparing import outcomes

WORDS: Mapping[bool | None, str] = {True: "matched", False: "not_matched", None: "unknown"}
"""What is told of a claim; ``unknown``: there is no such record, or it does not know the item."""


class Verifying:
    """The reading of ``POST …/verify``."""

    def __init__(self, library: Library, door: Door) -> None:
        self._library = library
        self._door = door

    async def verify(self, attempt: Attempt) -> Any:
        """Answer each claim on up to 1,000 subjects; what failed is counted with the call."""
        shelf = open_shelf_of(self._library, attempt)
        body = await body_of(attempt.request)
        attempt.stated = stated_in(attempt.headers, body)
        attempt.keys = len(body["subjects"]) if isinstance(body.get("subjects"), list) else 0
        asked = verify_call(shelf.resource, body, attempt.stated, attempt.organisation)
        attempt.subjects = indexes_of(shelf, asked.call)
        agreement = self._door.agreed(attempt, shelf.resource.code, asked.call)
        every = await self._rows(shelf, asked, attempt.subjects)
        found = all_shown(attempt, agreement, shelf, every)
        rows = [found.get(index, ()) for index in attempt.subjects]
        verdicts = _verdicts(shelf, asked, rows)
        self._count(attempt, rows, verdicts)
        return {"resource": shelf.resource.code, "subjects": self._told(shelf, asked, rows, verdicts)}

    async def _rows(self, shelf: Shelf, asked: VerifyCall, indexes: Sequence[bytes]) -> Found:
        """Read the records; of one key together with those of other calls."""
        if len(indexes) > 1 or asked.call.by is not None:
            return await rows_of(self._library, shelf, asked.call, indexes)
        row = await shelf.by_key.ask(indexes[0])
        return {} if row is None else {indexes[0]: [row]}

    def _count(
        self, attempt: Attempt, rows: Sequence[Sequence[Row]], verdicts: Sequence[Mapping[str, bool | None]]
    ) -> None:
        """Have the claims counted: those on records one by one, as failed where they do not match or where there is no record."""
        tries = [
            Try(row["_subject"], place, told)
            for place, (its, told) in enumerate(zip(rows, verdicts, strict=True), 1)
            for row in its
        ]
        told_of = Counter(chain.from_iterable(told.items() for told in verdicts))
        unfound = sum(len(told) for its, told in zip(rows, verdicts, strict=True) if not its)
        failed = unfound + sum(number for (_, verdict), number in told_of.items() if verdict is False)
        counts: dict[str, dict[str, int]] = {}
        for (item, verdict), number in told_of.items():
            counts.setdefault(item, {})[WORDS[verdict]] = number
        self._door.tries(attempt, tries, told_of.total(), failed)
        attempt.facts = {**(attempt.facts or {}), "claims": counts}

    def _told(
        self,
        shelf: Shelf,
        asked: VerifyCall,
        rows: Sequence[Sequence[Row]],
        verdicts: Sequence[Mapping[str, bool | None]],
    ) -> list[dict[str, Any]]:
        doubted = self._door.doubts(shelf.resource.code)
        answers: list[dict[str, Any]] = []
        for key, its, told in zip(asked.call.keys, rows, verdicts, strict=True):
            one: dict[str, Any] = {
                "key": key,
                "claims": {item: WORDS[verdict] for item, verdict in told.items()},
            }
            if doubted is not None:
                mark([one] * len(its), its, [*told], doubted)
            answers.append(one)
        return answers


def _verdicts(shelf: Shelf, asked: VerifyCall, rows: Sequence[Sequence[Row]]) -> list[dict[str, bool | None]]:
    """Compare every claim with the records of its subject, all of them opened at once."""
    records = iter(shelf.reader.records([row for its in rows for row in its], asked.call.items))
    return [
        outcomes(claims, [(next(records), row["_valid_from"].date()) for row in its])
        for claims, its in zip(asked.claims, rows, strict=True)
    ]
