"""What an application is held against, as it stands in the database at one moment."""

from datetime import datetime

from sqlalchemy import Connection, select

from catalog.application import Application
from catalog.completeness import Standing
from catalog.offer import Offer
from catalog.people import People
from catalog.recorded import Recorder
from catalog.repository import Catalogue, agreement_of, system_of
from catalog.tables import AGREEMENT, SYSTEM
from catalog.workflow import Matter, Side


def standing_of(
    connection: Connection,
    record: Recorder,
    offer: Offer,
    matter: Matter,
    application: Application,
    at: datetime,
) -> Standing:
    """Return the offer, who applies with their offices, and the system and agreement that are named, where there are such."""
    applicant = Catalogue(connection, record).organisation(matter.parties[Side.USER])
    offices = People(connection, record).offices(applicant.code)
    named = select(SYSTEM).where(SYSTEM.c.id == application.system)
    system = connection.execute(named).mappings().first()
    changed = None
    if application.changes is not None:
        query = select(AGREEMENT).where(AGREEMENT.c.id == application.changes)
        changed = connection.execute(query).mappings().first()
    return Standing(
        offer,
        applicant,
        frozenset(office.code for office in offices),
        system_of(system) if system else None,
        at,
        agreement_of(changed) if changed else None,
    )
