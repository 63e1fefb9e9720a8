"""The departments' systems on disk: written when the city is built, added to as days pass, opened for a pull.

=====================  ==========================================  =============================================
public security        ``public_security/``                        PostgreSQL ``household``, table ``hjjl``
market regulation      ``market_regulation/登记.sqlite``            SQLite, table ``企业登记``
social security        ``social_security/参保_YYYYMMDD.csv``        CSV in GB18030; the first full, then changes
civil affairs          ``civil_affairs/婚姻登记_*.xlsx, 死亡登记_*``  Excel, title rows above the header
natural resources      ``natural_resources/自然资源.gpkg``          GeoPackage, EPSG:4490, three layers
credit                 ``credit/许可_*.csv``, ``处罚_*.json``        CSV in UTF-8 with BOM, JSON
=====================  ==========================================  =============================================
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from infra.embedded import EmbeddedPostgres

HOUSEHOLD_DATABASE = "household"
HOUSEHOLD_TABLE = "hjjl"
READER = "exchange_reader"
MARKET_TABLE = "企业登记"
MEMORY_MB = 128


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Run the city's database server; yields the variables that the source definitions name.

    ``city`` is the folder, ``city_public_security`` the URL of the household register for a read-only login.
    """
    with EmbeddedPostgres(folder / "public_security", memory=MEMORY_MB) as server:
        yield {"city": str(folder), "city_public_security": server.url(HOUSEHOLD_DATABASE, READER)}


def write_household(folder: Path, table: Any) -> None:
    """Write the household register anew: table, primary key, index of the watermark, a login that may only read."""
    with EmbeddedPostgres(folder / "public_security", memory=MEMORY_MB) as server:
        server.ensure_database(HOUSEHOLD_DATABASE)
        _run(server, f"DROP TABLE IF EXISTS {HOUSEHOLD_TABLE}")
        _ingest(server, HOUSEHOLD_TABLE, table)
        _run(server, f"ALTER TABLE {HOUSEHOLD_TABLE} ADD PRIMARY KEY (rybh), ALTER COLUMN gxsj SET NOT NULL")
        _run(server, f"CREATE INDEX ON {HOUSEHOLD_TABLE} (gxsj, rybh)")
        _run(
            server,
            f"DO $$ BEGIN CREATE ROLE {READER} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        )
        _run(server, f"GRANT SELECT ON {HOUSEHOLD_TABLE} TO {READER}")
        _run(server, f"ANALYZE {HOUSEHOLD_TABLE}")


def change_household(folder: Path, table: Any) -> None:
    """Insert new rows and put changed ones in place of the old, by ``rybh``, in one transaction."""
    names = ", ".join(table.column_names)
    updates = ", ".join(f"{name} = excluded.{name}" for name in table.column_names if name != "rybh")
    with EmbeddedPostgres(folder / "public_security", memory=MEMORY_MB) as server:
        _run(server, "DROP TABLE IF EXISTS changes")
        _ingest(server, "changes", table)
        _run(
            server,
            f"INSERT INTO {HOUSEHOLD_TABLE} ({names}) SELECT {names} FROM changes "
            f"ON CONFLICT (rybh) DO UPDATE SET {updates}",
        )
        _run(server, "DROP TABLE changes")


def _run(server: EmbeddedPostgres, statement: str) -> None:
    import psycopg

    with psycopg.connect(server.url(HOUSEHOLD_DATABASE), autocommit=True) as connection:
        connection.execute(statement.encode())


def _ingest(server: EmbeddedPostgres, name: str, table: Any) -> None:
    from infra.bulk import BulkConnection

    with closing(BulkConnection(server.url(HOUSEHOLD_DATABASE))) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(name, table.combine_chunks().to_reader(100_000), mode="create")
        connection.commit()


def write_market(folder: Path, table: Any) -> None:
    """Write the enterprise register anew as SQLite."""
    path = _place(folder, "market_regulation") / "登记.sqlite"
    path.unlink(missing_ok=True)
    types = {name: _sqlite_type(table.schema.field(name).type) for name in table.column_names}
    columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f'CREATE TABLE "{MARKET_TABLE}" ({columns}, PRIMARY KEY ("记录编号"))')
        _insert(connection, table)
        connection.execute(f'CREATE INDEX "更新时间索引" ON "{MARKET_TABLE}" ("更新时间", "记录编号")')
    connection.close()


def change_market(folder: Path, table: Any) -> None:
    """Insert new rows and replace changed ones by their number."""
    with sqlite3.connect(folder / "market_regulation" / "登记.sqlite") as connection:
        _insert(connection, table)
    connection.close()


def _insert(connection: sqlite3.Connection, table: Any) -> None:
    marks = ", ".join("?" * table.num_columns)
    for batch in table.to_batches(max_chunksize=20_000):
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        connection.executemany(f'INSERT OR REPLACE INTO "{MARKET_TABLE}" VALUES ({marks})', rows)


def _sqlite_type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "INTEGER"
    return "REAL" if pa.types.is_floating(kind) else "TEXT"


def write_social_security(folder: Path, day: str, table: Any) -> None:
    """Write one night's CSV in GB18030; ``day`` is ``YYYYMMDD``."""
    path = _place(folder, "social_security") / f"参保_{day}.csv"
    _write_csv(path, table, "gb18030")


def write_permits(folder: Path, day: str, table: Any) -> None:
    """Write one CSV of permits in UTF-8 with byte order mark."""
    _write_csv(_place(folder, "credit") / f"许可_{day}.csv", table, "utf-8-sig")


def _write_csv(path: Path, table: Any, encoding: str) -> None:
    from pyarrow import csv

    with path.open("wb") as file:
        for start in range(0, max(table.num_rows, 1), 100_000):
            sink = pa.BufferOutputStream()
            options = csv.WriteOptions(include_header=start == 0, quoting_style="needed")
            csv.write_csv(table.slice(start, 100_000), sink, options)
            text = sink.getvalue().to_pybytes().decode("utf-8").replace("\n", "\r\n")
            file.write(text.encode(encoding if start == 0 else encoding.removesuffix("-sig")))


def write_penalties(folder: Path, day: str, table: Any) -> None:
    """Write one JSON of penalties: ``{"更新日期": …, "总数": …, "data": [ … ]}``."""
    import orjson

    path = _place(folder, "credit") / f"处罚_{day}.json"
    document = {"更新日期": day, "总数": table.num_rows, "data": table.to_pylist()}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def write_layers(folder: Path, layers: Mapping[str, tuple[Any, str]]) -> None:
    """Write the GeoPackage; ``layers``: name → (table with WKB ``geometry``, geometry type)."""
    from hub.city.geopackage import write_geopackage

    write_geopackage(_place(folder, "natural_resources") / "自然资源.gpkg", layers)


def write_marriages(folder: Path, day: str, table: Any) -> None:
    """Write marriages in one workbook a day of writing."""
    from hub.city.workbooks import write_workbook

    write_workbook(_place(folder, "civil_affairs") / f"婚姻登记_{day}.xlsx", "婚姻登记", day, table)


def write_deaths(folder: Path, day: str, table: Any) -> None:
    """Write deaths in one workbook a day of writing."""
    from hub.city.workbooks import write_workbook

    write_workbook(_place(folder, "civil_affairs") / f"死亡登记_{day}.xlsx", "死亡登记", day, table)


def _place(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    return place
