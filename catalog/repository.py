"""Writing and reading the catalogue with SQLAlchemy Core: administration, never the hot path.

``Catalogue`` has no write without an actor and no way to be made without a recorder, and the database itself refuses
a change whose transaction holds no ledger entry (migration 0003).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import IntegrityError

from catalog.agreement import Agreement, AgreementStatus
from catalog.party import Organisation, System, SystemStatus
from schemas.errors import AlreadyRegistered, NotRegistered
from schemas.resource import resource_named

_METADATA = MetaData(schema="catalog")
_ORGANISATION = Table("organisation", _METADATA, Column("code", Text, primary_key=True), Column("name", Text))
_SYSTEM = Table(
    "system",
    _METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("organisation", "title", "status")),
    Column("keys", JSONB),
    Column("administrator", Boolean),
)
_AGREEMENT = Table(
    "agreement",
    _METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("system", "resource", "status")),
    *(Column(name, ARRAY(Text)) for name in ("items", "masked", "purposes", "legal_bases")),
    *(Column(name, DateTime(timezone=True)) for name in ("valid_from", "valid_to")),
    Column("max_keys", Integer),
)


class Recorder(Protocol):
    """Writes what was done to the ledger, on the connection that does it; ``audit.record_administration`` is one."""

    def __call__(
        self, connection: Connection, *, actor: str, action: str, target: str, facts: Mapping[str, Any]
    ) -> None:
        """Append, within the connection's transaction."""
        ...


class Catalogue:
    """The catalogue on one connection; the caller commits. Every write takes who does it and records it first."""

    def __init__(self, connection: Connection, record: Recorder) -> None:
        self._connection = connection
        self._record = record

    def add_organisation(self, organisation: Organisation, *, actor: str) -> None:
        """Register a department; ``AlreadyRegistered`` when its code is."""
        values = {"code": organisation.code, "name": organisation.name}
        self._add(_ORGANISATION, values, organisation.code, actor, values)

    def add_system(self, system: System, *, actor: str) -> None:
        """Register a system with its public keys; ``NotRegistered`` when its organisation is not."""
        if not self._exists(_ORGANISATION.c.code, system.organisation):
            raise NotRegistered(
                f"Organisation {system.organisation} is not registered.", hint="Register it first."
            )
        names = ("id", "organisation", "title", "administrator")
        values = {name: getattr(system, name) for name in names}
        stored = values | {"keys": [dict(jwk) for jwk in system.keys], "status": system.status.value}
        prints = [key.thumbprint() for key in system.key_set.keys]
        self._add(_SYSTEM, stored, system.id, actor, values | {"key_thumbprints": prints})

    def add_agreement(self, agreement: Agreement, *, actor: str) -> None:
        """Put an agreement in the catalogue; its items must exist: ``UnknownResource``, ``UnknownItem``."""
        resource = resource_named(agreement.resource)
        for item in agreement.items:
            resource.item(item)
        if not self._exists(_SYSTEM.c.id, agreement.system):
            raise NotRegistered(f"System {agreement.system} is not registered.", hint="Run: hub client add")
        values = {str(column.name): _stored(getattr(agreement, column.name)) for column in _AGREEMENT.columns}
        told = {name: _told(value) for name, value in values.items()}
        self._add(_AGREEMENT, values, agreement.id, actor, told)

    def set_system_status(self, system: str, status: SystemStatus, *, actor: str) -> None:
        """Suspend a system or let it call again."""
        self._set(_SYSTEM, system, status.value, actor)

    def set_agreement_status(self, agreement: str, status: AgreementStatus, *, actor: str) -> None:
        """Suspend or end an agreement, or put it back in force."""
        self._set(_AGREEMENT, agreement, status.value, actor)

    def organisations(self) -> Sequence[Organisation]:
        """Every registered organisation, by code."""
        rows = self._connection.execute(select(_ORGANISATION).order_by(_ORGANISATION.c.code)).mappings()
        return [Organisation(**row) for row in rows]

    def systems(self) -> Sequence[System]:
        """Every registered system, by id."""
        return [
            system_of(row)
            for row in self._connection.execute(select(_SYSTEM).order_by(_SYSTEM.c.id)).mappings()
        ]

    def agreements(self) -> Sequence[Agreement]:
        """Every agreement, in force or not, by id."""
        rows = self._connection.execute(select(_AGREEMENT).order_by(_AGREEMENT.c.id)).mappings()
        return [agreement_of(row) for row in rows]

    def _add(
        self, table: Table, values: Mapping[str, Any], target: str, actor: str, told: Mapping[str, Any]
    ) -> None:
        self._record(self._connection, actor=actor, action=f"{table.name}.add", target=target, facts=told)
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(table).values(**values))
        except IntegrityError as error:
            raise AlreadyRegistered(f"There is already a registered {table.name} {target}.") from error

    def _set(self, table: Table, target: str, status: str, actor: str) -> None:
        self._record(
            self._connection,
            actor=actor,
            action=f"{table.name}.status",
            target=target,
            facts={"status": status},
        )
        changed = self._connection.execute(update(table).where(table.c.id == target).values(status=status))
        if changed.rowcount == 0:
            raise NotRegistered(f"There is no {table.name} {target}.")

    def _exists(self, column: Column[Any], value: str) -> bool:
        return self._connection.execute(select(column).where(column == value)).first() is not None


def system_of(row: Mapping[Any, Any]) -> System:
    """Make a system from its row."""
    return System(
        row["id"],
        row["organisation"],
        row["title"],
        tuple(row["keys"]),
        SystemStatus(row["status"]),
        row["administrator"],
    )


def agreement_of(row: Mapping[Any, Any]) -> Agreement:
    """Make an agreement from its row."""
    return Agreement(
        id=row["id"],
        system=row["system"],
        resource=row["resource"],
        items=tuple(row["items"]),
        masked=frozenset(row["masked"]),
        purposes=frozenset(row["purposes"]),
        legal_bases=frozenset(row["legal_bases"]),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        status=AgreementStatus(row["status"]),
        max_keys=row["max_keys"],
    )


def _stored(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
