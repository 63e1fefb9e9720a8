"""What is asked of a collection's items, read from the query string; a parameter that is not known is refused (OGC 17-069r4, 7.3)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import orjson

from exchange_api.calls import parameters_of
from exchange_api.features.encoding import FORMS, SHORT, Form
from exchange_api.features.reference_systems import CRS84, known, stored_bounds
from exchange_api.negotiation import best
from schemas.errors import MalformedRequest
from schemas.filter_text import json_of
from schemas.resource import Resource

MOST, USUAL = 10_000, 10
_OPEN = ("", "..")
_OF_ITEMS = (
    "bbox",
    "bbox-crs",
    "crs",
    "cursor",
    "datetime",
    "f",
    "filter",
    "filter-crs",
    "filter-lang",
    "limit",
)
_OF_ONE = ("crs", "f")
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: ``bounds`` in the stored system, ``filter_`` as CQL2 JSON, ``during`` the moments between, None being open."""

    form: Form
    crs: str = CRS84
    bounds: Bounds | None = None
    filter_: Any = None
    filter_crs: str = CRS84
    during: tuple[datetime | None, datetime | None] | None = None
    limit: int = USUAL
    cursor: str | None = None


def asked_of_items(query: bytes, headers: Mapping[bytes, bytes], resource: Resource) -> Asked:
    """Read what is asked of a collection's items; an item's name is a parameter, too: ``division=500103``."""
    told = parameters_of(query)
    equal = {
        name: told.pop(name) for name in list(told) if name not in _OF_ITEMS and _is_item(resource, name)
    }
    _check_known(told, _OF_ITEMS)
    bbox_crs = known(told.get("bbox-crs", CRS84), "bbox-crs")
    conditions = [{"op": "=", "args": [{"property": name}, value]} for name, value in equal.items()]
    if "filter" in told:
        conditions.append(_filter(told))
    return Asked(
        form=_form(told, headers),
        crs=known(told.get("crs", CRS84), "crs"),
        bounds=stored_bounds(_bbox(told["bbox"]), bbox_crs) if "bbox" in told else None,
        filter_=None if not conditions else _all(conditions),
        filter_crs=known(told.get("filter-crs", CRS84), "filter-crs"),
        during=_during(told["datetime"]) if "datetime" in told else None,
        limit=_limit(told.get("limit", str(USUAL))),
        cursor=told.get("cursor"),
    )


def asked_of_one(query: bytes, headers: Mapping[bytes, bytes]) -> Asked:
    """Read what is asked of one feature."""
    told = parameters_of(query)
    _check_known(told, _OF_ONE)
    return Asked(form=_form(told, headers), crs=known(told.get("crs", CRS84), "crs"))


def _is_item(resource: Resource, name: str) -> bool:
    return any(item.name == name for item in resource.items)


def _check_known(told: Mapping[str, str], parameters: tuple[str, ...]) -> None:
    if told.keys() - set(parameters):
        raise MalformedRequest(
            "There is a query parameter that is not known.",
            hint=f"Known are: {', '.join(parameters)}; and the collection's queryables.",
        )


def _all(conditions: list[Any]) -> Any:
    return conditions[0] if len(conditions) == 1 else {"op": "and", "args": conditions}


def _filter(told: Mapping[str, str]) -> Any:
    match told.get("filter-lang", "cql2-text"):
        case "cql2-text":
            return json_of(told["filter"])
        case "cql2-json":
            return _json(told["filter"])
    raise MalformedRequest("Parameter filter-lang must be cql2-text or cql2-json.")


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise MalformedRequest("Parameter filter is not JSON.") from None


def _form(told: Mapping[str, str], headers: Mapping[bytes, bytes]) -> Form:
    if "f" not in told:
        media_type, _ = best(headers.get(b"accept", b""), (*FORMS, "application/json"))
        return FORMS.get(media_type) or FORMS[SHORT["json"]]
    if told["f"] not in SHORT:
        raise MalformedRequest(f"Parameter f must be one of {', '.join(SHORT)}.")
    return FORMS[SHORT[told["f"]]]


def _bbox(text: str) -> Bounds:
    """Read west, south, east, north; of a box with heights those are left out."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) not in (4, 6) or not all(map(math.isfinite, found)):
        raise MalformedRequest(
            "Parameter bbox must be four or six numbers.", hint="bbox=106.4,29.5,106.6,29.7"
        )
    half = len(found) // 2
    west, south, east, north = found[0], found[1], found[half], found[half + 1]
    if west > east or south > north:
        raise MalformedRequest(
            "Parameter bbox has its corners the wrong way round.", hint="The lower left corner comes first."
        )
    return west, south, east, north


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) > 0):
        raise MalformedRequest(f"Parameter limit must be a number from 1; at most {MOST} are answered.")
    return min(int(text), MOST)


def _during(text: str) -> tuple[datetime | None, datetime | None]:
    """Read a moment or an interval (RFC 3339): ``2026-01-01/..``."""
    parts = text.split("/")
    if len(parts) > 2 or (len(parts) == 1 and text in _OPEN) or all(part in _OPEN for part in parts):
        raise _not_a_time()
    begin, end = parts[0], parts[-1]
    return (None if begin in _OPEN else _moment(begin, time.min)), (
        None if end in _OPEN else _moment(end, time.max)
    )


def _moment(text: str, of_day: time) -> datetime:
    try:
        if len(text) == len("2026-01-01"):
            return datetime.combine(date.fromisoformat(text), of_day, UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _not_a_time() from None
    if moment.tzinfo is None:
        raise _not_a_time()
    return moment


def _not_a_time() -> MalformedRequest:
    return MalformedRequest(
        "Parameter datetime is no moment and no interval (RFC 3339).", hint="datetime=2026-01-01T00:00:00Z/.."
    )
