import json
from dataclasses import replace
from datetime import date

import pytest
import yaml
from made_entries import PROVIDER, made, written

from catalog.categories import Category, category_classes
from catalog.entry import CatalogueEntry, entry_faults, entry_from, entry_of, parse_entry
from catalog.entry_elements import ELEMENTS, ITEM_ELEMENTS, Format, SharingMode, UpdateCycle
from schemas.errors import DefinitionError, WrongEntry
from schemas.publishable import check_publishable
from schemas.resource import Sharing, resources_shipped
from schemas.update_cycles import BY_HAND, CYCLES

FULL = {
    "version": 3, "code": "307001002/000017", "open": True, "open_condition": "脱敏后开放", "published_on": date(2026, 3, 2),
    "related": ["101001001/000001"], "library": "departments",
}  # fmt: skip


def said(**changes):
    return {fault.place: str(fault) for fault in entry_faults(written(**changes))}


@pytest.mark.parametrize("code", resources_shipped())
def test_every_shipped_resource_is_an_entry_and_comes_back_as_it_was(code):
    resource = resources_shipped()[code]
    entry = entry_of(resource, PROVIDER)
    assert entry.as_resource() == resource
    assert parse_entry(entry.as_yaml()) == entry
    assert entry_from(json.loads(json.dumps(entry.as_dict()))).as_resource() == resource


def test_every_element_goes_out_and_comes_in():
    entry = made(**FULL)
    assert set(entry.as_dict()) == set(ELEMENTS) - {"legal_basis"}
    assert parse_entry(entry.as_yaml()) == entry
    assert (entry.format, entry.mode, entry.update_cycle) == (
        Format.DATABASE, SharingMode.PLATFORM_INTERFACE, UpdateCycle.MONTHLY,
    )  # fmt: skip
    assert (entry.category.parts, entry.category.titles) == (
        ("3", "07", "001", "002"), ("部门信息资源类", "07"),
    )  # fmt: skip
    assert (
        made(sharing="3", legal_basis="《档案法》第二十八条", condition=None, mode=None).sharing
        is Sharing.NOT_SHARED
    )


def test_numbers_of_the_guide_and_chinese_words_mean_the_same():
    entry = made(**FULL)
    numbered = written(**FULL, format=3, sharing=2, update_cycle=4) | {
        "open": "1",
        "published_on": "2026-03-02",
    }
    worded = written(**FULL, format="数据库", sharing="有条件共享", update_cycle="每月", mode="共享平台接口")
    worded["open"], worded["items"][0]["type"], worded["related"] = "是", "字符型", "101001001/000001；"
    assert entry_from(numbered) == entry
    assert entry_from({**worded, "related": "101001001/000001"}) == entry
    assert "blank" in str(entry_faults(worded)[0])


def test_everything_wrong_is_told_at_once_and_each_fault_names_its_element():
    wrong = written(
        id="公租房", category="207001", name=None, provider_code="11500103009275123A", format="9", sharing="conditional",
        condition=None, mode=None, update_cycle="now and then", published_on="2026-02-30", open_condition="x", colour="red",
        related=["1"], version=0,
    )  # fmt: skip
    wrong["category"] = "213001"
    wrong["items"] = [
        {"title": "公民身份号码", "type": "C", "length": 18, "key": True},
        {
            "name": "Amount",
            "title": "金额",
            "type": "N",
            "length": 40,
            "scale": 50,
            "code_set": "colours",
            "mask": "hat",
        },
        {
            "name": "area",
            "title": "范围",
            "type": "C",
            "geometry": True,
            "sensitivity": "personal",
            "identifier": "x",
        },
        {"name": "area", "title": "面积", "type": "Q", "length": "3.5", "key": "是", "required": "maybe"},
        "stray",
    ]
    with pytest.raises(WrongEntry, match=r"Entry 公租房 has 30 faults: ") as refused:
        entry_from(wrong)
    faults = refused.value.faults
    told = {fault.place for fault in faults}
    assert told == {
        "id", "category", "name", "provider_code", "format", "condition", "mode", "update_cycle", "published_on", "open_condition",
        "colour", "related", "version", "items", "items[1].name", "items[1].required", "items[2].name", "items[2].length",
        "items[2].scale", "items[2].code_set", "items[2].mask", "items[3].type", "items[3].length", "items[3].sensitivity",
        "items[3].identifier", "items[4].type", "items[4].length", "items[4].required", "items[5].name",
    }  # fmt: skip
    by_place = {fault.place: str(fault) for fault in faults}
    assert "(信息资源名称) is not told" in by_place["name"]
    assert "4 (每月)" in by_place["update_cycle"] or "monthly (4 每月)" in by_place["update_cycle"]
    assert "12 应急维稳" in by_place["category"]
    assert sum(fault.place == "items" for fault in faults) == 2, "two keys, one name twice"
    assert refused.value.faults[0].as_dict()["element"] == "colour"


