"""What goes wrong at a source: one clear error that names source and place, a status, and nothing half-written."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from hub.cli import app
from hub.composition import open_hub
from hub.ingest import ingest_source
from infra.database import Role
from schemas.errors import (
    MissingColumn,
    SourceError,
    SourceUnreachable,
    TruncatedFile,
    UnknownEncoding,
    WrongFormat,
)


def _rename_column(folder: Path) -> None:
    with sqlite3.connect(next(folder.glob("*.sqlite"))) as register:
        (table,) = register.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()
        register.execute(f'ALTER TABLE "{table}" RENAME COLUMN 统一社会信用代码 TO 代码')
    register.close()


def _spoil_bytes(folder: Path) -> None:
    file = next(folder.glob("*.csv"))
    content = bytearray(file.read_bytes())
    content[-4000:-2000] = bytes(range(0x80, 0x100)) * 15 + bytes(80)
    file.write_bytes(content)


def _cut(folder: Path) -> None:
    file = next(folder.glob("*.csv"))
    file.write_bytes(file.read_bytes()[:-9])


def _drop_first_column(folder: Path) -> None:
    file = next(folder.glob("*.csv"))
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(line.split(b",", 1)[-1] for line in lines))


def _no_geopackage(folder: Path) -> None:
    next(folder.glob("*.gpkg")).write_text("this is no GeoPackage", encoding="utf-8")


def _take_away(folder: Path) -> None:
    shutil.rmtree(folder)


SPOILT = [
    # source                       its folder            what is done to it   the error
    ("market_regulation", "market_regulation", _rename_column, MissingColumn, "统一社会信用代码"),
    ("social_security", "social_security", _drop_first_column, MissingColumn, "column"),
    ("social_security", "social_security", _spoil_bytes, UnknownEncoding, "参保_20260104.csv"),
    ("social_security", "social_security", _cut, TruncatedFile, "参保_20260104.csv"),
    ("natural_resources_parcel", "natural_resources", _no_geopackage, WrongFormat, "自然资源.gpkg"),
    ("credit_permit", "credit", _take_away, SourceUnreachable, "credit_permit"),
]


@pytest.fixture
def spoilt(request, own_settings, city, tmp_path):
    """Settings of a hub whose one source is spoilt."""
    _, folder, spoil, _, _ = request.param
    (tmp_path / "city").mkdir()
    shutil.copy(city / "city.json", tmp_path / "city")
    shutil.copytree(city / folder, tmp_path / "city" / folder)
    spoil(tmp_path / "city" / folder)
    return request.param, own_settings.model_copy(update={"city": tmp_path / "city"})


@pytest.mark.parametrize("spoilt", SPOILT, indirect=True, ids=lambda row: f"{row[0]}{row[2].__name__}")
def test_a_spoilt_source_leaves_nothing_behind(spoilt):
    (code, _, _, error, place), settings = spoilt
    with open_hub(settings) as hub:
        with pytest.raises(error) as told:
            ingest_source(hub, code, batch_rows=100)
        assert isinstance(told.value, SourceError)
        assert place in str(told.value)
        with hub.database.engine(Role.APPLICATION).connect() as connection:
            for table in ("batch", "watermark", "quarantine", f"golden_{hub.source(code).resource}"):
                assert connection.execute(text(f"SELECT count(*) FROM library.{table}")).scalar_one() == 0


def test_one_that_fails_does_not_stop_the_others(own_settings, city, tmp_path, monkeypatch):
    """Only what can be read comes in; the status says that something could not."""
    folder = tmp_path / "city"
    shutil.copytree(city, folder, ignore=shutil.ignore_patterns("public_security", "truth"))
    _cut(folder / "social_security")
    monkeypatch.setenv("HUB_HOME", str(own_settings.home))
    monkeypatch.setenv("HUB_DATABASE_URL", own_settings.database_url)
    monkeypatch.setenv("HUB_CITY", str(folder))

    sources = ["social_security", "market_regulation", "credit_penalty"]
    ran = CliRunner().invoke(app, ["ingest", *sources, "--json"])

    assert ran.exit_code == 1
    told = json.loads(ran.stdout)
    assert [report["source"] for report in told["sources"]] == ["market_regulation", "credit_penalty"]
    assert "参保_20260104.csv" in told["failures"]["social_security"]
