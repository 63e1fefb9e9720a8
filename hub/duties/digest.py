"""A digest of duties as people read it: a subject with counts, and a plain text by duty, in Chinese and English."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from catalog.contact import OWN
from hub.duties.duty import Duty, Finding, Severity

MOST_LINES = 50
"""Of one duty, the latest first; a message is to be read."""
_END = "此邮件由系统发出，请勿回复 · Sent by the hub; nobody reads what is answered."


@dataclass(frozen=True)
class Digest:
    """What an organisation's contact is told at a moment; ``whose`` is the organisation's name."""

    whose: str
    findings: Sequence[Finding]
    at: datetime
    zone: ZoneInfo

    @property
    def subject(self) -> str:
        """One line, whatever names hold."""
        counted = Counter(one.duty.severity for one in self.findings)
        counts = [
            f"{counted[one]} {one}{'s' if counted[one] > 1 else ''}" for one in Severity if counted[one]
        ]
        return _one_line(f"履职提醒 Duties: {', '.join(counts)} · {self.whose}")

    @property
    def text(self) -> str:
        """The message: what the law asks, what stands undone by it, and what to do."""
        head = f"{_one_line(self.whose)}\n{self.at.astimezone(self.zone):%Y-%m-%d %H:%M} ({self.zone.key})"
        by_duty = groupby(self.findings, key=lambda one: one.duty)
        parts = ["\n".join(_part(duty, found, self.zone)) for duty, found in by_duty]
        return "\n\n".join((head, *parts, _END)) + "\n"


def _part(duty: Duty, found: Iterator[Finding], zone: ZoneInfo) -> Iterator[str]:
    article = f" · 条例第 {duty.article} 条 article {duty.article}" if duty.article else ""
    yield f"【{duty.title}】 {duty.name} · {duty.severity}{article}"
    yield duty.asks
    every = list(found)
    for one in every[:MOST_LINES]:
        yield f"  - {_line(one, zone)}"
    if len(every) > MOST_LINES:
        yield f"  … and {len(every) - MOST_LINES} more: hub duties --duty {duty.name}, GET /v1/duties?duty={duty.name}"
    yield f"To do: {duty.to_do}"


def _line(one: Finding, zone: ZoneInfo) -> str:
    lack = one.lack
    concerned = "" if one.duty.bearer in OWN else lack.organisation or ""  # else it is who reads it
    said = [lack.subject, concerned]
    if lack.due is not None:
        said.append(f"due {lack.due.astimezone(zone):%Y-%m-%d}")
    if one.days_late:
        said.append(f"{one.days_late} working day{'s' if one.days_late > 1 else ''} late")
    return _one_line(", ".join(filter(None, (*said, lack.detail))))


def _one_line(told: str) -> str:
    """Leave no line break of any kind: what departments name must not look like a header, or like the hub's own words."""
    return " ".join(told.split())
