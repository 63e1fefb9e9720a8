"""Duties watched: the table held against what stands at one moment."""

from collections.abc import Sequence

from sqlalchemy import Connection

from catalog.actor import Actor
from catalog.person import Role
from connectors.definition import Definitions
from hub.calendar import calendar_in
from hub.composition import Hub
from hub.duties.duty import Duty, Finding, Ground, Lack
from hub.duties.table import DUTIES
from infra.clock import Clock, now
from infra.settings import Settings


def ground_of(settings: Settings, connection: Connection, defined: Definitions, clock: Clock = now) -> Ground:
    """Return what duties are watched by, at this moment of the clock."""
    return Ground(
        connection,
        clock(),
        calendar_in(settings),
        defined.sources,
        defined.broken,
        settings.unused_agreement_days,
        settings.renew_working_days,
        settings.expiring_key_days,
    )


def ground_in(hub: Hub, connection: Connection, clock: Clock = now) -> Ground:
    """Return the same of an opened hub."""
    return ground_of(hub.settings, connection, Definitions(hub.sources, tuple(hub.broken)), clock)


def watch(ground: Ground, duties: Sequence[Duty] = DUTIES, organisation: str | None = None) -> list[Finding]:
    """Return what stands undone, in the order of the table, the latest first; of one organisation, where it is named."""
    found = [
        Finding(duty, lack, _days_late(ground, lack))
        for duty in duties
        for lack in duty.lacks(ground)
        if organisation in (None, lack.organisation)
    ]
    place = {duty.name: number for number, duty in enumerate(duties)}
    return sorted(found, key=lambda one: (place[one.duty.name], -one.days_late, one.lack.subject))


def seen_by(actor: Actor) -> str | None:
    """Return whose findings a person may see: their own organisation's, None for everybody's where they have the authority's role."""
    return None if Role.CATALOGUE_AUTHORITY in actor.roles else actor.organisation or ""


def _days_late(ground: Ground, lack: Lack) -> int:
    return 0 if lack.due is None else ground.rhythm.working_days_past(lack.due, ground.at)
