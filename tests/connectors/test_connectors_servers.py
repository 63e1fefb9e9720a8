"""Files on departments' servers, real ones: fetched, gone on with after a break, left alone, and every way they fail."""

import logging
import os
import resource
import tempfile
import threading
import time
import traceback
from pathlib import Path

import pytest
from servers import PASSWORD, USER, Relay

from connectors.pull import pull
from schemas.errors import (
    DefinitionError,
    SourceLoginFailed,
    SourceUnreachable,
    SpoolFull,
    TruncatedFile,
    WrongFormat,
)

ALL = ("sftp", "ftp", "http", "s3")
every = pytest.mark.parametrize("store", ALL, indirect=True)
folders = pytest.mark.parametrize("store", ALL[:3], indirect=True)  # a bucket has no folder to reach into


def content(numbers, more: str = "") -> bytes:
    return ("身份证号,姓名\n" + "".join(f"{n},人{n}{more}\n" for n in numbers)).encode()


def names(batches) -> list[str]:
    return [name for batch in batches for name in batch.table.column("姓名").to_pylist()]


@pytest.fixture
def spool(tmp_path, monkeypatch):
    """The spool's folder: what is left in it was not removed."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def delivered(define, spool):
    def make(store, pattern="in/*.csv", port=None, **options):
        return define("file", store.options(pattern, port) | {"format": "csv", "tries": 3} | options)

    return make


@every
def test_only_new_and_changed_files_are_fetched(store, delivered):
    store.put("in/a.csv", content(range(5)))
    store.put("in/b.csv", content(range(10, 12)))
    store.put("in/c.csv.part", b"half")
    store.put("in/~$b.csv", b"lock")
    source = delivered(store)
    batches = list(pull(source, None, 3))
    assert names(batches) == [f"人{n}" for n in (0, 1, 2, 3, 4, 10, 11)]
    assert [batch.window for batch in batches] == ["a.csv", "a.csv", "b.csv"]
    assert batches[0].shape == {"身份证号": "text", "姓名": "text"}
    assert list(pull(source, batches[-1].watermark)) == []
    store.put("in/d.csv", content([20]))
    store.put("in/a.csv", content(range(6)))
    again = list(pull(source, batches[-1].watermark))
    assert names(again) == [f"人{n}" for n in (*range(6), 20)]


@every
def test_every_batch_of_a_fetched_file_can_be_gone_on_from(store, delivered):
    store.put("in/a.csv", content(range(20)))
    source = delivered(store, "in/a.csv")
    whole = list(pull(source, None, 6))
    for done in range(len(whole)):
        rest = list(pull(source, whole[done].watermark, 6))
        assert [batch.digest for batch in rest] == [batch.digest for batch in whole[done + 1 :]]


LONG = range(40_000)


@pytest.mark.parametrize("ranges", [True, False])
@every
def test_a_connection_that_drops_within_a_file_is_gone_on_with(store, ranges, delivered):
    store.put("in/a.csv", content(LONG, "·重庆市渝北区"))
    relay = Relay(store.port)
    relay.cuts = [300_000, 700_000]
    if hasattr(store, "cuts"):  # the data of FTP takes connections of its own
        store.cuts, relay.cuts = relay.cuts, []
    if hasattr(store, "ranges"):
        store.ranges = ranges
        relay.cuts = relay.cuts if ranges else [300_000]
    batches = list(pull(delivered(store, "in/a.csv", relay.port), None, 50_000))
    assert names(batches) == [f"人{n}·重庆市渝北区" for n in LONG]
    assert relay.cuts == []
    assert not getattr(store, "cuts", [])
    relay.close()


@every
def test_a_server_that_always_breaks_off_is_unreachable_and_nothing_is_half_stored(store, delivered):
    store.put("in/a.csv", content(LONG, "·重庆市渝北区"))
    relay = Relay(store.port)
    if hasattr(store, "cuts"):
        store.cuts = [0] * 9
    else:
        relay.cuts = [20_000] * 30
    with pytest.raises(SourceUnreachable, match=r"register: .*127\.0\.0\.1.*asked 3 times"):
        list(pull(delivered(store, "in/a.csv", relay.port)))
    relay.close()


@folders
def test_a_server_that_restarts_is_waited_for(store, delivered, monkeypatch):
    monkeypatch.setattr("connectors.file.remote.FIRST_PAUSE", 0.4)
    store.put("in/a.csv", content(range(5)))
    source = delivered(store, tries=8)
    store.stop()
    timer = threading.Timer(1.0, store.start)
    timer.start()
    try:
        assert len(names(pull(source))) == 5
    finally:
        timer.join()


@every
def test_a_wrong_password_is_a_failed_login(store, delivered, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    store.put("in/a.csv", content(range(5)))
    right = os.environ["STORE_SECRET"]
    for pattern in ("in/*.csv", "in/a.csv"):
        source = delivered(store, pattern)
        monkeypatch.setenv("STORE_SECRET", "wr0ng-one")
        with pytest.raises(SourceLoginFailed, match=r"register.*refused the login") as caught:
            list(pull(source))
        told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(source)
        assert not any(secret in told + caplog.text for secret in ("wr0ng-one", right))
        monkeypatch.setenv("STORE_SECRET", right)
        assert len(names(pull(source))) == 5
        assert right not in caplog.text


@every
def test_a_missing_file_and_a_server_that_is_not_there(store, delivered):
    with pytest.raises(SourceUnreachable, match=r"there is no file .*nothing\.csv"):
        list(pull(delivered(store, "nothing.csv")))
    with pytest.raises(SourceUnreachable, match="asked 2 times"):
        list(pull(delivered(store, "nothing.csv", port=1, tries=2, timeout_seconds=2)))


@folders
def test_a_folder_whose_known_files_are_gone_is_only_empty(store, delivered):
    store.put("in/a.csv", content([1]))
    source = delivered(store)
    (batch,) = pull(source)
    (store.folder / "in" / "a.csv").unlink()
    assert list(pull(source, batch.watermark)) == []
    with pytest.raises(SourceUnreachable, match="no file"):
        list(pull(source))


@folders
def test_a_file_that_grows_while_it_is_fetched_is_refused(store, delivered, monkeypatch):
    from connectors.file.spool import Spool

    store.put("in/a.csv", content(LONG))
    source = delivered(store)
    write, path = Spool.write, store.folder / "in" / "a.csv"

    def grow(spool, piece):
        with path.open("ab") as file:
            file.write(b"7,x\n")
        write(spool, piece)

    monkeypatch.setattr(Spool, "write", grow)
    with pytest.raises((TruncatedFile, SourceUnreachable)) as caught:
        list(pull(source))
    assert "register" in str(caught.value)
    monkeypatch.setattr(Spool, "write", write)
    assert len(names(pull(source))) > len(LONG)


@every
def test_a_file_that_is_still_young_is_left_for_the_next_run(store, delivered):
    store.put("in/a.csv", content([1]))
    if hasattr(store, "folder"):
        now = time.time()
        os.utime(store.folder / "in" / "a.csv", (now, now))
    assert list(pull(delivered(store, settle_seconds=600))) == []
    assert names(pull(delivered(store))) == ["人1"]


@folders
def test_files_arrive_by_name_or_by_time(store, delivered):
    store.put("in/b.csv", content([1]))
    store.put("in/a.csv", content([2]))
    assert names(pull(delivered(store))) == ["人2", "人1"]
    assert names(pull(delivered(store, order="modified"))) == ["人1", "人2"]


@pytest.mark.parametrize("store", ["http"], indirect=True)
def test_a_server_that_tells_no_time_is_read_again_and_told_by_content(store, delivered):
    store.stamped = False
    store.put("in/a.csv", content([1]))
    source = delivered(store)
    (batch,) = pull(source)
    assert list(pull(source, batch.watermark)) == []
    store.put("in/a.csv", content([2]))
    assert names(pull(source, batch.watermark)) == ["人2"]


@pytest.mark.parametrize("store", ["sftp"], indirect=True)
def test_an_sftp_server_must_be_known(store, delivered, tmp_path, monkeypatch):
    store.put("in/a.csv", content([1]))
    monkeypatch.setenv("HOME", str(tmp_path))
    without = {"user": USER, "password": "${env:STORE_SECRET}"}
    with pytest.raises(SourceUnreachable, match="host key that is not known"):
        list(pull(delivered(store, storage=without)))
    other = without | {
        "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    }
    with pytest.raises(SourceUnreachable, match="host key that is not known"):
        list(pull(delivered(store, storage=other)))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{store.port} {store.host_key}\n")
    assert names(pull(delivered(store, storage=without))) == ["人1"]


def test_no_secret_may_stand_in_a_definition(define):
    with pytest.raises(DefinitionError, match=r"options\.storage\.password"):
        define("file", {"path": "sftp://a/b.csv", "storage": {"password": PASSWORD}})
    with pytest.raises(DefinitionError, match=r"options\.path.*user"):
        define("file", {"path": f"sftp://{USER}:{PASSWORD}@a/b.csv"})
    with pytest.raises(DefinitionError, match="gopher"):
        define("file", {"path": "gopher://a/b.csv"})


# ── the spool ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def little_room():
    """No file of this process may grow beyond 100,000 bytes, as if the disk were full."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, former)


