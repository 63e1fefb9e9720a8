"""What objections are worked on with, whoever does: a command, the API, or an ingest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from base_libraries.reading import GoldenReader
from catalog.objections import Objections
from catalog.recall_notices import RecallNotices
from catalog.recorded import Recorder
from connectors.source import Source
from hub.calendar import calendar_in
from hub.composition import Hub
from infra.clock import Clock, now
from infra.keyring import Keyring
from schemas.errors import UnknownResource
from schemas.resource import Resource
from schemas.working_days import Calendar


@dataclass(frozen=True)
class Bureau:
    """Keys, definitions, calendar and clock; ``sources`` gives the sources as they are defined today."""

    keyring: Keyring
    resources: Mapping[str, Resource]
    sources: Callable[[], Mapping[str, Source]]
    calendar: Calendar
    clock: Clock = now

    @classmethod
    def of(cls, hub: Hub, clock: Clock = now) -> "Bureau":
        """Return the bureau of an opened hub."""
        return cls(hub.keyring, hub.resources, lambda: hub.sources, calendar_in(hub.settings), clock)

    def resource(self, code: str) -> Resource:
        """Return a resource, or raise ``UnknownResource``, which does not repeat the name: it may be anything."""
        if code not in self.resources:
            raise UnknownResource(
                "There is no such resource.", hint=f"There are: {', '.join(self.resources)}."
            )
        return self.resources[code]

    def reader(self, code: str) -> GoldenReader:
        """Return what reads the golden records of a resource."""
        return GoldenReader(self.resource(code), self.keyring)

    def objections(self, connection: Connection, record: Recorder) -> Objections:
        """Return the objections, on a connection whose transaction the caller commits."""
        return Objections(connection, record, self.keyring, self.calendar, self.clock)

    def notices(self, connection: Connection, record: Recorder) -> RecallNotices:
        """Return the recall notices, on a connection whose transaction the caller commits."""
        return RecallNotices(connection, record, self.clock)
