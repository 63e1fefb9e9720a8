"""``ingest``: the whole way in of the household register ÷ COPY + upsert, and ÷ dlt's merge, of the same rows.

Ours pulls, standardises, judges, contributes, consolidates, publishes and seals into an empty library. COPY + upsert pulls
the same rows by ADBC, copies them into a staging table and upserts them by text key. dlt merges the same Arrow batches by
its fastest way into PostgreSQL; it judges, seals and consolidates nothing.
"""

import os
import shutil
import tempfile
from time import perf_counter
from typing import Any
from urllib.parse import quote

from adbc_driver_postgresql import dbapi
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from base_libraries.storage import Tables
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from hub.ingest import ingest_source
from infra.database import Role

SOURCE, TABLE, KEY = "public_security", "hjjl", "rybh"


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Rows of the household register per second, end to end."""
    upsert = Ratio("ingest", "whole way in ÷ COPY + upsert", "rows", 0.2)
    merge = Ratio("ingest", "whole way in ÷ dlt merge", "rows", 0.7)
    alternate(lambda: _ours(ground), [(upsert, lambda: _upsert(ground)), (merge, lambda: _dlt(ground))], runs)
    return [upsert, merge]


def _ours(ground: Ground) -> float:
    hub = ground.hub
    tables = Tables(hub.resources[hub.source(SOURCE).resource])
    with hub.database.engine(Role.OWNER).begin() as connection:
        names = (tables.contribution, tables.golden, tables.history, tables.change)
        connection.execute(
            text(f"TRUNCATE {', '.join(names)}, library.quarantine, library.watermark, library.batch")
        )
    began = perf_counter()
    report = ingest_source(hub, SOURCE)
    return report.pulled / (perf_counter() - began)


def _batches(ground: Ground) -> Any:
    with dbapi.connect(ground.hub.source(SOURCE).option("url")) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE}")
        yield from cursor.fetch_record_batch()


def _upsert(ground: Ground) -> float:
    began, rows = perf_counter(), 0
    with dbapi.connect(ground.peers, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS upserted, staged")
        for batch in _batches(ground):
            if rows == 0:
                cursor.adbc_ingest("staged", batch.slice(0, 0), mode="create")
                cursor.execute(f"CREATE TABLE upserted (LIKE staged, PRIMARY KEY ({KEY}))")
            cursor.adbc_ingest("staged", batch, mode="append")
            rows += batch.num_rows
        sets = ", ".join(f"{name} = excluded.{name}" for name in batch.schema.names if name != KEY)
        cursor.execute(f"INSERT INTO upserted SELECT * FROM staged ON CONFLICT ({KEY}) DO UPDATE SET {sets}")
        connection.commit()
    return rows / (perf_counter() - began)


def _dlt(ground: Ground) -> float:
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    import dlt
    import pyarrow as pa

    folder = tempfile.mkdtemp()
    try:
        pipeline = dlt.pipeline(
            "bench",
            destination=dlt.destinations.postgres(_credentials(ground.peers)),
            dataset_name="dlt_bench",
            pipelines_dir=folder,
        )
        disposition: Any = {"disposition": "merge", "strategy": "upsert"}

        @dlt.resource(name="merged", primary_key=KEY, write_disposition=disposition)
        def rows() -> Any:
            for batch in _batches(ground):
                yield pa.Table.from_batches([batch])

        with dbapi.connect(ground.peers) as connection, connection.cursor() as cursor:
            for schema in ("dlt_bench", "dlt_bench_staging"):
                cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            connection.commit()
        began = perf_counter()
        pipeline.run(rows(), loader_file_format=_fastest_format())
        seconds = perf_counter() - began
        with pipeline.sql_client() as client:
            loaded = client.execute_sql("SELECT count(*) FROM merged")
        return int(loaded[0][0]) / seconds if loaded else 0.0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _credentials(url: str) -> dict[str, object]:
    """Say where the database is in dlt's own terms: it wants a host and a password, also of a Unix socket."""
    parts = conninfo_to_dict(url)
    return {
        "database": parts["dbname"], "username": parts["user"], "password": parts.get("password", "none"),
        "host": quote(str(parts["host"]), safe=""), "port": int(str(parts["port"])),
    }  # fmt: skip


def _fastest_format() -> Any:
    """Parquet goes into PostgreSQL by ADBC, dlt's fastest way; where its version cannot, CSV by COPY."""
    return os.environ.get("BENCH_DLT_FORMAT", "parquet")
