from dataclasses import replace

import pytest
from made_entries import made

from catalog.compatibility import ENTRY_RULES, ITEM_RULES, changes_between
from catalog.entry_elements import ELEMENTS, ITEM_ELEMENTS, UpdateCycle
from schemas.resource import Item, ItemType, Sensitivity, Sharing

BEFORE = made(open=True, open_condition="脱敏", legal_basis="《住房保障条例》")


def changed(**elements):
    return changes_between(BEFORE, replace(BEFORE, **elements))


def item_changed(name, **elements):
    items = tuple(replace(i, **elements) if i.name == name else i for i in BEFORE.items)
    return changed(items=items)


@pytest.mark.parametrize(
    ("name", "elements", "place", "breaking"),
    [
        ("amount", {"length": 10}, "items.amount.length", True),
        ("amount", {"length": 14}, "items.amount.length", False),
        ("amount", {"scale": 0}, "items.amount.scale", True),
        ("amount", {"scale": 4}, "items.amount.scale", False),
        ("amount", {"required": True}, "items.amount.required", True),
        ("amount", {"title": "发放金额"}, "items.amount.title", False),
        ("amount", {"sensitivity": Sensitivity.PERSONAL}, "items.amount.sensitivity", True),
        ("amount", {"description": "元"}, "items.amount.description", False),
        ("sex", {"code_set": None}, "items.sex.code_set", False),
        ("sex", {"code_set": "education"}, "items.sex.code_set", True),
        ("holder_number", {"sensitivity": Sensitivity.INTERNAL}, "items.holder_number.sensitivity", True),
        ("holder_number", {"mask": None}, "items.holder_number.mask", True),
        ("holder_number", {"lookup": False}, "items.holder_number.lookup", True),
        ("holder_number", {"identifier": None}, "items.holder_number.identifier", False),
        ("holder_number", {"identifier": "subject_code"}, "items.holder_number.identifier", True),
        ("sex", {"lookup": True}, "items.sex.lookup", False),
    ],
)
def test_changes_of_an_item(name, elements, place, breaking):
    (change,) = item_changed(name, **elements)
    assert (change.place, change.breaking) == (place, breaking)
    assert change.reason


@pytest.mark.parametrize(
    ("elements", "breaking"),
    [
        ({"sharing": Sharing.NOT_SHARED}, True),
        ({"sharing": Sharing.UNCONDITIONAL, "condition": ""}, False),
        ({"condition": "仅限市级部门"}, True),
        ({"update_cycle": UpdateCycle.YEARLY}, True),
        ({"update_cycle": UpdateCycle.DAILY}, False),
        ({"open": False, "open_condition": ""}, True),
        ({"open_condition": ""}, False),
        ({"mode": None, "sharing": Sharing.NOT_SHARED}, True),
        ({"name": "公租房补贴"}, False),
        ({"office": "保障处"}, False),
    ],
)
def test_changes_of_the_entry_itself(elements, breaking):
    if elements.get("sharing") is Sharing.NOT_SHARED:
        elements = {**elements, "open": False, "open_condition": ""}
    changes = changed(**elements)
    assert {change.element for change in changes} >= set(elements) - {"open_condition"}
    assert any(change.breaking for change in changes) is breaking


def test_items_that_come_and_go():
    kept = tuple(item for item in BEFORE.items if item.name != "sex")
    (gone,) = changed(items=kept)
    assert (gone.place, gone.breaking, gone.before, gone.after) == ("items.sex", True, "性别", None)
    note = Item("note", "备注", ItemType.MEMO)
    (added,) = changed(items=(*BEFORE.items, note))
    assert (added.place, added.breaking) == ("items.note", False)
    (needed,) = changed(items=(*BEFORE.items, replace(note, required=True)))
    assert needed.breaking


def test_types_that_hold_every_old_value_are_compatible_and_others_break():
    def retyped(name, kind, **elements):
        changes = item_changed(name, type=kind, **elements)
        return next(change.breaking for change in changes if change.element == "type")

    assert retyped("sex", ItemType.MEMO) is False
    assert retyped("amount", ItemType.INTEGER) is True
    assert retyped("sex", ItemType.DATE) is True


def test_another_key_breaks():
    items = tuple(
        replace(
            item, key=item.name == "holder_number", required=item.required or item.name == "holder_number"
        )
        for item in BEFORE.items
    )
    assert {c.place for c in changed(items=items) if c.breaking} == {
        "items.grant_number.key", "items.holder_number.key", "items.holder_number.required",
    }  # fmt: skip


def test_every_element_has_its_rule_and_nothing_changed_is_no_change():
    bookkeeping = {"id", "version", "code", "category", "provider_code", "published_on", "items"}
    assert {rule.element for rule in ENTRY_RULES} == ELEMENTS.keys() - bookkeeping
    assert {rule.element for rule in ITEM_RULES} == ITEM_ELEMENTS.keys() - {"name"}
    assert changed(version=2) == []
    assert changed(name="别名")[0].as_dict() == {
        "element": "name", "before": "公租房补贴发放", "after": "别名", "verdict": "compatible",
        "reason": "nobody has to change anything",
    }  # fmt: skip
