"""Notices of changes as events: one made row or group for each kind, and for each way a row is none."""

from datetime import date

import pytest

from catalog.change_meanings import meanings_told
from catalog.change_notices import Notice, events_told
from schemas.division_events import Change, events_in
from schemas.divisions import ALWAYS, Divisions

DOCUMENT = "测民函〔2021〕1号"


def notice(before, reason, after, year="2021", approval=DOCUMENT, place="1"):
    """A row, from ``code name`` or nothing on either side."""
    code, _, name = before.partition(" ")
    new, _, new_name = after.partition(" ")
    return Notice(place, year, code, name, reason, new, new_name, approval)


def rows(*told, **given):
    return [notice(*row, place=str(number), **given) for number, row in enumerate(told, 1)]


@pytest.mark.parametrize(
    ("told", "change", "before", "after"),
    [
        ([("", "新设街道", "510101001 红星街道")], Change.ESTABLISH, (), ("510101001",)),
        ([("510101200 南苑乡", "撤销乡", "")], Change.ABOLISH, ("510101200",), ()),
        ([("510101200 南牛乡", "撤乡设镇", "510101106 南牛镇")], Change.RECODE, ("510101200",), ("510101106",)),
        ([("510101004 浔南街道", "名称变更", "510101004 岳师街道")], Change.RENAME, ("510101004",), ("510101004",)),
        ([("510101107 中川镇", "隶属关系变更", "510102108 中川镇")], Change.MOVE, ("510101107",), ("510102108",)),
        ([("510101107 中川镇", "区划代码变更", "510102108 中川镇")], Change.RECODE, ("510101107",), ("510102108",)),
        (
            [("510101001 甲街道", "合并街道", "510101009 丙街道"), ("510101002 乙街道", "合并街道", "510101009 丙街道")],
            Change.MERGE, ("510101001", "510101002"), ("510101009",),
        ),
        (
            [("510101100 遂城镇", "撤镇设街道、镇", "510101001 遂城街道"), ("510101100 遂城镇", "撤镇设街道、镇", "510101118 附城镇")],
            Change.SPLIT, ("510101100",), ("510101001", "510101118"),
        ),
    ],
)  # fmt: skip
def test_a_change_is_an_event_with_its_document(told, change, before, after):
    (found,), refused = events_told(rows(*told))

    assert not refused
    event = found.event
    assert (event.change, event.before, event.after) == (change, before, after)
    assert (event.day, event.approval) == (date(2021, 12, 31), DOCUMENT)
    assert found.places == tuple(str(number) for number, _ in enumerate(told, 1))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (notice("", "新设街道", ""), "names no code"),
        (notice("51010120 短乡", "撤销乡", ""), "the code before is not 6, 9 or 12 digits"),
        (notice("", "新设街道", "510101001"), "code without a name"),
        (Notice("1", "2021", "510101200", "乡", "撤乡设镇", "", "镇", ""), "name without a code"),
        (notice("510101200 乡", "改制", "510101100 镇"), "its reason, 改制, is not known"),
        (notice("510101200 乡", "", "510101100 镇"), "its reason, none, is not known"),
        (notice("510101200 乡", "撤销乡", "510101100 镇"), "does not fit 1 codes before and 1 after"),
        (notice("", "撤镇设街道", "510101001 街道"), "does not fit 0 codes before and 1 after"),
        (notice("510101001 街道", "名称变更", "510101001 街道"), "nothing differs"),
        (notice("", "新设街道", "510101001 街道", year="Sheet1", approval="号"), "no year"),
    ],
)
def test_a_row_that_is_no_event_says_why(row, why):
    told, (refused,) = events_told([row])

    assert not told
    assert why in refused.why
    assert refused.place == "1"


def test_the_year_is_the_sheets_or_else_the_documents():
    (first, second), _ = events_told(
        [
            notice("", "新设街道", "510101001 甲街道", year="2020年变更"),
            notice("", "新设街道", "510101002 乙街道", year="Sheet1"),
        ]
    )

    assert [first.event.day.year, second.event.day.year] == [2020, 2021]


def test_a_code_of_several_names_in_one_change_is_refused_with_every_row_of_it():
    told, refused = events_told(
        rows(
            ("510101001 甲街道", "合并街道", "510101009 丙街道"),
            ("510101002 乙街道", "合并街道", "510101009 丁街道"),
        )
    )

    assert not told
    assert [row.place for row in refused] == ["1", "2"]
    assert "several names" in refused[0].why


def test_rows_joined_only_by_a_later_one_are_one_change():
    """A and B share nothing until a third row, of several into several, ties them; which went where is not told."""
    told, refused = events_told(
        rows(
            ("510101001 甲街道", "撤街道设街道", "510101008 丙街道"),
            ("510101002 乙街道", "撤街道设街道", "510101009 丁街道"),
            ("510101001 甲街道", "撤街道设街道", "510101009 丁街道"),
        )
    )

    assert not told
    assert len(refused) == 3


def meanings(*told, **given):
    found, refused = events_told(rows(*told, **given))
    assert not refused
    return meanings_told(found)


def test_events_give_codes_their_periods():
    found, kept, refused = meanings(("510101200 南牛乡", "撤乡设镇", "510101106 南牛镇"))

    assert [(row.code, row.valid_from, row.valid_to, row.successors, row.parent) for row in found] == [
        ("510101200", ALWAYS, date(2021, 12, 31), ("510101106",), "510101"),
        ("510101106", date(2021, 12, 31), None, (), "510101"),
    ]
    assert not refused
    assert {event.change for event in events_in(Divisions(found))} == {told.event.change for told in kept}


def test_what_takes_another_in_and_keeps_its_name_goes_on():
    found, kept, _ = meanings(
        ("510101201 深河乡", "撤乡设镇", "510101102 榆关镇"),
        ("510101102 榆关镇", "撤乡设镇", "510101102 榆关镇"),
    )

    assert [(row.code, row.valid_to) for row in found] == [
        ("510101201", date(2021, 12, 31)),
        ("510101102", None),
    ]
    assert kept[0].event.change is Change.MERGE


def test_a_code_established_and_renamed_later_has_two_meanings():
    told, _ = events_told(
        [
            notice("510101004 浔南街道", "名称变更", "510101004 岳师街道", year="2023", approval="b"),
            notice("", "新设街道", "510101004 浔南街道", year="2022", approval="a"),
        ]
    )
    found, _, refused = meanings_told(told)

    assert not refused
    assert [(row.name, row.valid_from.year, row.valid_to and row.valid_to.year) for row in found] == [
        ("浔南街道", 2022, 2023),
        ("岳师街道", 2023, None),
    ]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (notice("510101106 北牛镇", "撤销镇", "", year="2022"), "an earlier row called it 南牛镇"),
        (notice("", "新设镇", "510101106 北牛镇", year="2022"), "an earlier row called it 南牛镇"),
        (notice("510101106 南牛镇", "撤销镇", ""), "changes twice in 2021"),
        (notice("510101200 南牛乡", "撤销乡", ""), "changes twice in 2021"),
    ],
)
def test_a_row_that_contradicts_an_earlier_one_says_so(second, why):
    told, _ = events_told([notice("510101200 南牛乡", "撤乡设镇", "510101106 南牛镇"), second])
    _, kept, (refused,) = meanings_told(told)

    assert len(kept) == 1
    assert why in refused.why
