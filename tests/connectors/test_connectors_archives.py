"""What departments pack: .gz, .zst and .zip, whole and broken, with the names that Windows gives, and bombs."""

import gzip
import io
import os
import resource
import shutil
import subprocess
import tempfile
import zipfile

import pytest
import zstandard

from connectors.pull import pull
from schemas.errors import SpoolFull, TruncatedFile, WrongFormat


def content(*numbers) -> bytes:
    return ("身份证号,姓名\n" + "".join(f"{n},人{n}\n" for n in numbers)).encode("gb18030")


def names(batches) -> list[str]:
    return [name for batch in batches for name in batch.table.column("姓名").to_pylist()]


@pytest.fixture
def spool(tmp_path, monkeypatch):
    """The spool's folder: nothing may be left in it."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def packed(define, tmp_path, spool):
    folder = tmp_path / "in"
    folder.mkdir()

    def make(name: str, packed: bytes, **options):
        (folder / name).write_bytes(packed)
        return define("file", {"path": str(folder / name), "format": "csv"} | options)

    return make


def zipped(members: dict[str, bytes], compression=zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


# ── one file, compressed ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "pack"), [("a.csv.gz", gzip.compress), ("a.csv.zst", zstandard.ZstdCompressor().compress)]
)
def test_a_compressed_file_is_unpacked_and_gone_on_with(packed, name, pack):
    source = packed(name, pack(content(*range(5))))
    whole = list(pull(source, None, 2))
    assert names(whole) == [f"人{n}" for n in range(5)]
    assert {batch.window for batch in whole} == {name}
    assert names(pull(source, whole[0].watermark, 2)) == ["人2", "人3", "人4"]
    assert list(pull(source, whole[-1].watermark)) == []


@pytest.mark.parametrize(
    ("name", "pack"), [("a.csv.gz", gzip.compress), ("a.csv.zst", zstandard.ZstdCompressor().compress)]
)
def test_a_compressed_file_that_is_cut_or_broken_is_refused(packed, name, pack):
    whole = pack(content(*range(500)))
    with pytest.raises((TruncatedFile, WrongFormat), match=name.replace(".", r"\.")):
        list(pull(packed(name, whole[:-20])))
    with pytest.raises(TruncatedFile, match="ends before what is packed in it does"):
        list(pull(packed(name, b"")))
    with pytest.raises(WrongFormat, match="cannot be unpacked"):
        list(pull(packed(name, b"\0" * 100)))


@pytest.mark.parametrize(
    ("name", "pack"), [("a.csv.gz", gzip.compress), ("a.csv.zst", zstandard.ZstdCompressor().compress)]
)
def test_a_bomb_is_stopped_at_the_size_that_is_allowed(packed, name, pack):
    bomb = pack(content(1) + bytes(40 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(WrongFormat, match=r"a\.csv is larger, unpacked, than 2 MiB.*largest_mib"):
        list(pull(packed(name, bomb, largest_mib=2)))


# ── archives ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_members_that_match_are_read_in_their_order(packed):
    members = {"b.csv": content(3), "in/a.csv": content(1, 2), "readme.txt": b"x", "c.csv.part": b"half"}
    members |= {"__MACOSX/._b.csv": b"x", "in/": b""}
    source = packed("night.zip", zipped(members), members="*.csv")
    whole = list(pull(source, None, 1))
    assert names(whole) == ["人3", "人1", "人2"]
    assert [batch.window for batch in whole] == [
        "night.zip!b.csv",
        "night.zip!in/a.csv",
        "night.zip!in/a.csv",
    ]
    for done in range(3):
        assert names(pull(source, whole[done].watermark, 1)) == ["人3", "人1", "人2"][done + 1 :]
    with pytest.raises(WrongFormat, match=r"night\.zip has no member \*\.xml"):
        list(pull(packed("night.zip", zipped(members), members="*.xml")))


def test_of_an_archive_that_is_delivered_again_only_changed_members_are_read(packed):
    source = packed("night.zip", zipped({"a.csv": content(1), "b.csv": content(2)}))
    (*_, last) = pull(source)
    source = packed("night.zip", zipped({"a.csv": content(1), "b.csv": content(2, 3), "c.csv": content(4)}))
    again = list(pull(source, last.watermark))
    assert names(again) == ["人2", "人3", "人4"]
    assert list(pull(source, again[-1].watermark)) == []


def test_names_that_windows_wrote_in_gbk_are_read(packed):
    raw = zipped({"XXXX_2024.csv": content(1)}).replace(b"XXXX", "参保".encode("gbk"))
    (batch,) = pull(packed("night.zip", raw, members="参保_*.csv"))
    assert batch.window == "night.zip!参保_2024.csv"


def test_a_cut_broken_or_locked_archive_is_refused(packed):
    whole = zipped({"a.csv": content(*range(500))})
    with pytest.raises(TruncatedFile, match=r"night\.zip ends before"):
        list(pull(packed("night.zip", whole[: len(whole) // 2])))
    with pytest.raises(TruncatedFile, match="ends before"):
        list(pull(packed("night.zip", b"")))
    with pytest.raises(WrongFormat, match="cannot be unpacked"):
        list(pull(packed("night.zip", "身份证号,姓名\n".encode())))
    with pytest.raises(WrongFormat, match=r"member a\.csv cannot be unpacked"):
        list(pull(packed("night.zip", whole[:60] + b"\0" * 300 + whole[360:])))
    locked = bytearray(zipped({"a.csv": content(1)}))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(WrongFormat, match=r"member a\.csv is under a password"):
        list(pull(packed("night.zip", bytes(locked))))


def test_a_zip_bomb_is_stopped_whatever_it_says_of_itself(packed):
    bomb = zipped({"a.csv": bytes(40 << 20)})
    assert len(bomb) < 100_000
    with pytest.raises(WrongFormat, match=r"night\.zip, member a\.csv is larger, unpacked, than 2 MiB"):
        list(pull(packed("night.zip", bomb, largest_mib=2)))
    size = (40 << 20).to_bytes(4, "little")
    lying = bomb.replace(size, (1000).to_bytes(4, "little"))
    assert lying != bomb
    with pytest.raises(WrongFormat, match=r"a\.csv"):
        list(pull(packed("night.zip", lying, largest_mib=2)))


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_is_not(packed, spool):
    killed = subprocess.Popen(["true"])
    killed.wait()
    left, used = spool / f"hub-spool-{killed.pid}-a", spool / f"hub-spool-{os.getpid()}-b"
    for folder in (left, used):
        folder.mkdir()
        (folder / "day.csv").write_bytes(content(1))
    assert names(pull(packed("day.csv.gz", gzip.compress(content(1))))) == ["人1"]
    assert list(spool.iterdir()) == [used]
    shutil.rmtree(used)


def test_a_member_cannot_leave_the_spool(packed, tmp_path):
    source = packed("night.zip", zipped({"../../out.csv": content(1), "/tmp/../abs.csv": content(2)}))
    assert sorted(names(pull(source))) == ["人1", "人2"]
    assert not list(tmp_path.rglob("out.csv"))
    assert not list(tmp_path.rglob("abs.csv"))


@pytest.fixture
def little_room():
    """No file of this process may grow beyond 100,000 bytes, as if the disk were full."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, former)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.csv.gz", gzip.compress),
        ("a.csv.zst", zstandard.ZstdCompressor().compress),
        ("a.zip", lambda data: zipped({"a.csv": data})),
    ],
)
def test_a_full_disk_stops_the_unpacking_and_leaves_nothing(packed, request, name, pack):
    source = packed(name, pack(content(*range(40_000))))
    request.getfixturevalue("little_room")
    with pytest.raises(SpoolFull, match=r"there is no room .*a\.csv.*TMPDIR"):
        list(pull(source))


def test_a_compressed_file_of_several_parts_is_read_whole_and_refused_when_cut_at_any_place(packed):
    pack = zstandard.ZstdCompressor().compress
    lines = content(*range(60)).splitlines(keepends=True)
    whole = b"".join(
        pack(line) for line in lines
    )  # every frame ends in a row, so no row shows that rows lack
    assert len(names(pull(packed("a.csv.zst", whole)))) == 60
    cuts = [len(whole) - length for length in range(1, len(pack(lines[-1])))]
    for cut in cuts:
        with pytest.raises(TruncatedFile, match=r"a\.csv\.zst ends before"):
            list(pull(packed("a.csv.zst", whole[:cut])))
