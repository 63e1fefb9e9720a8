"""Rows of the catalogue held in memory, and renewed by what changed: the ids heard, or else those whose versions differ."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import orjson

from catalog.agreement import Agreement
from catalog.repository import agreement_of, system_of
from catalog.system import System

Place = tuple[str, str]
"""A system and a resource."""
_MANY = 1_000  # ids heard, beyond which versions are compared


@dataclass
class Heard:
    """What is known to have changed, by table; ``everything`` where something may have that nobody named, ``resources`` where
    another version of one is in force, or one is withdrawn."""

    everything: bool = False
    resources: bool = False
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, told: str) -> None:
        """Take up a notification: a table's name and, where it is told, the id of a row."""
        table, _, id_ = told.partition(" ")
        if id_:
            self.ids[table].add(id_)
        elif table == "published_resource":
            self.resources = True
        elif table in (
            "system",
            "agreement",
        ):  # by a database whose triggers tell no ids yet, or of an id too long to tell
            self.everything = True


class HeldRows(ABC):
    """The rows of one table with an id, each with the version it was loaded in (its ``xmin``)."""

    table: str

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}

    async def renew(self, connection: asyncpg.Connection, heard: Heard) -> None:
        """Load what changed and forget what is gone."""
        ids: Iterable[str] = heard.ids.get(self.table, ())
        if heard.everything or len(heard.ids.get(self.table, ())) > _MANY:
            ids = await self._differing(connection)
        if not ids:
            return
        query = f"SELECT *, xmin::text AS _version FROM catalog.{self.table} WHERE id = ANY($1)"
        rows = await connection.fetch(query, list(ids))
        gone = set(ids) - {row["id"] for row in rows}
        for id_ in gone:
            self._versions.pop(id_, None)
        self._versions |= {row["id"]: row["_version"] for row in rows}
        self._replace(rows, gone)

    async def _differing(self, connection: asyncpg.Connection) -> set[str]:
        rows = await connection.fetch(f"SELECT id, xmin::text AS _version FROM catalog.{self.table}")
        there = {row["id"]: row["_version"] for row in rows}
        gone = self._versions.keys() - there.keys()
        return {id_ for id_, version in there.items() if self._versions.get(id_) != version} | gone

    @abstractmethod
    def _replace(self, rows: Sequence[asyncpg.Record], gone: set[str]) -> None:
        """Take the rows in, and leave out those that are gone."""


class HeldSystems(HeldRows):
    """Every system, by id."""

    table = "system"

    def __init__(self) -> None:
        super().__init__()
        self.by_id: dict[str, System] = {}

    def _replace(self, rows: Sequence[asyncpg.Record], gone: set[str]) -> None:
        for id_ in gone:
            self.by_id.pop(id_, None)
        self.by_id |= {row["id"]: system_of({**row, "keys": orjson.loads(row["keys"])}) for row in rows}


class HeldAgreements(HeldRows):
    """Every agreement, by system and resource, the oldest first."""

    table = "agreement"

    def __init__(self) -> None:
        super().__init__()
        self.by_place: dict[Place, tuple[Agreement, ...]] = {}
        self._since: dict[str, datetime] = {}
        self._places: dict[str, Place] = {}

    def _replace(self, rows: Sequence[asyncpg.Record], gone: set[str]) -> None:
        new = {row["id"]: agreement_of({**row, "terms": orjson.loads(row["terms"])}) for row in rows}
        old_places = {self._places.pop(id_) for id_ in (*new, *gone) if id_ in self._places}
        self._since |= {row["id"]: row["created_at"] for row in rows}
        self._places |= {id_: (one.system, one.resource) for id_, one in new.items()}
        for place, joining in _by_place(new, old_places).items():
            staying = [
                one for one in self.by_place.get(place, ()) if one.id not in new and one.id not in gone
            ]
            every = sorted([*staying, *joining], key=lambda one: (self._since[one.id], one.id))
            if every:
                self.by_place[place] = tuple(every)
            else:
                self.by_place.pop(place, None)
        for id_ in gone:
            self._since.pop(id_, None)


def _by_place(
    agreements: Mapping[str, Agreement], touched: Iterable[Place]
) -> Mapping[Place, list[Agreement]]:
    found: dict[Place, list[Agreement]] = {place: [] for place in touched}
    for agreement in agreements.values():
        found.setdefault((agreement.system, agreement.resource), []).append(agreement)
    return found
