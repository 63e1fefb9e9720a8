"""Lists by keyset: a page is what comes behind a key, and tells the key of its last row where there is more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from exchange_api.calls import parameters_of
from exchange_api.door import Attempt
from schemas.errors import MalformedRequest

MOST_LISTED = 1_000
_USUAL = 100
Row = TypeVar("Row")
PARAMETERS: Sequence[Mapping[str, Any]] = (
    {"name": "after", "in": "query", "schema": {"type": "string"}, "description": "next of the page before"},
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED}},
)
"""For the API's own document."""


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list is asked for: up to ``limit`` rows behind the key ``after``."""

    after: str
    limit: int

    @property
    def fetched(self) -> int:
        """How many rows to read: one more than are told, to know whether there is more."""
        return self.limit + 1

    def told(
        self,
        attempt: Attempt,
        name: str,
        rows: Sequence[Row],
        key: Callable[[Row], str],
        tell: Callable[[Row], Any],
    ) -> dict[str, Any]:
        """Describe the rows under that name, and the key to go on behind, None at the end."""
        shown = rows[: self.limit]
        attempt.records = len(shown)
        more = len(rows) > self.limit
        return {name: [tell(row) for row in shown], "next": key(shown[-1]) if more else None}


def page_of(attempt: Attempt, *others: str) -> Page:
    """Read ``?after=…&limit=…``, or raise ``MalformedRequest``, also where there is a parameter but these and ``others``."""
    asked = parameters_of(attempt.request.scope["query_string"])
    known = (*others, "after", "limit")
    if asked.keys() - set(known):
        raise MalformedRequest(
            "There is a query parameter that is not known.", hint=f"Known are: {', '.join(known)}."
        )
    limit, after = asked.get("limit", str(_USUAL)), asked.get("after", "")
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 6 and 0 < int(limit) <= MOST_LISTED):
        raise MalformedRequest(f"Parameter limit is not between 1 and {MOST_LISTED}.")
    if "\0" in after:
        raise MalformedRequest("Parameter after holds what no key holds.")
    return Page(after, int(limit))
