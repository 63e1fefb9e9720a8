"""How much an agreement allows: records a day, calls a second; and what of it is spent.

A day is the local one (``HUB_TIME_ZONE``). A record asked for counts once for each key, whether or not there is one: to be told
"none" is an answer too, and what is left must not tell which. The rate lets ``burst`` calls pass at once and ``per_second`` more
each second (the generic cell rate algorithm: one moment, from which on the full burst is free, holds all of its state).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from schemas.errors import ConfigurationError

MOST_PER_DAY = 10**12
MOST_PER_SECOND, MOST_BURST = 10_000, 100_000
_NONE = timedelta(0)
_HINT = "Write {per_second: 5, burst: 10}."


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls a second; 0.2 is one in five seconds."""

    per_second: float
    burst: int = 1

    def __post_init__(self) -> None:
        if not 0.0001 <= self.per_second <= MOST_PER_SECOND or not math.isfinite(self.per_second):
            raise ConfigurationError(f"A rate must be 0.0001 to {MOST_PER_SECOND} calls a second.")
        if not 1 <= self.burst <= MOST_BURST:
            raise ConfigurationError(f"A burst must be 1 to {MOST_BURST} calls.")

    @property
    def interval(self) -> timedelta:
        """The time after which one more call is free."""
        return timedelta(seconds=1 / self.per_second)

    def wait(self, full_at: datetime | None, at: datetime) -> timedelta:
        """Return how long a call must wait at a moment; nothing where it need not. ``full_at`` is when the burst is free again."""
        if full_at is None or full_at <= at:
            return _NONE
        return max(full_at - (self.burst - 1) * self.interval - at, _NONE)

    def after(self, full_at: datetime | None, at: datetime) -> datetime:
        """Return when the full burst will be free again after a call at a moment."""
        return max(full_at or at, at) + self.interval

    def left(self, full_at: datetime | None, at: datetime) -> int:
        """Return how many calls may pass at once at a moment."""
        if full_at is None or full_at <= at:
            return self.burst
        return max(0, math.floor(self.burst - (full_at - at) / self.interval))

    def as_dict(self) -> dict[str, float]:
        """Describe it as agreements are written."""
        return {"per_second": self.per_second, "burst": self.burst}


@dataclass(frozen=True, slots=True)
class Spent:
    """What is spent of an agreement: the records of ``day``, and when its burst is free again."""

    day: date
    used: int = 0
    full_at: datetime | None = None

    def on(self, day: date) -> int:
        """Return what is spent on a day; one that is late counts to the day that has begun."""
        return self.used if self.day >= day else 0


def rate_from(told: Any) -> Rate:
    """Read a rate as agreements are written, or raise ``ConfigurationError``."""
    match told:
        case {"per_second": float() | int() as per_second, **rest} if rest.keys() <= {"burst"}:
            burst = rest.get("burst", 1)
            if isinstance(burst, int) and not isinstance(burst, bool) and not isinstance(per_second, bool):
                return Rate(float(per_second), burst)
    raise ConfigurationError("A rate is not written as it should be.", hint=_HINT)


NOTHING_SPENT: Mapping[str, Spent] = {}
"""Of no agreement is anything known to be spent."""
