"""The clock: what time it is, asked of whoever composes the program, so that a test may walk a year in seconds."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, with its time zone."""


def now() -> datetime:
    """Return the present moment by the machine's clock, in UTC."""
    return datetime.now(UTC)
