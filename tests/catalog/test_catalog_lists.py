"""The lists that steer supply are what their tables say, and what the negative list names is withheld from who applies."""

import documents
import pytest
from made_entries import REVIEWER, SECOND_REVIEWER, catalogue_of, made, registered, submitted
from sqlalchemy import text

from audit.recording import record_administration
from catalog.actor import Actor
from catalog.lists.forms import LISTS, NEGATIVE
from catalog.lists.negative import touched
from catalog.lists.store import Lists, line_faults
from catalog.offer import offer_of
from catalog.organisation import Organisation
from catalog.person import Role
from catalog.repository import Catalogue
from infra.database import Role as Login
from schemas.errors import WrongEntry
from schemas.resource import resource_named

AUTHORITY = Actor("zhao", "A", frozenset({Role.CATALOGUE_AUTHORITY}))


def test_the_page_shows_the_lists_as_they_are():
    rows = [
        f"| {kind} | `{name}` | {element.title} | {'yes' if element.required else 'the hub tells it' if name in one.told else ''} |"
        for kind, one in LISTS.items()
        for name, element in one.form.columns.items()
    ]
    assert "\n".join(rows) in documents.page("catalogue.md")


def test_everything_wrong_with_a_line_is_told_and_what_the_hub_tells_is_not_read():
    values, faults = line_faults(
        LISTS["demand"], {"name": "租金", "items": "金额;地址", "status": "nonsense", "colour": "red"}
    )
    assert values == {"name": "租金", "items": ("金额", "地址")}
    assert {fault.element for fault in faults} == {"colour", "organisation", "purpose", "legal_basis"}


@pytest.mark.server
def test_what_the_negative_list_names_is_withheld_with_its_law(database):
    with database.engine(Login.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        provider = resource_named("natural_person").provider
        for code, name in (("A", provider), ("B", "别的局")):
            catalogue.add_organisation(Organisation(code, name, "500000"), actor="t")
        lists = Lists(connection, record_administration)
        line = {"name": "电话", "items": "手机号码；婚姻状况", "legal_basis": "个人信息保护法"}
        first, outcome = lists.put(NEGATIVE, line, AUTHORITY)
        lists.put(NEGATIVE, {**line, "items": "sex", "organisation": "B"}, AUTHORITY)
        title = next(
            item.title for item in resource_named("natural_person").items if item.name == "marital_status"
        )
        assert (first, outcome, title) == ("n-000001", "added", "婚姻状况")
        assert touched(connection, "A", {"a": "婚姻 状况（代码）", "sex": "性别"}) == {
            "a": "n-000001: 个人信息保护法"
        }
        assert touched(connection, "B", {"sex": "性别"}) == {"sex": "n-000002: 个人信息保护法"}
        assert offer_of(connection, "natural_person").withheld["marital_status"] == "n-000001: 个人信息保护法"
        told = connection.execute(text("SELECT count(*) FROM catalog.negative")).scalar_one()
    assert told == 2


@pytest.mark.server
def test_what_was_listed_since_it_was_submitted_is_neither_approved_nor_published(database):
    registered(database)

    def listed(items):
        with database.engine(Login.APPLICATION).begin() as connection:
            line = {"name": "金额", "items": items, "legal_basis": "保密法"}
            return Lists(connection, record_administration).put(NEGATIVE, line, AUTHORITY)[0]

    def dropped(line):
        with database.engine(Login.APPLICATION).begin() as connection:
            Lists(connection, record_administration).drop(NEGATIVE, line, AUTHORITY)

    with catalogue_of(database) as entries:
        submitted(entries, made())
    line = listed("金额")
    with (
        catalogue_of(database) as entries,
        pytest.raises(WrongEntry, match=r"金额 may not be shared .*保密法"),
    ):
        entries.approve("rent_subsidy", REVIEWER)
    dropped(line)
    with catalogue_of(database) as entries:
        entries.approve("rent_subsidy", REVIEWER)
    line = listed("金额")
    with catalogue_of(database) as entries, pytest.raises(WrongEntry, match="保密法"):
        entries.publish("rent_subsidy", SECOND_REVIEWER)
    dropped(line)
    with catalogue_of(database) as entries:
        assert entries.publish("rent_subsidy", SECOND_REVIEWER).state == "published"
