"""Tables of codes come in whole or not at all, with a ledger entry, and answer for a day."""

import gzip
from datetime import date
from pathlib import Path

import pytest
import zstandard
from skipping import shared_data
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from catalog.code_sets import CodeSets
from hub.code_import import Labels, import_code_set
from hub.composition import open_hub
from infra.database import Role
from schemas.division_events import Change, events_of
from schemas.errors import AlreadyRegistered, UnknownCode, UnknownCodeSet, WrongCodeTable

DAY = date(2023, 12, 31)


@pytest.fixture
def opened(hub_settings):
    with open_hub(hub_settings) as hub:
        yield hub


@pytest.fixture
def code_sets(opened):
    with opened.database.engine(Role.APPLICATION).connect() as connection:
        yield CodeSets(connection)


def table(folder: Path, content: str, name: str = "table.csv") -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


TOWNS = "code,name,parent\n500103,渝中区,500000\n500103001,七星岗街道,500103\n500103002,解放碑街道,500103\n"


def test_a_table_is_stored_once_with_its_ledger_entry(opened, code_sets, tmp_path):
    labels = Labels("towns", as_of=DAY, standard="test")
    first = import_code_set(opened, [table(tmp_path, TOWNS)], labels, actor="operator:test")
    again = import_code_set(opened, [table(tmp_path, TOWNS)], labels, actor="operator:test")

    assert (first.stored, again.stored) == (True, False)
    assert first.edition == again.edition
    assert (first.edition.edition, first.edition.entries) == ("2023-12-31", 3)
    assert (first.levels, first.parents_unnamed) == ({"county": 1, "town": 2}, ["500000"])
    with opened.database.engine(Role.APPLICATION).connect() as connection:
        entries = connection.execute(
            text("SELECT actor, facts FROM ledger.entry WHERE action = 'codes.import'")
        ).all()
    assert [(actor, facts["target"], facts["entries"]) for actor, facts in entries] == [
        ("operator:test", "towns", 3)
    ]
    edition = code_sets.edition("towns")
    assert [row.name for row in code_sets.at(edition, DAY, parent="500103", limit=1)] == ["七星岗街道"]
    assert [row.name for row in code_sets.at(edition, DAY, after="500103001")] == ["解放碑街道"]
    assert code_sets.meaning(edition, "500103001000", DAY).name == "七星岗街道"


def test_an_edition_never_changes(opened, tmp_path):
    labels = Labels("towns", edition="1", as_of=DAY)
    import_code_set(opened, [table(tmp_path, TOWNS)], labels, actor="test")
    with pytest.raises(AlreadyRegistered, match="other content"):
        import_code_set(opened, [table(tmp_path, TOWNS.replace("七星岗", "七星"))], labels, actor="test")


def test_what_is_shipped_stays_the_default_of_its_name(opened, code_sets, tmp_path):
    import_code_set(opened, [table(tmp_path, TOWNS)], Labels("division", as_of=DAY), actor="test")

    assert code_sets.edition("division").edition == "shipped"
    assert code_sets.edition("division", "2023-12-31").entries == 3
    assert code_sets.meaning(code_sets.edition("division"), "500157", date(2026, 2, 1)).name == "两江新区"
    assert code_sets.meaning(code_sets.edition("sex"), "1", DAY).name == "男"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("number,label\n1,x\n", "label, number"),
        ("code,name\n", "holds no code"),
        ("code,name\n500103,甲区\n500103,乙区\n", "two things at once: 500103"),
        ("code,name,level\n500103,甲区,星级\n", "is no level"),
        ("code,name,valid_from,valid_to\n500103,甲区,2020-01-01,2019-01-01\n", "ends before it begins"),
        ("code,name\n500103,甲区\n", "tells no dates"),
    ],
)
def test_a_wrong_table_is_refused_with_what_is_wrong(opened, code_sets, tmp_path, content, words):
    with pytest.raises(WrongCodeTable, match=words):
        import_code_set(opened, [table(tmp_path, content)], Labels("wrong"), actor="test")
    with pytest.raises(UnknownCodeSet):
        code_sets.edition("wrong")


