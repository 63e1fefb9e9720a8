"""Looking at a JSON interface of which nothing is known: where its records are, and how one page follows another.

The first page is asked for as the URL says; what then looks like paging is tried by asking for a second page, with a few
requests in all. What cannot be told stays a doubt.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from connectors.json_members import ABSENT, member, shape_of, table_of
from connectors.look import SAMPLED_ROWS, Glance, Look
from connectors.options import parsed
from connectors.rest import refusals
from connectors.rest.guesses import Guessed, guessed
from connectors.rest.options import RestOptions
from connectors.rest.session import Asked, Session
from connectors.source import Source

_DEEPEST = 5
_CONTAINERS = ("object",)


@dataclass(frozen=True)
class Records:
    """A list of records in an answer, and the path to it."""

    path: str
    records: Sequence[Mapping[str, Any]]


def look(given: Mapping[str, Any], rows: int = SAMPLED_ROWS) -> list[Look]:
    """Look at an interface: every list of records in its first answer, the longest first; ``given`` are options of ``rest``.

    Raises a ``SourceError`` where it cannot be asked, or answers with no records.
    """
    bare, parameters = _parted(str(given["url"]))
    known = {**given, "url": bare}
    if parameters or "parameters" in given:
        known["parameters"] = {**parameters, **given.get("parameters", {})}
    glance = Glance(parsed("rest", RestOptions, {"retries": 1, **known}))
    source = cast("Source", glance)
    with closing(Session(source)) as session:
        first = session.ask(_asked(glance, known, {}))
        found = sorted(_lists(first.value, known.get("records")), key=lambda one: -len(one.records))
        if not found:
            raise refusals.wrong(
                source,
                refusals.place_of(source, bare),
                "answers with no list of records",
                "Name it with --option records=PATH, or ask for a page that has some.",
            )

        def ask(parameters: Mapping[str, Any]) -> Any:
            return session.ask(_asked(glance, known, parameters)).value

        told = guessed(found[0], first, known, ask)
    return [_look(one, told, known, rows, bare) for one in found]


def _asked(glance: Glance, known: Mapping[str, Any], parameters: Mapping[str, Any]) -> Asked:
    given = {**known.get("parameters", {}), **parameters}
    filled = {**glance.option("parameters"), **{name: given[name] for name in parameters}}
    if known.get("method", "GET") == "GET":
        return Asked(str(glance.option("url")), {name: str(value) for name, value in filled.items()})
    return Asked(str(glance.option("url")), {}, {**glance.option("body"), **filled})


def _parted(url: str) -> tuple[str, dict[str, str]]:
    """Part the parameters of a URL from it: which of them are for paging is still to be told."""
    parts = urlsplit(url)
    return parts._replace(query="", fragment="").geturl(), dict(
        parse_qsl(parts.query, keep_blank_values=True)
    )


def _lists(value: Any, declared: str | None) -> Iterator[Records]:
    if declared is not None:
        found = member(value, declared)
        if found is not ABSENT and _are_records(found):
            yield Records(declared, found)
        return
    yield from _within(value, "", 0)


def _within(value: Any, path: str, depth: int) -> Iterator[Records]:
    if _are_records(value):
        yield Records(path, value)
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name, entry in value.items():
            yield from _within(entry, f"{path}.{name}" if path else name, depth + 1)


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _look(found: Records, told: Guessed, known: Mapping[str, Any], rows: int, url: str) -> Look:
    shape = {name: kind for name, kind in shape_of(found.records, {}).items() if kind not in _CONTAINERS}
    options = {name: value for name, value in known.items() if name != "parameters"}
    kept = {name: value for name, value in known.get("parameters", {}).items() if name not in told.taken}
    if kept:
        options["parameters"] = kept
    if found.path:
        options["records"] = found.path
    title = urlsplit(url).path.strip("/").rpartition("/")[2] or "interface"
    sample = table_of(found.records[:rows], tuple(shape))
    return Look(title, {**options, **told.options}, shape, sample, "rest", doubts=told.doubts)
