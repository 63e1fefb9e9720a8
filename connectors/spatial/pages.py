"""The pages of a WFS 2.0 (OGC 09-025r2) and of an OGC API Features (OGC 17-069r4): how they are asked for and follow."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit
from xml.parsers import expat

import orjson
import pyarrow as pa

from connectors.batch import Shape, content_digest
from connectors.rest import refusals
from connectors.rest.session import Asked, Session
from connectors.source import Source
from connectors.spatial.layers import Layer
from connectors.spatial.options import ServiceOptions
from connectors.spatial.wholeness import require_whole
from schemas.errors import SourceError, SourceLoginFailed, SourceUnreachable

Place = int | str | None

_MEMBER = re.compile(rb"<(?:[\w.-]+:)?(?:member|featureMembers?)[\s>/]")
_CRS84 = "CRS84"
_ROWS = 10_000
_NO_PAGING = (400, 404, 410)  # what a service says to a link that it no longer knows


@dataclass(frozen=True)
class Page:
    """The features of one page, its place, and how many came before it."""

    place: Place
    before: int
    table: pa.Table
    shape: Shape


@dataclass(frozen=True)
class _Answer:
    """A page as it came: what the service says of all features, the next place, and what this one holds."""

    matched: int | None
    returned: int | None
    following: Place
    page: Page | None


class Pages(ABC):
    """The pages of one layer."""

    def __init__(self, source: Source, told: ServiceOptions, session: Session, name: str) -> None:
        self._source, self._told, self._session, self._name = source, told, session, name
        self._layer = str(source.option("layer"))

    def pages(self, start: tuple[Place, int] | None) -> Iterator[Page]:
        """Yield the pages from ``start`` (place, and features before it), or from the first; never an empty one."""
        place, before = start or (self.first, 0)
        answer = self._asked_again(place, before) if start else self.answer(place, before)
        if answer is None:
            place, before = self.first, 0
            answer = self.answer(place, before)
        mark = None
        while (page := answer.page) is not None:
            if answer.returned is not None and page.table.num_rows != answer.returned:
                raise self.wrong(f"sent {page.table.num_rows} features of a page of {answer.returned}")
            if mark == (mark := content_digest(page.table)):
                raise self.wrong("gives the same page again", "Set options.service.page_size: 0.")
            yield page
            before += page.table.num_rows
            if answer.following is None:
                break
            answer = self.answer(answer.following, before)
        if answer.matched is not None and before < answer.matched:
            raise self.wrong(
                f"gave {before} features of {answer.matched}", "Run again; features may have changed."
            )

    def _asked_again(self, place: Place, before: int) -> _Answer | None:
        try:
            return self.answer(place, before)
        except (SourceUnreachable, SourceLoginFailed):
            raise
        except SourceError as error:
            if error.context.get("status") in _NO_PAGING:
                return None
            raise

    first: Place = None

    @abstractmethod
    def answer(self, place: Place, before: int) -> _Answer:
        """Ask for the page at a place."""

    def read(self, content: bytes, place: Place, before: int, beside: Mapping[str, bytes]) -> Page:
        """Read a page as the file that it is."""
        with TemporaryDirectory(prefix="hub-page-") as folder:
            name = re.sub(r"[^\w-]", "_", self._layer)
            for suffix, written in {"": content, **beside}.items():
                (Path(folder) / f"{name}{suffix}").write_bytes(written)
            path = Path(folder) / name
            layer = Layer(path, require_whole(path, self._source), self._source)
            tables = list(layer.tables(_ROWS))
        return Page(place, before, pa.concat_tables(tables), layer.shape)

    def wrong(self, what: str, hint: str = "") -> SourceError:
        """Make the error for an answer that is not what was asked for."""
        return refusals.wrong(self._source, self._name, what, hint)


class Wfs(Pages):
    """Pages of a WFS 2.0: from the feature of a number on."""

    first: Place = 0

    def __init__(self, source: Source, told: ServiceOptions, session: Session, name: str) -> None:
        super().__init__(source, told, session, name)
        self._schema: bytes | None = None

    def answer(self, place: Place, before: int) -> _Answer:
        """Ask for the features from a number on."""
        start = int(place or 0)
        asked = {"request": "GetFeature", "typeNames": self._layer, **self._told.parameters}
        if self._told.page_size:
            asked |= {"count": str(self._told.page_size)} | ({"startIndex": str(start)} if start else {})
        if self._told.sort_by:
            asked["sortBy"] = self._told.sort_by
        content = self._asked(asked)
        told = self._root(content)
        matched, returned = (_number(told.get(name)) for name in ("numberMatched", "numberReturned"))
        if returned == 0 or not _MEMBER.search(content):
            return _Answer(matched, None, None, None)
        schema = self._described()
        page = self.read(content, start, before, {".xsd": schema} if schema else {})
        following = start + page.table.num_rows
        ended = not self._told.page_size or (matched is not None and following >= matched)
        return _Answer(matched, returned, None if ended else following, page)

    def _asked(self, parameters: Mapping[str, str]) -> bytes:
        known = {name.lower() for name, _ in parse_qsl(urlsplit(self._told.url).query)}
        service = {"service": "WFS", "version": "2.0.0", **parameters}
        given = {name: value for name, value in service.items() if name.lower() not in known}
        return self._session.fetch(Asked(self._told.url, given))[1]

    def _described(self) -> bytes:
        """Return the schema of the layer: without, types are guessed page by page. A service may have none to give."""
        if self._schema is None:
            try:
                self._schema = self._asked({"request": "DescribeFeatureType", "typeNames": self._layer})
            except (SourceUnreachable, SourceLoginFailed):
                raise
            except SourceError:
                self._schema = b""
            self._schema = self._schema if b"schema" in self._schema[:2000] else b""
        return self._schema

    def _root(self, content: bytes) -> dict[str, str]:
        """Return the attributes of the outermost element; raises ``WrongFormat`` where it is no collection."""
        found: list[tuple[str, dict[str, str]]] = []
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = lambda name, told: found.append((name, told)) if not found else None
        with suppress(expat.ExpatError):  # said in full when the page is read, if it begins as it should
            parser.Parse(content[: 1 << 16], False)
        name, told = found[0] if found else ("", {})
        local = name.rpartition(" ")[2]
        if local in ("ExceptionReport", "ServiceExceptionReport"):
            raise self.wrong(
                "answered with an exception report",
                "Check options.layer and the parameters; ask by hand to see its words.",
            )
        if local != "FeatureCollection":
            raise self.wrong("answered without a collection of features", "Check options.service.url.")
        return told


class OgcApi(Pages):
    """Pages of an OGC API Features: each names the next one."""

    def answer(self, place: Place, before: int) -> _Answer:
        """Ask for the page at a URL, or for the first."""
        url = f"{self._told.url.rstrip('/')}/collections/{quote(self._layer, safe=':')}/items"
        given = {"f": "json", **self._told.parameters}
        if self._told.page_size:
            given["limit"] = str(self._told.page_size)
        headers, content = self._session.fetch(Asked(url, given) if place is None else Asked(str(place), {}))
        if _CRS84 not in headers.get("Content-Crs", _CRS84):
            raise self.wrong(
                "answers in another coordinate system than CRS84",
                "Leave crs out of options.service.parameters: the hub transforms by itself.",
            )
        value = self._parsed(content)
        matched, returned = value.get("numberMatched"), value.get("numberReturned")
        if not value["features"]:
            return _Answer(matched, None, None, None)
        page = self.read(content, place, before, {})
        return _Answer(matched, returned, self._following(value, str(place or url)), page)

    def _parsed(self, content: bytes) -> dict[str, Any]:
        try:
            value = orjson.loads(content)
        except ValueError:
            raise self.wrong("answered with what is no JSON") from None
        if not isinstance(value, dict) or not isinstance(value.get("features"), list):
            raise self.wrong(
                "answered without a collection of features", "Check options.service.url and layer."
            )
        return value

    def _following(self, value: Mapping[str, Any], base: str) -> str | None:
        links = value.get("links")
        found = [
            link.get("href")
            for link in (links if isinstance(links, list) else ())
            if isinstance(link, dict) and link.get("rel") == "next"
        ]
        if not found:
            return None
        target = urlsplit(urljoin(base, str(found[0])))
        if target[:2] != urlsplit(self._told.url)[:2]:
            raise self.wrong(
                "names a next page on another host, which is refused",
                "Ask the department for links to its own address.",
            )
        secret = self._session.secret_parameters
        kept = [pair for pair in parse_qsl(target.query, keep_blank_values=True) if pair[0] not in secret]
        return target._replace(query=urlencode(kept), fragment="").geturl()


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdigit() else None
