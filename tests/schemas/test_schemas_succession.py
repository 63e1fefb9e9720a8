"""What became of a code between two days: followed, never guessed."""

from datetime import date

from schemas.division_events import Change, events_in, events_of
from schemas.divisions import ALWAYS, Division, Divisions, Level, Transfer, divisions
from schemas.succession import became

FIRST, SECOND, LAST = date(2010, 1, 1), date(2015, 1, 1), date(2020, 1, 1)


def town(code, since=ALWAYS, until=None, heirs=(), name=None, transfers=()):
    return Division(code, name or code, Level.TOWN, code[:6], since, until, heirs, transfers)


def codes(path):
    return [row.code for row in path.found]


def test_a_code_is_followed_over_several_changes_and_splits():
    table = Divisions(
        [
            town("1", until=FIRST, heirs=("2",)),
            town("2", FIRST, SECOND, ("3", "4")),
            town("3", SECOND, LAST, ("5",)),
            town("4", SECOND),
            town("5", LAST),
        ]
    )

    assert codes(became(table, "1", date(2000, 1, 1), date(2012, 1, 1))) == ["2"]
    assert codes(became(table, "1", date(2000, 1, 1), date(2016, 1, 1))) == ["3", "4"]
    assert codes(became(table, "1", date(2000, 1, 1), LAST)) == ["4", "5"]
    assert codes(became(table, "4", SECOND, LAST)) == ["4"]


def test_a_code_that_was_used_again_is_followed_as_what_it_was():
    table = Divisions(
        [town("1", until=FIRST, heirs=("2",)), town("2", FIRST), town("1", SECOND, name="another")]
    )

    assert codes(became(table, "1", date(2000, 1, 1), LAST)) == ["2"]
    assert [row.name for row in became(table, "1", SECOND, LAST).found] == ["another"]


def test_a_renaming_under_the_same_code_goes_on():
    table = Divisions([town("1", until=FIRST, name="old"), town("1", FIRST, name="new")])

    assert [row.name for row in became(table, "1", date(2000, 1, 1), LAST).found] == ["new"]


def test_a_trail_that_ends_is_told_and_not_bridged():
    table = Divisions(
        [town("1", until=FIRST), town("2", until=FIRST, heirs=("9",)), town("1", SECOND)], whole=False
    )

    assert became(table, "1", date(2000, 1, 1), LAST).lost == ("1",)
    assert became(table, "1", date(2000, 1, 1), LAST).found == ()
    assert became(table, "2", date(2000, 1, 1), LAST).lost == ("9",)
    assert became(table, "7", date(2000, 1, 1), LAST).lost == ("7",)


def test_parts_given_away_are_told_beside_what_lives_on():
    table = Divisions([town("1", transfers=(Transfer("2", SECOND),)), town("2")])
    path = became(table, "1", FIRST, LAST)

    assert (codes(path), path.parts) == (["1"], ("2",))
    assert became(table, "1", SECOND, LAST).parts == ()


def test_the_districts_of_liangjiang_are_followed():
    path = became(divisions(), "500105", date(2020, 1, 1), date(2026, 2, 1))

    assert [row.name for row in path.found] == ["两江新区"]


def test_the_events_of_a_table_are_those_of_its_codes():
    table = divisions()
    whole = events_in(table)

    assert set(whole) == {
        event for code in {row.code for row in table.rows} for event in events_of(table, code)
    }
    assert list(whole) == sorted(whole)
    assert {event.change for event in whole} >= {Change.MERGE, Change.SPLIT}