def test_an_item_without_a_name_is_asked_for_with_what_others_call_it():
    def of(title):
        return str(
            entry_faults(
                written(items=[{"title": title, "type": "C", "length": 9, "key": 1, "required": 1}])
            )[0]
        )

    assert of("公民身份号码") == (
        "items[1].name of 公民身份号码 is not told, and none is made up. Elsewhere it is called citizen_number."
    )
    assert "registered_capital" in of("注册 资本")
    assert of("房屋朝向").endswith("Choose a name for it.")


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"condition": None}, "condition", "article 15"),
        ({"sharing": "unconditional"}, "condition", "has none"),
        ({"sharing": "not_shared", "condition": None}, "legal_basis", "State Council decision"),
        (
            {"sharing": "not_shared", "legal_basis": "x", "condition": None, "open": True},
            "open",
            "not open to society",
        ),
        ({"items": []}, "items", "a database says what it holds"),
        ({"code": "307001003/000001"}, "code", "does not begin with the category"),
        ({"code": "307001002-1"}, "code", "form"),
        ({"summary": "长" * 2001}, "summary", "2001 characters"),
        ({"category": "407001"}, "category", "307001002"),
        ({"name": "a\0b"}, "name", "cannot be stored"),
        ({"name": ["x"]}, "name", "no text"),
        ({"items": "many"}, "items", "no list"),
        ({"items": [{}] * 501}, "items", "at most 500"),
    ],
)
def test_each_rule_names_its_element(changes, place, words):
    assert words in said(**changes)[place]


def test_what_is_a_right_entry_can_be_published():
    check_publishable(replace(made(), code="307001002/000001").as_resource())
    for resource in resources_shipped().values():
        check_publishable(entry_of(resource, PROVIDER).as_resource())


def test_what_has_no_items_or_no_code_is_no_resource():
    document = made(format="electronic_document", items=[])
    assert not document.is_queryable
    with pytest.raises(DefinitionError, match="no items"):
        replace(document, code="307001002/000001").as_resource()
    with pytest.raises(DefinitionError, match="no code yet"):
        made().as_resource()


def test_what_exists_is_valid_and_its_digest_is_of_all_it_says():
    entry = made()
    assert isinstance(entry, CatalogueEntry)
    with pytest.raises(WrongEntry, match="condition"):
        replace(entry, condition="")
    assert entry.digest == made().digest
    assert len({entry.digest, replace(entry, office="").digest, replace(entry, version=2).digest}) == 3


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "just words"])
def test_a_file_of_something_else_is_refused_with_its_name(text):
    with pytest.raises(DefinitionError, match=r"file\.yaml"):
        parse_entry(text, "file.yaml")


def test_categories_and_cycles_are_those_of_the_guide():
    assert [(c.code, len(c.items)) for c in category_classes().values()] == [("1", 5), ("2", 12), ("3", 0)]
    assert [str(cycle) for cycle in UpdateCycle] == [*CYCLES, BY_HAND]
    with pytest.raises(DefinitionError, match="has no item 09"):
        Category("109001")
    assert {name for name, element in ITEM_ELEMENTS.items() if element.required} == {"name", "title", "type"}
    assert yaml.safe_load(made().as_yaml())["items"][1]["sensitivity"] == "sensitive"
