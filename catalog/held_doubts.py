"""What is in doubt, held in memory by resource and subject: one look there tells whether an answer has to be marked."""

from collections.abc import Iterable

import asyncpg

from catalog.held import Heard
from catalog.objection import Doubt

_OPEN = "SELECT objection, item, resource, subject, since FROM catalog.doubt WHERE is_open"
_Place = tuple[str, bytes]


class HeldDoubts:
    """Every open doubt; there are as many as open objections, so a loss of notifications has all of them loaded anew."""

    def __init__(self) -> None:
        self.by_resource: dict[str, dict[bytes, tuple[Doubt, ...]]] = {}
        self._places: dict[str, _Place] = {}

    async def renew(self, connection: asyncpg.Connection, heard: Heard) -> None:
        """Load the doubts of the objections heard of, or all."""
        if heard.everything:
            rows = await connection.fetch(f"{_OPEN} ORDER BY since, objection")
            gone: Iterable[str] = [*self._places]
        elif gone := heard.ids.get("doubt", ()):
            query = f"{_OPEN} AND objection = ANY($1) ORDER BY since, objection"
            rows = await connection.fetch(query, list(gone))
        else:
            return
        for objection in gone:
            self._forget(objection)
        for row in rows:
            place = (row["resource"], row["subject"])
            self._places[row["objection"]] = place
            self._put(place, (*self._at(place), Doubt(row["objection"], row["item"], row["since"])))

    def _forget(self, objection: str) -> None:
        place = self._places.pop(objection, None)
        if place is not None:
            self._put(place, tuple(one for one in self._at(place) if one.objection != objection))

    def _at(self, place: _Place) -> tuple[Doubt, ...]:
        resource, subject = place
        return self.by_resource.get(resource, {}).get(subject, ())

    def _put(self, place: _Place, doubts: tuple[Doubt, ...]) -> None:
        """Put what is doubted there; where that is nothing, nothing stays, so that nobody looks in vain."""
        resource, subject = place
        if doubts:
            self.by_resource.setdefault(resource, {})[subject] = doubts
        elif resource in self.by_resource:
            self.by_resource[resource].pop(subject, None)
            if not self.by_resource[resource]:
                del self.by_resource[resource]
