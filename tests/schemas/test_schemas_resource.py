"""Resources: every definition shipped, what it yields, and every way a definition can be wrong."""

import pyarrow as pa
import pytest

from schemas.code_sets import code_set
from schemas.errors import DefinitionError, UnknownItem, UnknownResource
from schemas.identifiers import KINDS
from schemas.resource import (
    Item,
    ItemType,
    Resource,
    Sensitivity,
    Sharing,
    parse_resource,
    resource_named,
    resources_shipped,
)

GOOD = """
code: pet
catalogue_code: 307001002/000017
title: 宠物
title_en: Pet
provider: 公安局
sharing: conditional
condition: 依申请
update_cycle: daily
items:
  - {name: tag, title: 牌号, type: C, length: 8, key: true, required: true}
  - {name: keeper, title: 饲主, type: C, length: 50, sensitivity: personal, lookup: true}
  - {name: born_on, title: 出生, type: D}
  - {name: seen_at, title: 时间, type: T}
  - {name: weight, title: 体重, type: N, length: 6, scale: 2}
  - {name: price, title: 价格, type: Y, length: 12}
  - {name: length, title: 长度, type: B}
  - {name: legs, title: 腿数, type: I}
  - {name: tame, title: 驯服, type: L}
  - {name: place, title: 位置, type: G, geometry: true}
"""
TAG = "{name: tag, title: 牌号, type: C, length: 8, key: true, required: true}"


def test_the_four_base_libraries_are_shipped():
    assert {resource.library for resource in resources_shipped().values()} >= {
        "natural_persons", "legal_persons", "spatial", "credit",
    }  # fmt: skip
    assert set(resources_shipped()) >= {
        "natural_person",
        "legal_person",
        "credit_record",
        "division_area",
        "parcel",
        "place",
    }


@pytest.mark.parametrize("code", sorted(resources_shipped()))
def test_identifiers_and_code_sets_named_in_a_resource_exist(code):
    resource = resource_named(code)
    assert resource.code == code
    for item in resource.items:
        assert item.identifier is None or item.identifier in KINDS
        if item.code_set:
            assert item.length is not None
            assert max(map(len, code_set(item.code_set).codes)) <= item.length


@pytest.mark.parametrize("code", sorted(resources_shipped()))
def test_what_names_a_person_or_a_phone_is_sealed(code):
    for item in resource_named(code).items:
        if item.identifier in ("citizen_number", "subject_code", "mobile_phone") or item.mask:
            assert item.sealed, item.name


def test_natural_persons_have_every_item_of_the_base_library():
    assert [item.name for item in resource_named("natural_person").items] == [
        "citizen_number", "name", "former_names", "sex", "ethnic_group", "date_of_birth", "native_place",
        "registered_address", "registered_division", "household_number", "marital_status", "education", "mobile_phone",
        "employment_status", "insurance_status", "life_status", "life_status_date", "document_authority",
        "document_valid_from", "document_valid_to",
    ]  # fmt: skip


def test_items_are_told_apart_by_key_openness_and_lookup():
    pet = parse_resource(GOOD)
    assert pet.key.name == "tag"
    assert [item.name for item in pet.sealed_items] == ["keeper"]
    assert [item.name for item in pet.lookup_items] == ["keeper"]
    assert len(pet.open_items) == 9
    assert pet.position("born_on") == 2
    assert pet.item("legs").type is ItemType.INTEGER


def test_an_arrow_schema_follows_the_items():
    schema = parse_resource(GOOD).arrow_schema
    assert schema.types == [
        pa.string(), pa.string(), pa.date32(), pa.timestamp("us", tz="UTC"), pa.decimal128(6, 2),
        pa.decimal128(12, 2), pa.float64(), pa.int64(), pa.bool_(), pa.binary(),
    ]  # fmt: skip
    assert schema.field("tag").metadata == {b"title": "牌号".encode()}


def test_a_json_schema_describes_the_answer():
    described = parse_resource(GOOD).json_schema()
    assert described["type"] == "object"
    assert described["additionalProperties"] is False
    assert described["properties"]["tag"] == {"title": "牌号", "type": ["string", "null"], "maxLength": 8}
    kinds = {name: (item["type"], item.get("format")) for name, item in described["properties"].items()}
    assert kinds["born_on"] == (["string", "null"], "date")
    assert kinds["seen_at"] == (["string", "null"], "date-time")
    assert kinds["length"] == (["number", "null"], None)
    assert kinds["legs"] == (["integer", "null"], None)
    assert kinds["tame"] == (["boolean", "null"], None)
    assert kinds["place"] == (["object", "null"], None)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("code: pet", "code: Pet", "lower-case"),
        ("307001002/000017", "407001002/000017", "307001002/000017"),
        ("condition: 依申请\n", "", "states none"),
        (TAG, TAG.replace("tag", "Tag"), "lower-case"),
        (TAG, TAG.replace(", required: true", ""), "must be required"),
        (TAG, TAG.replace("key: true, ", ""), "exactly one key"),
        (TAG, f"{TAG}\n  - {TAG.replace('tag', 'mark')}", "exactly one key"),
        (TAG, f"{TAG}\n  - {{name: legs, title: 腿数, type: I}}", "twice"),
        ("type: G, geometry: true", "type: C, geometry: true", "must be G"),
        ("type: G, geometry: true", "type: G, geometry: true, sensitivity: personal", "cannot be sealed"),
        ("type: D", "type: Z", "not a resource definition"),
        ("sensitivity: personal", "sensitivity: secret", "not a resource definition"),
        ("sharing: conditional", "sharing: sometimes", "not a resource definition"),
        ("update_cycle: daily", "update_cycles: daily", "not a resource definition"),
        ("items:", "item:", "not a resource definition"),
        ("code: pet", "code: [pet", "not a resource definition"),
    ],
)
def test_a_wrong_definition_is_refused_with_its_file(old, new, complaint):
    assert old in GOOD
    with pytest.raises(DefinitionError, match=complaint) as caught:
        parse_resource(GOOD.replace(old, new, 1), "pet.yaml")
    assert caught.value.detail.startswith("pet.yaml")


def test_a_definition_that_is_no_mapping_is_refused():
    with pytest.raises(DefinitionError):
        parse_resource("just words")


def test_unknown_names_are_refused_with_what_there_is():
    with pytest.raises(UnknownResource, match="natural_person") as caught:
        resource_named("unnatural_person")
    assert caught.value.context == {"resource": "unnatural_person"}
    with pytest.raises(UnknownItem, match="citizen_number"):
        resource_named("natural_person").item("shoe_size")
    with pytest.raises(UnknownItem):
        resource_named("natural_person").position("shoe_size")


def test_a_resource_can_be_made_in_code_and_not_changed():
    key = Item("tag", "牌号", ItemType.CHARACTER, key=True, required=True, sensitivity=Sensitivity.OPEN)
    made = Resource(
        "pet", "307001002/000017", "宠物", "Pet", "公安局", Sharing.UNCONDITIONAL, "daily", (key,)
    )
    assert made.open_items == (key,)
    with pytest.raises(AttributeError):
        made.code = "other"
