"""What is measured on: a city, a hub over it, and databases for the other sides, in a folder of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.city.build import build_city
from hub.city.truth import CITY_FILE, load_standing
from hub.composition import Hub, open_hub
from hub.ingest import ingest_source
from hub.upgrade import reset_database
from infra.database import open_database
from infra.embedded import EmbeddedPostgres
from infra.settings import Settings

PEERS = "peers"


@dataclass(frozen=True)
class Ground:
    """An open hub over a city of ``persons``, and the URL of an empty database beside it for the other sides."""

    hub: Hub
    persons: int
    peers: str


@contextmanager
def prepared(settings: Settings, persons: int) -> Iterator[Ground]:
    """Build the city where it is not there yet, and empty the hub; the household register is ingested."""
    home = settings.home / "bench"
    ours: dict[str, object] = {"home": home, "city": home / "city", "keyring": home / "keyring.json"}
    ours |= {"database_url": None, "database_application_url": None, "database_auditor_url": None}
    settings = settings.model_copy(update=ours)
    if not (settings.city / CITY_FILE).exists() or load_standing(settings.city).persons != persons:
        build_city(settings.city, persons, 7)
    with EmbeddedPostgres(home / "postgres") as server:
        server.ensure_database(PEERS)
        with open_database(settings) as database:
            reset_database(database)
        with open_hub(settings, systems=True) as hub:
            ingest_source(hub, "public_security")
            yield Ground(hub, persons, server.url(PEERS))
