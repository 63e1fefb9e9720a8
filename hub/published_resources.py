"""Published resources as a process knows them: asked of the database once, and again where something is not heard of."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from catalog.published_resource import STANDING, stored_resource
from hub.imported_code_sets import ImportedCodeSets
from infra.database import Database, Role
from schemas.code_sets import resolve_imported_by
from schemas.resource import Resource, published_resolver, resolve_published_by

_SECONDS_BETWEEN_MISSES = 1.0  # who asks for what is not there must not ask the database every time …
_MOST_MISSES = 16  # … nor may who asks for something else each time
_DEFINITIONS = text("""
    SELECT code, version, definition::text AS definition, layout FROM catalog.published_resource
    WHERE code = ANY(:codes)
""")


class KnownResources:
    """The published resources in force. A version is read once: it never changes. Safe between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: Mapping[tuple[str, int], tuple[bytes, tuple[str, ...]]] = {}
        self._held: Mapping[str, Resource] = {}
        self._missed: set[str] = set()
        self._missed_since = 0.0
        self.renew()

    @property
    def held(self) -> Mapping[str, Resource]:
        """The newest version in force of each, by code; one that is withdrawn says so."""
        return self._held

    def named(self, code: str) -> Resource | None:
        """Return one by code, asking the database anew, at most once a second for each, where it is not held."""
        if code not in self._held and self._may_ask(code):
            self.renew()
        return self._held.get(code)

    def _may_ask(self, code: str) -> bool:
        if time.monotonic() - self._missed_since > _SECONDS_BETWEEN_MISSES:
            self._missed, self._missed_since = set(), time.monotonic()
        if code in self._missed or len(self._missed) >= _MOST_MISSES:
            return False
        self._missed.add(code)
        return True

    def renew(self) -> None:
        """Ask the database what is in force."""
        with self._database.engine(Role.APPLICATION).connect() as connection:
            standing = connection.execute(text(STANDING)).all()
            unread = [row.code for row in standing if (row.code, row.version) not in self._read]
            if unread:
                self._keep(connection.execute(_DEFINITIONS, {"codes": unread}).all())
        self._held = {
            row.code: stored_resource(*self._read[row.code, row.version], row.withdrawn) for row in standing
        }

    def _keep(self, rows: Sequence[Any]) -> None:
        fresh = {(row.code, row.version): (row.definition.encode(), tuple(row.layout)) for row in rows}
        self._read = {**self._read, **fresh}


@contextmanager
def knowing(database: Database) -> Iterator[KnownResources]:
    """Let this process know what the database adds to the vocabulary: imported code sets, published resources."""
    resolve_imported_by(ImportedCodeSets(database))
    known, before = KnownResources(database), published_resolver()
    resolve_published_by(known)
    try:
        yield known
    finally:
        resolve_published_by(before)
