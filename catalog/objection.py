"""The objection (异议、校核): a user's doubt about a record, an item of it, an answer, or the catalogue.

Decree 809 of the State Council, article 26. What is doubted is told by blind index; the key, the claim and the proof are
sealed, for people write them and they name persons.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from schemas.errors import MalformedObjection

LONGEST_CLAIM = 2000
MOST_ITEMS = 100
LONGEST_TEXT = 300
WHOLE_RECORD = ""
"""Stands, among doubted items, for the record as a whole."""


class ObjectionKind(StrEnum):
    """What the doubt is about."""

    CATALOGUE = "catalogue"
    APPLICATION = "application"
    RESPONSE = "response"
    QUALITY = "quality"
    USE = "use"
    OTHER = "other"


class Outcome(StrEnum):
    """How an objection was handled."""

    CORRECTED = "corrected"
    KEPT = "kept"
    AMENDED = "amended"


def kind_named(name: str) -> ObjectionKind:
    """Read a kind, or raise ``MalformedObjection``."""
    try:
        return ObjectionKind(name)
    except ValueError:
        raise MalformedObjection(
            "There is no such kind of objection.", hint=f"Kinds are: {', '.join(ObjectionKind)}."
        ) from None


@dataclass(frozen=True)
class Claim:
    """What somebody says: ``key`` of the record meant, ``says`` what is thought wrong, ``proof`` what shows it.

    Part of the security boundary: all three may hold personal values, and are stored sealed only.
    """

    key: str | None
    says: str
    proof: str = ""

    def __post_init__(self) -> None:
        if self.key is not None:
            check_short(self.key, "key")
        if not self.says.strip():
            raise MalformedObjection("The objection does not say what is thought wrong.")
        for name, text in (("claim", self.says), ("proof", self.proof)):
            if len(text) > LONGEST_CLAIM or not _is_writing(text):
                raise MalformedObjection(f"The {name} must be at most {LONGEST_CLAIM} printable characters.")


@dataclass(frozen=True)
class Objection:
    """An objection as it is stored beside its matter.

    ``subject`` is None where no record is meant, ``items`` empty where the whole of it is; ``answer`` names the ledger entry of
    the call that is doubted; ``version`` is the record's at that moment, ``source`` whose word the doubted item is.
    """

    id: str
    kind: ObjectionKind
    resource: str
    items: tuple[str, ...] = ()
    subject: bytes | None = None
    answer: UUID | None = None
    case_code: str = ""
    version: int | None = None
    source: str | None = None
    office: str | None = None
    outcome: Outcome | None = None
    score: int | None = None
    solved: bool | None = None

    def __post_init__(self) -> None:
        if len(self.items) > MOST_ITEMS or len(set(self.items)) != len(self.items):
            raise MalformedObjection(f"An objection names at most {MOST_ITEMS} items, each once.")
        check_short(self.case_code, "case code")
        if (self.subject or self.answer) and not self.case_code:
            raise MalformedObjection(
                "An objection to a record or an answer names the case it came up in.", hint="Give its case code."
            )  # fmt: skip
        if (self.subject is None) != (self.version is None):
            raise MalformedObjection("An objection to a record names the version that is doubted.")

    @property
    def doubted(self) -> tuple[str, ...]:
        """What is doubted of the record: its items, or ``WHOLE_RECORD``; nothing where no record is meant."""
        return () if self.subject is None else self.items or (WHOLE_RECORD,)


@dataclass(frozen=True, slots=True)
class Doubt:
    """One item under doubt (``WHOLE_RECORD``: all), as long as its objection is open."""

    objection: str
    item: str
    since: datetime


def check_short(text: str, name: str) -> None:
    """Raise ``MalformedObjection`` for what is too long to be a key or a code, or holds control characters."""
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise MalformedObjection(f"The {name} must be at most {LONGEST_TEXT} printable characters.")


def _is_writing(text: str) -> bool:
    return all(letter.isprintable() or letter in "\n\t" for letter in text)
