"""Real files that break readers: each is read as a person reads it, or refused in words that name the trouble.

What is expected was looked up in the files by eye and with Python's own ``csv``, never with the connector.
"""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest
from skipping import SHARED, shared_data

from connectors.pull import pull
from schemas.errors import MissingColumn, UnknownEncoding, WrongFormat
from schemas.resource import resource_named

MESSY = SHARED / "messy"
WORKBOOK = "mca_sub_county_changes_2020_2023.xlsx"
MCA = ("序号", "省份", "原区划代码", "原名称", "变更原因", "现区划代码", "现名称", "批准文件")
PROVINCES = (
    "11北京 12天津 13河北 14山西 15内蒙古 21辽宁 22吉林 23黑龙江 31上海 32江苏 33浙江 34安徽 35福建 36江西 37山东 41河南 42湖北 43湖南 "
    "44广东 45广西 46海南 50重庆 51四川 52贵州 53云南 54西藏 61陕西 62甘肃 63青海 64宁夏 65新疆"
)


@pytest.fixture
def read(define):
    """Return a function that reads columns of a messy file through the connector, batch by batch."""
    shared_data("messy")

    def rows(name: str, *columns: str, **options) -> list[dict]:
        items = (item.name for item in resource_named("legal_person").items)
        mapping = dict(zip(items, columns, strict=False))
        source = define("file", {"path": str(MESSY / name), **options}, mapping, resource="legal_person")
        found = [batch.table.select(columns) for batch in pull(source, None, 100)]
        assert all(table.num_rows <= 100 for table in found)
        return pa.concat_tables(found).to_pylist()

    return rows


# ── the ministry's workbook: title rows, a header that shifts, merged cells, values on a block's first row alone ──


@pytest.mark.parametrize(("year", "rows"), [("2020", 768), ("2021", 817), ("2022", 182), ("2023", 104)])
def test_each_sheet_of_the_ministry_is_read_whole(read, year, rows):
    found = read(WORKBOOK, *MCA, sheet=year, fill_down=["省份", "变更原因"], until="^注")

    assert [row["序号"] for row in found] == [str(number) for number in range(1, rows + 1)]
    assert all((row["原区划代码"] or row["现区划代码"]).isdigit() for row in found)
    assert all(row["变更原因"] for row in found)


def test_the_province_that_stands_on_a_blocks_first_row_is_every_rows(read):
    """The first two digits of a code tell the province; 38 rows of 2022 have none in the file, and get none."""
    named = {entry[:2]: entry[2:] for entry in PROVINCES.split()}
    found = read(WORKBOOK, *MCA, "_sheet", sheet="*", fill_down=["省份", "变更原因"], until="^注")

    assert len(found) == 1871
    without = defaultdict(int)
    for row in found:
        if row["省份"] is None:
            without[row["_sheet"], (row["原区划代码"] or row["现区划代码"])[:2]] += 1
        else:
            assert row["省份"] == named[(row["原区划代码"] or row["现区划代码"])[:2]]
    assert without == {("2022", "13"): 38}


def test_cells_of_the_ministry_are_as_a_person_reads_them(read):
    found = read(WORKBOOK, *MCA, sheet="2023", fill_down=["省份", "变更原因"])

    first = ("1", "河北", "130123200", "南牛乡", "撤乡设镇", "130123106", "南牛镇", "冀民函〔2023〕3号")
    assert tuple(found[0].values()) == first
    assert tuple(found[1].values())[:5] == ("2", "河北", "130125206", "上方乡", "撤乡设镇")
    assert found[-1] == dict(
        zip(
            MCA,
            ("104", "新疆", "", "", "新设街道", "654004005", "兴城街道", "伊州政函〔2023〕235号"),
            strict=True,
        )
    )


def test_a_note_below_the_table_is_no_row(read):
    noted = read(WORKBOOK, "序号", "现名称", sheet="2020")
    assert len(noted) == 770
    assert noted[-2]["序号"].startswith("注：1.")


# ── files that okfn's messytables was tried on ───────────────────────────────────────────────────────


def test_a_macro_workbook_with_an_introduction_above_and_notes_below(read):
    found = read(
        "messytables_bian-anal-mca-2005-dols-eng-1011-0312-tab3.xlsm",
        "Data item",
        "Description",
        "Definition",
        until="^Notes",
    )
    assert [row["Data item"] for row in found] == [
        "PCT_LA_code",
        "PCT_LA_name",
        "DOLS_year",
        "DOLS_semester",
        "Total_applications_granted",
        "Total_applications_not_granted",
        "Currently_subject_to_stand_auth",
        "Urgent_authorisations_granted",
        "Urgent_authorisations_not_granted",
        "Reviews_conducted",
    ]
    # merged over two rows in the file
    assert found[4]["Description"] == found[5]["Description"] != found[6]["Description"]
    assert (
        found[3]["Definition"] == "Semester 1 - 1 April to 30 September \nSemester 2 - 1 October to 31 March"
    )


