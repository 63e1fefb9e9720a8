"""Data contracts: valid by the published schema of ODCS, and saying what the hub judges and promises."""

from pathlib import Path

import orjson
import pytest
import yaml
from jsonschema import Draft201909Validator

from catalog.dcat.describing import Addresses
from catalog.entry import entry_of
from catalog.entry_elements import Format, UpdateCycle
from hub.neighbours.contract import contract_of, contract_yaml
from quality.definition import suite_of
from quality.stated_rules import rules_for
from schemas.resource import Sharing, resource_named, resources_shipped

SCHEMA = Path(__file__).parent / "published" / "odcs-json-schema-v3.1.0.json"
AT = Addresses("https://hub.example", "urn:hub:test", "500000")
PROVIDER = "115001030092751236"
ENTRIES = {
    "conditional": entry_of(
        resource_named("parcel"), PROVIDER, office="权籍处", open=True, open_condition="注明来源"
    ),
    "refused": entry_of(
        resource_named("place"),
        PROVIDER,
        sharing=Sharing.NOT_SHARED,
        mode=None,
        legal_basis="测绘法第四十七条",
    ),
    "letter": entry_of(
        resource_named("place"),
        PROVIDER,
        items=(),
        format=Format.ELECTRONIC_DOCUMENT,
        update_cycle=UpdateCycle.OTHER,
    ),
}


@pytest.fixture(scope="module")
def validator():
    return Draft201909Validator(orjson.loads(SCHEMA.read_bytes()))


@pytest.mark.parametrize(
    "one", [*resources_shipped().values(), *ENTRIES.values()], ids=[*resources_shipped(), *ENTRIES]
)
def test_it_is_valid_by_the_published_schema(validator, one):
    contract = yaml.safe_load(contract_yaml(contract_of(one, AT)))
    assert [error.message for error in validator.iter_errors(contract)] == []


def test_the_schema_notices_what_is_wrong(validator):
    contract = contract_of(resource_named("place"), AT)
    assert not validator.is_valid(contract | {"status": None})
    contract["schema"][0]["properties"][0]["logicalType"] = "text"
    assert not validator.is_valid(contract)


@pytest.mark.parametrize("code", list(resources_shipped()))
def test_every_item_and_every_rule_is_told(code):
    resource = resource_named(code)
    (told,) = contract_of(resource, AT)["schema"]
    assert [one["name"] for one in told["properties"]] == [item.name for item in resource.items]
    assert [one["name"] for one in told["properties"] if one["primaryKey"]] == [resource.key.name]
    rules = rules_for(resource, (), "", suite_of(resource).rules)
    checks = [check for part in (*told["properties"], told) for check in part.get("quality", ())]
    assert sorted(check["description"] for check in checks) == sorted(
        f"Never: {rule.title}" for rule in rules
    )


def test_what_keeps_rows_out_is_promised_never_and_a_share_as_a_share():
    told = contract_of(resource_named("natural_person"), AT)["schema"][0]
    number = {check["name"]: check for check in told["properties"][0]["quality"]}
    assert (number["citizen_number_not_null"]["metric"], number["citizen_number_not_null"]["mustBe"]) == (
        "nullValues",
        0,
    )
    assert told["properties"][0]["classification"] == "sensitive"
    assert {"property": "codeSet", "value": "sex"} in next(
        p for p in told["properties"] if p["name"] == "sex"
    )["customProperties"]


def sla(one):
    return {
        told["property"]: (told["value"], told["unit"])
        for told in contract_of(one, AT).get("slaProperties", ())
    }


def test_the_deadlines_are_those_of_the_law_and_the_cycle_is_the_entrys():
    assert sla(resource_named("legal_person")) == {
        "frequency": (1, "day"), "timeToReply": (10, "working days"), "timeToDeliver": (20, "working days"),
        "timeToCorrect": (10, "working days"),
    }  # fmt: skip
    assert sla(resource_named("place"))["timeToReply"] == (1, "working days")
    assert "frequency" not in sla(ENTRIES["letter"])
    assert sla(ENTRIES["refused"]) == {"frequency": (1, "year")}


def test_it_names_the_office_and_no_person_and_a_refused_one_no_server():
    contract = contract_of(ENTRIES["conditional"], AT)
    assert contract["team"]["name"] == "规划和自然资源局权籍处"
    assert "members" not in contract["team"]
    assert contract["servers"][0]["location"] == "https://hub.example/v1/resources/parcel"
    assert "注明来源" in contract["description"]["limitations"]
    refused = contract_of(ENTRIES["refused"], AT)
    assert "servers" not in refused
    assert "roles" not in refused
    assert refused["description"]["limitations"] == "测绘法第四十七条"
    assert contract["id"] == contract_of(ENTRIES["conditional"], AT)["id"] != refused["id"]
