import os
import subprocess
import sys

MOMENT = """
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from base_libraries.vault import Vault
from infra.keyring import FileKeyring
from schemas.resource import parse_resource

resource = parse_resource(sys.argv[1])
rows = pa.Table.from_pylist([{"code": "A", "seen": datetime(2026, 1, 1, tzinfo=UTC)}], schema=resource.arrow_schema)
print(Vault(resource, FileKeyring(Path(sys.argv[2]))).described(rows)["_digest"][0].as_py().hex())
"""
RESOURCE = """
code: thing
catalogue_code: 307001002/000017
title: 事物
title_en: Thing
provider: 某局
sharing: unconditional
update_cycle: daily
items:
  - {name: code, title: 代码, type: C, length: 9, key: true, required: true}
  - {name: seen, title: 时间, type: T}
"""


def test_equal_content_has_an_equal_digest_wherever_the_hub_runs(tmp_path):
    digests = [
        subprocess.run(
            [sys.executable, "-c", MOMENT, RESOURCE, tmp_path / "keyring.json"],
            env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True,
        ).stdout
        for zone in ("UTC", "Asia/Shanghai")
    ]  # fmt: skip
    assert digests[0] == digests[1]
    assert len(digests[0].strip()) == 32
