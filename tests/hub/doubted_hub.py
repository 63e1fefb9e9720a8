"""A hub with three registers of firms, the organisations that keep them, one that reads, and people of each."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from joserfc.jwk import OKPKey

from audit.entry import Entry, Kind
from audit.recording import append_sync, record_administration
from base_libraries.reading import GoldenReader
from catalog.actor import Actor
from catalog.agreement import Agreement
from catalog.objection import Claim, ObjectionKind
from catalog.organisation import Organisation
from catalog.people import People
from catalog.person import Person, Role
from catalog.repository import Catalogue
from catalog.system import System
from hub.ingest import ingest_source
from hub.objections import acting
from hub.objections.bureau import Bureau
from hub.objections.raising import Raised, raise_objection
from infra.clock import now
from infra.database import Role as Login

FIRM = "legal_person"
READER, STRANGER, REGISTRAR, TAX, AUTHORITY = (
    "11500000READER",
    "11500000STRANGER",
    "REGISTRAR",
    "TAX",
    "AUTHORITY",
)
ORGANISATIONS = {
    READER: "行政审批局", STRANGER: "陌生局", REGISTRAR: "市场监督管理局", TAX: "税务局", AUTHORITY: "大数据局",
}  # fmt: skip
KEY = OKPKey.generate_key("Ed25519").as_dict(private=False)
ITEMS = ("credit_code", "name", "staff_count", "registered_capital")
PEOPLE = {
    "desk": (READER, {Role.USER}), "window": (READER, {Role.USER}), "outsider": (STRANGER, {Role.USER, Role.PUBLISHER}),
    "keeper": (REGISTRAR, {Role.PUBLISHER}), "taxman": (TAX, {Role.PUBLISHER}), "judge": (AUTHORITY, {Role.CATALOGUE_AUTHORITY}),
}  # fmt: skip


def fill(connection) -> None:
    """Register organisations, people, the systems that read, and their agreements."""
    catalogue, people = (kind(connection, record_administration) for kind in (Catalogue, People))
    for code, name in ORGANISATIONS.items():
        catalogue.add_organisation(Organisation(code, name, "500000"), actor="test")
    for id_, (organisation, roles) in PEOPLE.items():
        people.add_person(Person(id_, f"测试{id_}", organisation, frozenset(roles)), actor="test")
    at = datetime.now(UTC)
    for system, organisation in (("permits", READER), ("archive", READER), ("other", STRANGER)):
        catalogue.add_system(System(system, organisation, system, (KEY,)), actor="test")
        if organisation == READER:
            agreement = Agreement(
                f"a-{system}", system, FIRM, ITEMS, frozenset({"p"}), frozenset({"l"}), at - timedelta(days=1), at + timedelta(days=90),
            )  # fmt: skip
            catalogue.add_agreement(agreement, actor="test")


@dataclass
class Doubted:
    """What a test does with objections: each call is one transaction, as a command or a request is."""

    hub: object
    say: object
    clock: object = now
    claims: int = field(default=0)

    @property
    def bureau(self):
        return Bureau.of(self.hub, self.clock)

    @contextmanager
    def open(self):
        with self.hub.database.engine(Login.APPLICATION).begin() as connection:
            yield connection

    def tell(self, register, *rows):
        self.say(register, *rows)
        return ingest_source(self.hub, register)

    def object(self, key, items=("name",), who="desk", kind=ObjectionKind.QUALITY, **told):
        raised = Raised(kind, FIRM, Claim(key, "名称有误", "营业执照"), tuple(items), case_code="CASE-1")
        with self.open() as connection:
            made, _ = raise_objection(
                self.bureau,
                connection,
                record_administration,
                actor(who),
                replace(raised, **told),
                system=None,
            )
        return made

    def act(self, who, name, id_, **said):
        with self.open() as connection:
            return acting.act(self.bureau, connection, record_administration, actor(who), id_, name, said)

    def shown(self, id_, who="desk"):
        with self.open() as connection:
            return acting.shown(self.bureau, connection, record_administration, actor(who), id_).told

    def notices(self, **of):
        with self.open() as connection:
            return self.bureau.notices(connection, record_administration).listed(**of)

    def read(self, *keys, system="permits", items=("name",), by=None, **changed):
        """Put a call on the ledger as the door does."""
        reader = GoldenReader(self.hub.resources[FIRM], self.hub.keyring)
        index = reader.subject if by is None else partial(reader.lookup, by)
        told = {
            "kind": Kind.CALL, "action": "record", "outcome": "answered", "actor": system, "organisation": READER, "agreement": f"a-{system}",
            "resource": FIRM, "keys": len(keys), "subjects": b"".join(map(index, keys)), "items": tuple(items),
            "case_code": f"CASE-{system}", "records": len(keys),
        }  # fmt: skip
        entry = Entry(**told | changed)
        with self.open() as connection:
            append_sync(connection, entry)
        return entry.id


def actor(who) -> Actor:
    organisation, roles = PEOPLE[who]
    return Actor(who, organisation, frozenset(roles))
