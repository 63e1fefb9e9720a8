"""The examples of docs/lineage.md run, on a small city."""

import documents
import pytest

from hub.ingest import ingest_source

pytestmark = pytest.mark.server
PAGE = documents.page("lineage.md")


def test_every_example_runs(hub, monkeypatch):
    for code in ("natural_resources_district", "social_security"):
        ingest_source(hub, code)
    for name in ("home", "city", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(hub.settings, name)))

    said = [one for block in documents.blocks(PAGE, "sh") for one in documents.run(block)]
    assert len(said) >= 7
    assert all(one.strip() for one in said)


def test_the_page_names_what_an_answer_has(hub):
    from hub.lineage.backward import Question, Reason, inspect

    ingest_source(hub, "natural_resources_district")
    answer = inspect(hub, "division_area", "500103", Question(("name",)), Reason("test"))

    origin = answer["items"][0]["origin"]
    assert all(f"`{name}`" in PAGE for name in origin if name != "batch")
