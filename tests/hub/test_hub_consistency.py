"""Cross-source consistency over the city: counted as an independent reading of the registers counts it, and on the ledger."""

import pandas as pd
import pytest
from sqlalchemy import text

from connectors.pull import pull
from connectors.standardise import standardise
from hub import scorecards
from hub.city.truth import load_truth
from hub.consistency import inspect
from hub.ingest import ingest_source
from infra.database import Role
from quality.gate import gate
from quality.rules import Dimension
from schemas.errors import UnknownResource

ONE, OTHER = "public_security", "social_security"
COMPARED = ("name", "sex", "date_of_birth", "registered_address", "mobile_phone")


def _admitted(hub, code: str) -> pd.DataFrame:
    """What a register says by person, as the pipeline reads it, without any library."""
    source, parts = hub.source(code), []
    resource = hub.resources[source.resource]
    for batch in pull(source, None):
        standard = standardise(source, resource, batch)
        verdict = gate(
            code, resource, standard.table, standard.problems, source.quality, delivered=source.mapping
        )
        parts.append(verdict.admitted.to_pandas())
    return pd.concat(parts).sort_values("_observed_at", kind="stable").groupby("citizen_number").last()


@pytest.fixture
def two_sources(hub):
    for code in (ONE, OTHER):
        ingest_source(hub, code)
    return hub


def test_two_registers_are_compared_as_they_stand(two_sources):
    hub = two_sources
    told = {d["item"]: d for d in inspect(hub, "natural_person", "tester").as_dict()["disagreements"]}

    both = _admitted(hub, ONE).join(_admitted(hub, OTHER), lsuffix="_one", rsuffix="_other", how="inner")
    assert told.keys() == set(COMPARED)
    for item in COMPARED:
        pair = both[[f"{item}_one", f"{item}_other"]].dropna()
        differing = int((pair.iloc[:, 0] != pair.iloc[:, 1]).sum())
        assert (told[item]["source"], told[item]["other"]) == (ONE, OTHER)
        assert (told[item]["subjects"], told[item]["differing"]) == (len(pair), differing), item
    assert told["mobile_phone"]["differing"] > 0


def test_an_inspection_is_on_the_ledger_and_on_the_scorecards(two_sources):
    hub = two_sources
    related = scorecards.scorecard(hub, ONE).dimensions[Dimension.CONSISTENCY]
    inspection = inspect(hub, "natural_person", "tester")

    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = "SELECT kind, actor, resource, records, items, facts FROM ledger.entry WHERE action = 'quality.consistency'"
        (entry,) = connection.execute(text(query)).all()
    assert (entry.kind, entry.actor, entry.resource) == ("administration", "tester", "natural_person")
    assert entry.records == inspection.comparison.records > 1000
    assert set(entry.items) >= set(COMPARED)
    card = scorecards.scorecard(hub, ONE)
    same = {score.item: score for score in card.scores if score.name == "same_elsewhere"}
    assert same.keys() == set(COMPARED)
    assert 0 < same["mobile_phone"].dirty < same["mobile_phone"].rows
    assert card.dimensions[Dimension.CONSISTENCY] != related


def test_no_value_of_a_sealed_item_leaves_an_inspection(two_sources):
    hub = two_sources
    shown = str(inspect(hub, "natural_person", "tester", examples=50).as_dict())
    persons = load_truth(hub.settings.city).tables["natural_person"]
    assert "***" in shown
    for item in ("citizen_number", "mobile_phone", "registered_address"):
        assert not [value for value in persons[item].to_pylist() if value and value in shown]


def test_a_resource_of_one_source_has_nothing_to_compare(hub):
    ingest_source(hub, "natural_resources_parcel")
    assert inspect(hub, "parcel", "tester").comparison.items == ()
    with pytest.raises(UnknownResource, match="no resource 'shoes'"):
        inspect(hub, "shoes", "tester")
