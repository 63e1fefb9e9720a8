"""The composition root: settings → database, keyring, resources and sources, put together once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from base_libraries.definitions import Told
from base_libraries.survivorship import Survivorship
from connectors.definition import Broken
from connectors.source import Source
from hub.broken_sources import standing
from hub.city.registers import running
from hub.city.truth import CITY_FILE
from hub.openlineage.announcing import opened_outbox
from hub.openlineage.outbox import Outbox
from hub.published_resources import knowing
from hub.source_registry import every_source
from infra.database import Database, check_ready, open_database
from infra.keycheck import check_keyring
from infra.keyring import FileKeyring, Keyring
from infra.settings import Settings
from schemas.errors import UnknownSource
from schemas.resource import RESOURCES, Resource


@dataclass(frozen=True)
class Hub:
    """The hub's parts, open for use."""

    settings: Settings
    database: Database
    keyring: Keyring
    resources: Mapping[str, Resource]
    sources: Mapping[str, Source]
    variables: Mapping[str, str | Path] = field(default_factory=dict)  # that definitions of sources may name
    outbox: Outbox | None = None  # of OpenLineage events; None where nobody is told
    broken: Sequence[Broken] = ()  # definitions that are left out
    standing: Sequence[Told] = ()  # what their sources were when they contributed last

    def source(self, code: str) -> Source:
        """Return the registered source of that code; raises ``UnknownSource``, or what is wrong with its definition."""
        if code not in self.sources:
            for broken in self.broken:
                if broken.code == code:
                    raise broken.error
            known = ", ".join(self.sources) or "none"
            raise UnknownSource(
                f"There is no source {code!r}.", hint=f"Registered are: {known}.", source=code
            )
        return self.sources[code]

    def survivorship(self, resource: Resource) -> Survivorship:
        """Collect what the sources of a resource say of their own authority, item by item.

        A source whose definition is wrong keeps the authority it had: else its word would be lost from whatever record changes.
        """
        contributing = [source for source in self.sources.values() if source.resource == resource.code]
        standing = [told for told in self.standing if told.resource == resource.code]
        ranks = {
            item.name: {
                told.ordinal: int(told.told["items"][item.name]["rank"])
                for told in standing
                if item.name in told.told["items"]
            }
            | {s.ordinal: s.rank(item.name) for s in contributing if item.name in s.mapping}
            for item in resource.items
        }
        return Survivorship(resource, {name: found for name, found in ranks.items() if found})


@contextmanager
def open_hub(settings: Settings, *, systems: bool = False) -> Iterator[Hub]:
    """Open the hub; raises ``DatabaseNotReady`` where the schema is not up to date, ``ConfigurationError`` where the
    keyring is not this database's.

    ``systems`` also runs the demo city's database server, where there is a city, so that its sources can be pulled.
    """
    with ExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        check_ready(database)
        keyring = FileKeyring(settings.keyring)
        check_keyring(database, keyring)
        stack.enter_context(knowing(database))
        variables = {"city": str(settings.city), "city_public_security": "postgresql:///city-not-running"}
        if systems and (settings.city / CITY_FILE).exists():
            variables = stack.enter_context(running(settings.city))
        found = every_source(settings, database, variables)
        outbox = stack.enter_context(opened_outbox(settings))
        yield Hub(
            settings,
            database,
            keyring,
            RESOURCES,
            found.sources,
            variables,
            outbox,
            found.broken,
            standing(database, found),
        )
