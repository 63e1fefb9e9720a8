"""A small city, and a hub over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_registers import bare_hub, say  # noqa: F401 - fixtures
from notified_hub import late_hub, typed  # noqa: F401 - fixtures

from hub.city.build import build_city
from hub.city.registers import running
from hub.composition import open_hub
from hub.upgrade import upgrade_database
from infra.database import open_database
from infra.place import locked
from infra.settings import Settings

PERSONS = 1_000


@pytest.fixture(scope="session")
def city(shared_folder) -> Iterator[Path]:
    """One small city for all workers, its database server running; who changes it copies it."""
    folder = shared_folder / "city"
    with locked(shared_folder / "city.lock"):
        if not (folder / "city.json").exists():
            build_city(folder, PERSONS, 11)
    with running(folder):  # else each hub that is opened over it would start the server and stop it again
        yield folder


@pytest.fixture
def own_settings(hub_settings, city) -> Settings:
    """A hub of one's own over the shared city."""
    settings = hub_settings.model_copy(update={"city": city})
    with open_database(settings) as database:
        upgrade_database(database)
    return settings


@pytest.fixture
def hub(own_settings):
    with open_hub(own_settings, systems=True) as opened:
        yield opened
