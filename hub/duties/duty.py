"""What a duty is, and what is found where it is not done. No finding holds a personal value: it names matters, resources and systems."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from catalog.contact import Bearer
from connectors.definition import Broken
from connectors.source import Source
from schemas.errors import MalformedRequest
from schemas.working_days import Calendar


class Severity(StrEnum):
    """An ``alert`` is a breach of the Decree, a ``warning`` of what the hub asks, a ``notice`` tells what is near its end."""

    ALERT = "alert"
    WARNING = "warning"
    NOTICE = "notice"

    def reaches(self, least: "Severity") -> bool:
        """Whether it is as severe as another, or more."""
        order = tuple(Severity)
        return order.index(self) <= order.index(least)

    @classmethod
    def named(cls, name: str) -> "Severity":
        """Return the one of that name, or raise ``MalformedRequest``."""
        if name not in tuple(cls):
            raise MalformedRequest("There is no such severity.", hint=f"There are: {', '.join(cls)}.")
        return cls(name)


@dataclass(frozen=True, slots=True)
class Ground:
    """What duties are watched by: the database, the moment, the calendar, and the sources as they are defined.

    An agreement that was not read for ``unused_days`` is unused; one that ends within ``renew_days`` working days, and a key within
    ``key_days`` days, is told of.
    """

    connection: Connection
    at: datetime
    calendar: Calendar
    sources: Mapping[str, Source]
    broken: Sequence[Broken]
    unused_days: int
    renew_days: int
    key_days: int

    @property
    def rhythm(self) -> Calendar:
        """The calendar for what is a rhythm and no deadline of the law."""
        return self.calendar.lenient()

    @property
    def unused_since(self) -> datetime:
        """What was not read since then is unused."""
        return self.at - timedelta(days=self.unused_days)


@dataclass(frozen=True, slots=True)
class Lack:
    """Something undone: of what, whose, since when it is to be done, and by when; None where that is not known.

    ``organisation`` bears the duty, or, where the authority or an administrator does, is concerned by it; a lack of none is the
    authority's to see. ``detail`` says what the duty's own sentence does not.
    """

    subject: str
    organisation: str | None = None
    since: datetime | None = None
    due: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Duty:
    """One line of the table. ``article`` is of Decree 809, empty where the rule is the hub's own."""

    name: str
    title: str
    article: str
    bearer: Bearer
    severity: Severity
    asks: str
    to_do: str
    lacks: Callable[[Ground], Iterable[Lack]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands undone now: a lack of a duty, with how many working days it is late; 0 where it is not late."""

    duty: Duty
    lack: Lack
    days_late: int

    @property
    def key(self) -> str:
        """What it is told by: the duty and its subject."""
        return f"{self.duty.name}/{self.lack.subject}"

    def as_dict(self) -> dict[str, Any]:
        """Describe it for machines."""
        lack, duty = self.lack, self.duty
        return {
            "duty": duty.name,
            "article": duty.article or None,
            "bearer": duty.bearer.value,
            "severity": duty.severity.value,
            "subject": lack.subject,
            "organisation": lack.organisation,
            "since": lack.since and lack.since.isoformat(),
            "due": lack.due and lack.due.isoformat(),
            "days_late": self.days_late,
            "detail": lack.detail or None,
            "to_do": duty.to_do,
        }
