"""The calendar by which a hub counts its deadlines."""

from infra.settings import Settings
from schemas.working_days import Calendar, calendar_of


def calendar_in(settings: Settings) -> Calendar:
    """Return the official calendar with the hub's own days; read once in the life of a program."""
    return calendar_of(settings.calendar, settings.time_zone)
