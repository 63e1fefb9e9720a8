"""A source that firms are pushed to, over the served hub, and what its department sends."""

import io
import json
import time

import pyarrow as pa
import pytest
from exchange_api_hub import KEY
from pyarrow import parquet
from sqlalchemy import text

from audit.recording import record_administration
from base_libraries.storage import create_tables
from catalog.repository import Catalogue
from catalog.system import System
from infra.database import Role
from schemas.credit_codes import credit_check, organisation_check
from schemas.resource import resource_named

ORGANISATION = "11500000009275123M"
BAD = 2


def definition(code: str, **more) -> dict:
    return {
        "code": code, "resource": "legal_person", "department": "市场监督管理局", "title": "企业登记推送", "connector": "push",
        "options": {"systems": ["pusher"]}, "row_id": "id",
        "mapping": {"credit_code": {"column": "code"}, "name": {"column": "name"}},
    } | more  # fmt: skip


def credit_code(number: int) -> str:
    organisation = f"{number:08d}"
    first17 = f"91500000{organisation}{organisation_check(organisation)}"
    return first17 + credit_check(first17)


def firms(first: int, last: int) -> pa.Table:
    """Firms by number; the second of each lot has an impossible code."""
    numbers = range(first, last)
    codes = [credit_code(n) if n != first + 1 else "nonsense" for n in numbers]
    return pa.table(
        {"id": [str(n) for n in numbers], "code": codes, "name": [f"重庆{n}公司" for n in numbers]}
    )


def written(table: pa.Table, kind: str) -> bytes:
    if kind == "application/x-ndjson":
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in table.to_pylist()).encode()
    if kind == "text/csv":
        rows = [",".join(table.column_names), *(",".join(row.values()) for row in table.to_pylist())]
        return "\n".join(rows).encode("gb18030")
    sink = io.BytesIO()
    if kind == "application/vnd.apache.parquet":
        parquet.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue()


@pytest.fixture(scope="module")
def hub(served_hub):
    """The served hub with an administrator, a system that pushes, and a source for it."""
    public = KEY.as_dict(private=False)
    with served_hub.database.engine(Role.OWNER).begin() as connection:
        create_tables(connection, resource_named("legal_person"))
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        catalogue.add_system(System("pusher", ORGANISATION, "登记系统", (public,)), actor="test")
        administrator = System("operations", ORGANISATION, "运维", (public,), administrator=True)
        catalogue.add_system(administrator, actor="test")
    for system in ("pusher", "operations"):
        served_hub.knows(system)
    made = put(served_hub, definition("firms"))
    assert made.status_code == 200, made.text
    return served_hub


def put(hub, told, code=None, system="operations"):
    headers = {"Authorization": f"Bearer {hub.token(system)}"}
    return hub.http.put(f"/v1/sources/{code or told['code']}", headers=headers, json=told)


def push(hub, body, key, kind="application/x-ndjson", source="firms", system="pusher", **headers):
    told = {
        "Authorization": f"Bearer {hub.token(system)}",
        "Idempotency-Key": key,
        "Content-Type": kind,
    } | headers
    return hub.http.post(f"/v1/sources/{source}/batches", headers=told, content=body, timeout=600)


def until(true, seconds=60.0) -> bool:
    """Wait until something is true; tells whether it ever was."""
    ends = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < ends:
        time.sleep(0.05)
    return found


def golden(hub) -> int:
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return connection.execute(text("SELECT count(*) FROM library.golden_legal_person")).scalar_one()


def stored(hub, statement: str):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return connection.execute(text(statement)).all()
