"""What the commands share that act for a person: the opened hub in one transaction, and who acts in it.

Roles, organisation and suspension are the person's; the ledger also names the operator at the terminal, as ``via``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.screen import actor as operator

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from catalog.actor import Actor
    from catalog.recorded import Recorder
    from hub.composition import Hub

As = Annotated[str, typer.Option("--as", metavar="PERSON", help="Id of the registered person who acts.")]


@dataclass(frozen=True)
class Acting:
    """An opened hub, the connection whose transaction commits when the block ends well, who acts, and the recorder."""

    hub: "Hub"
    connection: "Connection"
    record: "Recorder"
    actor: "Actor"


@contextmanager
def acting(person: str) -> Iterator[Acting]:
    """Open the hub for what a person does; ``NotRegistered`` where nobody of that id is."""
    from catalog.actor import Actor
    from catalog.people import People
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).begin() as connection:
        record = _via(operator())
        who = Actor.of_person(People(connection, record).person(person))
        yield Acting(hub, connection, record, who)


def _via(terminal: str) -> "Recorder":
    from audit.recording import record_administration

    def record(
        connection: "Connection", *, actor: str, action: str, target: str, facts: Mapping[str, Any]
    ) -> None:
        told = {**facts, "via": terminal}
        record_administration(connection, actor=actor, action=action, target=target, facts=told)

    return record
