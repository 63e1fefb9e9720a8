"""Applications and agreements as a hub composes them: by its calendar, and its clock as one act."""

from sqlalchemy import Connection

from audit.recording import record_administration
from catalog.applications import Applications
from catalog.recorded import Recorder
from catalog.sharing_clock import SharingClock, Ticked
from hub.calendar import calendar_in
from infra.clock import Clock, now
from infra.database import Database, Role
from infra.settings import Settings


def applications_of(
    settings: Settings, connection: Connection, record: Recorder, clock: Clock = now
) -> Applications:
    """Return the applications of a hub, on a connection whose transaction the caller commits."""
    return Applications(connection, record, calendar_in(settings), clock)


def tick(settings: Settings, database: Database, clock: Clock = now) -> Ticked:
    """Do what is due of applications and agreements, each in a transaction of its own; as often as one likes."""
    engine = database.engine(Role.APPLICATION)
    with engine.begin() as connection:
        round_ = SharingClock(connection, engine.begin, record_administration, calendar_in(settings), clock)
        return round_.tick(settings.remind_working_days, settings.renew_working_days)
