"""A catalogue entry's publication is its resource's, in one transaction; so is its withdrawal."""

from dataclasses import replace

import pytest
from made_resources import MARRIAGE
from sqlalchemy import text

from audit.recording import record_administration
from catalog.actor import Actor
from catalog.entry import entry_from
from catalog.entry_elements import Format
from catalog.published_resource import PublishedResources
from hub.catalogue.effects import EFFECTS
from hub.published_resources import knowing
from infra.database import Role
from schemas.publishable import written
from schemas.resource import Item, ItemType, parse_resource, resource_named, resources_shipped

NOTE = Item("note", "备注", ItemType.CHARACTER, 20)


@pytest.fixture
def application(database):
    return database.engine(Role.APPLICATION)


def made(**changes):
    """The entry of marriage registrations."""
    told = {
        "id": "marriage_registration", "category": "307001002", "name": "婚姻登记信息", "name_en": "Marriages", "summary": "婚姻登记",
        "provider": "民政局", "office": "一处", "provider_code": "115001030092751236", "format": "database",
        "sharing": "conditional", "condition": "限行政审批使用", "mode": "platform_interface", "update_cycle": "daily",
        "items": written(parse_resource(MARRIAGE))["items"],
    }  # fmt: skip
    code = changes.pop("code")
    return replace(entry_from(told | changes), code=code)


def test_an_entry_is_queryable_with_its_publication_and_not_after_its_withdrawal(database, application):
    entry = made(code="307001002/000001")
    by = Actor("reviewer")
    with application.begin() as connection:
        EFFECTS.published(connection, entry, by)
    with knowing(database):
        assert resource_named("marriage_registration").catalogue_code == "307001002/000001"
    with application.begin() as connection:
        EFFECTS.withdrawn(connection, entry, by)
        EFFECTS.withdrawn(connection, entry, by)  # nothing is there to withdraw any more
        EFFECTS.published(connection, replace(entry, version=3, name="补贴"), by)
    with knowing(database):
        assert (
            resource_named("marriage_registration").version,
            resource_named("marriage_registration").withdrawn,
        ) == (3, False)
    document = replace(entry, version=4, items=(), format=Format.ELECTRONIC_DOCUMENT)
    with application.begin() as connection:
        EFFECTS.published(connection, document, by)  # the next version has no records
        assert (
            len(PublishedResources(connection, record_administration).of("marriage_registration")) == 2
        )  # and none for the document
    with knowing(database):
        assert resource_named("marriage_registration").withdrawn


def test_an_entry_of_a_shipped_resource_publishes_it_only_where_it_says_more(database, application):
    shipped = resources_shipped()["place"]
    category = shipped.catalogue_code.partition("/")[0]
    entry = made(
        id="place", category=category, code=shipped.catalogue_code, items=[written(shipped)["items"][0]]
    )
    same, more = (
        replace(entry, items=items, version=n)
        for n, items in ((1, shipped.items), (2, (*shipped.items, NOTE)))
    )
    with application.begin() as connection:
        EFFECTS.published(connection, same, Actor("reviewer"))
        assert connection.execute(text("SELECT count(*) FROM catalog.published_resource")).scalar_one() == 0
        EFFECTS.published(connection, more, Actor("reviewer"))
    with knowing(database):
        assert resource_named("place").layout == (*shipped.layout, "note")
