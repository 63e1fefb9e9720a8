"""What a reading may answer beside a JSON-ready value: bytes of some media type, or a stream of portions.

Part of the security boundary: bodies hold records in the clear.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Body:
    """An answer that is whole: its bytes, and what they are."""

    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Portion:
    """Some records of a stream, encoded: what one ledger entry stands for, durable before a byte of it is sent.

    ``subjects`` are the blind indexes of its records, by which recall finds who read them. ``outside`` counts records that
    were found and are not agreed. One without records, behind the first, is what frames the others and has no entry.
    """

    content: bytes
    subjects: Sequence[bytes] = ()
    records: int = 0
    outside: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in portions, made one by one as the reader takes them; closed where the reader does not stay.

    ``portions`` raises what stops it: a ``HubError`` before the first portion is the call's answer, as of any reading.
    """

    media_type: str
    portions: AsyncGenerator[Portion, None]
    headers: dict[str, str] = field(default_factory=dict)
