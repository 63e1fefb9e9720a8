"""Which form an answer takes: what the caller accepts, and likes best (RFC 9110, 12.5.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from schemas.errors import MalformedRequest, NotAcceptable

LONGEST_ACCEPT = 1000  # characters


@dataclass(frozen=True, slots=True)
class Accepted:
    """One range of an Accept header: ``text/*; q=0.5``."""

    kind: str
    quality: float
    parameters: Mapping[str, str]

    def matches(self, media_type: str) -> int:
        """Return how exactly it names a media type: 3 fully, 2 its half, 1 as anything; 0 where it does not."""
        if self.kind == media_type:
            return 3
        if self.kind == media_type.split("/", maxsplit=1)[0] + "/*":
            return 2
        return int(self.kind == "*/*")


@lru_cache(maxsize=1024)  # few forms, many calls
def accepted(header: bytes) -> tuple[Accepted, ...]:
    """Read an Accept header; nothing stated accepts anything. ``MalformedRequest`` where it is none."""
    text = header.decode("latin-1").strip()
    if len(text) > LONGEST_ACCEPT:
        raise MalformedRequest(f"Header Accept must be at most {LONGEST_ACCEPT} characters.")
    return tuple(_range(part) for part in (text or "*/*").split(",") if part.strip())


def _range(text: str) -> Accepted:
    kind, *rest = (part.strip() for part in text.lower().split(";"))
    pairs = {
        name.strip(): value.strip().strip('"') for name, _, value in (one.partition("=") for one in rest)
    }
    try:
        quality = float(pairs.pop("q", "1"))
    except ValueError:
        quality = -1.0
    if not 0 <= quality <= 1 or kind.count("/") != 1:
        raise MalformedRequest("Header Accept is malformed.", hint="Send e.g.: Accept: text/csv, */*; q=0.1.")
    return Accepted(kind, quality, pairs)


@lru_cache(maxsize=1024)
def best(header: bytes, offered: tuple[str, ...]) -> tuple[str, Mapping[str, str]]:
    """Return the media type offered that the header likes best, the first of those alike, with the range's parameters.

    ``NotAcceptable`` where it accepts none.
    """
    ranges, found = accepted(header), []
    for place, media_type in enumerate(offered):
        fitting = [
            (one.matches(media_type), -number, one)
            for number, one in enumerate(ranges)
            if one.matches(media_type)
        ]
        if fitting:
            chosen = max(fitting, key=lambda fit: fit[:2])[2]
            found.append((chosen.quality, -place, media_type, chosen.parameters))
    if not found or max(found)[0] == 0:
        raise NotAcceptable(
            "None of the forms accepted is offered here.", hint=f"Offered are: {', '.join(offered)}."
        )
    _, _, media_type, parameters = max(found, key=lambda one: one[:2])
    return media_type, parameters
