"""What is offered to who applies: by the entry in force, else by the definition."""

from dataclasses import replace

import pytest
from made_entries import PROVIDER, WRITER, catalogue_of, published, registered

from audit.recording import record_administration
from catalog.entry import entry_of
from catalog.offer import offer_of
from catalog.organisation import Organisation
from catalog.repository import Catalogue
from infra.database import Role
from schemas.errors import NotRegistered, NotShared, UnknownResource
from schemas.resource import Sharing, resource_named

pytestmark = pytest.mark.server


def test_the_entry_in_force_counts_before_the_definition(database):
    registered(database)
    place, person = resource_named("place"), resource_named("natural_person")
    with catalogue_of(database) as entries:
        published(entries, entry_of(place, PROVIDER))
        entries.draft(entry_of(person, PROVIDER), WRITER)
    with database.engine(Role.APPLICATION).begin() as connection:
        offer = offer_of(connection, "place")
        assert (offer.provider.code, offer.resource.items) == (PROVIDER, place.items)
        offer.check_shared()
        secret = replace(
            offer, resource=replace(place, sharing=Sharing.NOT_SHARED), legal_basis="保守国家秘密法"
        )
        with pytest.raises(NotShared, match="保守国家秘密法"):
            secret.check_shared()
        with pytest.raises(NotRegistered, match="公安局, is not registered"):
            offer_of(connection, "natural_person")  # a draft offers nothing yet
        catalogue = Catalogue(connection, record_administration)
        for code in ("P1", "P2"):
            catalogue.add_organisation(Organisation(code, "公安局", "500000"), actor="test")
            if code == "P1":
                assert offer_of(connection, "natural_person").provider.code == "P1"
        with pytest.raises(NotRegistered, match="several organisations"):
            offer_of(connection, "natural_person")
        with pytest.raises(UnknownResource):
            offer_of(connection, "weather")
