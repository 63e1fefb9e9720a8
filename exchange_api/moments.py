"""Moments that records are asked for: as the hub knew them then, or as they held then by what it knows now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schemas.errors import MalformedRequest
from schemas.update_cycles import CHINA

NAMES = ("as_of", "valid_at")


@dataclass(frozen=True, slots=True)
class Moment:
    """Which version of a record is asked for: ``by`` is ``as_of``, the last recorded by then, or ``valid_at``, the one valid then."""

    by: str
    at: datetime


def moment_of(told: Mapping[str, Any]) -> Moment | None:
    """Read ``as_of`` or ``valid_at``, None where neither is told; a day is its first moment, a time without a zone China's."""
    given = [name for name in NAMES if told.get(name) is not None]
    if not given:
        return None
    if len(given) > 1:
        raise MalformedRequest("Both as_of and valid_at are asked for.", hint="Ask for one of them.")
    (name,) = given
    try:
        at = datetime.fromisoformat(told[name])
        at = (at if at.tzinfo else at.replace(tzinfo=CHINA)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise MalformedRequest(
            f"{name} must be a day or a time, as 2026-01-31 or 2026-01-31T08:00:00+08:00."
        ) from None
    return Moment(name, at)
