"""Who may read what: the agreements in force on items of a resource. The one answer for drift, lineage and people."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, text

from catalog.agreement import Agreement, AgreementStatus
from catalog.repository import agreement_of
from catalog.tables import AGREEMENT, SYSTEM


@dataclass(frozen=True)
class Reader:
    """An agreement in force, with those of its items that were asked about; ``masked`` are seen masked only."""

    agreement: str
    system: str
    organisation: str
    items: tuple[str, ...]
    masked: tuple[str, ...]
    valid_to: datetime


def readers(
    connection: Connection,
    resource: str,
    items: Sequence[str],
    *,
    system: str | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Reader]:
    """Return the agreements in force that let a system (any, or that one) read one of the items, by id, behind ``after``."""
    rows = connection.execute(
        text(
            "SELECT a.id, a.system, s.organisation, a.items, a.masked, a.valid_to FROM catalog.agreement a "
            "JOIN catalog.system s ON s.id = a.system WHERE a.resource = :resource AND a.id > :after "
            "AND a.status = 'in_force' AND now() >= a.valid_from AND now() < a.valid_to AND a.items && :items "
            "AND (CAST(:system AS text) IS NULL OR a.system = :system) ORDER BY a.id LIMIT :limit"
        ),
        {"resource": resource, "items": list(items), "system": system, "after": after, "limit": limit},
    )
    return [
        Reader(
            row.id, row.system, row.organisation, _among(items, row.items), _among(items, row.masked), row.valid_to
        )
        for row in rows
    ]  # fmt: skip


def agreements_in_force(
    connection: Connection, resource: str, organisation: str, system: str | None, at: datetime
) -> list[Agreement]:
    """Return the agreements in force by which systems of an organisation, or that one of them, may read a resource."""
    query = select(AGREEMENT).join(SYSTEM, SYSTEM.c.id == AGREEMENT.c.system)
    query = query.where(
        AGREEMENT.c.resource == resource, SYSTEM.c.organisation == organisation,
        AGREEMENT.c.status == AgreementStatus.IN_FORCE, AGREEMENT.c.valid_from <= at, AGREEMENT.c.valid_to > at,
    )  # fmt: skip
    if system is not None:
        query = query.where(AGREEMENT.c.system == system)
    return [agreement_of(row) for row in connection.execute(query.order_by(AGREEMENT.c.id)).mappings()]


def agreements_named(connection: Connection, ids: Collection[str]) -> dict[str, Agreement]:
    """Return those agreements, in force or not, by id."""
    query = select(AGREEMENT).where(AGREEMENT.c.id.in_(ids))
    return {row["id"]: agreement_of(row) for row in connection.execute(query).mappings()}


def _among(asked: Sequence[str], covered: Sequence[str]) -> tuple[str, ...]:
    return tuple(item for item in asked if item in covered)
