"""docs/connectors/push.md works as it is written."""

import json
import os
import re
import subprocess
import sys

import documents

from connectors.kinds import options_of
from connectors.options import table
from exchange_api.problems import STATUS, status_of
from exchange_api.sources import FORMATS
from hub.server import environment

PAGE = documents.page("connectors/push.md")


def kinds(family):
    return [family, *(kind for child in family.__subclasses__() for kind in kinds(child))]


def test_the_page_lists_options_types_and_problems_as_they_are():
    assert table(options_of("push")) in PAGE
    assert set(re.findall(r"`(application/[\w.+-]+|text/csv)`", PAGE)) == set(FORMATS)
    codes = {kind.code: kind for family in STATUS for kind in kinds(family)}
    rows = re.findall(r"^\| (\d{3}) \| (`.+?) \|", PAGE, re.MULTILINE)
    assert len(rows) == 10
    for status, told in rows:
        for code in re.findall(r"`(\w+)`", told):
            assert int(status) == status_of(codes[code].__new__(codes[code])), code


def test_the_worked_example_works_as_written(hub, tmp_path, monkeypatch):
    (definition,), (rows, answer), (script,) = (
        documents.blocks(PAGE, kind) for kind in ("yaml", "json", "python")
    )
    (tmp_path / "market_push.yaml").write_text(definition, encoding="utf-8")
    (tmp_path / "firms.jsonl").write_text(rows, encoding="utf-8")
    for name, value in environment(hub.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    documents.run(documents.blocks(PAGE, "sh")[0])
    hub.everywhere(_is_heard)

    script = script.replace("http://127.0.0.1:8000", hub.url).replace(
        'Path(".hub")', repr(hub.settings.home).replace("PosixPath", "Path")
    )
    sent = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(documents.ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    told, shown = json.loads(sent.stdout), json.loads(answer)
    (entry,), (example,) = told.pop("quarantine"), shown.pop("quarantine")
    assert told == shown
    assert entry["row"] == example["row"]
    assert [set(reason) for reason in entry["reasons"]] == [set(reason) for reason in example["reasons"]]
    assert [(reason["item"], reason["rule"]) for reason in entry["reasons"]] == [
        ("credit_code", "identifier")
    ]


def _is_heard(hub) -> bool:
    """Whether a worker knows the system that was registered: it answers another problem than that it does not."""
    answer = hub.ask_token(hub.assertion("market-system"))
    return "registered system" not in answer.json()["detail"]
