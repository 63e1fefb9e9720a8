"""As which version a resource is written: the one in force, or, while records are made ready for the next, what bridges the two.

A run asks once, and under the library's lock before every batch whether that still holds: so nobody writes by a version that is
no longer written.
"""

from dataclasses import dataclass
from typing import Any

from audit.recording import record_administration
from base_libraries.evolution import plan
from catalog.published_resource import PublishedResources
from hub.composition import Hub
from hub.published_resources import KnownResources
from hub.publishing import standing
from infra.database import Role
from schemas.errors import ResourceMoved
from schemas.resource import Resource, published_resolver

_STAMP = (
    "SELECT coalesce(max(version), 0)::integer, coalesce(max(version) FILTER (WHERE in_force_at IS NOT NULL), 0)::integer, "
    "count(withdrawn_at)::integer FROM catalog.published_resource WHERE code = $1"
)


@dataclass(frozen=True)
class Written:
    """A resource as it is written, as long as the ``stamp`` of its versions is this."""

    resource: Resource
    stamp: tuple[int, ...]


def written_as(hub: Hub, cursor: Any, code: str) -> Written:
    """Return as what to write a resource; ``ResourceWithdrawn`` where nothing is taken in any more."""
    stamp = _stamp(cursor, code)
    if isinstance(known := published_resolver(), KnownResources):
        known.renew()
    resource = hub.resources[code]
    resource.check_in_use()
    if stamp[0] == stamp[1]:
        return Written(resource, stamp)
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        published = PublishedResources(connection, record_administration)
        old, pending = standing(published, code), published.of(code)[-1]
    if (
        old is None or pending.in_force_at is not None
    ):  # it came in force between two looks; the stamp tells before a batch
        return Written(resource, stamp)
    return Written(plan(old, pending.resource).bridge, stamp)


def check_still_written(cursor: Any, written: Written) -> None:
    """Raise ``ResourceMoved`` where the resource is written as something else by now; to be asked under the library's lock."""
    if _stamp(cursor, written.resource.code) != written.stamp:
        raise ResourceMoved(
            f"Another version of resource {written.resource.code} is to be written since this run began.",
            hint="Run again: it goes on from the last batch that was stored.",
            resource=written.resource.code,
        )


def _stamp(cursor: Any, code: str) -> tuple[int, ...]:
    cursor.execute(_STAMP, (code,))
    return tuple(int(number) for number in cursor.fetchone())
