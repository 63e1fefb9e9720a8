"""The entries of a hub, with its calendar, and with what happens elsewhere when one is published or withdrawn."""

from sqlalchemy import Connection

from catalog.entries import Entries
from catalog.recorded import Recorder
from hub.calendar import calendar_in
from hub.catalogue.effects import EFFECTS
from infra.clock import Clock, now
from infra.settings import Settings


def entries_of(settings: Settings, connection: Connection, record: Recorder, clock: Clock = now) -> Entries:
    """Return the entries, on a connection whose transaction the caller commits."""
    return Entries(connection, record, calendar_in(settings), clock, EFFECTS)
