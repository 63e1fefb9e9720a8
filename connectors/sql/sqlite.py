"""What is particular to SQLite: a file that is opened to be read, and queries that are ended by the reader itself."""

import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

BACKEND = "sqlite"
SESSION = ["PRAGMA query_only = ON"]
_STEPS = 100_000  # of SQLite's machine, some milliseconds


class Deadline:
    """Ends what takes longer than so many seconds since it was set."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.set()

    def set(self) -> None:
        """Begin anew."""
        self._until = time.monotonic() + self._seconds

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._until


def engine(path: str, deadline: Deadline, lock_seconds: int) -> sa.Engine:
    """Open the file read-only, on one connection."""
    file = f"file:{quote(str(Path(path).resolve()))}?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(file, uri=True, timeout=lock_seconds)
        connection.set_progress_handler(lambda: deadline.passed, _STEPS)
        return connection

    return sa.create_engine("sqlite://", creator=connect, poolclass=NullPool)


def state_of(words: str) -> str:
    """Return the class of the SQL standard that SQLite's words stand for; ``format`` where it is no database."""
    kinds = {
        "no such table": "42P01",
        "no such column": "42703",
        "unable to open": "08001",
        "locked": "55P03",
        "interrupted": "57014",
        "not a database": "format",
        "malformed": "format",
    }
    return next((state for part, state in kinds.items() if part in words), "unknown")
