"""One entry of the ledger: what happened, without any personal value in the clear."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from os import urandom
from typing import Any
from uuid import UUID

import orjson

from schemas.errors import ConfigurationError

LONGEST_TEXT = 300  # characters of a purpose, legal basis, case code, …


class Kind(StrEnum):
    """What sort of event an entry is."""

    CALL = "call"
    REFUSAL = "refusal"
    INGEST = "ingest"
    ADMINISTRATION = "administration"


def new_entry_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562) whose 12 bits below the millisecond keep the order of one process."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    number = milliseconds << 80 | 0x7 << 76 | (rest * 4096 // 1_000_000) << 64
    return UUID(int=number | 0b10 << 62 | int.from_bytes(urandom(8), "big") >> 2)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as the ledger keeps it; column by column as in migration 0003.

    ``subjects``: the blind indexes of the keys asked for, 16 bytes each, one after the other. ``duration``: microseconds
    until the entry was made. ``facts``: what an administration or ingest did, no personal values. ``detail``: sealed.
    """

    kind: Kind
    action: str
    outcome: str
    actor: str | None = None
    organisation: str | None = None
    agreement: str | None = None
    resource: str | None = None
    keys: int = 0
    subjects: bytes | None = None
    items: tuple[str, ...] | None = None
    purpose: str | None = None
    legal_basis: str | None = None
    case_code: str | None = None
    problem: str | None = None
    records: int = 0
    duration: int = 0
    request: str | None = None
    facts: Mapping[str, Any] | None = None
    detail: bytes | None = None
    id: UUID = field(default_factory=new_entry_id)
    at: datetime = field(default_factory=_now)

    def __post_init__(self) -> None:
        # One bad text would fail every entry of its batch, so none may exist: PostgreSQL takes no NUL, UTF-8 no
        # lone surrogate.
        texts = [text for text in _texts(self) if text]
        if not "".join(texts).isprintable() or len(max(texts, key=len)) > LONGEST_TEXT:
            raise ConfigurationError("A text of a ledger entry is too long or holds control characters.")
        if self.subjects and len(self.subjects) != 16 * self.keys:
            raise ConfigurationError("A ledger entry must hold one blind index of 16 bytes a key.")

    def row(self) -> tuple[Any, ...]:
        """The values in the order of ``COLUMNS``, as asyncpg takes them."""
        values = _values(self)
        return values if self.facts is None else (*values[:-1], orjson.dumps(self.facts).decode())


_TEXTS = ("action", "outcome", "actor", "organisation", "agreement", "resource", "purpose", "legal_basis", "case_code",
          "problem", "request")  # fmt: skip
COLUMNS = ("id", "at", "kind", *_TEXTS, "keys", "subjects", "items", "records", "duration", "detail", "facts")
_AS_TEXT = {
    "at": """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "subjects": "encode(subjects, 'hex')",
    "detail": "encode(detail, 'hex')",
    "items": "array_to_string(items, ',')",
}


def _field(column: str) -> str:
    text = _AS_TEXT.get(column, f"{column}::text")
    return f"coalesce(octet_length({text}) || ':' || {text}, '-'), ','"


# What is hashed as a leaf: every column in the order of COLUMNS, as UTF-8 text of a stated length, so that no two
# entries have the same bytes: "4:call,6:record,-,…". In SQL, because a hash there costs no round of Python.
LEAF_SQL = f"convert_to(concat({', '.join(map(_field, COLUMNS))}), 'UTF8')"
_texts = attrgetter(*_TEXTS)
_values = attrgetter(*COLUMNS)
