"""Who acts: a person, a system, or the hub itself when its clock does."""

from dataclasses import dataclass

from catalog.person import Person, PersonStatus, Role
from catalog.system import System, SystemStatus


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something; ``roles`` are those in which they may act at this moment."""

    id: str
    organisation: str | None = None
    roles: frozenset[Role] = frozenset()

    @classmethod
    def of_person(cls, person: Person) -> "Actor":
        """Return a person as who acts; one who is suspended acts in no role."""
        active = person.status is PersonStatus.ACTIVE
        return cls(person.id, person.organisation, person.roles if active else frozenset())

    @classmethod
    def of_system(cls, system: System) -> "Actor":
        """Return a system as who acts: it uses what is shared, for its organisation."""
        active = system.status is SystemStatus.ACTIVE
        return cls(system.id, system.organisation, frozenset({Role.USER}) if active else frozenset())


HUB = Actor("hub")
"""The hub itself: its clock, or a record that came in."""
