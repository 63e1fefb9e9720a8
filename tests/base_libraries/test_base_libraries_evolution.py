"""The plan by which a version follows another: what is added, what is indexed, and every reason why it cannot be."""

import pytest
from made_resources import MARRIAGE, second

from base_libraries.evolution import leftover_columns, leftover_sealed, plan
from schemas.errors import VersionRefused
from schemas.resource import parse_resource

FIRST, SECOND = parse_resource(MARRIAGE), parse_resource(second())
FEE = "{name: fee, title: 工本费, type: N, length: 6, scale: 2}"
OFFICE = "{name: office, title: 登记机关, type: C, length: 20}"


def version(text, number=2):
    return parse_resource(text.replace("update_cycle: daily", f"update_cycle: daily\nversion: {number}"))


def test_a_plan_is_data():
    planned = plan(FIRST, SECOND)
    assert {one["name"] for one in planned.columns} == {"_ix_one_name", "_ix_office"}
    assert {one["table"] for one in planned.columns} == {"contribution", "golden", "history"}
    assert [one["suffix"] for one in planned.indexes] == ["_ix_one_name", "_ix_office"]
    assert (planned.indexed, planned.dropped) == (("one_name", "office"), ())
    assert planned.new.layout == (*FIRST.layout, "witness")
    assert [item.name for item in planned.bridge.lookup_items] == ["one_number", "one_name", "office"]
    assert {item.name for item in planned.bridge.items} == {item.name for item in FIRST.items}


def test_a_new_item_stands_behind_the_old_ones_wherever_the_definition_puts_it():
    added = version(
        MARRIAGE.replace(
            f"  - {OFFICE}", f"  - {{name: kind, title: 类别, type: C, length: 2}}\n  - {OFFICE}"
        )
    )
    planned = plan(FIRST, added)
    assert planned.new.position("kind") == len(FIRST.items)
    assert planned.new.position("office") == FIRST.position("office")
    assert [one["name"] for one in planned.columns] == ["kind"] * 3
    third = plan(planned.new, version(MARRIAGE.replace(f"  - {OFFICE}\n", ""), 3)).new
    assert (third.layout, third.position("fee")) == (planned.new.layout, FIRST.position("fee"))
    assert leftover_columns([planned.new, third]) == ["kind", "office"]


def test_what_is_left_of_a_version():
    gone = version("\n".join(line for line in MARRIAGE.splitlines() if "name: one_n" not in line))
    assert plan(FIRST, gone).dropped == ("one_number", "one_name")
    assert leftover_columns([FIRST, gone]) == ["_ix_one_number"]
    assert leftover_sealed([FIRST, gone]) == ["one_number", "one_name"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("length: 6, scale: 2", "length: 9, scale: 4"),
        (OFFICE, OFFICE.replace("length: 20", "length: 21")),
        (OFFICE, OFFICE.replace("type: C, length: 20", "type: M")),
        (OFFICE, OFFICE.replace("length: 20", "length: 20, required: true")),
        (OFFICE, OFFICE.replace("length: 20", "length: 20, sensitivity: open")),
        ("mask: name}", "mask: phone}"),
        (", lookup: true", ""),
    ],
)
def test_what_touches_no_record_is_in_force_at_once(old, new):
    planned = plan(FIRST, version(MARRIAGE.replace(old, new)))
    assert (planned.columns, planned.indexes) == ((), ())


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("length: 6, scale: 2", "length: 6, scale: 3", "fewer digits"),
        ("length: 6, scale: 2", "length: 9, scale: 1", "fewer digits"),
        ("type: N, length: 6, scale: 2", "type: C, length: 20", "change its type from N to C"),
        (OFFICE, OFFICE.replace("length: 20", "length: 19"), "shorter than values"),
        (
            OFFICE,
            OFFICE.replace("length: 20", "length: 20, sensitivity: personal"),
            "would have to be kept sealed",
        ),
        ("sensitivity: personal, mask: name}", "mask: name}", "would have to be kept in the clear"),
        ("identifier: citizen_number, ", "", "indexed otherwise"),
        (", key: true", "", "its key is certificate"),
        (OFFICE, "{name: office, title: 登记机关, type: G, geometry: true}", "from C to G"),
    ],
)
def test_what_cannot_be_done_online_is_refused_with_the_reason(old, new, reason):
    text = MARRIAGE.replace(old, new)
    if old == ", key: true":
        text = text.replace(OFFICE, OFFICE.replace("length: 20", "length: 20, key: true, required: true"))
    with pytest.raises(VersionRefused, match=reason) as caught:
        plan(FIRST, version(text))
    assert caught.value.hint


def test_every_reason_is_told_and_no_version_is_left_out():
    text = MARRIAGE.replace("length: 6, scale: 2", "length: 4").replace("length: 20}", "length: 2}")
    with pytest.raises(VersionRefused) as caught:
        plan(FIRST, version(text, 1))
    assert "the next version is 2" in caught.value.detail
    assert caught.value.detail.count(";") == 2
