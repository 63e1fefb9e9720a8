"""Guessing how one page of an interface follows another, from what its answer and its URL say; a guess is tried before it is told."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Protocol

import yaml

from connectors.json_members import ABSENT, member, text
from connectors.rest.session import Answer
from schemas.errors import SourceError

Ask = Callable[[Mapping[str, Any]], Any]
_DEEPEST = 4


class Found(Protocol):
    """The records of the first page."""

    @property
    def path(self) -> str:
        """Where they are."""

    @property
    def records(self) -> Any:
        """The records."""


@dataclass(frozen=True)
class Guessed:
    """Options for the pages, the URL's parameters that they take the place of, and what could not be told."""

    options: Mapping[str, Any] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    doubts: tuple[str, ...] = ()


@cache
def _words() -> Mapping[str, Any]:
    text_ = (resources.files("connectors.rest") / "guesses.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.safe_load(text_)
    return found


def guessed(found: Found, first: Answer, known: Mapping[str, Any], ask: Ask) -> Guessed:
    """Tell how the pages follow; ``ask`` sends a request with more parameters and returns the answer."""
    success = _success(first.value)
    if "paging" in known:
        return Guessed(success)
    one = _First(found, first, known.get("parameters", {}))
    for way in (one.by_link, one.by_cursor, one.by_number, one.by_trying):
        paging, taken = way(ask)
        if paging:
            return Guessed({**success, "paging": paging}, taken)
    if one.is_all:
        return Guessed(success)
    doubt = "how does a second page follow? Nothing in the answer says it; without options.paging only this one is read"
    return Guessed(success, doubts=(doubt,))


Told = tuple[dict[str, Any], frozenset[str]]
_NOTHING: Told = ({}, frozenset())


class _First:
    """The first page, and what it says of the others."""

    def __init__(self, found: Found, answer: Answer, parameters: Mapping[str, str]) -> None:
        self._found, self._answer, self._parameters = found, answer, parameters
        self._members = dict(_plain_members(answer.value, found.path))
        self._total = self._total_of()

    @property
    def is_all(self) -> bool:
        """Whether the answer says that there are no more records than these."""
        return self._total is not None and self._total[1] <= len(self._found.records)

    def by_link(self, ask: Ask) -> Told:
        """A ``Link`` header, or a member with the next page's URL."""
        if self._answer.next:
            return {"by": "link"}, frozenset()
        for path, value in self._members.items():
            name = path.rpartition(".")[2]
            if value and _is(name, "next") and re.match(r"https?://|/|\?", str(value)):
                return {"by": "link", "next": path}, frozenset()
        return _NOTHING

    def by_cursor(self, ask: Ask) -> Told:
        """A member with a cursor, and the parameter that takes it."""
        for path, value in self._members.items():
            name = path.rpartition(".")[2]
            if not value or not (_is(name, "cursor") or _is(name, "next")):
                continue
            given = [one for one in self._parameters if _is(one, "cursor")]
            for parameter in dict.fromkeys((*given, *_words()["tried"]["cursor"], name)):
                if self._leads_on(ask, {parameter: text(value)}):
                    size = self._size()
                    paging = {"by": "cursor", "parameter": parameter, "cursor": path, **size}
                    return paging, self._taken(paging)
        return _NOTHING

    def by_number(self, ask: Ask) -> Told:
        """A parameter of the URL, or a member that echoes one, with the number of a page or of its first record."""
        for by in ("page", "offset"):
            named = [one for one in self._parameters if _is(one, by)]
            echoed = [path.rpartition(".")[2] for path in self._members if _is(path.rpartition(".")[2], by)]
            for parameter in dict.fromkeys((*named, *echoed)):
                if told := self._numbered(ask, by, parameter):
                    return told
        return _NOTHING

    def by_trying(self, ask: Ask) -> Told:
        """Where there is more, and nothing says how to ask for it: the names that most interfaces use."""
        if self._total is None or self.is_all:
            return _NOTHING
        for by in ("page", "offset"):
            for parameter in _words()["tried"][by]:
                if told := self._numbered(ask, by, parameter):
                    return told
        return _NOTHING

    def _numbered(self, ask: Ask, by: str, parameter: str) -> Told | None:
        first = self._first_number(parameter) if by == "page" else 0
        step = 1 if by == "page" else len(self._found.records)
        if not self.is_all and not self._leads_on(ask, {parameter: first + step}):
            return None
        paging: dict[str, Any] = {"by": by, "parameter": parameter, **self._size()}
        if by == "page" and first != 1:
            paging["first"] = first
        if self._total:
            paging["total"] = self._total[0]
        return paging, self._taken(paging)

    def _first_number(self, parameter: str) -> int:
        stated = self._parameters.get(parameter)
        echoed = (value for path, value in self._members.items() if path.rpartition(".")[2] == parameter)
        number = stated if stated is not None else text(next(echoed, None))
        return 0 if number == "0" else 1

    def _size(self) -> dict[str, Any]:
        """The parameter for the size of a page, as the URL or an echo names it."""
        for name in self._parameters:
            if _is(name, "size") and self._parameters[name].isdigit():
                return {"size_parameter": name, "size": int(self._parameters[name])}
        count = len(self._found.records)
        for path, value in self._members.items():
            name = path.rpartition(".")[2]
            if _is(name, "size") and not _is(name, "total") and text(value) == str(count):
                return {"size_parameter": name, "size": count}
        return {}

    def _taken(self, paging: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({paging["parameter"], paging.get("size_parameter", "")})

    def _leads_on(self, ask: Ask, parameters: Mapping[str, Any]) -> bool:
        """Whether the parameters lead to other records than those of the first page."""
        try:
            found = member(ask(parameters), self._found.path)
        except SourceError:
            return False
        return isinstance(found, list) and bool(found) and found != self._found.records

    def _total_of(self) -> tuple[str, int] | None:
        count = len(self._found.records)
        for path, value in self._members.items():
            number = text(value) or ""
            if _is(path.rpartition(".")[2], "total") and number.isdigit() and int(number) >= count:
                return path, int(number)
        return None


def _success(value: Any) -> dict[str, Any]:
    """An answer's own code that says that it is no error."""
    told = _words()["success"]
    if not isinstance(value, dict):
        return {}
    for name, entry in value.items():
        if _bare(name) in told["names"] and text(entry) in told["values"]:
            return {"success": {"path": name, "values": [text(entry)]}}
    return {}


def _plain_members(value: Any, records: str, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield path and value of every member that is neither object nor list, those of the records left out."""
    if not isinstance(value, dict) or depth > _DEEPEST:
        return
    for name, entry in value.items():
        path = f"{prefix}{name}"
        if path == records or entry is ABSENT or isinstance(entry, list):
            continue
        if isinstance(entry, dict):
            yield from _plain_members(entry, records, f"{path}.", depth + 1)
        else:
            yield path, entry


def _is(name: str, part: str) -> bool:
    return _bare(name) in _words()[part]


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
