"""Page after page of a department's interface, until it says or shows that there is no more.

A page's place is what asks for it: a number, an offset, a cursor or a URL. The place alone is enough to go on from there. How many
records came counts, not how many were asked for: systems cap their pages. A link to another host is refused, for it would
lead the hub, with its credentials, to wherever an answer says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from connectors.json_members import ABSENT, member, text, with_member
from connectors.rest import refusals
from connectors.rest.options import Paging, RestOptions
from connectors.rest.session import Answer, Asked, Session
from connectors.source import Source
from schemas.errors import SourceError

Place = int | str | None
Record = dict[str, Any]

_NO_PAGING = (400, 404, 410)  # what a system says to a cursor or page that it no longer knows
_MOST_REPEATS = 2
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Page:
    """The records of one page, its place, and how many records came before it."""

    place: Place
    before: int
    records: list[Record]


class Pager:
    """The pages of one source."""

    def __init__(self, source: Source, session: Session) -> None:
        self._source, self._session = source, session
        self._options = cast("RestOptions", source.settings)
        self._url = str(source.option("url"))
        self._name = refusals.place_of(source, self._url)
        self._paging = self._options.paging or Paging.model_validate({"by": "link"})

    @property
    def unsteady(self) -> bool:
        """Whether a record that leaves its place while pages are read moves all behind it, so that one may be passed over."""
        return self._paging.by in ("page", "offset")

    def pages(self, since: str | None, start: tuple[Place, int] | None = None) -> Iterator[Page]:
        """Yield the pages from ``start`` (place, and number of records before it), or from the first.

        A place that the system knows no more, as cursors expire, leads back to the first page: nothing is lost by it.
        """
        place, before = start or (self._first(), 0)
        answer = self._answer_at(place, since, again=start is not None)
        if answer is None:
            place, before = self._first(), 0
            answer = self._session.ask(self._asked(place, since))
        yield from self._onwards(place, before, answer, since)

    def _onwards(self, place: Place, before: int, answer: Answer, since: str | None) -> Iterator[Page]:
        visited, last, repeats = {place}, None, 0
        while True:
            records = self._records(answer.value)
            repeats = repeats + 1 if records and records == last else 0
            yield Page(place, before, records)
            before += len(records)
            following = self._following(place, before, len(records), answer)
            if following is None:
                return
            if following in visited or repeats > _MOST_REPEATS:
                raise self._wrong(
                    "gives the same page again and again", "Check options.paging of the source."
                )
            visited.add(following)
            place, last = following, records
            answer = self._session.ask(self._asked(place, since))

    def _answer_at(self, place: Place, since: str | None, *, again: bool) -> Answer | None:
        try:
            return self._session.ask(self._asked(place, since))
        except SourceError as error:
            if again and error.context.get("status") in _NO_PAGING:
                return None
            raise

    # ── what is asked ────────────────────────────────────────────────────────────────────────────────

    def _first(self) -> Place:
        return {"page": self._paging.first, "offset": 0}.get(self._paging.by)

    def _asked(self, place: Place, since: str | None) -> Asked:
        if self._paging.by == "link" and place is not None:
            return Asked(str(place), {}, self._source.option("body"))
        given: dict[str, Any] = dict(self._source.option("parameters"))
        if self._paging.parameter and place is not None:
            given[self._paging.parameter] = place
        if self._paging.size_parameter:
            given[self._paging.size_parameter] = self._paging.size
        if self._options.since and since is not None:
            given[self._options.since.parameter] = since
        if self._options.method == "GET":
            return Asked(self._url, {name: str(value) for name, value in given.items()})
        body: dict[str, Any] = dict(self._source.option("body"))
        for name, value in given.items():
            body = with_member(body, name, value)
        return Asked(self._url, {}, body)

    # ── what is answered ─────────────────────────────────────────────────────────────────────────────

    def _records(self, value: Any) -> list[Record]:
        success = self._options.success
        if success and text(member(value, success.path)) not in success.values:
            raise SourceError(
                f"Source {self._source.code}: {self._name} answered with an error of its own in {success.path!r}.",
                hint="Ask the interface by hand to see its words; they are kept out of the log.",
                source=self._source.code,
            )
        found = member(value, self._options.records)
        if found is None and success:
            return []
        if not isinstance(found, list):
            where = f"under {self._options.records!r}" if self._options.records else "at its top"
            raise self._wrong(f"answered without a list of records {where}", "Check options.records.")
        if not all(isinstance(record, dict) for record in found):
            raise self._wrong("answered with a record that is no object")
        return found

    def _following(self, place: Place, before: int, count: int, answer: Answer) -> Place:
        by = self._paging.by
        if by in ("page", "offset"):
            total = self._total(answer.value)
            if not count or (total is not None and before >= total):
                return None
            return int(place or 0) + (1 if by == "page" else count)
        if by == "cursor":
            cursor = text(member(answer.value, self._paging.cursor or ""))
            ended = cursor in (None, "", "false") or (not count and cursor == place)
            return None if ended else cursor
        return self._link(place, answer)

    def _total(self, value: Any) -> int | None:
        if not self._paging.total:
            return None
        total = text(member(value, self._paging.total))
        if total is None or not total.isdigit():
            raise self._wrong(f"answered without a number under {self._paging.total!r}")
        return int(total)

    def _link(self, place: Place, answer: Answer) -> str | None:
        target: Any = answer.next
        if self._paging.next:
            target = member(answer.value, self._paging.next)
        if self._options.paging is None or target in (None, "", ABSENT):
            return None
        url = _joined(str(place or self._url), str(target))
        if not url or _origin(url) != _origin(self._url):
            raise self._wrong(
                "names a next page on another host, which is refused",
                "Ask the department for links to its own address.",
            )
        return self._without_secrets(url)

    def _without_secrets(self, url: str) -> str:
        """Take the key out again that an answer echoes: places are stored."""
        parts = urlsplit(url)
        names = self._session.secret_parameters
        kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in names]
        return parts._replace(query=urlencode(kept), fragment="").geturl() if names else url

    def _wrong(self, what: str, hint: str = "") -> SourceError:
        return refusals.wrong(self._source, self._name, what, hint)


def _joined(base: str, target: str) -> str | None:
    try:
        return urljoin(base, target)
    except ValueError:
        return None


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
