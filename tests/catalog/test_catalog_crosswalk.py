"""Which code of one table is which of another's: one made case for each outcome."""

from datetime import date

import pytest

from catalog.crosswalk import Outcome, crosswalk, successions_told
from schemas.divisions import ALWAYS, Division, Divisions, Level

OLD, NEW, CHANGED = date(2020, 1, 1), date(2026, 1, 1), date(2021, 12, 31)
COUNTIES = {"510101": "东区", "510102": "西区"}


def county(code, name, **told):
    return Division(code, name, Level.COUNTY, "", ALWAYS, **({"valid_to": None} | told))


def town(code, name, since=ALWAYS, until=None, heirs=()):
    return Division(code, name, Level.TOWN, code[:6], since, until, heirs)


def table(**towns):
    return [
        *(county(code, name) for code, name in COUNTIES.items()),
        *(town(code[1:], name) for code, name in towns.items()),
    ]


def told(left, right, changes=()):
    """The towns' rows of a crosswalk, as (outcome, left, right)."""
    following = successions_told(Divisions(changes, whole=False), OLD, NEW, "notices")
    made = crosswalk(left, right, following)
    return [(row.outcome, row.left, row.right) for row in made.rows if row.level is Level.TOWN]


def test_the_same_name_under_the_same_parent_is_the_same_place_by_whatever_code():
    left = table(_510101001="红星街道", _510101100="白鹤镇")
    right = table(_510101001="红星街道", _510101105="白鹤镇")

    assert told(left, right) == [
        (Outcome.SAME_CODE, "510101001", "510101001"),
        (Outcome.OTHER_CODE, "510101100", "510101105"),
    ]


def test_ways_of_writing_a_name_are_one_name():
    left = table(_510101001="红星街道办事处", _510101200="青山土家族乡")
    right = table(_510101001="红星街道", _510101200="青山乡")

    assert [row[0] for row in told(left, right)] == [Outcome.SAME_CODE, Outcome.SAME_CODE]


def test_a_town_that_is_a_street_now_is_found_by_its_name_without_its_kind():
    (row,) = told(table(_510101100="白鹤镇"), table(_510101009="白鹤街道"))

    assert row == (Outcome.OTHER_CODE, "510101100", "510101009")


def test_a_code_that_means_another_place_is_a_conflict_and_never_a_match():
    left = table(_510101001="红星街道", _510101002="新华街道")
    right = table(_510101002="红星街道", _510101001="中山街道")

    assert told(left, right) == [
        (Outcome.CONFLICT, "510101001", "510101001"),
        (Outcome.CONFLICT, "510101002", "510101002"),
        (Outcome.OTHER_CODE, "510101001", "510101002"),
        (Outcome.ONLY_LEFT, "510101002", None),
        (Outcome.ONLY_RIGHT, None, "510101001"),
    ]


def test_the_evidence_of_a_conflict_says_where_each_place_is():
    left, right = table(_510101001="红星街道"), table(_510101002="红星街道", _510101001="中山街道")
    conflict = crosswalk(left, right).rows[0]

    assert conflict.evidence == "红星街道 is 510101002 on the right, 中山街道 is nowhere on the left"


def test_one_name_under_two_parents_is_two_places():
    left = table(_510101001="解放街道", _510102001="解放街道")
    right = table(_510102007="解放街道", _510101008="解放街道")

    assert told(left, right) == [
        (Outcome.OTHER_CODE, "510101001", "510101008"),
        (Outcome.OTHER_CODE, "510102001", "510102007"),
    ]


def test_two_of_one_name_under_one_parent_are_told_apart_by_their_codes_or_not_at_all():
    left = table(_510101001="城关镇", _510101002="城关镇")

    assert told(left, table(_510101001="城关镇", _510101002="城关镇")) == [
        (Outcome.SAME_CODE, "510101001", "510101001"),
        (Outcome.SAME_CODE, "510101002", "510101002"),
    ]
    ambiguous = told(left, table(_510101008="城关镇", _510101009="城关镇"))
    assert {row[0] for row in ambiguous} == {Outcome.AMBIGUOUS}
    assert len(ambiguous) == 4


def test_a_renaming_is_found_only_where_an_authority_told_it():
    left, right = table(_510101001="浔南街道"), table(_510101001="岳师街道")
    renamed = [town("510101001", "浔南街道", until=CHANGED), town("510101001", "岳师街道", CHANGED)]

    assert told(left, right) == [
        (Outcome.CONFLICT, "510101001", "510101001"),
        (Outcome.ONLY_LEFT, "510101001", None),
        (Outcome.ONLY_RIGHT, None, "510101001"),
    ]
    assert told(left, right, renamed) == [(Outcome.SAME_CODE, "510101001", "510101001")]


def test_a_move_under_another_parent_is_doubted_until_an_authority_tells_it():
    left, right = table(_510101100="中川镇"), table(_510102108="中川镇")
    moved = [
        town("510101100", "中川镇", until=CHANGED, heirs=("510102108",)),
        town("510102108", "中川镇", CHANGED),
    ]

    assert told(left, right) == [(Outcome.AMBIGUOUS, "510101100", "510102108")]
    assert told(left, right, moved) == [(Outcome.OTHER_CODE, "510101100", "510102108")]


