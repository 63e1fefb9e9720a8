"""Names, listings and packed files on departments' servers, which are as old and as odd as they are in the field."""

import gzip
import io
import logging
import zipfile
from datetime import UTC, datetime

import documents
import pytest
import xlsxwriter
from servers import PASSWORD, USER, FtpStore, HttpStore, SftpStore

from connectors.definition import read_source
from connectors.kinds import options_of
from connectors.options import table
from connectors.pull import pull
from connectors.standardise import standardise
from schemas import errors
from schemas.errors import DefinitionError, SourceUnreachable
from schemas.resource import resource_named

every = pytest.mark.parametrize("store", ["sftp", "ftp", "http", "s3"], indirect=True)


def content(*numbers) -> bytes:
    return ("身份证号,姓名\n" + "".join(f"{n},人{n}\n" for n in numbers)).encode("gb18030")


def names(batches) -> list[str]:
    return [name for batch in batches for name in batch.table.column("姓名").to_pylist()]


@pytest.fixture
def delivered(define):
    def make(store, pattern, **options):
        given = store.options(pattern)
        given["storage"] |= options.pop("storage", {})
        return define("file", given | {"tries": 2} | options)

    return make


@every
def test_chinese_names_and_folders_are_read_as_people_know_them(store, delivered):
    store.put("社保/2024年/参保 01.csv", content(1))
    store.put("社保/2024年/参保 02.csv", content(2))
    store.put("社保/说明.csv", content(9))
    source = delivered(store, "社保/2024年/参保*.csv")
    batches = list(pull(source))
    assert [batch.window for batch in batches] == ["参保 01.csv", "参保 02.csv"]
    assert names(batches) == ["人1", "人2"]
    assert list(pull(source, batches[-1].watermark)) == []
    assert [batch.window for batch in pull(delivered(store, "社保/说明.csv"))] == ["说明.csv"]


@every
def test_packed_files_and_workbooks_are_fetched_and_unpacked(store, delivered):
    store.put("in/a.csv.gz", gzip.compress(content(1)))
    packed, book = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.csv", content(2))
        archive.writestr("y.csv", content(3))
    store.put("in/b.zip", packed.getvalue())
    with xlsxwriter.Workbook(book) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ("身份证号", "姓名"))
        sheet.write_row(1, 0, (4, "人4"))
    store.put("in/c.xlsx", book.getvalue())
    source = delivered(store, "in/*")
    batches = list(pull(source))
    assert [batch.window for batch in batches] == ["a.csv.gz", "b.zip!x.csv", "b.zip!y.csv", "c.xlsx"]
    assert names(batches) == ["人1", "人2", "人3", "人4"]
    assert names(pull(source, batches[1].watermark)) == ["人3", "人4"]


@every
def test_files_of_every_folder_are_known_by_their_path(store, delivered):
    store.put("in/2024/a.csv", content(1))
    store.put("in/2025/a.csv", content(2))
    batches = list(
        pull(delivered(store, "in/**/*.csv" if not isinstance(store, HttpStore) else "in/*/a.csv"))
    )
    assert [batch.window for batch in batches] == ["2024/a.csv", "2025/a.csv"]


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("STORE_SECRET", PASSWORD)
    monkeypatch.setattr("connectors.file.remote.FIRST_PAUSE", 0.01)


def test_ftp_names_in_gbk_are_read_where_the_source_says_so(tmp_path, delivered, secret):
    store = FtpStore(tmp_path, "gb18030")
    store.put("社保/参保.csv", content(1))
    (batch,) = pull(delivered(store, "社保/*.csv", storage={"names": "gb18030"}))
    assert batch.window == "参保.csv"
    with pytest.raises(DefinitionError, match=r"options\.storage\.names: is no encoding"):
        delivered(store, "*.csv", storage={"names": "martian"})
    store.close()


def test_an_old_ftp_server_tells_no_exact_time_and_is_told_by_content(tmp_path, delivered, secret):
    store = FtpStore(tmp_path, old=True)
    store.put("in/a.csv", content(1))
    store.put("in/b c.csv", content(2))
    source = delivered(store, "in/*.csv")
    batches = list(pull(source))
    assert names(batches) == ["人1", "人2"]
    assert list(pull(source, batches[-1].watermark)) == []
    store.put("in/a.csv", content(3))
    assert names(pull(source, batches[-1].watermark)) == ["人3"]
    store.close()


