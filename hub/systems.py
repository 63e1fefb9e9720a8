"""Which of the departments' systems a source reads, so that all sources of one system together stay within what it bears."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from connectors.source import Source

SLOTS = 2  # connections at a time: a department's system is not ours to load
_ONE_AT_A_TIME = ("sqlite", "duckdb")  # schemes of databases that are a file
_PLACES = ("url", "path")


def system_of(source: Source) -> str:
    """Return a name of the system, in ASCII and without user, password or query: its host and port, or its folder."""
    place = _place(source)
    parts = urlsplit(place)
    if parts.netloc:
        named = parts.netloc.rpartition("@")[2]
    else:
        path = PurePosixPath(parts.path or place)
        named = str(path.parent if path.suffix else path)
    name = re.sub(r"[^0-9A-Za-z_.-]+", ".", named.replace("/", ".")).strip(".")
    return name or source.code


def slots_of(source: Source) -> int:
    """Return how many tasks may read the source's system at a time."""
    return 1 if urlsplit(_place(source)).scheme.startswith(_ONE_AT_A_TIME) else SLOTS


def pools(sources: Iterable[Source]) -> Mapping[str, int]:
    """Return the pools of all systems, slots by name; the source that allows least counts."""
    found: dict[str, int] = {}
    for source in sources:
        name = system_of(source)
        found[name] = min(slots_of(source), found.get(name, SLOTS))
    return found


def _place(source: Source) -> str:
    return next((str(source.options[name]) for name in _PLACES if source.options.get(name)), source.code)