SPLIT = [
    town("510101100", "遂城镇", until=CHANGED, heirs=("510101001", "510101118")),
    town("510101001", "遂城街道", CHANGED),
    town("510101118", "附城镇", CHANGED),
]


def test_a_split_has_a_row_for_each_heir_and_is_not_taken_for_a_renaming():
    left, right = table(_510101100="遂城镇"), table(_510101001="遂城街道", _510101118="附城镇")

    assert told(left, right, SPLIT) == [
        (Outcome.SPLIT, "510101100", "510101001"),
        (Outcome.SPLIT, "510101100", "510101118"),
    ]


def test_the_heirs_are_found_by_name_where_the_other_authority_gave_them_other_codes():
    right = table(_510101051="遂城街道", _510101150="附城镇")

    assert told(table(_510101177="遂城镇"), right, SPLIT) == [
        (Outcome.SPLIT, "510101177", "510101051"),
        (Outcome.SPLIT, "510101177", "510101150"),
    ]


def test_a_split_of_which_one_heir_is_not_there_is_ambiguous():
    (row,) = told(table(_510101100="遂城镇"), table(_510101001="遂城街道"), SPLIT)

    assert row == (Outcome.AMBIGUOUS, "510101100", "510101001")


def test_a_change_that_the_right_table_does_not_know_yet_changes_nothing():
    assert told(table(_510101100="遂城镇"), table(_510101100="遂城镇"), SPLIT) == [
        (Outcome.SAME_CODE, "510101100", "510101100")
    ]


def test_those_merged_into_one_are_each_told_with_the_one_that_was_there_before():
    left = table(_510101102="榆关镇", _510101201="深河乡")
    changes = [
        town("510101201", "深河乡", until=CHANGED, heirs=("510101102",)),
        town("510101102", "榆关镇"),
    ]

    assert told(left, table(_510101102="榆关镇"), changes) == [
        (Outcome.MERGED, "510101102", "510101102"),
        (Outcome.MERGED, "510101201", "510101102"),
    ]


def test_an_end_without_a_successor_is_told_as_such():
    ended = [town("510101203", "南苑乡", until=CHANGED)]
    made = crosswalk(
        table(_510101203="南苑乡"), table(), successions_told(Divisions(ended), OLD, NEW, "notices")
    )
    (row,) = [row for row in made.rows if row.level is Level.TOWN]

    assert (row.outcome, row.evidence) == (Outcome.ONLY_LEFT, "notices tells it ended on 2021-12-31")


def test_towns_of_merged_counties_are_found_under_the_new_one():
    left = [
        county("510105", "江北区"),
        county("510112", "渝北区"),
        town("510105001", "观音桥街道"),
        town("510112001", "龙溪街道"),
    ]
    right = [county("510157", "两江新区"), town("510157001", "观音桥街道"), town("510157002", "龙溪街道")]
    merged = [
        county("510105", "江北区", valid_to=CHANGED, successors=("510157",)),
        county("510112", "渝北区", valid_to=CHANGED, successors=("510157",)),
        Division("510157", "两江新区", Level.COUNTY, "", CHANGED, None),
    ]

    assert told(left, right, merged) == [
        (Outcome.OTHER_CODE, "510105001", "510157001"),
        (Outcome.OTHER_CODE, "510112001", "510157002"),
    ]
    counties = crosswalk(left, right, successions_told(Divisions(merged), OLD, NEW, "notices")).counts()[
        "county"
    ]
    assert counties == {"merged": 2}


def test_lists_without_levels_are_matched_by_name():
    left = [Division("1", "男", None, "", ALWAYS, None), Division("2", "女", None, "", ALWAYS, None)]
    right = [Division("M", "男", None, "", ALWAYS, None), Division("2", "女性", None, "", ALWAYS, None)]
    made = crosswalk(left, right)

    assert [(row.outcome, row.left, row.right) for row in made.rows] == [
        (Outcome.CONFLICT, "2", "2"),
        (Outcome.OTHER_CODE, "1", "M"),
        (Outcome.ONLY_LEFT, "2", None),
        (Outcome.ONLY_RIGHT, None, "2"),
    ]
    assert made.counts()["none"]["other_code"] == 1


@pytest.mark.parametrize("changes", [(), SPLIT])
def test_no_code_of_either_table_is_lost(changes):
    left = table(_510101100="遂城镇", _510101001="红星街道", _510102001="解放街道", _510102002="解放街道")
    right = table(_510101001="遂城街道", _510101118="附城镇", _510102009="解放街道", _510102003="新华街道")
    made = crosswalk(left, right, successions_told(Divisions(changes, whole=False), OLD, NEW, "notices"))

    assert {row.left for row in made.rows} - {None} == {row.code for row in left}
    assert {row.right for row in made.rows} - {None} == {row.code for row in right}
