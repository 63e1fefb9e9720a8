"""A neighbour's catalogue that is harvested, and one run over it."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from schemas.errors import ConfigurationError
from schemas.resource import NAME


class Kind(StrEnum):
    """How a catalogue is read: as documents of DCAT, or by the interface of CKAN."""

    DCAT = "dcat"
    CKAN = "ckan"


class RunState(StrEnum):
    """Where a run stands; one that is running can be gone on with, whoever began it."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Harvest:
    """A catalogue at an address; ``kind`` is None until its first page was read, ``catalogue`` what it calls itself."""

    code: str
    url: str
    kind: Kind | None = None
    catalogue: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        if not NAME.match(self.code):
            raise ConfigurationError(
                f"The code {self.code!r} of a harvest is not lower-case latin letters, digits and underscores, a letter first.",
                hint="Give one with --code.",
            )


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the datasets of a page, or of all pages of a run."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Run:
    """One run: the ``cursor`` is the page to read next, ``visited`` tells those that were read."""

    harvest: str
    number: int
    state: RunState
    cursor: str | None
    began_at: datetime
    ended_at: datetime | None = None
    pages: int = 0
    counts: Counts = field(default_factory=Counts)
    vanished: int = 0
    problem: str | None = None
    visited: frozenset[str] = frozenset()

    @property
    def seen(self) -> int:
        """How many datasets the catalogue showed."""
        return self.counts.created + self.counts.updated + self.counts.unchanged + self.counts.skipped


def code_from(host: str) -> str:
    """Make a code of a host's name."""
    return re.sub(r"[^a-z0-9]+", "_", f"at_{host}".lower())[:40].strip("_")
