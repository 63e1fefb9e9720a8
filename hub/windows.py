"""What one run over a source is to read, as references: no record, so that they may travel as task parameters.

Ordinarily that is what is new behind the watermark. A backfill reads a window of the past again instead.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.source import Source
from connectors.window import Window
from hub.composition import Hub
from schemas.errors import InvalidWindow
from schemas.update_cycles import CHINA

_CLOCKS = ("datetime", "date")


def window_of(since: str | None, until: str | None) -> Window | None:
    """Read a window from ISO 8601 texts; None without either. A date, and a time without zone, is China's.

    Raises ``InvalidWindow`` for what is no time, for one time without the other, and for an empty window.
    """
    if not since and not until:
        return None
    if not since or not until:
        raise InvalidWindow("A window needs its start and its end.")
    return Window(time_of(since), time_of(until))


def time_of(text: str) -> datetime:
    """Read a time from ISO 8601; a date, and a time without zone, is China's. Raises ``InvalidWindow``."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidWindow(
            f"{text!r} is no time.", hint="Write e.g. 2026-01-01 or 2026-01-01T02:00."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=CHINA)


def planned(hub: Hub, code: str, window: Window | None = None) -> list[dict[str, Any]]:
    """Return the parts a run over the source reads, each for one call of ``hub.ingest.ingest_source``.

    A part is ``{"since": …, "until": …}``, ISO 8601 texts, or nulls for what is new behind the watermark. Raises
    ``UnknownSource``, and ``InvalidWindow`` where the source cannot be read by window.
    """
    source = hub.source(code)
    if window is None:
        return [{"since": None, "until": None}]
    check_window(source)
    return [{"since": part.since.isoformat(), "until": part.until.isoformat()} for part in months(window)]


def months(window: Window) -> Iterator[Window]:
    """Split a window where months begin in China: what fails is read again by the month, not from the start."""
    since = window.since.astimezone(CHINA)
    while since < window.until:
        first = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (first + timedelta(days=32)).replace(day=1)
        yield Window(since, min(following, window.until))
        since = following


def part_window(part: Mapping[str, Any]) -> Window | None:
    """Return the window of a planned part."""
    return window_of(part["since"], part["until"])


def check_window(source: Source) -> None:
    """Raise ``InvalidWindow`` unless the source's rows can be chosen by time: an SQL source with a watermark of time."""
    if source.connector != "sql" or source.watermark is None or source.watermark.type not in _CLOCKS:
        raise InvalidWindow(
            f"Source {source.code} cannot be read by window: it has no watermark that is a time.",
            hint=f"Run without a window: hub ingest {source.code}",
            source=source.code,
        )
