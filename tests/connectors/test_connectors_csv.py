"""CSV as departments deliver it: encodings, title rows, quotes, and every way a file can be broken."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skipping import shared_data

from connectors.file.formats import delimited, encoding
from connectors.pull import pull
from schemas.errors import DefinitionError, MissingColumn, TruncatedFile, UnknownEncoding, WrongFormat

TAIWAN = {"citizen_number": "編號", "name": "姓名"}
NAMES = ["欧阳建国", "买买提·艾力", "𬱖某", "王芳"]
TEXT = "编号,身份证号,姓名\n" + "".join(f"R{n},50000000000000000{n},{name}\n" for n, name in enumerate(NAMES))


@pytest.fixture
def csv(define, tmp_path):
    def make(content: bytes, **options):
        mapping = options.pop("mapping", None)
        (tmp_path / "persons.csv").write_bytes(content)
        return define("file", {"path": str(tmp_path / "*.csv"), "format": "csv"} | options, mapping)

    return make


def rows(source) -> list[dict]:
    return [row for batch in pull(source) for row in batch.table.to_pylist()]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encoding_is_told(csv, codec):
    found = rows(csv(TEXT.encode(codec)))
    assert [row["姓名"] for row in found] == NAMES
    assert found[0] == {"身份证号": "500000000000000000", "姓名": "欧阳建国", "_row": "persons.csv:1"}


@given(
    content=st.one_of(
        st.binary(max_size=40), st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass"))
    ),
    cut=st.integers(0, 3),
    size=st.integers(1, 9),
)
def test_what_is_utf_8_is_told_as_python_tells_it_wherever_a_chunk_ends(tmp_path_factory, content, cut, size):
    content = content[: len(content) - cut]
    path = tmp_path_factory.getbasetemp() / "utf8.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_CHUNK", size)
        found = encoding._as_utf8(path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        assert found is None
    else:
        assert (found.quotes, found.ends_in_newline) == (text.count('"'), text[-1:] in "\r\n")


@pytest.mark.parametrize(
    ("declared", "actual"), [("gbk", "gb18030"), ("utf-8", "utf-8-sig"), ("big5", "big5")]
)
def test_the_encoding_may_be_declared(csv, declared, actual):
    text = "編號,姓名\n1,陳美麗\n"
    assert rows(csv(text.encode(actual), encoding=declared, mapping=TAIWAN))[0]["姓名"] == "陳美麗"


def test_the_copy_in_utf_8_has_no_name_and_is_gone_afterwards(csv, tmp_path, monkeypatch):
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert len(rows(csv(TEXT.encode("gb18030"), largest_mib=1))) == len(NAMES)
    head, _, lines = TEXT.partition("\n")
    longer = f"{head}\n" + lines * 60_000  # so many blocks that the reader, a block ahead, is not at the end
    batches = pull(csv(longer.encode("gb18030")), None, 1)
    next(batches)
    (copy,) = folder.glob("*/*")
    assert copy.read_text(encoding="utf-8") == longer
    if Path("/proc/self/fd").exists():
        assert copy.readlink().readlink().name.endswith("(deleted)"), (
            "a killed process would leave no row behind"
        )
    batches.close()
    assert list(folder.iterdir()) == []
    with pytest.raises(MissingColumn):
        rows(csv(TEXT.replace("姓名", "名字").encode("gb18030")))
    assert list(folder.iterdir()) == []


def test_bytes_of_no_encoding_are_refused_with_their_place(csv):
    content = TEXT.encode() + b"R9,1,\xff\xfe\xff\n" + TEXT.encode()
    with pytest.raises(UnknownEncoding) as caught:
        rows(csv(content))
    assert f"utf-8-sig up to byte {len(TEXT.encode()) + 5:,}" in str(caught.value)
    assert "register" in str(caught.value)
    assert "persons.csv" in str(caught.value)


def test_a_foreign_text_is_not_taken_for_gb18030(csv):
    text = "編號,姓名\n" + "1,林志玲臺灣觀光風景區管理處遊客資訊\n" * 20
    with pytest.raises(UnknownEncoding, match="no Chinese text"):
        rows(csv(text.encode("big5"), mapping=TAIWAN))


def test_a_declared_encoding_that_does_not_fit_names_the_byte(csv):
    with pytest.raises(UnknownEncoding, match="declared as utf-8 but byte 0"):
        rows(csv(TEXT.encode("gb18030"), encoding="utf-8"))
    with pytest.raises(DefinitionError, match=r"options\.encoding 'martian'"):
        rows(csv(TEXT.encode(), encoding="martian"))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
def test_a_file_cut_within_a_character_is_truncated(csv, encoding):
    with pytest.raises(TruncatedFile, match=r"persons\.csv ends within a character"):
        rows(csv((TEXT + "R5,6,张").encode(encoding)[:-1]))


def test_an_empty_file_is_truncated(csv):
    with pytest.raises(TruncatedFile, match="is empty"):
        rows(csv(b""))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_a_file_cut_within_a_row_is_truncated(csv, encoding):
    with pytest.raises(TruncatedFile, match=r"persons\.csv ends within its last row, line 6: 2 fields"):
        rows(csv((TEXT + "R5,5000").encode(encoding)))


@pytest.mark.parametrize(("row", "fields"), [("R5,6", 2), ("R5,6,张,三", 4)])
def test_a_row_of_another_width_is_named(csv, row, fields):
    with pytest.raises(WrongFormat, match=f"line 6 has {fields} fields where the header has 3"):
        rows(csv(f"{TEXT}{row}\n{TEXT}".encode()))


def test_an_unclosed_quote_is_refused_and_swallows_nothing(csv):
    with pytest.raises(TruncatedFile, match="ends within a quoted field on line 6"):
        rows(csv((TEXT + 'R5,6,"张').encode()))
    with pytest.raises(WrongFormat, match="opened in the row of line 6 is never closed"):
        rows(csv((TEXT + 'R5,6,"张\n' + TEXT).encode()))


def test_quotes_and_line_breaks_in_fields_are_kept(csv):
    found = rows(csv((TEXT + 'R5,6,"张, ""小""\n三"\nR6,7,5"管\n').encode()))
    assert [row["姓名"] for row in found[-2:]] == ['张, "小"\n三', '5"管']


@pytest.mark.parametrize("quoted", ["", '"'])
def test_a_row_longer_than_a_block_is_read_and_none_twice(csv, quoted):
    long = quoted + "长" * (1 << 20) + quoted
    lines = [f"R{n},{n},{long if n == 30_000 else '王芳'}\n" for n in range(60_000)]
    found = rows(csv(("编号,身份证号,姓名\n" + "".join(lines)).encode()))
    assert [row["身份证号"] for row in found] == [str(n) for n in range(60_000)]
    assert found[30_000]["姓名"] == "长" * (1 << 20)


def test_a_row_longer_than_the_longest_block_is_refused(csv, monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCKS", (100, 200))
    assert len(rows(csv((TEXT + "R5,6," + "长" * 50 + "\n").encode()))) == len(NAMES) + 1
    with pytest.raises(WrongFormat, match=r"persons\.csv cannot be read as CSV"):
        rows(csv((TEXT + "R5,6," + "长" * 100 + "\n").encode()))


def test_the_header_is_searched_below_titles(csv):
    content = "社会保险参保名单,,\n制表:2026年,,\n\n" + TEXT.replace("姓名", "姓　名")
    assert len(rows(csv(content.encode("gb18030")))) == len(NAMES)
    assert len(rows(csv(TEXT.replace(",", "\t").encode()))) == len(NAMES)
    assert len(rows(csv(TEXT.replace(",", "^").encode(), delimiter="^", header=1))) == len(NAMES)


def test_a_missing_column_names_source_and_column(csv):
    with pytest.raises(MissingColumn, match=r"register.*persons\.csv.*'姓名'"):
        rows(csv(TEXT.replace("姓名", "名字").encode()))
    with pytest.raises(MissingColumn, match="姓名"):
        rows(csv(("标题,,\n" + TEXT).encode(), header=1))
    with pytest.raises(DefinitionError, match=r"options\.header"):
        rows(csv(TEXT.encode(), header="third"))


def test_a_needed_column_may_not_be_there_twice(csv):
    with pytest.raises(WrongFormat, match="column '姓名' is there twice"):
        rows(csv(TEXT.replace("编号", "姓名").encode()))


def test_nothing_that_was_not_asked_for_is_read(csv):
    assert set(rows(csv(TEXT.encode()))[0]) == {"身份证号", "姓名", "_row"}


@pytest.mark.parametrize(
    ("name", "columns", "number"),
    [
        ("messytables_utf-16le_encoded.csv", ("Organisation_code", "Organisation_name"), 1),
        ("messytables_characters.csv", ("id", "id"), -1),
        ("messytables_spanish_chars.csv", ("GF_ID", "FN_ID"), -1),
    ],
)
def test_tables_met_in_the_wild(define, tmp_path, name, columns, number):
    mapping = {"citizen_number": columns[0], "name": columns[1]}
    source = define("file", {"path": str(shared_data(f"messy/{name}")), "format": "csv"}, mapping)
    if number < 0:
        with pytest.raises(UnknownEncoding, match=r"options\.encoding"):
            rows(source)
    else:
        assert len(rows(source)) >= number
        assert rows(source)[0]["Organisation_name"].strip()
