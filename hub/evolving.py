"""Making stored records ready for a new version of a resource, and freeing them of what it dropped: online, page by page.

Readers see the old version until the new one is in force, and batches are stored between pages. What is done stays done: a
killed run goes on behind the last page it committed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from audit.recording import record_administration
from base_libraries.evolution import Plan, dropping, leftover_columns, leftover_sealed, plan
from base_libraries.rewriting import Rewriting, lock
from base_libraries.storage import shape_tables
from catalog.published_resource import PublishedResource, PublishedResources
from hub.publishing import refuse_used, standing
from infra.database import Database, Role
from infra.keyring import Keyring
from schemas.errors import ItemStillUsed, NotRegistered
from schemas.resource import Resource, resources_shipped

GRACE_DAYS = 30
_KINDS = ("contribution", "golden", "history")
Progress = Callable[[str, int], None]
Page = Callable[[Connection, bytes | None], tuple[bytes, int]]

_BEGIN = text(
    "INSERT INTO library.evolution (code, version, step) VALUES (:code, :version, :step) ON CONFLICT DO NOTHING"
)
_REACHED = text(
    "SELECT reached, records, done_at FROM library.evolution WHERE code = :code AND version = :version AND step = :step FOR UPDATE"
)
_GO_ON = text("""
    UPDATE library.evolution SET reached = :reached, records = records + :records,
        done_at = CASE WHEN :done THEN now() END
    WHERE code = :code AND version = :version AND step = :step
""")
_CONTRACTED = text(
    "SELECT max(version) FROM library.evolution WHERE code = :code AND step = 'contract' AND done_at IS NOT NULL"
)


@dataclass(frozen=True)
class Evolved:
    """What was done: the version, how many records were rewritten by step, and which columns were taken away."""

    resource: Resource
    records: dict[str, int]
    dropped: tuple[str, ...] = ()


class Evolution:
    """Carries out what is pending of one resource."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        actor: str,
        progress: Progress = lambda step, records: None,
    ) -> None:
        self._database, self._keyring = database, keyring
        self._actor, self._progress = actor, progress

    def migrate(self, code: str) -> Evolved:
        """Index records as the pending version asks, and put it in force; ``NotRegistered`` where none is pending."""
        with self._begin() as connection:
            pending, planned = self._pending(connection, code)
            self._record(connection, "resource.index", code, {"version": pending.resource.version})
            shape_tables(connection, planned.new, planned.indexes)
        bridge = planned.bridge
        rewriting = Rewriting(bridge, self._keyring)
        records = {}
        if planned.indexed:
            page: Page = lambda connection, after: rewriting.index(connection, planned.indexed, after)  # noqa: E731
            records["index"] = self._paged(planned.new, "index", page)
        with self._begin() as connection:
            PublishedResources(connection, record_administration).hold(code)
            lock(connection, planned.new)
            refuse_used(connection, planned)
            PublishedResources(connection, record_administration).put_in_force(
                code, planned.new.version, actor=self._actor
            )
        return Evolved(planned.new, records)

    def contract(self, code: str, grace: timedelta = timedelta(days=GRACE_DAYS)) -> Evolved:
        """Take away what versions before the one in force had and it has not: values out of sealed parts, then columns.

        Raises ``ItemStillUsed`` before the time of grace has passed, or while an agreement reads what goes.
        """
        with self._begin() as connection:
            versions = self._versions(connection, code)
            last = self._ripe(connection, code, grace)
        columns, sealed = leftover_columns(versions), leftover_sealed(versions)
        records = {}
        if sealed:
            opening = next(one for one in versions if one.sealed_items)
            for kind in _KINDS:
                rewriting = Rewriting(opening, self._keyring)
                page: Page = lambda c, after, k=kind, r=rewriting: r.erase(c, k, sealed, after)  # type: ignore[misc]  # noqa: E731
                records[f"erase {kind}"] = self._paged(last, f"erase {kind}", page)
        with self._begin() as connection:
            told = {"version": last.version, "columns": len(columns), "sealed": len(sealed)}
            self._record(connection, "resource.contract", code, told)
            shape_tables(connection, last, dropping(columns))
            key = {"code": code, "version": last.version, "step": "contract"}
            connection.execute(_BEGIN, key)
            connection.execute(_GO_ON, {**key, "reached": None, "records": 0, "done": True})
        return Evolved(last, records, tuple(columns))

    def _paged(self, resource: Resource, step: str, page: Page) -> int:
        key = {"code": resource.code, "version": resource.version, "step": step}
        while True:
            with self._begin() as connection:
                lock(connection, resource)
                connection.execute(_BEGIN, key)
                reached, records, done_at = connection.execute(_REACHED, key).one()
                if done_at is not None:
                    return int(records)
                last, rewritten = page(connection, reached)
                told = {"reached": last or reached, "records": rewritten, "done": rewritten == 0}
                connection.execute(_GO_ON, {**key, **told})
            self._progress(step, records + rewritten)

    def _pending(self, connection: Connection, code: str) -> tuple[PublishedResource, Plan]:
        published = PublishedResources(connection, record_administration)
        published.hold(code)
        versions, old = published.of(code), standing(published, code)
        if not versions or old is None or versions[-1].in_force_at is not None:
            raise NotRegistered(f"Resource {code} has no version that waits to come in force.")
        return versions[-1], plan(old, versions[-1].resource)

    def _versions(self, connection: Connection, code: str) -> list[Resource]:
        """Return the versions of which something may be left, the one in force last."""
        since = connection.execute(_CONTRACTED, {"code": code}).scalar_one() or 0
        shipped = resources_shipped().get(code)
        published = PublishedResources(connection, record_administration).of(code)
        known = [*([shipped] if shipped else []), *(one.resource for one in published if one.in_force_at)]
        return [one for one in known if one.version >= since]

    def _ripe(self, connection: Connection, code: str, grace: timedelta) -> Resource:
        published = PublishedResources(connection, record_administration)
        found = published.in_force(code)
        if found is None or found.in_force_at is None:
            raise NotRegistered(
                f"Resource {code} is not published, so no version of it has dropped anything."
            )
        if datetime.now(UTC) < found.in_force_at + grace:
            raise ItemStillUsed(
                f"Version {found.resource.version} of resource {code} is in force since {found.in_force_at:%Y-%m-%d}; what it "
                f"dropped is kept until {found.in_force_at + grace:%Y-%m-%d}.",
                hint="Wait, or state a shorter time of grace.",
                resource=code,
            )
        return found.resource

    def _record(self, connection: Connection, action: str, code: str, facts: dict[str, int]) -> None:
        record_administration(connection, actor=self._actor, action=action, target=code, facts=facts)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._database.engine(Role.APPLICATION).begin() as connection:
            yield connection
