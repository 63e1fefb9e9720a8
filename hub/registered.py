"""The registered sources as they are written, with no system running and no secret filled in: for who only plans.

Planning goes on while the database is away: what it held last is kept in a file of the hub's home.
"""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress

import psycopg

from connectors.definition import Definitions, load_definitions
from connectors.source import Source
from infra.database import connect_if_running
from infra.settings import Settings
from schemas.errors import HubError

KEPT = "registered-sources.json"
_log = logging.getLogger(__name__)


class LaterKnown(dict[str, str]):
    """Stands for variables whose values only a pull needs: where the departments' systems are."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return name


def registered_definitions(settings: Settings) -> Definitions:
    """Return every registered source, and the definitions that are left out; a variable in options stands as its own name.

    Nothing is started for it. What is left out is warned of: the others are planned all the same.
    """
    found = load_definitions(settings.sources, LaterKnown(), _definitions(settings))
    warn(found)
    return found


def registered_sources(settings: Settings) -> Mapping[str, Source]:
    """Return every registered source by code, in order of ordinal, as ``registered_definitions`` does."""
    return registered_definitions(settings).sources


def warn(found: Definitions) -> None:
    """Log which definitions are left out, and why."""
    for broken in found.broken:
        _log.warning("Source %s is left out: %s", broken.code, broken.error)


def _definitions(settings: Settings) -> Mapping[str, str]:
    """Ask the database, or else the file that was written when it answered last."""
    kept = settings.home / KEPT
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):
        known = json.loads(kept.read_text(encoding="utf-8"))
    try:
        with connect_if_running(settings) as connection:
            rows = connection.execute("SELECT code, definition FROM catalog.source ORDER BY code").fetchall()
    except (HubError, psycopg.Error) as error:
        _log.warning(
            "The database was not asked for sources (%s); those known last stand.", type(error).__name__
        )
        return known
    if (told := dict(rows)) != known:
        with suppress(OSError):  # where the home may only be read, the database alone is asked
            draft = kept.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
            draft.replace(kept)
    return told
