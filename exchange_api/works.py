"""What an API process works with, opened when it starts and closed when it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from audit.appender import LANES as LEDGER_LANES
from audit.appender import Appender
from audit.notes import NoteSigner, ledger_signer
from audit.receipts import Receipts
from audit.sealer import seal
from catalog.directory import Directory
from exchange_api.administration import Administration
from exchange_api.announcements import Announcements
from exchange_api.application_desk import ApplicationDesk
from exchange_api.catalogue import CatalogueDesk
from exchange_api.changes import ChangeDesk
from exchange_api.codes import CodeDesk
from exchange_api.dcat import DcatDesk
from exchange_api.delivery import Deliveries
from exchange_api.delivery_push import LANES as PUSH_LANES
from exchange_api.delivery_push import Posting, Pusher
from exchange_api.deriving import Deriving
from exchange_api.door import Door, Parts
from exchange_api.duty_desk import DutyDesk
from exchange_api.features.desk import FeatureDesk
from exchange_api.identity_provider import IdentityProvider
from exchange_api.library import CHOOSING_LANES, Library
from exchange_api.library import LANES as LIBRARY_LANES
from exchange_api.lineage import LineageDesk
from exchange_api.oauth import TokenEndpoint
from exchange_api.objection_desk import ObjectionDesk
from exchange_api.oidc_desk import OidcDesk
from exchange_api.proofs import Proofs
from exchange_api.readings import Readings
from exchange_api.reception import LANES as RECEPTION_LANES
from exchange_api.reception import Reception
from exchange_api.search_desk import SearchDesk
from exchange_api.selection import Selections
from exchange_api.session_desk import SessionDesk
from exchange_api.signature_nonces import LANES as NONCE_LANES
from exchange_api.signature_nonces import Nonces
from exchange_api.signatures import Signatures
from exchange_api.source_process import SourceProcess
from exchange_api.sources import SourceDesk
from exchange_api.spender import LANES as SPENDER_LANES
from exchange_api.spender import Spender
from exchange_api.subscription_desk import SubscriptionDesk
from exchange_api.subscription_push_desk import PushDesk
from exchange_api.tokens import Tokens
from exchange_api.transactions import Transactions
from exchange_api.verifying import Verifying
from hub.calendar import calendar_in
from hub.local_accounts import LocalAccounts
from hub.neighbours.exporting import addresses
from hub.objections.bureau import Bureau
from hub.published_resources import KnownResources, knowing
from hub.source_registry import Registry
from infra.clock import Clock, now
from infra.database import Database, Role, check_ready, open_database
from infra.keycheck import check_keyring
from infra.keyring import FileKeyring
from infra.lanes import Lanes
from infra.settings import Settings, networks_in
from schemas.errors import DatabaseUnavailable, HubError
from schemas.resource import RESOURCES

SECONDS_BETWEEN_SEALS = 10.0
_QUERY_LANES = 2  # for calls of many keys, beside those that share queries
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Works:
    """The opened parts, as the routes need them."""

    door: Door
    readings: Readings
    selections: Selections
    features: FeatureDesk
    oauth: TokenEndpoint
    tokens: Tokens
    proofs: Proofs
    library: Library
    desk: SourceDesk
    lineage: LineageDesk
    codes: CodeDesk
    transactions: Transactions
    session: SessionDesk
    oidc: OidcDesk
    dcat: DcatDesk
    objections: ObjectionDesk
    administration: Administration
    search: SearchDesk
    catalogue: CatalogueDesk
    applications: ApplicationDesk
    duties: DutyDesk
    verifying: Verifying
    subscriptions: SubscriptionDesk
    changes: ChangeDesk
    deriving: Deriving
    pushes: PushDesk
    pusher: Pusher


@asynccontextmanager
async def open_works(settings: Settings, clock: Clock = now) -> AsyncIterator[Works]:
    """Open database, keyring, catalogue and ledger; the errors of ``infra.database`` say what is missing."""
    async with AsyncExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        check_ready(database)
        keyring = FileKeyring(settings.keyring)
        check_keyring(database, keyring)
        known = stack.enter_context(knowing(database))
        reading = await _lanes(stack, database, LIBRARY_LANES + _QUERY_LANES)
        writing = await _lanes(stack, database, LEDGER_LANES)  # of its own: reads must not keep it waiting
        appender = Appender(writing)
        await appender.check()
        stack.push_async_callback(appender.drain)
        choosing = await _lanes(stack, database, CHOOSING_LANES)
        library = Library(RESOURCES, keyring, reading, choosing)
        directory = Directory(database.url(Role.APPLICATION), partial(_know_anew, known, library))
        await directory.start()
        stack.push_async_callback(directory.close)
        tokens = Tokens(keyring, settings.hub_id, settings.token_seconds)
        people = await _lanes(stack, database, RECEPTION_LANES)
        nonces = Nonces(await _lanes(stack, database, NONCE_LANES))
        stack.push_async_callback(_stopped, asyncio.create_task(nonces.keep_swept()))
        signatures = Signatures(
            settings.public_url, lambda: directory.snapshot.systems, settings.signature_skew_seconds
        )
        proofs = Proofs(keyring, settings.hub_id, signatures)
        reception = Reception(tokens, signatures, nonces, directory, people, settings.session_idle_seconds)
        calendar = calendar_in(settings)
        spender = Spender(await _lanes(stack, database, SPENDER_LANES), calendar.lenient(), clock)
        stack.push_async_callback(spender.drain)
        door = Door(Parts(reception, directory, appender, spender, Receipts(keyring), proofs, clock))
        oauth = TokenEndpoint(tokens, directory, door, reading, settings.public_url, settings.hub_id)
        sealing = asyncio.create_task(_keep_sealing(database, ledger_signer(keyring, settings.hub_id)))
        stack.push_async_callback(_stopped, sealing)
        registry = Registry(settings, database)
        desk = SourceDesk(settings, database, registry, SourceProcess(settings))
        stack.callback(desk.close)
        lineage = LineageDesk(database, library, door, registry)
        codes = CodeDesk(database)
        transactions = Transactions(database)
        local = LocalAccounts.of(settings, keyring)
        session = SessionDesk(
            database, transactions, tokens, local, settings.session_seconds, networks_in(settings.proxies)
        )
        readings, dcat = Readings(library, door), DcatDesk(database, addresses(settings))
        bureau = Bureau(keyring, RESOURCES, registry.sources, calendar)
        objections = ObjectionDesk(bureau, transactions)
        applications = ApplicationDesk(transactions, calendar, clock)
        provider = IdentityProvider.of(settings)
        if provider is not None:
            stack.push_async_callback(provider.close)
        oidc = OidcDesk(provider, settings, keyring, transactions, session)
        administration = Administration(transactions, local, settings.division)
        announcements = Announcements(database.url(Role.APPLICATION))
        await announcements.start()
        stack.push_async_callback(announcements.close)
        deliveries = Deliveries(library, door, keyring)
        posting = Posting(
            await _lanes(stack, database, PUSH_LANES), keyring, networks_in(settings.push_networks)
        )
        pusher = Pusher(deliveries, door, directory, posting)
        stack.push_async_callback(_stopped, asyncio.create_task(pusher.run(announcements)))
        catalogue = CatalogueDesk(settings, transactions, registry, clock)
        selections = Selections(library, door, readings, keyring)
        yield Works(
            door=door,
            readings=readings,
            selections=selections,
            features=FeatureDesk(library, door, readings, selections, settings.public_url),
            oauth=oauth,
            tokens=tokens,
            proofs=proofs,
            library=library,
            desk=desk,
            lineage=lineage,
            codes=codes,
            transactions=transactions,
            session=session,
            oidc=oidc,
            dcat=dcat,
            objections=objections,
            administration=administration,
            search=SearchDesk(transactions, settings, registry),
            catalogue=catalogue,
            applications=applications,
            duties=DutyDesk(transactions, settings, registry, clock),
            verifying=Verifying(library, door),
            subscriptions=SubscriptionDesk(library, door, transactions),
            deriving=Deriving(library, door, transactions),
            changes=ChangeDesk(deliveries, announcements),
            pushes=PushDesk(deliveries, transactions, keyring, pusher.networks),
            pusher=pusher,
        )


async def _know_anew(known: KnownResources, library: Library) -> None:
    try:
        await asyncio.to_thread(known.renew)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable("Published resources could not be read.") from error
    library.renew(RESOURCES)


async def _lanes(stack: AsyncExitStack, database: Database, number: int) -> Lanes:
    lanes = Lanes(await database.pool(Role.APPLICATION, 1, number))
    stack.push_async_callback(lanes.close)
    return lanes


async def _keep_sealing(database: Database, signer: NoteSigner) -> None:
    engine = database.engine(Role.APPLICATION)
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_SEALS)
        try:
            await asyncio.to_thread(seal, engine, signer, wait=False)
        except (SQLAlchemyError, HubError) as error:
            _log.warning("The ledger could not be sealed (%s); trying again.", type(error).__name__)


async def _stopped(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
