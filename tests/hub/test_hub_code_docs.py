"""docs/codes.md says what the code does: its examples run, its tables are the code's own."""

import re

import documents
import orjson

from catalog.code_layouts import LAYOUTS
from catalog.crosswalk import Outcome
from exchange_api.app import app
from hub.code_crosswalks import MOST_AT_ONCE, translation
from hub.composition import open_hub

PAGE = documents.page("codes.md")


def test_the_examples_run_as_written(hub_settings, tmp_path, monkeypatch):
    (script,) = documents.blocks(PAGE, "sh")
    monkeypatch.chdir(tmp_path)
    for name in ("home", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(hub_settings, name)))

    said = " ".join("\n".join(documents.run(script)).split())

    for words in (
        "江北区",
        "两江新区",
        "国民经济行业分类",
        "4 rows = 4 in 3 events + 0 that are none",
        "丙街道",
    ):
        assert words in said
    assert (tmp_path / "conflicts.xlsx").stat().st_size > 1_000


def test_the_translation_shown_is_answered_as_told(hub_settings):
    (body,) = documents.blocks(PAGE, "json")
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
