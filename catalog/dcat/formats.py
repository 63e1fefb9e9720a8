"""In which formats a graph is had, and which of them an ``Accept`` header asks for (RFC 9110, 12.5.1)."""

from dataclasses import dataclass

from rdflib import Graph

from schemas.errors import NotAcceptable


@dataclass(frozen=True, slots=True)
class RdfFormat:
    """One format: its name in options, rdflib's name for it, its media type and the ending of its files."""

    name: str
    serializer: str
    media_type: str
    suffix: str


FORMATS = (
    RdfFormat("turtle", "turtle", "text/turtle", ".ttl"),
    RdfFormat("json-ld", "json-ld", "application/ld+json", ".jsonld"),
    RdfFormat("rdf-xml", "pretty-xml", "application/rdf+xml", ".rdf"),
)
"""The one that is sent where nobody says which comes first."""
_ALSO = {"application/json": FORMATS[1], "application/xml": FORMATS[2], "text/xml": FORMATS[2]}
_BY_TYPE = {one.media_type: one for one in FORMATS} | _ALSO


def format_named(name: str) -> RdfFormat:
    """Return the format of that name, or raise ``NotAcceptable``."""
    for one in FORMATS:
        if name == one.name:
            return one
    raise NotAcceptable("There is no such format of the catalogue.", hint=_known())


def format_accepted(accept: str) -> RdfFormat:
    """Return the format that an ``Accept`` header likes best, of equals the first of ours; ``NotAcceptable`` where none is."""
    ranges = [_range(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    liked = [(_quality(media_type, ranges), one) for media_type, one in _BY_TYPE.items()]
    best = max(quality for quality, _ in liked)
    if best <= 0:
        raise NotAcceptable("The catalogue is not had in any format that is accepted.", hint=_known())
    return next(one for quality, one in liked if quality == best)


def serialized(graph: Graph, format_: RdfFormat) -> bytes:
    """Write a graph in a format."""
    made: bytes = graph.serialize(format=format_.serializer, encoding="utf-8")
    return made


def _range(part: str) -> tuple[str, float]:
    media_type, *parameters = (word.strip().lower() for word in part.split(";"))
    told = [word[2:] for word in parameters if word.startswith("q=")]
    try:
        return media_type, float(told[0]) if told else 1.0
    except ValueError:
        return media_type, 0.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The most specific range that fits says how much it is liked."""
    for wanted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        for name, quality in ranges:
            if name == wanted:
                return quality
    return 0.0


def _known() -> str:
    return f"Formats are {', '.join(f'{one.name} ({one.media_type})' for one in FORMATS)}."
