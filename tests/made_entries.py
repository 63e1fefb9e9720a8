"""Catalogue entries of made-up departments, for the tests of what handles them."""

from contextlib import contextmanager
from datetime import UTC, datetime

from audit.recording import record_administration
from catalog.actor import HUB, Actor
from catalog.entries import Entries
from catalog.entry import entry_from
from catalog.organisation import Organisation
from catalog.person import Role
from catalog.repository import Catalogue
from infra.database import Role as DatabaseRole
from schemas.working_days import calendar_of

PROVIDER = "115001030092751236"
OTHER_PROVIDER = "11500112009280010T"
AUTHORITY = "11500000MB1670604W"


def written(**changes):
    """What a department writes of a small resource; a change of None leaves an element out."""
    told = {
        "id": "rent_subsidy",
        "category": "307001002",
        "name": "公租房补贴发放",
        "name_en": "Rent subsidies",
        "summary": "公租房租金补贴发放记录",
        "provider": "住房和城乡建设委员会",
        "office": "住房保障处",
        "provider_code": PROVIDER,
        "format": "database",
        "items": [
            {"name": "grant_number", "title": "发放编号", "type": "C", "length": 20, "key": True, "required": True},
            {"name": "holder_number", "title": "公民身份号码", "type": "C", "length": 18, "identifier": "citizen_number",
             "sensitivity": "sensitive", "mask": "citizen_number", "lookup": True},
            {"name": "amount", "title": "金额", "type": "N", "length": 12, "scale": 2},
            {"name": "sex", "title": "性别", "type": "C", "length": 1, "code_set": "sex"},
        ],
        "sharing": "conditional",
        "condition": "限住房保障资格审核使用",
        "mode": "platform_interface",
        "open": False,
        "update_cycle": "monthly",
    }  # fmt: skip
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def made(**changes):
    """A valid entry."""
    return entry_from(written(**changes))


WRITER, HEAD = (Actor(id_, PROVIDER, frozenset({Role.PUBLISHER})) for id_ in ("writer", "head"))
STRANGER = Actor("stranger", OTHER_PROVIDER, frozenset({Role.PUBLISHER}))
USER = Actor("reader", PROVIDER, frozenset({Role.USER}))
REVIEWER, SECOND_REVIEWER = (
    Actor(id_, AUTHORITY, frozenset({Role.CATALOGUE_AUTHORITY})) for id_ in ("reviewer", "second.reviewer")
)
BOTH = Actor("both", PROVIDER, frozenset({Role.PUBLISHER, Role.CATALOGUE_AUTHORITY}))
EVERYBODY = (WRITER, HEAD, STRANGER, USER, REVIEWER, BOTH, HUB)
START = datetime(2026, 3, 2, 1, tzinfo=UTC)  # a Monday, 9 o'clock in China
CALENDAR = calendar_of(None, "Asia/Shanghai")


def registered(database):
    """Register the departments of the entries."""
    with database.engine(DatabaseRole.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        for code in (PROVIDER, OTHER_PROVIDER, AUTHORITY):
            catalogue.add_organisation(Organisation(code, f"部门{code}", "500000"), actor="test")


@contextmanager
def catalogue_of(database, at=START, effects=None, record=record_administration):
    """The entries in one transaction, at a moment."""
    with database.engine(DatabaseRole.APPLICATION).begin() as connection:
        yield Entries(connection, record, CALENDAR, lambda: at, effects)


def assessed(entries, id_, by=HEAD):
    """Sign the assessments of an entry."""
    return entries.assess(id_, by, "不涉及国家秘密", "已评估，影响可控")


def submitted(entries, entry):
    """Bring a new entry as far as the authority."""
    entries.draft(entry, WRITER)
    assessed(entries, entry.id)
    return entries.submit(entry.id, WRITER)


def approved_and_published(entries, id_, consent=""):
    """Let the authority approve and publish."""
    entries.approve(id_, REVIEWER, consent)
    return entries.publish(id_, REVIEWER)


def published(entries, entry):
    """Bring a new entry all the way."""
    submitted(entries, entry)
    return approved_and_published(entries, entry.id)


def changed(entries, entry):
    """Bring the next version of an entry as far as the authority."""
    entries.change(entry, WRITER)
    assessed(entries, entry.id)
    return entries.submit(entry.id, WRITER)
