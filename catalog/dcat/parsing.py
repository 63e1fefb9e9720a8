"""A neighbour's document as a graph, with nothing fetched and nothing expanded that its bytes do not hold.

rdflib would fetch a remote context of JSON-LD, and XML may define entities that grow: both are refused before it sees them.
"""

import logging
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

import orjson
from rdflib import Dataset, Graph

from schemas.errors import WrongCatalogue

_FORMATS = {
    "text/turtle": "turtle",
    "application/x-turtle": "turtle",
    "application/n-triples": "turtle",
    "text/n3": "turtle",
    "application/ld+json": "json-ld",
    "application/json": "json-ld",
    "application/rdf+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
}
_DEEPEST = 100
_log = logging.getLogger("rdflib.term")


def parsed(body: bytes, media_type: str, base: str) -> Graph:
    """Read Turtle, JSON-LD or RDF/XML, or raise ``WrongCatalogue``; where the media type says nothing, by the first byte."""
    kind = _FORMATS.get(media_type) or _guessed(body)
    _log.disabled = True  # it would quote literals that are not of their datatype
    try:
        _CHECKS[kind](body)
        if kind == "json-ld":
            return _flat(Dataset().parse(data=body, format=kind, publicID=base))
        return Graph().parse(data=body, format=kind, publicID=base)
    except WrongCatalogue:
        raise
    except Exception as error:  # noqa: BLE001 - rdflib's parsers raise whatever comes, and their words quote the document
        raise WrongCatalogue(f"The document is no {_NAMES[kind]} ({type(error).__name__}).") from None
    finally:
        _log.disabled = False


_NAMES = {"turtle": "Turtle", "json-ld": "JSON-LD", "xml": "RDF/XML"}


def _flat(found: Dataset) -> Graph:
    graph = Graph()
    for subject, predicate, value, _ in found.quads():
        graph.add((subject, predicate, value))
    return graph


def _guessed(body: bytes) -> str:
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:200]
    if start[:1] in (b"{", b"["):
        return "json-ld"
    if start[:1] == b"<" and (start.startswith(b"<?xml") or b"rdf:RDF" in start):
        return "xml"
    if start[:9].lower() == b"<!doctype"[:9] or start[:5].lower() == b"<html":
        raise WrongCatalogue(
            "The document is a page for people, not a catalogue.",
            hint="Give the address of its DCAT document.",
        )
    return "turtle"


def _check_xml(body: bytes) -> None:
    parser = expat.ParserCreate()

    def _doctype(*_told: Any) -> None:
        raise WrongCatalogue(
            "The document has a document type, by which entities could be defined; it is not read."
        )

    parser.StartDoctypeDeclHandler = _doctype
    parser.Parse(body, True)


def _check_json(body: bytes) -> None:
    for depth, key, value in _members(orjson.loads(body), 0):
        if depth > _DEEPEST:
            raise WrongCatalogue(f"The document is nested deeper than {_DEEPEST} levels.")
        contexts = value if isinstance(value, list) else [value]
        if key == "@import" or (key == "@context" and any(isinstance(one, str) for one in contexts)):
            raise WrongCatalogue(
                "The document names a remote context, which is not fetched.",
                hint="Ask for Turtle, or for contexts in the document.",
            )


def _members(value: Any, depth: int) -> Iterator[tuple[int, str, Any]]:
    """Yield every member of every object with its depth, without recursion: the document says how deep it is."""
    left = [(value, depth)]
    while left:
        one, deep = left.pop()
        if isinstance(one, dict):
            for key, held in one.items():
                yield deep, key, held
                left.append((held, deep + 1))
        elif isinstance(one, list):
            yield deep, "", None
            left += [(held, deep + 1) for held in one]


_CHECKS = {"turtle": lambda _body: None, "json-ld": _check_json, "xml": _check_xml}
