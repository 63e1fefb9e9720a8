"""The resources that departments have published: definitions by version, which never change once they are published.

A resource is in force from a version's ``in_force_at`` on, and shared until the one in force is withdrawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Column, DateTime, Integer, Table, Text, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from catalog.recorded import Recorded
from catalog.tables import METADATA
from schemas.errors import NotRegistered, ResourceWithdrawn
from schemas.publishable import digest_of, written
from schemas.resource import Resource, resource_of

PUBLISHED = Table(
    "published_resource",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", JSONB),
    Column("digest", Text),
    Column("layout", ARRAY(Text)),
    Column("published_by", Text),
    *(Column(name, DateTime(timezone=True)) for name in ("published_at", "in_force_at", "withdrawn_at")),
)
STANDING = """
    SELECT DISTINCT ON (code) code, version, withdrawn_at IS NOT NULL AS withdrawn FROM catalog.published_resource
    WHERE in_force_at IS NOT NULL ORDER BY code, version DESC
"""
"""Which version of each is in force: asked at every change of the catalogue, so without the definitions."""


@dataclass(frozen=True)
class PublishedResource:
    """One version of a published resource; ``in_force_at`` is None while records are made ready for it."""

    resource: Resource
    digest: str
    published_by: str
    published_at: datetime
    in_force_at: datetime | None
    withdrawn_at: datetime | None


class PublishedResources(Recorded):
    """Writes and reads what is published, on a connection whose transaction the caller commits."""

    def hold(self, code: str) -> None:
        """Let nobody else publish or withdraw this resource until the transaction ends."""
        key = func.hashtextextended(f"resource.{code}", 0)
        self._connection.execute(select(func.pg_advisory_xact_lock(key)))

    def add(self, resource: Resource, *, actor: str, in_force: bool = True) -> None:
        """Publish a version, with the layout it has; the caller holds the resource, and there is none of that number."""
        told = {"version": resource.version, "digest": digest_of(resource), "items": len(resource.items)}
        self._record(
            self._connection, actor=actor, action="resource.publish", target=resource.code, facts=told
        )
        now = datetime.now(UTC)
        values = {"code": resource.code, "version": resource.version, "definition": written(resource)}
        values |= {
            "digest": told["digest"],
            "layout": list(resource.layout),
            "published_by": actor,
            "published_at": now,
        }
        self._connection.execute(insert(PUBLISHED).values(**values, in_force_at=now if in_force else None))

    def withdraw(self, code: str, *, actor: str, reason: str) -> None:
        """Share a resource no longer; ``NotRegistered`` where it is not published, ``ResourceWithdrawn`` where it is withdrawn."""
        standing = self.in_force(code)
        if standing is None:
            raise NotRegistered(f"Resource {code} is not published, so it cannot be withdrawn.")
        if standing.resource.withdrawn:
            raise ResourceWithdrawn(f"Resource {code} is withdrawn already.", resource=code)
        told = {"version": standing.resource.version, "reason": reason}
        self._record(self._connection, actor=actor, action="resource.withdraw", target=code, facts=told)
        here = (PUBLISHED.c.code == code) & (PUBLISHED.c.version == standing.resource.version)
        self._connection.execute(update(PUBLISHED).where(here).values(withdrawn_at=datetime.now(UTC)))

    def put_in_force(self, code: str, version: int, *, actor: str) -> None:
        """Let a version count from now on, for its records are ready; one that does so already does so since then."""
        waits = (PUBLISHED.c.version == version) & PUBLISHED.c.in_force_at.is_(None)
        here = (PUBLISHED.c.code == code) & waits
        done = self._connection.execute(update(PUBLISHED).where(here).values(in_force_at=datetime.now(UTC)))
        if done.rowcount:
            told = {"version": version}
            self._record(self._connection, actor=actor, action="resource.in_force", target=code, facts=told)

    def in_force(self, code: str) -> PublishedResource | None:
        """Return the version in force, withdrawn or not; None where the resource is not published."""
        return next((one for one in reversed(self.of(code)) if one.in_force_at is not None), None)

    def of(self, code: str) -> Sequence[PublishedResource]:
        """Return all versions of one resource, the first first."""
        query = select(PUBLISHED).where(PUBLISHED.c.code == code).order_by(PUBLISHED.c.version)
        return [_made(row) for row in self._connection.execute(query).mappings()]

    def every(self) -> Sequence[PublishedResource]:
        """Return all versions of all resources, by code and version."""
        rows = self._connection.execute(select(PUBLISHED).order_by(PUBLISHED.c.code, PUBLISHED.c.version))
        return [_made(row) for row in rows.mappings()]


def _made(row: Mapping[Any, Any]) -> PublishedResource:
    resource = stored_resource(
        orjson.dumps(row["definition"]), tuple(row["layout"]), row["withdrawn_at"] is not None
    )
    names = ("digest", "published_by", "published_at", "in_force_at", "withdrawn_at")
    return PublishedResource(resource, **{name: row[name] for name in names})


@lru_cache(maxsize=4096)
def stored_resource(definition: bytes, layout: tuple[str, ...], withdrawn: bool) -> Resource:
    """Make a resource of its row: the definition as JSON, its layout, and whether it is withdrawn."""
    return replace(resource_of(orjson.loads(definition)), layout=layout, withdrawn=withdrawn)
