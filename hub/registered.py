"""The registered sources as they are written, with no system running and no secret filled in: for who only plans.

Planning goes on while the database is away: what it held last, sources and published resources, is kept in files of the
hub's home.
"""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import orjson
import psycopg

from catalog.published_resource import stored_resource
from connectors.definition import Definitions, load_definitions
from connectors.source import Source
from infra.database import connect_if_running
from infra.settings import Settings
from schemas.errors import HubError
from schemas.resource import Resource, published_resolver, resolve_published_by

KEPT = "registered-sources.json"
_ASKED = {
    KEPT: "SELECT code, definition FROM catalog.source ORDER BY code",
    "published-resources.json": "SELECT DISTINCT ON (code) code, "
    "json_build_array(definition, layout, withdrawn_at IS NOT NULL)::text FROM catalog.published_resource "
    "WHERE in_force_at IS NOT NULL ORDER BY code, version DESC",
}
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
    sources, resources = _known(settings)
    _know(resources)
    found = load_definitions(settings.sources, LaterKnown(), sources)
    warn(found)
    return found


def registered_sources(settings: Settings) -> Mapping[str, Source]:
    """Return every registered source by code, in order of ordinal, as ``registered_definitions`` does."""
    return registered_definitions(settings).sources


def warn(found: Definitions) -> None:
    """Log which definitions are left out, and why."""
    for broken in found.broken:
        _log.warning("Source %s is left out: %s", broken.code, broken.error)


def _known(settings: Settings, level: int = logging.WARNING) -> list[Mapping[str, str]]:
    """Ask the database what each of ``_ASKED`` holds, or else the files that were written when it answered last."""
    kept = [_read(settings.home / name) for name in _ASKED]
    try:
        with connect_if_running(settings) as connection:
            told: list[Mapping[str, str]] = [
                dict(connection.execute(query).fetchall()) for query in _ASKED.values()
            ]
    except (HubError, psycopg.Error) as error:
        _log.log(
            level,
            "The database was not asked for sources (%s); those known last stand.",
            type(error).__name__,
        )
        return kept
    for name, fresh, known in zip(_ASKED, told, kept, strict=True):
        if fresh != known:
            _write(settings.home / name, fresh)
    return told


def _read(kept: Path) -> Mapping[str, str]:
    with suppress(OSError, ValueError):
        known: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
        return known
    return {}


def _write(kept: Path, told: Mapping[str, str]) -> None:
    with suppress(OSError):  # where the home may only be read, the database alone is asked
        draft = kept.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        draft.replace(kept)


class KeptResources:
    """The published resources as they were told once; another look makes another of these."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self.held = {code: _resource(text) for code, text in told.items()}

    def named(self, code: str) -> Resource | None:
        """Return one of them."""
        return self.held.get(code)


def _resource(text: str) -> Resource:
    definition, layout, withdrawn = orjson.loads(text)
    return stored_resource(orjson.dumps(definition), tuple(layout), withdrawn)


def know_published(settings: Settings) -> None:
    """Let this process know the published resources, if a database answers or once did; it need not run for that."""
    _know(_known(settings, logging.DEBUG)[1])


def _know(told: Mapping[str, str]) -> None:
    if isinstance(published_resolver(), KeptResources | None):  # who has an open hub knows better
        resolve_published_by(KeptResources(told))
