"""A span of time by which a source's rows can be read again."""

from dataclasses import dataclass
from datetime import datetime

from schemas.errors import InvalidWindow


@dataclass(frozen=True)
class Window:
    """The time from ``since`` until before ``until``, by the source's watermark; both know their zone."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise InvalidWindow("A window's times need a zone.", hint="Write e.g. 2026-01-01T00:00:00+08:00.")
        if self.since >= self.until:
            raise InvalidWindow(
                f"The window from {self.since} to {self.until} is empty.",
                hint="Its start must lie before its end.",
            )
