"""The forms of answers: which is chosen, and that each says the same as JSON does."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from exchange_api.formats import ARROW, CSV, FORMATS, JSON, JSON_LINES, PARQUET, format_for
from exchange_api.negotiation import best
from exchange_api.tabular import Layout
from schemas.errors import MalformedRequest, NotAcceptable
from schemas.resource import Item, ItemType, Resource, Sensitivity, Sharing

OFFERED = tuple(FORMATS)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/csv", CSV),
        ("Text/CSV; charset=utf-8", CSV),
        ("text/*", CSV),
        ("text/csv;q=0.5, application/x-ndjson;q=0.7", JSON_LINES),
        ("application/json;q=0, */*", JSON_LINES),
        ("application/*;q=0.2, application/vnd.apache.parquet", PARQUET),
        ("*/*;q=0.1, application/vnd.apache.arrow.stream", ARROW),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        ("text/csv, text/csv;q=0.1", CSV),
    ],
)
def test_the_form_liked_best_is_chosen(accept, chosen):
    assert best(accept.encode(), OFFERED)[0] == chosen


def test_a_form_that_is_not_offered_is_told_what_is():
    for accept in (b"text/html", b"application/json;q=0", b"image/*;q=0.3, text/csv;q=0"):
        with pytest.raises(NotAcceptable) as refused:
            best(accept, OFFERED)
        assert PARQUET in refused.value.hint


@pytest.mark.parametrize("accept", [b"csv", b"text/csv;q=two", b"text/csv;q=1.5", b"a/b/c", b"x" * 2000])
def test_a_malformed_accept_header_is_refused(accept):
    with pytest.raises(MalformedRequest):
        best(accept, OFFERED)


def item(name, kind, **more):
    return Item(name, f"标题{name}", ItemType(kind), **more)


EVERY = Resource(
    "every_type", "307001002/000017", "各类", "Every type", "某局", Sharing.UNCONDITIONAL, "2",
    (
        item("number", "C", key=True, required=True), item("named", "C", sensitivity=Sensitivity.PERSONAL),
        item("many", "N", length=12, scale=3), item("paid", "Y"), item("on", "D"), item("at", "T"), item("is_so", "L"), item("told", "M"),
        item("place", "G", geometry=True), item("half", "B"), item("count", "I"), item("born", "D"),
    ),
)  # fmt: skip
NAMES = tuple(one.name for one in EVERY.items)
LAYOUT = Layout(EVERY, NAMES, frozenset({"born"}), provenance=True)
POINT = shapely.Point(106.5, 29.5)
DATA = {
    "number": "7", "named": "=SUM(A1)", "many": "12.5", "paid": "-3.10", "on": "1990-01-06", "at": "2026-06-01T08:00:00+00:00",
    "is_so": True, "told": 'he said "yes"\r\nand left, 好', "place": shapely.geometry.mapping(POINT), "half": 0.5, "count": 3, "born": "***",
}  # fmt: skip
AT = datetime(2026, 6, 1, 8, tzinfo=UTC)
TOLD = [
    {"key": "7", "version": 2, "valid_from": AT, "data": DATA, "provenance": {"named": {"batch": 1}},
     "doubts": [{"item": None, "objection": "o-1", "since": AT}]},
    {"key": "8", "version": 1, "valid_from": AT, "data": dict.fromkeys(NAMES), "provenance": {}},
    {"key": "9"},
]  # fmt: skip
OWN = ["_key", "_version", "_valid_from", "_provenance", "_doubts"]


def encoded(media_type, layout=LAYOUT, told=TOLD):
    """The bytes of an answer in two portions."""
    encoder = FORMATS[media_type].encoder(layout)
    return encoder.portion(told[:2]) + encoder.portion(told[2:]) + encoder.end()


@pytest.mark.parametrize("media_type", [ARROW, PARQUET])
def test_columns_have_the_types_of_the_definition(media_type):
    content = encoded(media_type)
    table = (
        pa.ipc.open_stream(content).read_all() if media_type == ARROW else pq.read_table(io.BytesIO(content))
    )
    assert table.column_names == [*OWN[:3], *NAMES, *OWN[3:]]
    for one in EVERY.items:
        kind = pa.string() if one.name == "born" else one.arrow_type
        assert table.schema.field(one.name).type == kind
    first, second, missing = table.to_pylist()
    assert first["many"] == Decimal("12.500")
    assert (first["paid"], first["on"], first["at"]) == (Decimal("-3.10"), date(1990, 1, 6), AT)
    assert shapely.from_wkb(first["place"]) == POINT
    assert {name: first[name] for name in ("number", "named", "told", "is_so", "half", "count", "born")} == {
        name: DATA[name] for name in ("number", "named", "told", "is_so", "half", "count", "born")
    }
    assert orjson.loads(first["_provenance"]) == {"named": {"batch": 1}}
    assert orjson.loads(first["_doubts"])[0]["objection"] == "o-1"
    assert (first["_version"], first["_valid_from"]) == (2, AT)
    assert (second["_key"], second["_version"], second["_doubts"]) == ("8", 1, None)
    assert all(second[name] is None for name in NAMES)
    assert {name: value for name, value in missing.items() if value is not None} == {"_key": "9"}
    assert table.schema.metadata[b"resource"] == b"every_type"
    assert table.schema.field("number").metadata[b"title"] == "标题number".encode()


def test_parquet_keeps_no_value_of_a_record_in_its_footer():
    footer = pq.ParquetFile(io.BytesIO(encoded(PARQUET))).metadata
    assert not any(footer.row_group(0).column(place).is_stats_set for place in range(footer.num_columns))


def test_csv_is_as_its_standard_says_and_no_formula():
    text = encoded(CSV).decode()
    header, first, second, missing = csv.reader(io.StringIO(text, newline=""))
    assert header == [*OWN[:3], *NAMES, *OWN[3:]]
    told = dict(zip(header, first, strict=True))
    assert told["named"] == "'=SUM(A1)"
    assert told["told"] == DATA["told"]
    assert (told["paid"], told["on"], told["is_so"]) == ("-3.10", "1990-01-06", "true")
    assert told["at"].startswith("2026-06-01T08:00:00")
    assert shapely.from_wkt(told["place"]) == POINT
    assert dict(zip(header, second, strict=True))["_version"] == "1"
    assert (missing[0], set(missing[1:])) == ("9", {""})
    assert text.count("\r\n") == 4 + 1  # the header's, the records' and the one in a text


def test_csv_is_exact_on_request():
    chosen = format_for({b"accept": b"text/csv; formulas=kept"})
    text = chosen.whole(LAYOUT, TOLD).decode()
    assert '"=SUM(A1)"' in text
    assert text.replace('"=SUM(A1)"', '"\'=SUM(A1)"') == encoded(CSV).decode()


def test_lines_say_what_json_says():
    first, second, missing = map(orjson.loads, encoded(JSON_LINES).splitlines())
    assert first == orjson.loads(orjson.dumps(TOLD[0]))
    assert second["data"] == dict.fromkeys(NAMES)
    assert missing == {"key": "9", "missing": True}


def test_a_verdict_is_a_column_too():
    layout = Layout(EVERY, ("paid",), verdicts=True)
    told = [{"key": "7", "answer": True}, {"key": "8", "answer": None}]
    table = pa.ipc.open_stream(encoded(ARROW, layout, told)).read_all()
    assert table.to_pylist() == [
        {"_key": "7", "_answer": True, "_doubts": None}, {"_key": "8", "_answer": None, "_doubts": None},
    ]  # fmt: skip
    assert (
        encoded(JSON_LINES, layout, told).decode() == '{"key":"7","answer":true}\n{"key":"8","answer":null}\n'
    )
    assert encoded(CSV, layout, told).decode() == '_key,_answer,_doubts\r\n"7",true,\r\n"8",,\r\n'


@pytest.mark.parametrize("media_type", [CSV, ARROW, PARQUET])
def test_an_answer_without_records_has_its_columns(media_type):
    content = encoded(media_type, told=[])
    if media_type == CSV:
        assert content.decode() == ",".join([*OWN[:3], *NAMES, *OWN[3:]]) + "\r\n"
        return
    table = (
        pa.ipc.open_stream(content).read_all() if media_type == ARROW else pq.read_table(io.BytesIO(content))
    )
    assert (table.num_rows, table.num_columns) == (0, len(NAMES) + len(OWN))
