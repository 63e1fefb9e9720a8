"""Records of JSON as Arrow tables of text, and the members they have.

Numbers with a fraction stay the digits they are, and members are found by name or dotted path.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from connectors.batch import Shape

ABSENT: Any = object()


class Number(str):
    """A number of JSON with a fraction, as it is written; a whole number is a Python ``int``, which loses nothing."""

    __slots__ = ()


UNSTATED = "unstated"
ENOUGH = 50  # records: of fewer, a member that all lack may just be empty in all
_TYPES = {Number: "number", int: "number", str: "text", bool: "boolean", list: "list", dict: "object"}


def loads(content: bytes | str) -> Any:
    """Parse JSON; raises ``ValueError`` or ``RecursionError``, whose words may quote it."""
    return json.loads(content, parse_float=Number, parse_constant=Number)


def member(value: Any, path: str) -> Any:
    """Return what is under a dotted path, ``ABSENT`` where nothing is; a member whose own name has the dots comes first."""
    if not path:
        return value
    if not isinstance(value, dict):
        return ABSENT
    if path in value:
        return value[path]
    name, dot, rest = path.partition(".")
    return member(value.get(name, ABSENT), rest) if dot else ABSENT


def with_member(body: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the body with the value under the dotted path."""
    name, dot, rest = path.partition(".")
    inner = body.get(name)
    return {
        **body,
        name: with_member(inner if isinstance(inner, Mapping) else {}, rest, value) if dot else value,
    }


def text(value: Any) -> str | None:
    """Write a value as the hub reads it: objects and lists as JSON, truth as ``true`` and ``false``."""
    if value is None or value is ABSENT:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def table_of(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pa.Table:
    """Return the columns as text, by name or dotted path; null where a record has none."""
    return pa.table({name: _column(_values(records, name)) for name in columns})


def _values(records: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    if "." not in name:
        return [record.get(name) for record in records]
    found = (member(record, name) for record in records)
    return [None if value is ABSENT else value for value in found]


def shape_of(records: Sequence[Mapping[str, Any]], known: Shape) -> Shape:
    """Return every member with its type, those within objects by dotted path.

    Writers of JSON leave out what is empty, so among few records the members seen before still count.
    """
    found: dict[str, str] = dict(known) if len(records) < ENOUGH else {}
    seen: dict[str, set[str]] = {}
    for record in records:
        for path, kind in _members(record, ""):
            seen.setdefault(path, set()).add(kind)
    for path, kinds in seen.items():
        stated = kinds - {UNSTATED}
        kind = stated.pop() if len(stated) == 1 else "mixed" if stated else known.get(path, UNSTATED)
        found[path] = kind
    return found


def has_new(records: Sequence[Mapping[str, Any]], known: Shape) -> bool:
    """Tell whether a record has a member that is not known."""
    return not set().union(*records) <= known.keys()


def _members(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        yield f"{prefix}{name}", _type(value)
        if isinstance(value, dict):
            yield from _members(value, f"{prefix}{name}.")


def _type(value: Any) -> str:
    return _TYPES.get(type(value), UNSTATED)


def _column(values: list[Any]) -> pa.Array:
    for kind in (pa.string(), pa.int64()):  # quick for columns of one kind
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError):
            return pa.array(values, kind).cast(pa.string())
    return pa.array([_unicode(text(value)) for value in values], pa.string())


def _unicode(value: str | None) -> str | None:
    """Replace halves of surrogate pairs, which JSON can write and no text can hold."""
    return None if value is None else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
