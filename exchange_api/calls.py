"""The call: what a system asks for and why, read from an HTTP request.

Nothing here quotes what it was given: a key is named by its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import orjson
import pyarrow as pa
from starlette.requests import Request
from starlette.types import Scope

from audit.entry import LONGEST_TEXT
from catalog.agreement import MOST_KEYS
from catalog.asking import Way
from exchange_api.moments import NAMES, Moment, moment_of
from schemas.errors import InvalidIdentifier, MalformedKey, MalformedRequest, MissingPurpose, TooManyKeys
from schemas.identifiers import check, valid_mask
from schemas.resource import Item, Resource

LARGEST_BODY = 512 * 1024  # bytes; 1,000 keys of 80 Chinese characters take half of it
_FEW = 50  # keys that are as soon checked one by one
_STATED = {b"hub-purpose": "purpose", b"hub-legal-basis": "legal_basis", b"hub-case-code": "case_code"}


@dataclass(frozen=True, slots=True)
class Stated:
    """Why a call is made: mandatory (Decree 809, article 20)."""

    purpose: str
    legal_basis: str
    case_code: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Stated":
        """Return what a mapping states in full; ``MalformedRequest`` or ``MissingPurpose`` where it does not."""
        return _whole({name: _text_in(told, name) for name in _STATED.values()})

    def as_headers(self) -> dict[bytes, bytes]:
        """Return it as the headers of a request say it."""
        return {header: quote(getattr(self, name)).encode() for header, name in _STATED.items()}


@dataclass(frozen=True, slots=True)
class Call:
    """One reading of one resource; ``items`` empty means all that is agreed, ``by`` None the resource's key.

    ``portion`` is how many records a portion of a stream holds, which are counted as keys are. ``filtered`` are the items that
    records are chosen by, instead of by keys.
    """

    keys: Sequence[str]
    items: tuple[str, ...]
    by: str | None
    provenance: bool
    stated: Stated
    organisation: str = ""
    portion: int = 0
    way: Way = Way.READ
    signed: bool = False
    question: str = ""
    filtered: tuple[str, ...] | None = None
    moment: Moment | None = None

    @property
    def purpose(self) -> str:
        """What the data is for."""
        return self.stated.purpose

    @property
    def legal_basis(self) -> str:
        """The law that the caller acts under."""
        return self.stated.legal_basis

    @property
    def case_code(self) -> str:
        """The case the call belongs to."""
        return self.stated.case_code

    @property
    def number_of_keys(self) -> int:
        """How many records are asked for."""
        return self.portion or len(self.keys)


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Return the request's headers, names in lower case."""
    return dict(scope["headers"])


def stated_in(headers: Mapping[bytes, bytes], body: Mapping[str, Any] | None = None) -> Stated:
    """Read purpose, legal basis and case code from the headers or the body, or raise ``MissingPurpose``."""
    found = {name: _text_of(headers.get(header, b""), header) for header, name in _STATED.items()}
    for name in found if body else ():
        found[name] = found[name] or _text_in(body or {}, name)
    return _whole(found)


def _whole(found: Mapping[str, str]) -> Stated:
    missing = [name for name, text in found.items() if not text]
    if missing:
        raise MissingPurpose(
            f"The call does not state its {', '.join(missing).replace('_', ' ')}.",
            hint="Send the headers Hub-Purpose, Hub-Legal-Basis and Hub-Case-Code, UTF-8 percent-encoded.",
        )
    return Stated(**found)


@lru_cache(maxsize=4096)  # few purposes, many calls
def _text_of(raw: bytes, header: bytes) -> str:
    try:
        return _checked(unquote_to_bytes(raw).decode().strip(), header.decode())
    except UnicodeDecodeError:
        raise MalformedRequest(f"Header {header.decode()} is not UTF-8.", hint="Percent-encode it.") from None


