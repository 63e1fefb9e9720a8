"""Two departments and their people, who apply, support, examine and approve, for the tests of applications and agreements."""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.recording import record_administration
from catalog.actor import Actor
from catalog.application import Application, Mode
from catalog.applications import Applications
from catalog.offer import offer_of
from catalog.organisation import Office, Organisation
from catalog.people import People
from catalog.person import Role
from catalog.repository import Catalogue
from catalog.sharing_clock import SharingClock
from catalog.system import System
from infra.database import Role as DatabaseRole
from schemas.working_days import calendar_of

CALENDAR = calendar_of(None, "Asia/Shanghai")
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)  # 09:00 where the hub is
DESK, POLICE, PLANNING, CITY = "D", "P", "N", "C"
USER, PUBLISHER = frozenset({Role.USER}), frozenset({Role.PUBLISHER})
CLERK, HEAD = Actor("clerk", DESK, USER), Actor("head", DESK, USER)
OFFICER, CHIEF = Actor("officer", POLICE, PUBLISHER), Actor("chief", POLICE, PUBLISHER)
PLANNER = Actor("planner", PLANNING, PUBLISHER)
AUTHORITY = Actor("authority", CITY, frozenset({Role.CATALOGUE_AUTHORITY}))
JWK = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "1"}

WANTED = Application(
    resource="natural_person",
    system="desk",
    version=1,
    items=("citizen_number", "name", "sex", "mobile_phone"),
    masked=frozenset({"mobile_phone"}),
    needed_for={"name": "核对申请人", "mobile_phone": "通知结果"},
    purposes=frozenset({"许可审查"}),
    legal_bases=frozenset({"行政许可法"}),
    scenario="窗口受理时核验申请人身份",
    scope="本区申请人",
    condition_met="仅用于行政审批核验",
    mode=Mode.INTERFACE,
    valid_to=datetime(2026, 12, 31, 16, tzinfo=UTC),
    calls_per_day=500,
    keys_per_call=50,
    office="01",
)
OPEN = Application(
    resource="division_area",
    system="desk",
    version=1,
    items=("code", "name"),
    purposes=frozenset({"选址审查"}),
    legal_bases=frozenset({"城乡规划法"}),
    scenario="选址时核对所在区划",
    scope="全市",
    mode=Mode.BATCH,
    valid_to=datetime(2026, 12, 31, 16, tzinfo=UTC),
    calls_per_day=10,
    office="01",
)


@dataclass
class City:
    """A hub's database with its departments, and a clock that is set by hand."""

    database: object
    at: datetime = MONDAY
    record: object = record_administration
    calendar: object = CALENDAR
    offering: object = offer_of

    @contextmanager
    def applications(self):
        with self.database.engine(DatabaseRole.APPLICATION).begin() as connection:
            yield Applications(connection, self.record, self.calendar, lambda: self.at, self.offering)

    def do(self, id_, act, actor, **said):
        with self.applications() as applications:
            return applications.do(id_, act, actor, said)

    def live(self, id_, act, actor, scope=None, **said):
        with self.applications() as applications:
            return applications.agreements.do(id_, act, actor, said, scope)

    def tick(self, **days):
        engine = self.database.engine(DatabaseRole.APPLICATION)
        with engine.begin() as connection:
            return SharingClock(
                connection, engine.begin, self.record, self.calendar, lambda: self.at, self.offering
            ).tick(**days)

    def wait(self, **time):
        self.at += timedelta(**time)

    def draft(self, application=WANTED, actor=CLERK):
        with self.applications() as applications:
            return applications.draft(application, actor).matter.id

    def supported(self, application=WANTED):
        """Draft, submit and support an application; it is with the provider then."""
        id_ = self.draft(application)
        self.do(id_, "submit", CLERK)
        self.do(id_, "support", HEAD)
        return id_

    def approved(self, application=WANTED, **said):
        id_ = self.supported(application)
        self.do(id_, "examine", OFFICER, opinion="目的明确")
        self.do(id_, "approve", CHIEF, **said)
        return id_

    def delivered(self, application=WANTED, **said):
        id_ = self.approved(application, **said)
        self.do(id_, "deliver", CHIEF)
        return id_

    def matter(self, id_):
        with self.applications() as applications:
            return applications.applied(id_).matter

    def life(self, id_):
        with self.applications() as applications:
            return applications.agreements.matters.matter(id_)

    def agreement(self, id_):
        with self.applications() as applications:
            return applications.agreements.agreement(id_)


def built(database):
    """Register the departments: an applicant and two providers in one city, and the authority."""
    with database.engine(DatabaseRole.APPLICATION).begin() as connection:
        catalogue, people = (
            Catalogue(connection, record_administration),
            People(connection, record_administration),
        )
        for code, name, division in ((CITY, "市大数据局", "500000"), (POLICE, "公安局", "500000"), (PLANNING, "规划和自然资源局", "500000"), (DESK, "渝中区行政审批局", "500103")):  # fmt: skip
            catalogue.add_organisation(Organisation(code, name, division), actor="ops")
        people.add_office(Office(DESK, "01", "审批一科"), actor="ops")
        catalogue.add_system(System("desk", DESK, "desk", (JWK,)), actor="ops")
        catalogue.add_system(System("elsewhere", POLICE, "elsewhere", (JWK,)), actor="ops")
    return City(database)
