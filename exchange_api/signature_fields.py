"""The two fields of HTTP message signatures, ``Signature-Input`` and ``Signature``, read strictly (RFC 9421, RFC 9651).

Both are structured dictionaries. What the grammar allows and nobody who signs needs (decimals, dates, a name given twice) is refused.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypeVar

from schemas.errors import InvalidSignature

LARGEST_FIELD = 8192  # characters
MOST_SIGNATURES = 8
MOST_COMPONENTS = 32
Parameter = str | int | bool
Parameters = tuple[tuple[str, Parameter], ...]
Read = TypeVar("Read")

_STRING = r'"(?:[ !#-\[\]-~]++|\\["\\])*+"'
_LABEL = re.compile(r"[a-z*][a-z0-9_.*-]*")
_LIST = re.compile(rf"\((?:{_STRING}|[^()\"]++)*+\)")
_COMPONENT = re.compile(rf" *({_STRING})")
_PARAMETER = re.compile(
    rf"; *([a-z*][a-z0-9_.*-]*)(?:=(?:({_STRING})|(-?[0-9]{{1,15}})(?![0-9.])|\?([01])))?"
)
_ODDLY_WRITTEN = re.compile(r"; |=-?0[0-9]|=-0|=\?1")
"""What may be written otherwise than structured fields are: it is written anew."""
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_ESCAPED = re.compile(r'\\(["\\])')
_TO_ESCAPE = re.compile(r'(["\\])')


class Component(NamedTuple):
    """One part of a message that is signed: a field's name or a derived component, with its parameters."""

    name: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        return quoted(self.name) + _written(self.parameters)


@dataclass(frozen=True, slots=True)
class Covered:
    """What a signature covers, in its order, and what it says of itself; its text is the value of ``@signature-params``."""

    components: tuple[Component, ...]
    parameters: Parameters = ()
    written: str | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        if self.written is not None:
            return self.written
        return _listed(self.components) + _written(self.parameters)

    def __getitem__(self, name: str) -> Parameter | None:
        return next((value for known, value in self.parameters if known == name), None)


def quoted(text: str) -> str:
    """Write a string as structured fields do."""
    if '"' in text or "\\" in text:
        text = _TO_ESCAPE.sub(r"\\\1", text)
    return f'"{text}"'


def inputs_in(field: str) -> Mapping[str, Covered]:
    """Read a ``Signature-Input`` field: what each signature covers, by label; ``InvalidSignature`` where it is malformed."""
    return _dictionary(field, "Signature-Input", _covered)


def signatures_in(field: str) -> Mapping[str, bytes]:
    """Read a ``Signature`` field: each signature by its label; ``InvalidSignature`` where it is malformed."""
    return _dictionary(field, "Signature", _bytes)


def digests_in(field: str) -> Mapping[str, bytes]:
    """Read a ``Content-Digest`` field (RFC 9530): digests by algorithm; ``InvalidSignature`` where it is malformed."""
    return _dictionary(field, "Content-Digest", _bytes)


def _dictionary(
    field: str, name: str, read: Callable[[str, int], tuple[Read, int] | None]
) -> Mapping[str, Read]:
    found: dict[str, Read] = {}
    place = 0
    while True:
        label = _LABEL.match(field, place) if len(field) <= LARGEST_FIELD else None
        member = (
            read(field, label.end() + 1) if label and field[label.end() : label.end() + 1] == "=" else None
        )
        if label is None or member is None or label[0] in found or len(found) == MOST_SIGNATURES:
            raise _malformed(name)
        found[label[0]], place = member
        if place == len(field):
            return found
        comma = _COMMA.match(field, place)
        if comma is None:
            raise _malformed(name)
        place = comma.end()


def _covered(text: str, start: int) -> tuple[Covered, int] | None:
    listed = _LIST.match(text, start)
    if listed is None:
        return None
    components = _components(listed[0])
    told, place = _parameters(text, listed.end())
    if components is None or told is None:
        return None
    whole = text[start:place]
    as_written = _listed(components) == listed[0] and not _ODDLY_WRITTEN.search(whole)
    return Covered(components, told, whole if as_written else None), place


@lru_cache(maxsize=1024)  # few lists, many calls
def _components(text: str) -> tuple[Component, ...] | None:
    found: list[Component] = []
    place, end = 1, len(text) - 1
    while text[place:end].strip(" "):
        component = _COMPONENT.match(text, place, end)
        if component is None or (found and component[0][0] != " ") or len(found) == MOST_COMPONENTS:
            return None
        told, place = _parameters(text, component.end())
        if told is None:
            return None
        found.append(Component(_unquoted(component[1]), told))
    return None if len(set(found)) < len(found) else tuple(found)


def _parameters(text: str, place: int) -> tuple[Parameters | None, int]:
    found: dict[str, Parameter] = {}
    while (one := _PARAMETER.match(text, place)) is not None:
        name, string, integer, flag = one.groups()
        if name in found:
            return None, place
        found[name] = _unquoted(string) if string else int(integer) if integer else flag != "0"
        place = one.end()
    return tuple(found.items()), place


def _bytes(field: str, place: int) -> tuple[bytes, int] | None:
    found = _BYTES.match(field, place)
    try:
        return None if found is None else (base64.b64decode(found[1], validate=True), found.end())
    except binascii.Error:
        return None


@lru_cache(maxsize=1024)
def _listed(components: Sequence[Component]) -> str:
    return f"({' '.join(map(str, components))})"


def _written(parameters: Parameters) -> str:
    return "".join([f";{name}{_value(value)}" for name, value in parameters])


def _value(value: Parameter) -> str:
    if isinstance(value, bool):
        return "" if value else "=?0"
    return f"={value}" if isinstance(value, int) else f"={quoted(value)}"


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1]


def _malformed(name: str) -> InvalidSignature:
    return InvalidSignature(
        f"The field {name} is malformed, too long, or names something twice.",
        hint="See RFC 9421, sections 4.1 and 4.2, and docs/signatures.md.",
    )
