"""JSON: an array of objects, an object that holds one under ``options.record_path``, or JSON Lines; streamed."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from connectors.file.formats import Reading, Wanted
from connectors.file.formats.encoding import tell_encoding
from connectors.file.formats.json_stream import JsonStream
from connectors.file.formats.records import SHOWN, Record, names_in, reading_of
from schemas.errors import WrongFormat

_SHOWN_TEXT = 1 << 20
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def read_json(path: Path, wanted: Wanted, rows: int) -> Reading:
    """Read the objects under ``options.record_path`` as records."""
    codec = tell_encoding(path, wanted).codec
    declared = wanted.option("record_path")
    record_path = tuple(str(declared).split(".")) if declared else ()
    return reading_of(lambda: _records(path, codec, wanted, record_path), path, wanted, rows)


def names_of(path: Path, wanted: Wanted, record_path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the members that the first records under ``record_path`` have."""
    codec = tell_encoding(path, wanted).codec
    return tuple(names_in(islice(_records(path, codec, wanted, record_path), SHOWN)))


def has_few(path: Path, wanted: Wanted, few: int) -> bool:
    """Tell whether there are fewer than ``few`` records."""
    codec = tell_encoding(path, wanted).codec
    declared = wanted.option("record_path")
    records = _records(path, codec, wanted, tuple(str(declared).split(".")) if declared else ())
    return sum(1 for _ in islice(records, few)) < few


def record_paths(path: Path, codec: str) -> list[str]:
    """Return where arrays of objects stand, as far as the beginning of the file shows; empty text means the top."""
    with path.open(encoding=codec) as file:
        signs = [found[0] for found in _SIGN.finditer(file.read(_SHOWN_TEXT))]
    if signs[:1] == ["["] or _is_lines(signs):
        return [""]
    found: dict[str, None] = {}
    stack: list[str] = []
    for place, sign in enumerate(signs):
        if sign == "[" and signs[place + 1 : place + 2] == ["{"] and "[" not in stack:
            found[".".join(name for name in stack if name)] = None
        if sign in "{[":
            stack.append("" if sign == "{" else "[")
        elif sign in "}]" and stack:
            stack.pop()
        elif signs[place + 1 : place + 2] == [":"] and sign.startswith('"') and stack:
            stack[-1] = str(json.loads(sign))
    return list(found)


def _is_lines(signs: list[str]) -> bool:
    """Whether the first object ends and another follows, or nothing."""
    depth = 0
    for place, sign in enumerate(signs):
        depth += (sign in "{[") - (sign in "}]")
        if depth == 0:
            return signs[place + 1 : place + 2] == ["{"]
    return False


def _records(path: Path, codec: str, wanted: Wanted, record_path: tuple[str, ...]) -> Iterator[Record]:
    for record in JsonStream(path, codec, wanted.code).records(record_path):
        if not isinstance(record, dict):
            raise WrongFormat(
                f"Source {wanted.code}, file {path.name}: a record is not an object.",
                source=wanted.code,
                file=path.name,
            )
        yield record
