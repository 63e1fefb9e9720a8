"""CQL2's text form (OGC 21-065r2, annex B), as far as filters go here: ``status = '1' AND name LIKE '重庆%'`` becomes its JSON form.

What it means is told by ``schemas.filters``. Read token by token, to a bounded depth, and numbers exactly.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from schemas.errors import MalformedFilter
from schemas.filter_shapes import KINDS, json_of_shape
from schemas.filters import COMPARISONS, MOST_DEPTH

LONGEST = 16_000  # characters
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>"[^"]*"|[A-Za-z_]\w*)|(?P<number>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)"""
    r"""|(?P<sign><>|<=|>=|[=<>(),]))"""
)
_OPENED = re.compile(
    r"\s*(?:Z\s*)?\(", re.IGNORECASE
)  # the coordinates of a geometry, with heights or without
_WORDS = frozenset(
    {"AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "TRUE", "FALSE", "DATE", "TIMESTAMP"}
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: its kind, what it says, and its place, counted from 1."""

    kind: str
    said: str
    place: int


def json_of(text: str) -> Any:
    """Return the JSON form of a filter; ``MalformedFilter`` names the place where it goes wrong, and quotes nothing."""
    if len(text) > LONGEST:
        raise MalformedFilter(f"The filter is longer than {LONGEST} characters.")
    parser = _Parser(_tokens(text), len(text) + 1)
    found = parser.disjunction(1)
    parser.end()
    return found


def _tokens(text: str) -> list[Token]:
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _wrong(place + 1)
        kind = match.lastgroup or ""
        said, start = match[kind], match.start(kind) + 1
        place = match.end()
        if kind == "name" and said.upper() in _WORDS:
            kind, said = "word", said.upper()
        elif kind == "name" and said.upper() in KINDS and _OPENED.match(text, place):
            place = _behind_parentheses(text, place)
            kind, said = "geometry", text[start - 1 : place]
        found.append(Token(kind, said.strip('"') if kind == "name" else said, start))
    return found


def _behind_parentheses(text: str, place: int) -> int:
    """Return the place behind what opens there and is closed."""
    depth = 0
    for at in range(place, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0 and text[at] == ")":
            return at + 1
    raise _wrong(len(text) + 1, ")")


def _wrong(place: int, wanted: str = "") -> MalformedFilter:
    expected = f" There should be {wanted}." if wanted else ""
    return MalformedFilter(
        f"The filter cannot be read at character {place}.{expected}",
        hint="See docs/api.md for what a filter may say.",
    )


class _Parser:
    """Recursive descent over the tokens, no deeper than a filter may be."""

    def __init__(self, tokens: list[Token], end: int) -> None:
        self._tokens, self._at = tokens, 0
        self._last = Token("end", "", end)

    @property
    def _next(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else self._last

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _takes(self, said: str) -> bool:
        taken = self._next.kind in ("word", "sign") and self._next.said == said
        self._at += taken
        return taken

    def _must(self, said: str) -> None:
        if not self._takes(said):
            raise _wrong(self._next.place, said)

    def end(self) -> None:
        """Raise unless everything is read."""
        if self._next.kind != "end":
            raise _wrong(self._next.place, "AND, OR or the end")

    def disjunction(self, depth: int) -> Any:
        """Read what OR joins."""
        if depth > MOST_DEPTH:
            raise MalformedFilter(f"The filter is nested deeper than {MOST_DEPTH} levels.")
        parts = [self._conjunction(depth)]
        while self._takes("OR"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else {"op": "or", "args": parts}

    def _conjunction(self, depth: int) -> Any:
        parts = [self._factor(depth)]
        while self._takes("AND"):
            parts.append(self._factor(depth))
        return parts[0] if len(parts) == 1 else {"op": "and", "args": parts}

    def _factor(self, depth: int) -> Any:
        if self._takes("NOT"):
            return _not(self._factor_deeper(depth))
        if self._takes("("):
            inside = self.disjunction(depth + 1)
            self._must(")")
            return inside
        return self._condition()

    def _factor_deeper(self, depth: int) -> Any:
        if depth > MOST_DEPTH:
            raise MalformedFilter(f"The filter is nested deeper than {MOST_DEPTH} levels.")
        return self._factor(depth + 1)

    def _condition(self) -> Any:
        token = self._take()
        if token.kind != "name":
            raise _wrong(token.place, "an item's name")
        if token.said.upper() == "S_INTERSECTS" and self._takes("("):
            return self._intersects()
        named: Mapping[str, Any] = {"property": token.said}
        if self._next.kind == "sign" and self._next.said in COMPARISONS:
            return {"op": self._take().said, "args": [named, self._literal()]}
        if self._takes("IS"):
            opposite = self._takes("NOT")
            self._must("NULL")
            return _not({"op": "isNull", "args": [named]}, opposite)
        opposite = self._takes("NOT")
        return _not(self._set(named), opposite)

    def _intersects(self) -> Any:
        item = self._take()
        if item.kind != "name":
            raise _wrong(item.place, "an item's name")
        self._must(",")
        token = self._take()
        shape = json_of_shape(token.said) if token.kind == "geometry" else None
        if shape is None:
            raise _wrong(token.place, "a geometry: WKT, or BBOX of four numbers")
        self._must(")")
        return {"op": "s_intersects", "args": [{"property": item.said}, shape]}

    def _set(self, named: Mapping[str, Any]) -> Any:
        if self._takes("LIKE"):
            return {"op": "like", "args": [named, self._literal()]}
        if self._takes("BETWEEN"):
            low = self._literal()
            self._must("AND")
            return {"op": "between", "args": [named, low, self._literal()]}
        if self._takes("IN"):
            self._must("(")
            listed = [self._literal()]
            while self._takes(","):
                listed.append(self._literal())
            self._must(")")
            return {"op": "in", "args": [named, listed]}
        raise _wrong(self._next.place, "a comparison, IN, LIKE, BETWEEN or IS NULL")

    def _literal(self) -> Any:
        token = self._take()
        match token.kind, token.said:
            case "text", said:
                return said[1:-1].replace("''", "'")
            case "number", said:
                return Decimal(said)
            case "word", "TRUE" | "FALSE" as said:
                return said == "TRUE"
            case "word", "DATE" | "TIMESTAMP" as said:
                self._must("(")
                value = self._literal()
                self._must(")")
                return {said.lower(): value}
        raise _wrong(token.place, "a value")


def _not(part: Any, opposite: bool = True) -> Any:
    return {"op": "not", "args": [part]} if opposite else part