def test_ftps_never_sends_the_password_to_a_server_without_tls(tmp_path, delivered, secret, caplog):
    caplog.set_level(logging.DEBUG, "pyftpdlib")
    store = FtpStore(tmp_path)
    store.put("a.csv", content(1))
    options = store.options("a.csv")
    options["path"] = options["path"].replace("ftp://", "ftps://")
    source = delivered(store, "a.csv", path=options["path"])
    with pytest.raises(SourceUnreachable, match="ftps://"):
        list(pull(source))
    assert "AUTH" in caplog.text
    assert "PASS" not in caplog.text
    store.close()


INDEX = """<html><h1>Index of /in</h1><a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a> <a href="/">Parent
Directory</a> <a href="b.csv">b.csv</a> <a href="/in/a%20b.csv">a b.csv</a> <a href="c.csv.part">c.csv.part</a>
<a href="%B2%CE%B1%A3.csv">GBK</a> <a href="gone.csv">gone.csv</a> <a href="https://elsewhere.example/d.csv">d.csv</a></html>"""


def test_a_folder_page_of_a_web_server_is_followed_where_it_lists_files(tmp_path, delivered, secret):
    store = HttpStore(tmp_path)
    for name in ("b.csv", "a b.csv", "c.csv.part"):
        store.put(f"in/{name}", content(1))
    (tmp_path / "in" / "index.html").write_text(
        INDEX.replace("%B2%CE%B1%A3.csv", "%E5%8F%82.csv"), encoding="utf-8"
    )
    store.put("in/参.csv", content(2))
    batches = list(pull(delivered(store, "in/*")))
    assert [batch.window for batch in batches] == ["a b.csv", "b.csv", "参.csv"]
    store.close()


def test_no_header_of_a_department_follows_a_redirect_to_another_host(
    tmp_path, delivered, secret, monkeypatch
):
    monkeypatch.setenv("API_KEY", "k3y-of-the-department")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    other, store = HttpStore(tmp_path / "b"), HttpStore(tmp_path / "a")
    other.put("a.csv", content(1))
    storage = {"headers": {"X-Api-Key": "${env:API_KEY}"}}
    for host in ("localhost", "127.0.0.1"):
        store.moved = dict.fromkeys(("/a.csv", "/"), f"http://{host}:{other.port}/a.csv")
        for pattern in ("a.csv", "*.csv"):
            with pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1.*sends on to another host"):
                list(pull(delivered(store, pattern, storage=storage)))
    assert other.asked == []
    store.put("b.csv", content(2))
    store.moved = {"/a.csv": "/b.csv"}
    assert names(pull(delivered(store, "a.csv", storage=storage))) == ["人2"]
    assert store.asked[-1]["X-Api-Key"] == "k3y-of-the-department"
    store.close()
    other.close()


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────

PAGE = documents.page("connectors/file.md")


def block(language: str) -> str:
    (found,) = documents.blocks(PAGE, language)
    return found


def shown(header: str) -> list[dict[str, str]]:
    """The rows of the page's table with that header."""
    lines = PAGE[PAGE.index(header) :].partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def test_the_example_of_the_page_runs_against_a_server_and_gives_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("INSURANCE_PASSWORD", PASSWORD)
    store = SftpStore(tmp_path)
    store.put("参保/参保_20240131.csv", block("csv").encode("gb18030"))
    store.put("参保/参保_20240229.csv.part", b"half")
    example = block("yaml").replace("files.example.gov.cn", f"127.0.0.1:{store.port}")
    example = example.replace("exchange-hub", USER).replace("ssh-ed25519 AAAA", store.host_key)
    source = read_source(example, "example.yaml", {})
    (batch,) = pull(source)
    done = standardise(source, resource_named("natural_person"), batch)
    rows = shown("| citizen_number |")
    assert done.table.select(list(rows[0])).to_pylist() == rows
    assert done.problems.num_rows == 0
    assert set(done.table.column("_observed_at").to_pylist()) == {datetime(2024, 1, 30, 16, tzinfo=UTC)}
    assert list(pull(source, batch.watermark)) == []
    store.close()


def test_the_page_has_the_options_and_errors_there_are():
    assert table(options_of("file")) in PAGE
    codes = {
        error.code for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "code")
    }
    assert {row["Error"].strip("`") for row in shown("| Error | When |")} <= codes
