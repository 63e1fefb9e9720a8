"""Reading the records of a JSON file one after another, however large the file is.

The records are the members of an array, at the top or under a record path, or the objects of JSON Lines. Numbers
stay as they are written. Memory is bounded by a chunk and the longest record.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import SourceError, TruncatedFile, WrongFormat

_CHUNK = 1 << 20
_LONGEST_RECORD = 64 << 20
_BLANK = re.compile(r"[ \t\r\n]*")


class JsonStream:
    """The text of one file, read forward; raises ``TruncatedFile`` or ``WrongFormat`` naming the line."""

    def __init__(self, path: Path, encoding: str, source: str) -> None:
        self._path = path
        self._encoding = encoding
        self._source = source
        self._decoder = json.JSONDecoder(parse_float=str, parse_int=str)

    def records(self, record_path: tuple[str, ...]) -> Iterator[Any]:
        """Yield the records under ``record_path``; an empty path means the top."""
        with self._path.open(encoding=self._encoding) as file:
            self._file = file
            self._text, self._at, self._lines = "", 0, 1
            for name in record_path:
                self._enter(name)
            if self._peek() == "[":
                yield from self._members()
                if not record_path and self._peek(at_end_allowed=True):
                    raise self._wrong("goes on after its end")
            elif record_path:
                raise self._wrong(f"has no array under {'.'.join(record_path)}")
            else:
                yield from self._lines_of_objects()

    def _members(self) -> Iterator[Any]:
        self._expect("[")
        if self._peek() == "]":
            self._expect("]")
            return
        while True:
            yield self._value()
            if self._peek() == "]":
                self._expect("]")
                return
            self._expect(",")

    def _lines_of_objects(self) -> Iterator[Any]:
        while self._peek(at_end_allowed=True):
            if self._peek() != "{":
                raise self._wrong("is neither an array nor a sequence of objects")
            yield self._value()

    def _enter(self, name: str) -> None:
        """Move to the value of the member ``name`` of the object that starts here."""
        self._expect("{")
        while self._peek() != "}":
            key = self._value()
            self._expect(":")
            if key == name:
                return
            self._value()
            if self._peek() == ",":
                self._expect(",")
        raise self._wrong(f"has no member {name!r}")

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._may_be_cut(error):
                    self._at = error.pos
                    raise self._wrong("is no JSON") from None
                if not self._read():
                    raise self._truncated() from None
                continue
            except RecursionError:
                raise self._wrong("is nested too deeply") from None
            if end < len(self._text) or not self._read():
                self._at = end
                return value

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the text so far may be the beginning of good JSON; what follows decides."""
        if error.msg.startswith("Unterminated"):
            return True
        rest = self._text[error.pos :].strip()
        return rest in ("", ",", "-") or any(word.startswith(rest) for word in ("true", "false", "null"))

    def _peek(self, *, at_end_allowed: bool = False) -> str:
        while True:
            found = _BLANK.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read():
                if at_end_allowed:
                    return ""
                raise self._truncated()

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise self._wrong("is no JSON")
        self._at += 1

    def _read(self) -> bool:
        if len(self._text) - self._at > _LONGEST_RECORD:
            raise self._wrong(f"has a record longer than {_LONGEST_RECORD >> 20} MiB")
        # As much again as is held, so that a long record is not parsed anew for every chunk of it.
        more = self._file.read(max(_CHUNK, len(self._text) - self._at))
        self._lines += self._text.count("\n", 0, self._at)
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)

    def _line(self) -> int:
        return self._lines + self._text.count("\n", 0, self._at)

    def _wrong(self, what: str) -> SourceError:
        place = f"Source {self._source}, file {self._path.name}"
        line = self._line()
        return WrongFormat(
            f"{place} {what}, at line {line}.", source=self._source, file=self._path.name, line=line
        )

    def _truncated(self) -> SourceError:
        line = self._line()
        return TruncatedFile(
            f"Source {self._source}, file {self._path.name} ends within a value that begins on line {line}.",
            hint="Ask the department to deliver the file again.",
            source=self._source,
            file=self._path.name,
            line=line,
        )