@pytest.mark.parametrize("labels", [Labels("Wrong Name", as_of=DAY), Labels("right", "shipped", as_of=DAY)])
def test_names_are_checked(opened, tmp_path, labels):
    with pytest.raises(WrongCodeTable):
        import_code_set(opened, [table(tmp_path, TOWNS)], labels, actor="test")


def test_a_file_that_is_not_there_or_broken_is_told(opened, tmp_path):
    broken = tmp_path / "broken.csv.zst"
    broken.write_bytes(b"no zstandard")
    for path in (tmp_path / "none.csv", broken):
        with pytest.raises(WrongCodeTable, match="cannot be read"):
            import_code_set(opened, [path], Labels("none", as_of=DAY), actor="test")


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)]
)
def test_a_packed_table_that_is_cut_off_is_told_and_nothing_of_it_kept(
    opened, code_sets, tmp_path, suffix, pack
):
    rows = "".join(f"{number:06d},{number * 7919 % 99991}区\n" for number in range(100_000, 300_000))
    whole = pack(f"code,name\n{rows}".encode())
    path = tmp_path / f"towns.csv{suffix}"
    for content in (whole[:-1], whole[: len(whole) // 2], whole[:9]):
        path.write_bytes(content)
        with pytest.raises(
            WrongCodeTable, match=rf"towns\.csv\{suffix} ends before what is packed in it does"
        ):
            import_code_set(opened, [path], Labels("cut", as_of=DAY), actor="test")
    with pytest.raises(UnknownCodeSet):
        code_sets.edition("cut")
    path.write_bytes(pack(TOWNS.encode()))
    assert import_code_set(opened, [path], Labels("cut", as_of=DAY), actor="test").edition


def test_the_database_refuses_codes_without_a_ledger_entry(opened):
    with (
        pytest.raises(DBAPIError, match="ledger entry"),
        opened.database.engine(Role.APPLICATION).begin() as connection,
    ):
        connection.execute(text("DELETE FROM codes.edition"))


@pytest.fixture
def history(opened, code_sets):
    yearly = shared_data("divisions/areacodes_history_1981_now.csv")
    report = import_code_set(opened, [yearly], Labels("division_history"), actor="test")
    return report, code_sets, code_sets.edition("division_history")


def told(code_sets, edition, code):
    return {(event.change, event.day.year, event.before, event.after) for event in events_of(code_sets.family(edition, code), code)}  # fmt: skip


def test_forty_years_of_codes_answer_for_a_day(history):
    report, code_sets, edition = history

    assert (edition.entries, edition.precision, len(report.reused)) == (6823, "year", 359)
    assert not report.heirs_unknown
    assert not report.parents_unnamed
    assert code_sets.meaning(edition, "500110", date(2005, 1, 1)).name == "万盛区"
    assert code_sets.meaning(edition, "500110", date(2015, 1, 1)).name == "綦江区"
    assert code_sets.meaning(edition, "510215", date(1990, 1, 1)).parent == "510200"
    with pytest.raises(UnknownCode, match="meant nothing"):
        code_sets.meaning(edition, "510215", date(2000, 1, 1))


def test_every_kind_of_event_is_found_in_the_real_tables(history):
    _, code_sets, edition = history
    both = ("500110", "500222")

    assert (Change.MERGE, 2011, both, ("500110",)) in told(code_sets, edition, "500222")
    assert (Change.MERGE, 2011, both, ("500110",)) in told(code_sets, edition, "500110")
    assert (Change.SPLIT, 2014, ("130103",), ("130102", "130104")) in told(code_sets, edition, "130104")
    assert (Change.RECODE, 1997, ("510215",), ("500109",)) in told(code_sets, edition, "510215")
    assert (Change.RENAME, 2005, ("330402",), ("330402",)) in told(code_sets, edition, "330402")
    assert (Change.MOVE, 1993, ("422822",), ("422822",)) in told(code_sets, edition, "422822")
    assert (Change.TRANSFER, 2020, ("120106",), ("120113",)) in told(code_sets, edition, "120113")


def test_what_was_in_force_on_a_day_is_a_table_of_that_day(history):
    _, code_sets, edition = history
    then = code_sets.everything(edition, date(1990, 6, 1))

    assert len({row.code for row in then}) == len(then) > 2_500
    assert all(row.valid_from <= date(1990, 6, 1) for row in then)
