"""Records of JSON and XML: members by name, of which any may be absent."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.file.formats import TEXT, Reading, Wanted
from connectors.file.formats.headers import asked, lacking, missing

Record = Mapping[str, Any]
SHOWN = 1_000


def reading_of(records: Callable[[], Iterator[Record]], path: Path, wanted: Wanted, rows: int) -> Reading:
    """Read the needed members of each record as strings; an absent member is null.

    Writers leave out what is empty, so a column that the first thousand records lack is looked for in all others before it
    counts as missing.
    """
    seen = names_in(islice(records(), SHOWN))
    names = {column: _present(column, seen, wanted) for column in asked(wanted)}
    if None in names.values():
        seen = names_in(records())
        names = {column: _present(column, seen, wanted) for column in asked(wanted)}
    found = {column: name for column, name in names.items() if name is not None}
    if without := lacking(wanted, found):
        raise missing(without, wanted, f"file {path.name}", dict.fromkeys(seen, TEXT))
    return Reading(dict.fromkeys(seen, TEXT), _tables(records(), found, wanted, rows))


def names_in(records: Iterator[Record]) -> dict[str, None]:
    """Return every name that a record has, in the order of their coming."""
    return {name: None for record in records for name in record}


def _present(column: str, seen: Mapping[str, None], wanted: Wanted) -> str | None:
    names = (column, *wanted.option("aliases").get(column, ()))
    return next((name for name in names if name in seen), None)


def _tables(
    records: Iterator[Record], found: Mapping[str, str], wanted: Wanted, rows: int
) -> Iterator[pa.Table]:
    others = {column: wanted.option("aliases").get(column, ()) for column in found}
    while part := list(islice(records, rows)):
        yield pa.table(
            {
                column: pa.array(
                    [_text(_value(record, name, others[column])) for record in part], pa.string()
                )
                for column, name in found.items()
            }
        )


def _value(record: Record, name: str, others: tuple[str, ...]) -> Any:
    if name in record or not others:
        return record.get(name)
    return next((record[other] for other in others if other in record), None)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