@every
def test_a_full_disk_stops_the_fetch_and_leaves_nothing(store, delivered, request):
    store.put("in/a.csv", content(LONG))
    request.getfixturevalue("little_room")
    with pytest.raises(SpoolFull, match=r"register: there is no room .*a\.csv"):
        list(pull(delivered(store)))


@every
def test_a_file_larger_than_allowed_is_not_fetched(store, delivered, spool):
    store.put("in/a.csv", content(range(200_000)))
    with pytest.raises(WrongFormat, match=r"a\.csv is larger, unpacked, than 1 MiB"):
        list(pull(delivered(store, largest_mib=1)))


@every
def test_the_spool_is_removed_when_a_pull_is_given_up(store, delivered, spool):
    store.put("in/a.csv", content(range(100)))
    batches = pull(delivered(store), None, 10)
    next(batches)
    assert list(Path(spool).iterdir())
    batches.close()
    assert not list(Path(spool).iterdir())


def test_the_private_mariadb_restarts_with_what_it_keeps(mariadb):
    name = mariadb.database()
    with mariadb.connect(database=name) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a VARCHAR(9))")
        cursor.execute("INSERT INTO t VALUES ('张')")
    mariadb.stop()
    mariadb.start()
    with mariadb.connect(database=name) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT a FROM t")
        assert cursor.fetchall() == (("张",),)
