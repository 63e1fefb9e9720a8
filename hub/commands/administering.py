"""What the commands that administer the catalogue share: the opened hub in one transaction, written to with its ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from catalog.people import People
    from catalog.repository import Catalogue
    from hub.composition import Hub


@contextmanager
def database_transaction() -> Iterator["Connection"]:
    """Give a connection to the hub's database for what needs no more than it; the block's transaction commits at its end."""
    from infra.database import Role, check_ready, open_database
    from infra.settings import load_settings

    with open_database(load_settings()) as database:
        check_ready(database)
        with database.engine(Role.APPLICATION).begin() as connection:
            yield connection


@contextmanager
def administered() -> Iterator[tuple["Hub", "Catalogue", "People"]]:
    """Open the hub; what is written in the block commits with its ledger entries when it ends well."""
    from audit.recording import record_administration
    from catalog.people import People
    from catalog.repository import Catalogue
    from hub.composition import open_hub
    from infra.database import Role
    from infra.settings import load_settings

    with open_hub(load_settings()) as hub, hub.database.engine(Role.APPLICATION).begin() as connection:
        yield hub, Catalogue(connection, record_administration), People(connection, record_administration)
