"""The worked example of docs/drift.md runs as written, and the page names every field of a report."""

import json

import documents
import pytest

from connectors.drift import Change

pytestmark = pytest.mark.server
PAGE = documents.page("drift.md")


@pytest.fixture
def run(own_settings, monkeypatch, tmp_path):
    """Run the lines of a block in a folder of their own; returns what the last one said."""
    (tmp_path / "sources").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("home", "database_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}", str(getattr(own_settings, name)))
    monkeypatch.setenv("HUB_SOURCES", str(tmp_path / "sources"))
    return lambda block, code=0: documents.run(block, code)[-1]


def test_the_worked_example_works_as_written(run, tmp_path):
    (definition,), (first, second) = documents.blocks(PAGE, "yaml"), documents.blocks(PAGE, "csv")
    (begun, shown), (failing,), (corrected,) = (
        documents.blocks(PAGE, "sh"),
        documents.blocks(PAGE, "sh fails"),
        documents.blocks(PAGE, "sh corrected"),
    )
    (tmp_path / "firms.yaml").write_text(definition, encoding="utf-8")
    (tmp_path / "firms_1.csv").write_text(first, encoding="utf-8")
    run(begun)
    (tmp_path / "firms_2.csv").write_text(second, encoding="utf-8")

    (words,) = documents.blocks(PAGE, "text")
    assert words.strip() in " ".join(run(failing, code=1).split())
    (example,) = documents.blocks(PAGE, "json")
    told = json.loads(run(shown))
    assert [{name: seen[name] for name in seen if name != "recorded_at"} for seen in told] == json.loads(
        example
    )

    told = definition.replace("{column: staff}", "{column: staff_total}")
    (tmp_path / "firms.yaml").write_text(told, encoding="utf-8")
    run(corrected)
    assert [seen["outcome"] for seen in json.loads(run(shown))] == ["taken", "refused", "first"]


def test_the_page_names_every_field_and_outcome():
    fields = set(Change.__dataclass_fields__) - {"column", "was", "now"}
    for name in (*fields, "was", "now", "since", "batch", "outcome", "read_by"):
        assert f"`{name}`" in PAGE, name
