"""``ingest``: the whole way in of the household register ÷ COPY + upsert, and ÷ dlt's merge, of the same rows.

Ours pulls, standardises, judges, contributes, consolidates, publishes and seals into an empty library. COPY + upsert pulls
the same rows by ADBC, copies them into a staging table and upserts them by text key. dlt merges them by its fastest way into
PostgreSQL, once read by its own SQL source and once fed with the Arrow batches of the former; it judges, seals and
consolidates nothing.
"""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any
from urllib.parse import quote

import psycopg
from adbc_driver_postgresql import dbapi
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from base_libraries.storage import Tables
from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, Side, alternate
from hub.ingest import ingest_source
from infra.database import Role

SOURCE, TABLE, KEY = "public_security", "hjjl", "rybh"
DATASET = "dlt_bench"
_MERGE: Any = {"disposition": "merge", "strategy": "upsert"}


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """Rows of the household register per second, end to end."""
    upsert = Ratio("ingest", "whole way in ÷ COPY + upsert", "rows", 0.3)
    merge = Ratio("ingest", "whole way in ÷ dlt merge, its SQL source", "rows", 1.0)
    fed = Ratio("ingest", "whole way in ÷ dlt merge, fed by ADBC", "rows", 1.0)
    others: list[tuple[Ratio, Side]] = [
        (upsert, _from_rest(ground, _upsert)),
        (merge, _from_rest(ground, partial(_dlt, read=_sql_source))),
        (fed, _from_rest(ground, partial(_dlt, read=_adbc_source))),
    ]
    alternate(_from_rest(ground, _ours), others, runs)
    return [upsert, merge, fed]


def _from_rest(ground: Ground, side: Callable[[Ground], float]) -> Side:
    """No side pays for what another left the server to write."""

    def run() -> float:
        with psycopg.connect(ground.peers, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        return side(ground)

    return run


def _ours(ground: Ground) -> float:
    hub = ground.hub
    tables = Tables(hub.resources[hub.source(SOURCE).resource])
    with hub.database.engine(Role.OWNER).begin() as connection:
        names = (tables.contribution, tables.golden, tables.history, tables.change)
        connection.execute(
            text(
                f"TRUNCATE {', '.join(names)}, library.quarantine, library.watermark, library.shape, library.batch"
            )
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


def _dlt(ground: Ground, read: Callable[[Ground], Any]) -> float:
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    import dlt

    with dbapi.connect(ground.peers) as connection, connection.cursor() as cursor:
        for schema in (DATASET, f"{DATASET}_staging"):
            cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        connection.commit()
    with tempfile.TemporaryDirectory() as folder:
        destination = dlt.destinations.postgres(_credentials(ground.peers))
        pipeline = dlt.pipeline("bench", destination=destination, dataset_name=DATASET, pipelines_dir=folder)
        began = perf_counter()
        pipeline.run(read(ground), loader_file_format="parquet")  # by ADBC: dlt's fastest way into PostgreSQL
        seconds = perf_counter() - began
        with pipeline.sql_client() as client:
            loaded = client.execute_sql(f"SELECT count(*) FROM {TABLE}")
    return int(loaded[0][0]) / seconds if loaded else 0.0


def _adbc_source(ground: Ground) -> Any:
    """The batches that COPY + upsert gets, which spare dlt its own reading."""
    import dlt
    import pyarrow as pa

    @dlt.resource(name=TABLE, primary_key=KEY, write_disposition=_MERGE)
    def rows() -> Any:
        for batch in _batches(ground):
            yield pa.Table.from_batches([batch])

    return rows()


def _sql_source(ground: Ground) -> Any:
    """dlt's own source with its fastest backend that reads from a Unix socket (connectorx wants a host)."""
    from dlt.sources.sql_database import sql_table

    url = ground.hub.source(SOURCE).option("url").replace("postgresql://", "postgresql+psycopg2://")
    table = sql_table(credentials=url, table=TABLE, backend="pyarrow", reflection_level="full_with_precision")
    return table.apply_hints(primary_key=KEY, write_disposition=_MERGE)


def _credentials(url: str) -> dict[str, object]:
    """Say where the database is in dlt's own terms: it wants a host and a password, also of a Unix socket."""
    parts = conninfo_to_dict(url)
    return {
        "database": parts["dbname"], "username": parts["user"], "password": parts.get("password", "none"),
        "host": quote(str(parts["host"]), safe=""), "port": int(str(parts["port"])),
    }  # fmt: skip
