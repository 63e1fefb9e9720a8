"""Harvesting a neighbour's catalogue: page by page, each committed with the place to go on at, until there are no more.

A run that was interrupted, or whose neighbour went away, goes on where it stopped. One that finds that the catalogue is wrong ends
there, and nothing has vanished by it. A catalogue does not harvest itself, nor what others have of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from audit.recording import record_administration
from catalog.dcat.describing import Addresses
from catalog.harvest import Harvest, Run, RunState, code_from
from catalog.harvests import Harvests, PageTaken, address_digest
from connectors.neighbour_web import Web, checked_url
from hub.neighbours.exporting import addresses
from hub.neighbours.pages import Read, read_page, same_site
from infra.clock import Clock, now
from infra.database import Database, Role
from infra.settings import Settings, networks_in
from schemas.errors import CatalogueUnreachable, HarvestBusy, HarvestError, OwnCatalogue, WrongCatalogue

MOST_PAGES = 10_000
Progress = Callable[[Run], None]


@dataclass(frozen=True)
class Harvester:
    """Harvests into one hub, as somebody: who the ledger names."""

    database: Database
    own: Addresses
    web: Web
    actor: str
    clock: Clock = now

    def add(self, url: str, code: str | None = None) -> Harvest:
        """Register a catalogue by its address; nothing is fetched yet. ``OwnCatalogue`` for this hub's own address."""
        address = checked_url(url)
        if same_site(str(address), self.own.url):
            raise OwnCatalogue(
                f"{address.host} is this hub.", hint="hub catalogue list shows its own catalogue."
            )
        harvest = Harvest(code or code_from(address.host), str(address))
        with self._harvests() as harvests:
            harvests.add(harvest, actor=self.actor)
        return harvest

    def remove(self, code: str) -> int:
        """Forget a catalogue with its datasets, and return how many they were; ``NotRegistered``, ``HarvestBusy``."""
        with self._alone(code), self._harvests() as harvests:
            return harvests.remove(code, actor=self.actor)

    def run(self, code: str, *, restart: bool = False, progress: Progress = lambda _run: None) -> Run:
        """Harvest a catalogue to its end; goes on with the run that stands, or with ``restart`` gives it up.

        Raises ``NotRegistered``, ``HarvestBusy``, and what is wrong with the catalogue: a ``HarvestError``.
        """
        with self._alone(code):
            run = self._begun(code, restart)
            while run.cursor is not None:
                run = self._page(run)
                progress(run)
            with self._harvests() as harvests:
                return harvests.end(run, actor=self.actor)

    def _begun(self, code: str, restart: bool) -> Run:
        with self._harvests() as harvests:
            harvest, last = harvests.harvest(code), harvests.last_run(code)
            if restart and last is not None and last.state is RunState.RUNNING:
                harvests.stop(last, RunState.GIVEN_UP, "restarted", actor=self.actor)
            return harvests.begin(harvest, actor=self.actor)

    def _page(self, run: Run) -> Run:
        try:
            return self._taken(run)
        except CatalogueUnreachable:
            raise  # the run stands, and the next goes on with it
        except HarvestError as error:
            with self._harvests() as harvests:
                harvests.stop(run, RunState.FAILED, error.code, actor=self.actor)
            raise

    def _taken(self, run: Run) -> Run:
        address = run.cursor or ""
        if address_digest(address) in run.visited:
            raise WrongCatalogue("Its pages lead in a circle.", page=run.pages + 1)
        if run.pages >= MOST_PAGES:
            raise WrongCatalogue(f"It has more than {MOST_PAGES:,} pages.")
        with self._harvests() as harvests:
            harvest = harvests.harvest(run.harvest)
        read = read_page(self.web, harvest, address)
        if self.own.hub_id == read.catalogue:
            raise OwnCatalogue(f"The catalogue at the address of {run.harvest} is this hub's own.")
        with self._harvests() as harvests:
            if (harvest.kind, harvest.catalogue) != (read.kind, read.catalogue):
                harvests.name(harvest.code, read.kind, read.catalogue, read.title, actor=self.actor)
            return harvests.take(run, self._ours(address, read), actor=self.actor)

    def _ours(self, address: str, read: Read) -> PageTaken:
        """Part what is taken over from what comes from here."""
        kept, skipped = [], list(read.skipped)
        for one in read.datasets:
            found = read.passed_on(one, self.own)
            if found.reason is None:
                kept.append(found.dataset)
            else:
                skipped.append(found.skipped())
        return PageTaken(address, kept, skipped, read.following)

    @contextmanager
    def _harvests(self) -> Iterator[Harvests]:
        with self.database.engine(Role.APPLICATION).begin() as connection:
            yield Harvests(connection, record_administration, self.clock)

    @contextmanager
    def _alone(self, code: str) -> Iterator[None]:
        """Let nobody else harvest this catalogue; the lock ends with the process that held it."""
        name = {"name": f"harvest.{code}"}
        engine = self.database.engine(Role.APPLICATION).execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            if not connection.execute(_LOCK, name).scalar():
                raise HarvestBusy(f"Another process is harvesting {code}.", hint="Wait until it is done.")
            try:
                yield
            finally:
                connection.execute(_UNLOCK, name)


def harvest_all(harvester: Harvester) -> tuple[dict[str, Run], dict[str, str]]:
    """Harvest every catalogue that is registered; one that cannot be holds up no other. Returns the runs, and what is wrong by catalogue."""
    with harvester.database.engine(Role.APPLICATION).connect() as connection:
        codes = [one.code for one in Harvests(connection, record_administration).every()]
    done: dict[str, Run] = {}
    failed: dict[str, str] = {}
    for code in codes:
        try:
            done[code] = harvester.run(code)
        except HarvestError as error:
            failed[code] = str(error)
    return done, failed


_LOCK, _UNLOCK = (
    text(f"SELECT pg_{name}(hashtextextended(:name, 0))") for name in ("try_advisory_lock", "advisory_unlock")
)


def harvester(settings: Settings, database: Database, actor: str) -> Harvester:
    """Return a harvester of this hub that reaches what its settings let it."""
    web = Web(networks_in(settings.harvest_networks))
    return Harvester(database, addresses(settings), web, actor)
