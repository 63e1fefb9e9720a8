"""One register in every form that a department may keep it in, for the benchmark of the connectors.

The household register's rows, as text, in a database and in files of each format. Beside each form stands how the bare
library reads the same columns.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
from adbc_driver_postgresql import dbapi
from pyarrow import parquet

from benchmarks.ground import Ground
from connectors.definition import read_source
from connectors.source import Source

SHEET_ROWS, CODE = 50_000, "public_security"
SQLITE_CHUNK = 20_000


@dataclass(frozen=True)
class Form:
    """A source over one form of the register, and a reading of the same columns by the library alone; both count rows.

    ``besides`` are other readings to compare with, by their titles.
    """

    title: str
    source: Source
    bare: Callable[[], int]
    besides: Mapping[str, Callable[[], int]] = field(default_factory=dict)


def forms(ground: Ground) -> Iterator[Form]:
    """Write the register in each form and yield them, PostgreSQL first."""
    folder = ground.hub.settings.home / "forms"
    folder.mkdir(exist_ok=True)
    original = ground.hub.source(CODE)
    yield Form("PostgreSQL ÷ ADBC", original, lambda: _adbc(original))
    rows = _register(original)
    for title, write, options, bare in _WRITERS:
        path = write(folder, rows)
        connector = "sql" if "url" in options else "file"
        filled = {name: str(value).format(path=path) for name, value in options.items()}
        yield Form(title, _source(original, connector, filled), partial(bare, path))


def _register(source: Source) -> pa.Table:
    with dbapi.connect(source.option("url")) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(source.columns)} FROM {source.option('table')}")
        table = cursor.fetch_arrow_table()
    return table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))


def _source(original: Source, connector: str, options: Mapping[str, str]) -> Source:
    definition = {
        "code": f"{original.code}_form", "resource": original.resource, "department": original.department,
        "title": original.title, "ordinal": 900, "connector": connector, "options": options, "row_id": "rybh",
        "mapping": {item: {"column": mapped.column} for item, mapped in original.mapping.items()},
    }  # fmt: skip
    return read_source(json.dumps(definition, ensure_ascii=False), "benchmark", {})


def _adbc(source: Source) -> int:
    with dbapi.connect(source.option("url")) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(source.columns)} FROM {source.option('table')}")
        return sum(batch.num_rows for batch in cursor.fetch_record_batch())


# ── one writer and one bare reading a form ───────────────────────────────────────────────────────────


def _write_sqlite(folder: Path, rows: pa.Table) -> Path:
    path = folder / "register.sqlite"
    path.unlink(missing_ok=True)
    names = ", ".join(rows.column_names)
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE register ({names}, PRIMARY KEY (rybh))")
        marks = ", ".join("?" * rows.num_columns)
        columns = [column.to_pylist() for column in rows.columns]
        connection.executemany(f"INSERT INTO register VALUES ({marks})", zip(*columns, strict=True))
    return path


def _read_sqlite(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        cursor, count = connection.execute("SELECT * FROM register"), 0
        while chunk := cursor.fetchmany(SQLITE_CHUNK):
            names = [told[0] for told in cursor.description]
            count += pa.table(dict(zip(names, map(list, zip(*chunk, strict=True)), strict=True))).num_rows
    return count


def _write_csv(folder: Path, rows: pa.Table) -> Path:
    path = folder / "register.csv"
    pacsv.write_csv(rows, path)
    return path


def _write_gb18030(folder: Path, rows: pa.Table) -> Path:
    path = folder / "register_gb18030.csv"
    path.write_bytes(_write_csv(folder, rows).read_text(encoding="utf-8").encode("gb18030"))
    return path


def _read_csv(path: Path, encoding: str = "utf8") -> int:
    reading = pacsv.ReadOptions(encoding=encoding, block_size=4 << 20)
    with pacsv.open_csv(path, reading, convert_options=_all_text(path, encoding)) as batches:
        return sum(batch.num_rows for batch in batches)


def _all_text(path: Path, encoding: str) -> pacsv.ConvertOptions:
    with path.open(encoding=encoding) as file:
        names = [name.strip('"') for name in file.readline().strip().split(",")]
    return pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))


def _write_parquet(folder: Path, rows: pa.Table) -> Path:
    path = folder / "register.parquet"
    parquet.write_table(rows, path, row_group_size=20_000)
    return path


def _read_parquet(path: Path) -> int:
    with parquet.ParquetFile(path) as file:
        return sum(batch.num_rows for batch in file.iter_batches(20_000))


def _write_json(folder: Path, rows: pa.Table) -> Path:
    path = folder / "register.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in rows.to_pylist():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def _read_json(path: Path) -> int:
    with path.open(encoding="utf-8") as file:
        return pa.Table.from_pylist([json.loads(line) for line in file]).num_rows


def _write_sheet(folder: Path, rows: pa.Table) -> Path:
    import xlsxwriter

    path = folder / "register.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, rows.column_names)
        for number, row in enumerate(
            zip(*(c.to_pylist() for c in rows.slice(0, SHEET_ROWS).columns), strict=True)
        ):
            sheet.write_row(number + 1, 0, row)
    return path


def _read_sheet(path: Path) -> int:
    from python_calamine import CalamineWorkbook

    with CalamineWorkbook.from_path(path) as book:
        return len(book.get_sheet_by_index(0).to_python()) - 1


_WRITERS: tuple[
    tuple[str, Callable[[Path, pa.Table], Path], Mapping[str, str], Callable[[Path], int]], ...
] = (
    ("SQLite ÷ sqlite3", _write_sqlite, {"url": "sqlite:///{path}", "table": "register"}, _read_sqlite),
    ("CSV ÷ pyarrow", _write_csv, {"path": "{path}", "format": "csv"}, _read_csv),
    (
        "CSV in GB18030 ÷ pyarrow",
        _write_gb18030,
        {"path": "{path}", "format": "csv"},
        lambda path: _read_csv(path, "gb18030"),
    ),
    ("Parquet ÷ pyarrow", _write_parquet, {"path": "{path}", "format": "parquet"}, _read_parquet),
    ("JSON Lines ÷ json", _write_json, {"path": "{path}", "format": "json"}, _read_json),
    ("Excel ÷ calamine", _write_sheet, {"path": "{path}", "format": "excel"}, _read_sheet),
)