def _text_in(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise MalformedRequest(f"Field {name} must be a string.")
    return _checked(value.strip(), name)


def _checked(text: str, place: str) -> str:
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise MalformedRequest(f"{place} must be at most {LONGEST_TEXT} printable characters.")
    return text


def record_call(resource: Resource, key: str, scope: Scope, stated: Stated, organisation: str) -> Call:
    """Read ``GET …/records/{key}?items=a,b&provenance=true``."""
    names, provenance, moment = _chosen(scope["query_string"])
    key = checked_key(resource.key, key, 1)
    return Call((key,), known_items(resource, names), None, provenance, stated, organisation, moment=moment)


@lru_cache(maxsize=4096)  # few choices, many calls
def _chosen(query: bytes) -> tuple[tuple[str, ...], bool, Moment | None]:
    asked = parameters_of(query)
    names = tuple(name for name in asked.pop("items", "").split(",") if name)
    provenance = _flag(asked.pop("provenance", "false"))
    moment = moment_of({name: asked.pop(name, None) for name in NAMES})
    if asked:
        known = ", ".join(("items", "provenance", *NAMES))
        raise MalformedRequest("There is a query parameter that is not known.", hint=f"Known are: {known}.")
    return names, provenance, moment


def parameters_of(query: bytes) -> dict[str, str]:
    """Read a query string in which every parameter stands once, or raise ``MalformedRequest``."""
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError:
        raise MalformedRequest("The query string is malformed.") from None
    if len(dict(pairs)) != len(pairs):
        raise MalformedRequest("A query parameter is given twice.")
    return dict(pairs)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise MalformedRequest("Parameter provenance must be true or false.")
    return text == "true"


def query_call(resource: Resource, body: Mapping[str, Any], stated: Stated, organisation: str) -> Call:
    """Read the body of ``POST …/query``."""
    known = {"keys", "items", "by", "provenance", "purpose", "legal_basis", "case_code", *NAMES}
    unknown = body.keys() - known
    if unknown:
        raise MalformedRequest(
            "There is a field that is not known.", hint="See docs/api.md for the fields of a query."
        )
    keys, items = _strings(body, "keys"), _strings(body, "items")
    if not keys:
        raise MalformedRequest("Field keys must name at least one key.")
    if len(keys) > MOST_KEYS:
        raise TooManyKeys(f"A call may ask for {MOST_KEYS} keys, not {len(keys)}.", hint="Split the call.")
    if not isinstance(body.get("provenance", False), bool):
        raise MalformedRequest("Field provenance must be true or false.")
    by = lookup_named(resource, body.get("by"))
    item = resource.item(by) if by else resource.key
    chosen = known_items(resource, items)
    asked = checked_keys(item, keys)
    provenance, moment = body.get("provenance", False), moment_of(body)
    return Call(asked, chosen, by, provenance, stated, organisation, moment=moment)


async def body_of(request: Request) -> Mapping[str, Any]:
    """Read a JSON object of at most ``LARGEST_BODY`` bytes, or raise ``MalformedRequest``."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > LARGEST_BODY:
            raise MalformedRequest(f"The body is larger than {LARGEST_BODY} bytes.", hint="Split the call.")
    try:
        body = orjson.loads(read)
    except orjson.JSONDecodeError:
        raise MalformedRequest("The body is not JSON in UTF-8.") from None
    if not isinstance(body, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return body


def _strings(body: Mapping[str, Any], name: str) -> list[str]:
    values = body.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise MalformedRequest(f"Field {name} must be a list of strings.")
    return values


def lookup_named(resource: Resource, by: Any) -> str | None:
    """Return the lookup item that a body asks by, None for the key; ``MalformedRequest`` where it is neither."""
    if by is None or by in ("key", resource.key.name):
        return None
    allowed = [item.name for item in resource.lookup_items]
    if by not in allowed:
        raise MalformedRequest(f"Field by must be one of: {', '.join(['key', *allowed])}.")
    return by


def known_items(resource: Resource, names: Sequence[str]) -> tuple[str, ...]:
    """Return the items asked for, each once; ``UnknownItem`` for a name the resource does not have."""
    return tuple([resource.item(name if name.isidentifier() else "?").name for name in dict.fromkeys(names)])


def checked_keys(item: Item, keys: Sequence[str]) -> list[str]:
    """Return keys in their canonical form, each once, or raise ``MalformedKey`` for the first that is malformed."""
    if item.identifier and len(keys) > _FEW:
        given = [key.upper() for key in keys]
        if valid_mask(item.identifier, pa.array(given)).all():
            return list(dict.fromkeys(given))
    # one by one: there are few, or one of them is wrong and has to be named
    return list(dict.fromkeys(checked_key(item, key, place) for place, key in enumerate(keys, 1)))


def checked_key(item: Item, key: str, place: int) -> str:
    """Return a key in its canonical form, or raise ``MalformedKey`` naming its place, counted from 1."""
    if item.identifier:
        key = key.upper()
        try:
            check(item.identifier, key)
        except InvalidIdentifier as error:
            raise MalformedKey(f"Key {place} is malformed. {error.detail}", key=place) from None
    elif not key or not key.isprintable() or len(key) > (item.length or LONGEST_TEXT):
        raise MalformedKey(
            f"Key {place} must be 1 to {item.length or LONGEST_TEXT} printable characters.", key=place
        )
    return key
