"""In what order files come: by name or by time, twice, late, again under another name, and not yet finished."""

import os
import time
from datetime import UTC, datetime

import pytest

from connectors.pull import pull
from schemas.errors import DefinitionError, SourceUnreachable, WrongFormat


@pytest.fixture
def folder(define, tmp_path):
    place = tmp_path / "in"
    place.mkdir()

    def put(name: str, *numbers, age=3600):
        path = place / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("身份证号,姓名\n" + "".join(f"{n},人{n}\n" for n in numbers), encoding="gb18030")
        stamp = time.time() - age
        os.utime(path, (stamp, stamp))
        return path

    put.source = lambda pattern="*.csv", **options: define(
        "file", {"path": f"{place}/{pattern}", "format": "csv"} | options
    )
    return put


def names(batches) -> list[str]:
    return [name for batch in batches for name in batch.table.column("姓名").to_pylist()]


def test_files_arrive_by_name_or_by_time(folder):
    folder("b.csv", 1, age=9000)
    folder("a.csv", 2, age=8000)
    folder("c.csv", 3, age=8500)
    assert names(pull(folder.source())) == ["人2", "人1", "人3"]
    assert names(pull(folder.source(order="modified"))) == ["人1", "人3", "人2"]
    with pytest.raises(DefinitionError, match=r"options\.order"):
        folder.source(order="size")


def test_names_that_say_unfinished_are_left_alone(folder):
    for name in ("a.csv.part", "b.csv.tmp", "~$c.csv", ".d.csv", "e.csv.filepart", "f.csv.crdownload"):
        folder(name, 9)
    folder("g.csv", 1)
    assert names(pull(folder.source("*"))) == ["人1"]
    (folder("g.csv", 1)).unlink()
    with pytest.raises(SourceUnreachable, match="there is no file"):
        list(pull(folder.source("*")))


def test_a_file_that_is_still_young_is_left_for_the_next_run(folder):
    folder("a.csv", 1)
    folder("b.csv", 2, age=5)
    folder("c.csv", 3, age=-5)  # a clock that is ahead
    source = folder.source(settle_seconds=600)
    (first,) = pull(source)
    assert names([first]) == ["人1"]
    folder("b.csv", 2)
    assert names(pull(source, first.watermark)) == ["人2"]


def test_the_same_file_twice_is_read_once_and_under_another_name_anew(folder):
    folder("a.csv", 1, 2)
    source = folder.source()
    (first,) = pull(source)
    folder("a.csv", 1, 2, age=10)
    assert list(pull(source, first.watermark)) == []
    folder("a(1).csv", 1, 2)
    (second,) = pull(source, first.watermark)
    assert second.window == "a(1).csv"
    assert second.table.column("姓名").to_pylist() == ["人1", "人2"]


def test_an_older_file_that_comes_late_says_what_was_so_then(folder):
    source = folder.source(dated=r"_(\d{4})-?(\d\d)-?(\d\d)")
    folder("参保_2024-02-01.csv", 1, age=9000)
    (first,) = pull(source)
    assert first.as_of == datetime(2024, 1, 31, 16, tzinfo=UTC)  # midnight in China
    folder("参保_20240101.csv", 1, age=5)
    (late,) = pull(source, first.watermark)
    assert late.as_of == datetime(2023, 12, 31, 16, tzinfo=UTC)
    (undated,) = pull(folder.source("参保_20240101.csv"))
    assert abs((datetime.now(tz=UTC) - undated.as_of).total_seconds()) < 60


def test_a_name_without_its_date_is_refused(folder):
    folder("参保.csv", 1)
    folder("参保_20241301.csv", 1)
    for name in ("参保.csv", "参保_20241301.csv"):
        with pytest.raises(WrongFormat, match=rf"register, file {name}: its name tells no date"):
            list(pull(folder.source(name, dated=r"_(\d{8})")))
    with pytest.raises(DefinitionError, match=r"options\.dated: has no group"):
        folder.source(dated=r"\d{8}")


def test_files_of_every_folder_are_known_by_their_path(folder):
    folder("2024/a.csv", 1)
    folder("2025/a.csv", 2)
    batches = list(pull(folder.source("**/*.csv")))
    assert [batch.window for batch in batches] == ["2024/a.csv", "2025/a.csv"]
    assert set(batches[-1].watermark["files"]) == {"2024/a.csv", "2025/a.csv"}
    assert names(pull(folder.source("202[45]/a.csv"))) == ["人1", "人2"]


def test_a_file_that_vanishes_while_it_is_read_is_no_crash(folder):
    path = folder("a.csv", *range(10))
    batches = pull(folder.source(), None, 3)
    next(batches)
    path.unlink()
    with pytest.raises(Exception, match=r"a\.csv was written to while it was read"):
        list(batches)
