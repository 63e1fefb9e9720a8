"""The coverage of the catalogue as the hub counts it: with the sources it knows, what they delivered, and the day of its calendar."""

from collections.abc import Mapping

from sqlalchemy import Connection

from catalog.coverage import Coverage, Supplied, coverage
from connectors.definition import Definitions
from connectors.source import Source
from hub.duties.supply import punctual
from hub.duties.watching import ground_of
from infra.clock import Clock, now
from infra.settings import Settings


def coverage_of(
    connection: Connection, settings: Settings, sources: Mapping[str, Source], clock: Clock = now
) -> list[Coverage]:
    """Return the figures of this moment."""
    ground = ground_of(settings, connection, Definitions(dict(sources), ()), clock)
    supplied = Supplied({source.resource for source in sources.values()}, set(punctual(ground)))
    return coverage(connection, supplied, ground.calendar.day(ground.at))
