"""What is published: entries in force, and what comes with the hub."""

import pytest
from made_entries import PROVIDER, REVIEWER, WRITER, catalogue_of, made, published, registered

from catalog.entry import entry_of
from catalog.published_entries import PublishedEntries, id_of
from infra.database import Role
from schemas.errors import UnknownEntry
from schemas.resource import resource_named, resources_shipped

pytestmark = pytest.mark.server


@pytest.fixture
def reading(database):
    registered(database)
    with catalogue_of(database) as entries:
        published(entries, made())
        published(entries, made(id="bus_stops", sharing="unconditional", condition=None))
        published(entries, made(id="flood_levels", open=True))
        entries.draft(made(id="never_published", sharing="unconditional", condition=None), WRITER)
        published(entries, entry_of(resource_named("place"), PROVIDER, code=None))
        entries.withdraw("place", REVIEWER, "合并")
    with database.engine(Role.APPLICATION).connect() as connection:
        yield lambda **told: PublishedEntries(connection, **told)


def test_anybody_sees_what_is_open_or_unconditional_and_not_withdrawn(reading):
    public = reading()
    assert [id_of(one) for one in public.behind("")] == ["bus_stops", "division_area", "flood_levels"]
    assert public.number() == 3
    assert [id_of(one) for one in public.behind("bus_stops", 1)] == ["division_area"]
    assert public.named("bus_stops").published_on


def test_everything_is_what_is_in_force_and_what_comes_with_the_hub(reading):
    every = reading(everything=True)
    expected = sorted({*resources_shipped(), "bus_stops", "flood_levels", "rent_subsidy"} - {"place"})
    assert [id_of(one) for one in every.behind("")] == expected
    assert every.number() == len(expected)
    assert every.named("legal_person") is resource_named("legal_person")
    for missing in ("place", "never_published", "nothing"):
        with pytest.raises(UnknownEntry):
            every.named(missing)
