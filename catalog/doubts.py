"""What is in doubt now: for the marks on answers, and for whoever looks whether a correction came in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from catalog.objection import Doubt
from catalog.objection_tables import DOUBT

Doubts = Mapping[str, Mapping[bytes, Sequence[Doubt]]]
"""Resource → subject → what is in doubt of its record."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A doubted item that came in corrected: by which version, and from when until when the wrong value was served."""

    item: str
    corrected_version: int
    wrong_from: datetime
    wrong_until: datetime


def open_items(connection: Connection, objection: str) -> list[str]:
    """Return the items an objection still doubts, ``WHOLE_RECORD`` among them."""
    query = select(DOUBT.c.item).where(DOUBT.c.objection == objection, DOUBT.c.is_open).order_by(DOUBT.c.item)
    return list(connection.execute(query).scalars())


def end(connection: Connection, objection: str, wrong: Wrong, *, recalled: bool) -> None:
    """Take a doubt away, for the item is corrected; the caller has told the ledger."""
    connection.execute(
        update(DOUBT)
        .where(DOUBT.c.objection == objection, DOUBT.c.item == wrong.item)
        .values(
            is_open=False, is_recalled=recalled, corrected_version=wrong.corrected_version,
            wrong_from=wrong.wrong_from, wrong_until=wrong.wrong_until,
        )
    )  # fmt: skip


def waits_for_recall(connection: Connection, resource: str, before: datetime) -> bool:
    """Tell whether ``unrecalled`` would return anything."""
    return connection.execute(_unrecalled(resource, before).limit(1)).first() is not None


def unrecalled(connection: Connection, resource: str, before: datetime) -> list[tuple[str, Wrong]]:
    """Return what was corrected, its wrong time over before then, whose calls have to be looked for once more."""
    rows = connection.execute(_unrecalled(resource, before).with_for_update()).mappings()
    return [
        (
            row["objection"],
            Wrong(row["item"], row["corrected_version"], row["wrong_from"], row["wrong_until"]),
        )
        for row in rows
    ]


def _unrecalled(resource: str, before: datetime) -> Select[Any]:
    corrected = DOUBT.c.corrected_version.is_not(None) & ~DOUBT.c.is_recalled
    return select(DOUBT).where(DOUBT.c.resource == resource, corrected, DOUBT.c.wrong_until < before)


def set_recalled(connection: Connection, objection: str, item: str) -> None:
    """Remember that no more calls have to be looked for; the caller has told the ledger."""
    here = (DOUBT.c.objection == objection) & (DOUBT.c.item == item)
    connection.execute(update(DOUBT).where(here).values(is_recalled=True))
