"""Whose it is to answer: the department whose word the doubted item is, else the resource's provider (article 19)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from base_libraries.reading import GoldenReader
from catalog.entry_tables import ENTRY_TABLE
from catalog.tables import ORGANISATION
from hub.lineage.backward import Question, trace
from hub.objections.bureau import Bureau
from schemas.errors import SeveralDepartments
from schemas.resource import Resource


@dataclass(frozen=True, slots=True)
class Route:
    """Where an objection goes: the organisation's code, None where none is registered, and the source whose word it is."""

    organisation: str | None
    source: str | None = None


def route(
    bureau: Bureau, connection: Connection, reader: GoldenReader, subject: bytes | None, items: Sequence[str]
) -> Route:
    """Return where an objection to these items of a record goes; ``SeveralDepartments`` where they are several ones' words."""
    department, source = reader.resource.provider, None
    words = _words(bureau, connection, reader, subject, items) if subject is not None and items else {}
    found = dict(words.values())
    if len(found) > 1:
        told = "; ".join(f"{item}: {word[0]}" for item, word in words.items())
        raise SeveralDepartments(
            "The items doubted are the words of several departments.", hint=f"Raise one for each: {told}."
        )
    for department, source in found.items():  # noqa: B007 - the one there is, if any
        pass
    return Route(_organisation(connection, reader.resource, department), source)


def _words(
    bureau: Bureau, connection: Connection, reader: GoldenReader, subject: bytes, items: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Return department and source of each item that has a value; one that lacks it is nobody's word yet."""
    answer = trace(connection, reader, subject, Question(tuple(items), inside=False), bureau.sources)
    told = {} if answer is None else {one["item"]: one["origin"] for one in answer["items"]}
    return {
        item: (origin["department"], origin["source"])
        for item, origin in told.items()
        if origin is not None and origin["department"]
    }


def _organisation(connection: Connection, resource: Resource, department: str) -> str | None:
    """Return the code of a department: the resource's provider as its published entry names it, others by their registered name.

    None where no organisation has that name, or which one it is cannot be told.
    """
    if department == resource.provider:
        entry = select(ENTRY_TABLE.c.provider).where(
            ENTRY_TABLE.c.id == resource.code, ENTRY_TABLE.c.in_force.is_not(None)
        )
        if (provider := connection.execute(entry).scalar()) is not None:
            return str(provider)
    named = select(ORGANISATION.c.code).where(ORGANISATION.c.name == department).limit(2)
    found = connection.execute(named).scalars().all()
    return found[0] if len(found) == 1 else None
