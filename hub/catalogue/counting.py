"""The coverage of the catalogue as the hub counts it: with the sources it knows, and the day of its calendar."""

from collections.abc import Mapping

from sqlalchemy import Connection

from catalog.coverage import Coverage, coverage
from connectors.source import Source
from infra.clock import Clock, now
from infra.settings import Settings
from schemas.working_days import calendar_of


def coverage_of(
    connection: Connection, settings: Settings, sources: Mapping[str, Source], clock: Clock = now
) -> list[Coverage]:
    """Return the figures of this moment."""
    today = calendar_of(settings.calendar, settings.time_zone).day(clock())
    return coverage(connection, {source.resource for source in sources.values()}, today)