def test_lines_pasted_from_excel_keep_their_breaks_and_lose_their_footer(read):
    for footer in ({"until": "^(Source|Note):"}, {"footer_rows": 2}):
        found = read("messytables_excel_pasting.csv", "Year", "2000", "2007", **footer)
        assert len(found) == 14
        assert found[0] == {"Year": "Timber", "2000": "2,666", "2007": "1,751"}
        assert found[9]["Year"] == "Machinery and \nequipment"
        assert found[-1] == {"Year": "Total", "2000": "120,522", "2007": "108,609"}


def test_a_header_spread_over_two_rows_is_named_or_read_in_part(read):
    """The provinces' names stand one row above "NR." and "Cluster": no row names all of them."""
    name = "messytables_begrotingsanalyse-2011.csv"
    found = read(name, "Groningen", "Zuid-Holland", "Flevoland")
    assert len(found) == 37
    assert found[2] == {"Groningen": "208", "Zuid-Holland": "183", "Flevoland": "185"}
    assert found[-2] == {"Groningen": "566,216", "Zuid-Holland": "2,412,118", "Flevoland": "387,881"}
    with pytest.raises(MissingColumn, match="has no column 'Groningen'"):
        read(name, "NR.", "Cluster", "Groningen")


def test_big5_is_suggested_and_read_when_named(read):
    name, columns = "messytables_characters.csv", ("id", "景點編號", "景點中文名稱", "開放時間")
    with pytest.raises(UnknownEncoding, match="It may be big5"):
        read(name, *columns)
    found = read(name, *columns, encoding="big5")
    assert [row["id"] for row in found] == [f"v_{number}" for number in range(1, 383)]
    assert found[0]["景點中文名稱"] == "雲嘉南濱海國家風景區管理處"
    assert found[-1] == dict(
        zip(columns, ("v_382", "C1_395000000A_000382", "沈光文紀念廳", "一~日00:00~24:00"), strict=True)
    )


def test_western_letters_are_not_taken_for_chinese(read):
    name, columns = "messytables_spanish_chars.csv", ("GF_ID", "F", "Gasto total 2011", "Descripción")
    with pytest.raises(UnknownEncoding, match="reads as utf-8-sig up to byte 52"):
        read(name, *columns)
    found = read(name, *columns, encoding="cp1252", until="^Fuente")
    assert len(found) == 114
    assert found[1]["F"] == "Legislación"
    assert found[1]["Gasto total 2011"] == "10,105.40"
    assert found[1]["Descripción"].endswith("y del Órgano Superior de Fiscalización.")


def test_a_sparse_table_with_a_nameless_column(read):
    name, columns = "messytables_sparse_with_column_errors.csv", ("LP", "Bezeichnung", "Kapitel/Titel")
    with pytest.raises(UnknownEncoding, match="reads as utf-8-sig up to byte 35"):
        read(name, *columns)
    found = read(name, *columns, encoding="cp1252", fill_down=["LP"])
    assert len(found) == 2237 - 37  # blank rows between the chapters
    assert tuple(found[0].values())[1].startswith("Trägerorganisationen; Umstrukturierung der Forschung")
    assert [tuple(row.values()) for row in found[2:4]] == [
        ("A100", "Grundfinanzierung MPG", "300368540"),
        ("A100", "", "300389440"),
    ]
    assert tuple(found[-1].values()) == ("Y39000", "Sonstige, nicht FuE-relevante Bildungsausgaben", "")


def test_utf_16_without_being_told(read):
    columns = ("Organisation_code", "Organisation_name", "Reporting_period", "Discharges_from_SCT")
    found = read("messytables_utf-16le_encoded.csv", *columns)
    assert len(found) == 327
    assert tuple(found[0].values()) == ("5C1", "Enfield PCT", "2010-11", "1")
    assert tuple(found[-1].values()) == ("NYA04", "St Andrews Healthcare - Nottinghamshire", "2010-11", "0")


def test_stars_and_footnotes_around_a_table(read):
    """Twelve lines of padding above, footnotes of other widths below, and a first column without a name."""
    name = "messytables_weird_head_padding.csv"
    with pytest.raises(WrongFormat, match=r"row 73 has 1 fields where the header has 11\..*options\.until"):
        read(name, "1985", "2010")
    for footer in ({"until": r"^\*\*"}, {"footer_rows": 16}):
        found = read(name, "1985", "2010", **footer)
        assert len(found) == 60
        assert [row["2010"] for row in found[1:6]] == ["733", "", "65", "179", "100"]
        assert found[-1] == {"1985": ".", "2010": "65"}
    with pytest.raises(MissingColumn, match="has no column 'Gebiet'"):
        read(name, "Gebiet", "2010", footer_rows=16)


def test_every_messy_file_is_looked_at_above(read):
    names = {path.name for path in MESSY.iterdir()}
    text = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in names if name not in text} == set()
