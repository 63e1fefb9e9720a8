"""Decoding what PostgreSQL's ``pgoutput`` plugin writes (protocol version 1; "Logical Replication Message Formats")."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

UNCHANGED: Any = object()
"""In place of a large value that an update left as it was: the log does not repeat it."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Begin:
    """A transaction follows that committed at ``lsn``."""

    lsn: int


@dataclass(frozen=True)
class Commit:
    """It ends; the log goes on at ``end``."""

    end: int


@dataclass(frozen=True)
class Change:
    """A row of ``table`` (schema, name) was ``old`` and is ``new``; text or None a column, or ``UNCHANGED``.

    ``old`` is None for an insert, and for an update that left the identity as it was; ``new`` is None for a delete.
    Of an old row only the replica identity is there, unless that is the full row.
    """

    table: tuple[str, str]
    old: Row | None
    new: Row | None


@dataclass(frozen=True)
class Truncate:
    """All rows of these tables are gone."""

    tables: tuple[tuple[str, str], ...]


Message = Begin | Commit | Change | Truncate


@dataclass(frozen=True)
class _Relation:
    table: tuple[str, str]
    columns: tuple[tuple[str, bool], ...]


class Decoder:
    """Decodes the messages of one stream in their order; remembers the tables it was told of."""

    def __init__(self) -> None:
        self._relations: dict[int, _Relation] = {}

    def decoded(self, data: bytes) -> Message | None:
        """Return what the message says; None for one that says nothing of rows. Raises ``ValueError`` for a broken one."""
        reader = _Reader(data)
        read = _READERS.get(reader.character())
        return read(self, reader) if read else None

    def _relation(self, reader: "_Reader") -> None:
        number = reader.whole(4)
        table = (reader.text() or "pg_catalog", reader.text())
        reader.skip(1)
        columns = []
        for _ in range(reader.whole(2)):
            is_key = bool(reader.whole(1) & 1)
            columns.append((reader.text(), is_key))
            reader.skip(8)
        self._relations[number] = _Relation(table, tuple(columns))

    def _begin(self, reader: "_Reader") -> Begin:
        return Begin(reader.whole(8))

    def _commit(self, reader: "_Reader") -> Commit:
        reader.skip(9)
        return Commit(reader.whole(8))

    def _insert(self, reader: "_Reader") -> Change:
        relation = self._told(reader)
        reader.skip(1)
        return Change(relation.table, None, reader.row(relation.columns))

    def _update(self, reader: "_Reader") -> Change:
        relation = self._told(reader)
        kind, old = reader.character(), None
        if kind in "KO":
            old = reader.row(relation.columns, only_key=kind == "K")
            reader.skip(1)
        return Change(relation.table, old, reader.row(relation.columns))

    def _delete(self, reader: "_Reader") -> Change:
        relation = self._told(reader)
        only_key = reader.character() == "K"
        return Change(relation.table, reader.row(relation.columns, only_key=only_key), None)

    def _truncate(self, reader: "_Reader") -> Truncate:
        count = reader.whole(4)
        reader.skip(1)
        return Truncate(tuple(self._told(reader).table for _ in range(count)))

    def _told(self, reader: "_Reader") -> _Relation:
        number = reader.whole(4)
        if number not in self._relations:
            raise ValueError("a change of a table that was not described before")
        return self._relations[number]


class _Reader:
    """The bytes of one message, read forward: whole numbers big-endian, texts ended by a zero byte."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise ValueError("a message that ends early")
        self._at += size
        return piece

    def skip(self, size: int) -> None:
        self.take(size)

    def character(self) -> str:
        return chr(self.take(1)[0])

    def whole(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def text(self) -> str:
        end = self._data.index(0, self._at)
        piece = self._data[self._at : end]
        self._at = end + 1
        return piece.decode()

    def row(self, columns: tuple[tuple[str, bool], ...], *, only_key: bool = False) -> Row:
        """Read a row; of an old one that is the identity alone the other columns, all null, are left out."""
        if self.whole(2) != len(columns):
            raise ValueError("a row of other columns than its table")
        values = [(name, is_key, self._value()) for name, is_key in columns]
        return {name: value for name, is_key, value in values if is_key or not only_key}

    def _value(self) -> Any:
        kind = self.character()
        if kind == "n":
            return None
        if kind == "u":
            return UNCHANGED
        if kind != "t":
            raise ValueError("a value in an unknown form")
        return self.take(self.whole(4)).decode()


_READERS: dict[str, Callable[[Decoder, _Reader], Message | None]] = {
    "R": Decoder._relation,
    "B": Decoder._begin,
    "C": Decoder._commit,
    "I": Decoder._insert,
    "U": Decoder._update,
    "D": Decoder._delete,
    "T": Decoder._truncate,
}
