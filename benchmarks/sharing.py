"""``sharing``: applications walked from their draft to an agreement in force, and read again with everything that happened to them.

Each act is a transaction of its own, as a person's is: a draft and five acts on it, with what the hub does in them. The other side writes as many
transactions of the same rows, and decides nothing: a row held and moved on, an event, a ledger entry. Reading is against ten seconds for
1,000 applications.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count
from time import perf_counter

from sqlalchemy import Connection, insert, select, update

from audit.recording import record_administration
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from catalog.actor import Actor
from catalog.application import Application, Mode
from catalog.applications import Applications
from catalog.organisation import Office, Organisation
from catalog.people import People
from catalog.person import Role
from catalog.repository import Catalogue
from catalog.system import System
from catalog.tables import EVENT, MATTER, ORGANISATION
from infra.database import Role as Login
from schemas.resource import resource_named
from schemas.working_days import calendar_of

WALKED, READ, ACTS = 50, 1_000, 5
RESOURCE, DESK, AT = "natural_person", "bench-desk", datetime(2026, 3, 2, 1, tzinfo=UTC)
_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "1"}
_WANTED = Application(
    resource=RESOURCE, system="bench-desk", version=resource_named(RESOURCE).version,
    items=("citizen_number", "name", "sex", "mobile_phone"), masked=frozenset({"mobile_phone"}),
    needed_for={"name": "核对申请人", "mobile_phone": "通知结果"}, purposes=frozenset({"许可审查"}), legal_bases=frozenset({"行政许可法"}),
    scenario="窗口受理时核验申请人身份", scope="本区申请人", condition_met="仅用于行政审批核验", mode=Mode.INTERFACE,
    valid_to=datetime(2026, 12, 31, 16, tzinfo=UTC), calls_per_day=500, keys_per_call=50, office="01",
)  # fmt: skip
_numbers = count()


class Walking:
    """Two departments and their people; each act commits by itself."""

    def __init__(self, ground: Ground) -> None:
        self._engine = ground.hub.database.engine(Login.APPLICATION)
        self._calendar = calendar_of(None, "Asia/Shanghai")
        with self._engine.begin() as connection:
            provider = _founded(connection)
        user, publisher = frozenset({Role.USER}), frozenset({Role.PUBLISHER})
        self._clerk, self._head = Actor("clerk", DESK, user), Actor("head", DESK, user)
        self._officer, self._chief = (
            Actor("officer", provider, publisher),
            Actor("chief", provider, publisher),
        )

    def walk(self, number: int) -> float:
        """Walk so many applications to agreements in force; return acts a second."""
        began = perf_counter()
        for _ in range(number):
            with self.applications() as now:
                id_ = now.draft(_WANTED, self._clerk).matter.id
            for act, who, said in (
                ("submit", self._clerk, {}),
                ("support", self._head, {}),
                ("examine", self._officer, {"opinion": "目的明确"}),
                ("approve", self._chief, {}),
                ("deliver", self._chief, {}),
            ):
                with self.applications() as now:
                    now.do(id_, act, who, said)
        return number * (ACTS + 1) / (perf_counter() - began)

    def read(self) -> float:
        """Read applications with their contents and every event; return applications a second."""
        began = perf_counter()
        with self.applications() as now:
            found = now.listed(limit=READ)
            events = sum(len(now.events(one.matter.id)) for one in found)
        if len(found) < READ or events < 7 * READ:
            raise AssertionError(f"{len(found)} applications with {events} events were read")
        return len(found) / (perf_counter() - began)

    def bare(self, number: int) -> float:
        """Write as many transactions, each of a row held and moved on, an event and an entry; return transactions a second."""
        began = perf_counter()
        for _ in range(number):
            id_ = f"bare-{next(_numbers)}"
            for position in range(1, ACTS + 2):
                with self._engine.begin() as connection:
                    _bare(connection, id_, position)
        return number * (ACTS + 1) / (perf_counter() - began)

    @contextmanager
    def applications(self) -> Iterator[Applications]:
        """Open applications in one transaction, by a clock that stands."""
        with self._engine.begin() as connection:
            yield Applications(connection, record_administration, self._calendar, lambda: AT)


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Walk a few in turn with the bare rows, then as many as are read."""
    walking = Walking(ground)
    walked = Ratio("sharing", "an act on an application ÷ its bare rows", "acts", 0.2)
    read = Ratio("sharing", "1,000 applications read with their events ÷ in ten seconds", "applications", 1.0)
    alternate(partial(walking.walk, WALKED), [(walked, partial(walking.bare, WALKED))], runs)
    walking.walk(max(0, READ - WALKED * (runs + 1)))
    alternate(walking.read, [(read, partial(float, READ / 10))], runs)
    return [walked, read]


def _founded(connection: Connection) -> str:
    """Register the two departments; return the code of the one that provides the resource, which may be there already."""
    catalogue, people = (
        Catalogue(connection, record_administration),
        People(connection, record_administration),
    )
    named = resource_named(RESOURCE).provider
    provider = connection.execute(select(ORGANISATION.c.code).where(ORGANISATION.c.name == named)).scalar()
    if provider is None:
        provider = "bench-provider"
        catalogue.add_organisation(Organisation(provider, named, "500000"), actor="benchmark")
    catalogue.add_organisation(Organisation(DESK, "渝中区行政审批局", "500103"), actor="benchmark")
    people.add_office(Office(DESK, "01", "审批一科"), actor="benchmark")
    catalogue.add_system(System("bench-desk", DESK, "bench-desk", (_KEY,)), actor="benchmark")
    return str(provider)


def _bare(connection: Connection, id_: str, position: int) -> None:
    values = {"state": str(position), "position": position, "parties": {}}
    here = (MATTER.c.kind == "bare") & (MATTER.c.id == id_)
    if position == 1:
        row = {"kind": "bare", "id": id_, "opened_at": AT, "duty": None, "due_at": None}
        connection.execute(insert(MATTER).values(**row, **values))
    else:
        connection.execute(select(MATTER).where(here).with_for_update()).all()
        connection.execute(update(MATTER).where(here).values(**values))
    record_administration(connection, actor="bare", action="bare.act", target=id_, facts=values)
    event = {"kind": "bare", "matter": id_, "position": position, "act": "act", "state": str(position)}
    connection.execute(insert(EVENT).values(**event, actor="bare", organisation=None, at=AT, facts={}))
