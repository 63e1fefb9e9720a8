"""Filters: what is read from text and JSON is the same, of the items' types, and bounded."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import shapely

from schemas.errors import MalformedFilter, UnknownItem
from schemas.filter_shapes import MOST_POINTS
from schemas.filter_text import LONGEST, json_of
from schemas.filters import (
    MOST_CONDITIONS,
    MOST_DEPTH,
    MOST_VALUES,
    Begins,
    Compare,
    Every,
    IsNull,
    Not,
    OneOf,
    Some,
    filter_of,
    intersections,
    items_of,
    moved,
    shape_of,
)
from schemas.resource import Item, ItemType, Resource, Sharing

RESOURCE = Resource(
    "filtered", "307001002/000017", "筛选", "Filtered", "某局", Sharing.UNCONDITIONAL, "2",
    (
        Item("code", "编号", ItemType.CHARACTER, key=True, required=True), Item("name", "名称", ItemType.CHARACTER),
        Item("paid", "金额", ItemType.MONEY), Item("since", "日期", ItemType.DATE), Item("at", "时间", ItemType.DATETIME),
        Item("count", "人数", ItemType.INTEGER), Item("share", "比例", ItemType.DOUBLE), Item("is_so", "是否", ItemType.LOGICAL),
        Item("place", "位置", ItemType.GENERAL, geometry=True),
    ),
)  # fmt: skip
NAME, PAID, SINCE, AT, COUNT, SHARE, IS_SO = (
    RESOURCE.item(n) for n in ("name", "paid", "since", "at", "count", "share", "is_so")
)
READ = [
    ("name = '张三'", Compare(NAME, "=", "张三")),
    ("name = 'O''Brien'", Compare(NAME, "=", "O'Brien")),
    ('"name" <> \'x\'', Compare(NAME, "<>", "x")),
    ("count >= 10", Compare(COUNT, ">=", 10)),
    ("count < -3", Compare(COUNT, "<", -3)),
    ("paid > 12345678901234567.89", Compare(PAID, ">", Decimal("12345678901234567.89"))),
    ("share<=0.5", Compare(SHARE, "<=", 0.5)),
    ("is_so = TRUE", Compare(IS_SO, "=", True)),
    ("since = DATE('2020-02-29')", Compare(SINCE, "=", date(2020, 2, 29))),
    ("since = '2020-02-29'", Compare(SINCE, "=", date(2020, 2, 29))),
    ("at > TIMESTAMP('2020-01-01T08:00:00+08:00')", Compare(AT, ">", datetime(2020, 1, 1, tzinfo=UTC))),
    ("name LIKE '重庆%'", Begins(NAME, "重庆")),
    ("name IN ('a', 'b', 'a')", OneOf(NAME, ("a", "b"))),
    ("name NOT IN ('a')", Not(OneOf(NAME, ("a",)))),
    ("count BETWEEN 1 AND 2", Every((Compare(COUNT, ">=", 1), Compare(COUNT, "<=", 2)))),
    ("name IS NULL", IsNull(NAME)),
    ("name is not null", Not(IsNull(NAME))),
    ("name='a' AND count=1 OR NOT name='b'", Some((Every((Compare(NAME, "=", "a"), Compare(COUNT, "=", 1))), Not(Compare(NAME, "=", "b"))))),
    ("name='a' AND (count=1 OR count=2)", Every((Compare(NAME, "=", "a"), Some((Compare(COUNT, "=", 1), Compare(COUNT, "=", 2)))))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), READ)
def test_a_text_is_read(text, meant):
    assert filter_of(json_of(text), RESOURCE) == meant


def test_json_is_read_as_the_text_is():
    told = {"op": "and", "args": [
        {"op": "like", "args": [{"property": "name"}, "a%"]},
        {"op": "not", "args": [{"op": "in", "args": [{"property": "count"}, [1, 2]]}]},
        {"op": "between", "args": [{"property": "since"}, {"date": "2020-01-01"}, "2020-12-31"]},
        {"op": "isNull", "args": [{"property": "paid"}]},
    ]}  # fmt: skip
    text = "name LIKE 'a%' AND count NOT IN (1, 2) AND since BETWEEN DATE('2020-01-01') AND '2020-12-31' AND paid IS NULL"
    assert filter_of(told, RESOURCE) == filter_of(json_of(text), RESOURCE)


def test_what_a_filter_is_about_is_told_without_its_values():
    found = filter_of(
        json_of(
            "name = '张三' AND (count IN (1,2) OR NOT since < '2020-01-01') AND name LIKE '李%' AND paid IS NULL"
        ),
        RESOURCE,
    )
    assert items_of(found) == ("name", "count", "since", "paid")
    assert (
        shape_of(found) == "(name = ? AND (count IN (2) OR NOT (since < ?)) AND name LIKE ? AND paid IS NULL)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "name", "name =", "= 1", "name = 'a' AND", "name = 'a' name = 'b'", "(name = 'a'", "name = 'a')", "name = 'a", "name LIKE 5",
        "name IN ()", "name IN ('a'", "name == 'a'", "name = 'a'; DROP TABLE x", "name = 'a' -- x", "1 = 1", "name = name", "NOT", "a.b = 1",
        "name IS 5", "count BETWEEN 1", "name ~ 'a'", "lower(name) = 'a'", "count = 1e999", "since = DATE(2020)", "count + 1 = 2",
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused_and_not_quoted(text):
    with pytest.raises(MalformedFilter) as refused:
        filter_of(json_of(text), RESOURCE)
    assert "DROP" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "count = 'a'", "count = 1.5", "count = 99999999999999999999", "count = TRUE", "name = 5", "since = '2020-02-30'", "is_so = 1",
        "at = '2020-01-01T00:00:00'", "name LIKE '%a'", "name LIKE 'a_b%'", "name LIKE 'a'", "name LIKE '%'", "count LIKE '1%'", "place = 'x'",
        "place IS NULL", "name = '" + "x" * 1001 + "'",
    ],
)  # fmt: skip
def test_a_value_that_an_item_never_has_is_refused(text):
    with pytest.raises(MalformedFilter):
        filter_of(json_of(text), RESOURCE)


@pytest.mark.parametrize(
    "told",
    [
        None, 5, [], {}, {"op": "and"}, {"op": "and", "args": [{"op": "isNull", "args": [{"property": "name"}]}]}, {"op": "or", "args": []},
        {"op": "=", "args": [{"property": "name"}]}, {"op": "=", "args": ["a", {"property": "name"}]}, {"op": "casei", "args": [{"property": "name"}]},
        {"op": "=", "args": [{"property": "name"}, "a"], "more": 1}, {"op": "=", "args": [{"property": "name", "x": 1}, "a"]},
        {"op": "in", "args": [{"property": "name"}, []]}, {"op": "=", "args": [{"property": "name"}, None]}, {"op": "=", "args": [{"property": "name"}, "a\0"]},
        {"op": "=", "args": [{"property": "name"}, "\ud800"]}, {"op": "=", "args": [{"property": "count"}, float("nan")]}, {"op": "not", "args": []},
        {"op": "in", "args": [{"property": "count"}, list(range(MOST_VALUES + 1))]},
    ],
)  # fmt: skip
def test_json_that_is_no_filter_is_refused(told):
    with pytest.raises(MalformedFilter):
        filter_of(told, RESOURCE)


def test_items_that_are_none_are_refused_without_being_quoted():
    with pytest.raises(UnknownItem):
        filter_of(json_of("nobody = 1"), RESOURCE)
    with pytest.raises(UnknownItem) as refused:
        filter_of({"op": "=", "args": [{"property": "11010519491231002X; x"}, 1]}, RESOURCE)
    assert "11010519491231002X" not in str(refused.value)


def test_filters_are_bounded():
    one = {"op": "isNull", "args": [{"property": "name"}]}
    deep = one
    for _ in range(MOST_DEPTH + 5):
        deep = {"op": "not", "args": [deep]}
    for text in (
        "(" * 5000 + "count = 1" + ")" * 5000, "NOT " * 3000 + "count = 1", " AND ".join(["count = 1"] * (MOST_CONDITIONS + 1)),
        "count = 1" + " " * LONGEST, "NOT (" * 30 + "count = 1" + ")" * 30,
    ):  # fmt: skip
        with pytest.raises(MalformedFilter):
            filter_of(json_of(text), RESOURCE)
    for told in (deep, {"op": "and", "args": [one] * (MOST_CONDITIONS + 1)}):
        with pytest.raises(MalformedFilter):
            filter_of(told, RESOURCE)
    assert filter_of(json_of("(" * 15 + "count = 1" + ")" * 15), RESOURCE) == Compare(COUNT, "=", 1)


SQUARE = {"type": "Polygon", "coordinates": [[[106, 29], [107, 29], [107, 30], [106, 30], [106, 29]]]}


@pytest.mark.parametrize(
    "text",
    [
        "S_INTERSECTS(place, BBOX(106, 29, 107, 30))",
        "s_intersects( place , Polygon ((106 29, 107 29, 107 30, 106 30, 106 29)) )",
        'S_INTERSECTS("place", POLYGON Z ((106 29 1, 107 29 1, 107 30 1, 106 30 1, 106 29 1)))',
    ],
)
def test_shapes_are_read_alike_from_text_and_json(text):
    one = filter_of({"op": "s_intersects", "args": [{"property": "place"}, SQUARE]}, RESOURCE)
    other = filter_of(json_of(text), RESOURCE)
    assert other.geometry.equals(one.geometry)
    assert not other.geometry.has_z
    both = filter_of(json_of(f"{text} AND count > 3"), RESOURCE)
    assert [found.geometry for found in intersections(both)] == [other.geometry]
    assert shape_of(both) == "(S_INTERSECTS(place, ?) AND count > ?)"
    (part, _) = moved(both, lambda shape: shape.centroid).parts
    assert part.geometry.equals(shapely.Point(106.5, 29.5))


@pytest.mark.parametrize(
    "text",
    [
        "S_INTERSECTS(place, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))",
        "S_INTERSECTS(place, POLYGON EMPTY)",
        "S_INTERSECTS(place, POLYGON((0 0, 1 1))",
        "S_INTERSECTS(place, POINT(0 x))",
        "S_INTERSECTS(place, BBOX(0, 0, 1))",
        "S_INTERSECTS(place, BBOX(0, 0, 1, inf))",
        "S_INTERSECTS(place, BBOX(0, 0, 1, 1e300))",
        "S_INTERSECTS(count, POINT(0 0))",
        "S_INTERSECTS(place, 'POINT(0 0)')",
        "S_INTERSECTS(place POINT(0 0))",
        "S_INTERSECTS('place', POINT(0 0))",
        "S_WITHIN(place, POINT(0 0))",
        "NOT S_INTERSECTS(place, POINT(0 0))",
        "S_INTERSECTS(place, POINT(0 0)) OR count = 1",
        "place = 1",
    ],
)
def test_what_is_no_shape_or_stands_elsewhere_is_refused(text):
    with pytest.raises(MalformedFilter):
        filter_of(json_of(text), RESOURCE)


def test_a_shape_has_so_many_points():
    ring = [[angle / 10_000, (angle / 10_000) ** 2] for angle in range(MOST_POINTS + 1)]
    told = {"type": "LineString", "coordinates": ring}
    with pytest.raises(MalformedFilter, match="10000 points"):
        filter_of({"op": "s_intersects", "args": [{"property": "place"}, told]}, RESOURCE)
