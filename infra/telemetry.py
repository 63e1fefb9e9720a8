"""Logging of every process of the hub: one set-up, for people or, as JSON lines, for machines.

No personal value is ever logged. Exceptions are logged by type and place only: the words of a driver's error may
quote a row.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

from schemas.errors import HubError

_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_QUIET = ("alembic", "sqlalchemy", "httpx", "asyncio", "great_expectations")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, logger, message, error, and what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info and record.exc_info[1]:
            line["error"] = describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainFormatter(logging.Formatter):
    """A line for people; an exception is one more phrase on it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def formatException(self, ei: object) -> str:  # noqa: N802 - the name is logging's
        """Type and place of the error, without a foreign error's words."""
        error = ei[1] if isinstance(ei, tuple) else None
        return f"  {describe(error)}" if isinstance(error, BaseException) else ""


def describe(error: BaseException) -> str:
    """An exception for a log: its type, where it was raised, and its words only when they are the hub's own."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    words = f": {error}" if isinstance(error, HubError) else ""
    return f"{type(error).__name__}{words}{place}"


def configure_logging(level: str = "INFO", *, machine: bool = False, stream: TextIO | None = None) -> None:
    """Send the log of this process to ``stream`` (standard error); ``machine``: as JSON lines. May be called again."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if machine else PlainFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
