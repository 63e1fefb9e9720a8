"""What applications state, as stored: every revision stays, the latest counts."""

from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from catalog.application import Application, application_told
from catalog.application_workflow import APPLICATION
from catalog.sharing_tables import APPLICATION_CONTENT, APPLICATION_NUMBER
from catalog.tables import MATTER
from schemas.errors import UnknownMatter


class ApplicationContents:
    """Stores and reads what applications state; the caller records and commits."""

    def __init__(self, connection: Connection, zone: ZoneInfo) -> None:
        self._connection, self._zone = connection, zone

    def number(self, year: int) -> str:
        """Return a number that no application has."""
        taken = self._connection.execute(select(APPLICATION_NUMBER.next_value())).scalar_one()
        return f"AP{year}-{taken:06}"

    def add(self, id_: str, revision: int, organisation: str, application: Application, at: datetime) -> None:
        """Store a revision; its number is that of the event that brought it."""
        told = application.told()
        values = {name: told[name] for name in ("resource", "system", "changes")}
        row = {"id": id_, "revision": revision, "organisation": organisation, "content": told, "at": at}
        self._connection.execute(insert(APPLICATION_CONTENT).values(**values, **row))

    def latest(self, ids: Collection[str]) -> Mapping[str, Application]:
        """Return what each of these states now."""
        table = APPLICATION_CONTENT.c
        query = (
            select(table.id, table.content)
            .where(table.id.in_(ids))
            .ext(distinct_on(table.id))
            .order_by(table.id, table.revision.desc())
        )
        return {id_: application_told(told, self._zone) for id_, told in self._connection.execute(query)}

    def origin(self, agreement: str) -> Application:
        """Return what the application stated that an agreement is by now: the one of its number, or the last that changed it.

        ``UnknownMatter`` where it came from none.
        """
        changed = (
            select(APPLICATION_CONTENT.c.id)
            .join(MATTER, (MATTER.c.kind == APPLICATION.kind) & (MATTER.c.id == APPLICATION_CONTENT.c.id))
            .where(APPLICATION_CONTENT.c.changes == agreement, MATTER.c.state == "delivered")
            .order_by(APPLICATION_CONTENT.c.id.desc())
            .limit(1)
        )
        last = self._connection.execute(changed).scalar() or agreement
        found = self.latest([last])
        if last not in found:
            raise UnknownMatter(
                f"Agreement {agreement} came from no application.",
                hint="An operator added it: apply for another one.",
            )
        return found[last]
