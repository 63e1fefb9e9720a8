"""Records of JSON as Arrow tables of text, and the members they have."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from connectors.batch import Shape
from connectors.rest.json_text import Number, member, text

UNSTATED = "unstated"
_ENOUGH = 50  # records: of fewer, a member that all lack may just be empty in all
_TYPES = ((Number, "number"), (str, "text"), (bool, "boolean"), (list, "list"), (dict, "object"))


def table_of(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pa.Table:
    """Return the columns as text, by name or dotted path; null where a record has none."""
    return pa.table({name: _column([member(record, name) for record in records]) for name in columns})


def shape_of(records: Sequence[Mapping[str, Any]], known: Shape) -> Shape:
    """Return every member with its type, those within objects by dotted path.

    Writers of JSON leave out what is empty, so among few records the members seen before still count.
    """
    found: dict[str, str] = dict(known) if len(records) < _ENOUGH else {}
    seen: dict[str, set[str]] = {}
    for record in records:
        for path, kind in _members(record, ""):
            seen.setdefault(path, set()).add(kind)
    for path, kinds in seen.items():
        stated = kinds - {UNSTATED}
        kind = stated.pop() if len(stated) == 1 else "mixed" if stated else known.get(path, UNSTATED)
        found[path] = kind
    return found


def _members(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        yield f"{prefix}{name}", _type(value)
        if isinstance(value, dict):
            yield from _members(value, f"{prefix}{name}.")


def _type(value: Any) -> str:
    return next((name for kind, name in _TYPES if isinstance(value, kind)), UNSTATED)


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return pa.array([_unicode(text(value)) for value in values], pa.string())


def _unicode(value: str | None) -> str | None:
    """Replace halves of surrogate pairs, which JSON can write and no text can hold."""
    return None if value is None else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
