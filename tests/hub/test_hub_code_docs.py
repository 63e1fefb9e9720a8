"""docs/codes.md says what the code does: its examples run, its tables are the code's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import orjson

from catalog.code_layouts import LAYOUTS
from catalog.crosswalk import Outcome
from exchange_api.app import app
from hub.code_crosswalks import MOST_AT_ONCE, translation
from hub.composition import open_hub

PAGE = (Path(__file__).parents[2] / "docs" / "codes.md").read_text(encoding="utf-8")


def test_the_examples_run_as_written(hub_settings, tmp_path):
    (script,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    hub = Path(sys.executable).parent / "hub"
    known = {
        "HUB_HOME": str(hub_settings.home),
        "HUB_DATABASE_URL": str(hub_settings.database_url),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        ["sh", "-eu", "-c", f'hub() {{ "{hub}" "$@"; }}\n{script}'],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, **known},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "江北区",
        "两江新区",
        "国民经济行业分类",
        "4 rows = 4 in 3 events + 0 that are none",
        "丙街道",
    ):
        assert words in done.stdout
    assert (tmp_path / "conflicts.xlsx").stat().st_size > 1_000


def test_the_translation_shown_is_answered_as_told(hub_settings):
    (body,) = re.findall(r"^```json\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
    asked = orjson.loads(body)
    with open_hub(hub_settings) as hub:
        written = (asked["from"], asked["to"], None)
        told = translation(hub.database, written, asked["codes"], name="division", actor="test")

    assert [one["answer"] for one in told["codes"]] == ["code", "split", "code", "unknown"]


def test_every_route_outcome_and_layout_is_listed():
    routes = {
        f"{method} {route.path}"
        for route in app.routes
        if str(getattr(route, "path", "")).startswith("/v1/codes")
        for method in route.methods - {"HEAD"}
    }

    assert set(re.findall(r"^\| `((?:GET|POST) \S+)` \|", PAGE, re.MULTILINE)) == routes
    assert {outcome.value for outcome in Outcome} <= set(re.findall(r"`(\w+)`", PAGE))
    assert all(f"| {layout.name} |" in PAGE for layout in LAYOUTS)
    assert f"{MOST_AT_ONCE:,}" in PAGE
