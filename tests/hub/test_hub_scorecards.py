"""Runs on record, scorecards over days, and batches that are refused."""

import csv
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from hub import ingest, scorecards
from hub.composition import open_hub
from hub.ingest import ingest_source
from infra.database import Role
from quality.definition import parse_suite
from quality.rules import Dimension
from schemas.errors import BatchRefused, SourceUnreachable, UnknownSource

SOURCE = "social_security"


def _rows(hub, query: str):
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return connection.execute(text(query)).all()


@pytest.fixture
def own_city(own_settings, city, tmp_path):
    """Settings over a copy of the files of two sources, to be spoilt."""
    folder = tmp_path / "city"
    for name in ("social_security", "civil_affairs"):
        shutil.copytree(city / name, folder / name)
    return own_settings.model_copy(update={"city": folder})


def _insured(folder: Path) -> Path:
    return next((folder / "social_security").glob("*.csv"))


def _spoil(file: Path, share: float, after: int = 0) -> None:
    """Cut the last digit off the citizen number of so many of the rows that follow the first ``after``."""
    rows = list(csv.DictReader(file.read_text(encoding="gb18030").splitlines()))
    for row in rows[after : after + int((len(rows) - after) * share)]:
        row["身份证号码"] = row["身份证号码"][:-1]
    with file.open("w", encoding="gb18030", newline="") as written:
        writer = csv.DictWriter(written, rows[0].keys(), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)


def test_a_run_leaves_its_scorecard_and_is_on_the_ledger(hub):
    report = ingest_source(hub, SOURCE, batch_rows=300)
    card = scorecards.scorecard(hub, SOURCE)

    assert (card.subject, card.resource, card.rows) == (SOURCE, "natural_person", report.pulled)
    assert card.dimensions.keys() == set(Dimension)
    assert 90 < card.dimensions[Dimension.ACCURACY] < 100
    assert card.dimensions[Dimension.ACCESSIBILITY] == 100
    punctual = next(score for score in card.scores if score.name == "punctual")
    assert punctual.score is None  # one delivery, and the next is not due
    dirty = next(score for score in card.scores if score.name == "dirty_rows")
    assert (dirty.rows, dirty.dirty) == (report.pulled, report.quarantined)
    weights = {
        d: w for d, w in zip(Dimension, (1, 2, 3, 2, 1, 1), strict=True) if card.dimensions[d] is not None
    }
    expected = sum(card.dimensions[d] * w for d, w in weights.items()) / sum(weights.values())
    assert card.total == pytest.approx(expected)
    (entry,) = _rows(hub, "SELECT outcome, actor, facts FROM ledger.entry WHERE action = 'ingest.run'")
    assert entry.outcome == "done"
    assert entry.facts["batches"] == report.batches
    assert entry.facts["score"] == round(card.total, 2)


def test_a_run_that_finds_nothing_new_keeps_the_scores_of_what_came(hub):
    report = ingest_source(hub, SOURCE)
    ingest_source(hub, SOURCE)
    assert scorecards.scorecard(hub, SOURCE).rows == report.pulled
    assert [
        tuple(row) for row in _rows(hub, "SELECT outcome, batches > 0 FROM library.run ORDER BY number")
    ] == [
        ("done", True),
        ("done", False),
    ]


def test_what_a_source_does_not_deliver_is_not_assessable_and_json_says_so(hub):
    ingest_source(hub, "natural_resources_district")
    told = json.loads(json.dumps(scorecards.scorecard(hub, "natural_resources_district").as_dict()))
    parent = next(
        score for score in told["scores"] if (score["item"], score["rule"]) == ("successor_code", "length")
    )
    assert parent["score"] == "not assessable"
    assert told["dimensions"]["consistency"] == "not assessable"


def test_a_resource_adds_up_its_sources_day_by_day(hub):
    ingest_source(hub, SOURCE)
    yesterday = "UPDATE library.scorecard SET day = day - 1"
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(text(yesterday))
    ingest_source(hub, "civil_affairs_death")

    today, before = scorecards.history(hub, "natural_person", 9)
    assert today.day - before.day == timedelta(days=1)
    alone = scorecards.scorecard(hub, SOURCE)
    assert (before.rows, before.total) == (alone.rows, pytest.approx(alone.total))
    assert today.rows == alone.rows + scorecards.scorecard(hub, "civil_affairs_death").rows
    assert len(scorecards.history(hub, "natural_person", 1)) == 1


def test_nothing_to_show_is_one_clear_error(hub):
    with pytest.raises(UnknownSource, match="There is no scorecard of social_security yet"):
        scorecards.scorecard(hub, SOURCE)
    with pytest.raises(UnknownSource, match="no source or resource 'shoes'"):
        scorecards.scorecard(hub, "shoes")


def test_a_refused_batch_stores_nothing_but_its_refusal_and_the_next_run_tries_again(own_city):
    file = _insured(own_city.city)
    good = file.read_bytes()
    _spoil(file, 0.6)
    with open_hub(own_city) as hub:
        for _ in range(2):
            with pytest.raises(BatchRefused) as caught:
                ingest_source(hub, SOURCE)
        assert caught.value.context["source"] == SOURCE
        assert (caught.value.context["rule"], caught.value.context["threshold"]) == ("identifier", 0.3)
        for table in (
            "batch",
            "watermark",
            "quarantine",
            "golden_natural_person",
            "contribution_natural_person",
        ):
            assert _rows(hub, f"SELECT count(*) FROM library.{table}") == [(0,)]

        entries = _rows(
            hub, "SELECT kind, outcome, problem, facts FROM ledger.entry WHERE actor LIKE 'source:%'"
        )
        assert [(e.kind, e.outcome, e.problem) for e in entries] == [
            ("ingest", "refused", "batch_refused")
        ] * 2
        assert entries[0].facts["rule"] == "identifier"
        assert entries[0].facts["digest"] == entries[1].facts["digest"]
        card = scorecards.scorecard(hub, SOURCE)
        identifier = next(s for s in card.scores if (s.item, s.name) == ("citizen_number", "identifier"))
        assert identifier.share > 0.5  # the same batch counts once, however often it is tried
        assert card.dimensions[Dimension.ACCESSIBILITY] == 100  # it was read well enough to be refused

        file.write_bytes(good)
        assert ingest_source(hub, SOURCE).contributed > 0
        assert _rows(hub, "SELECT outcome FROM library.run ORDER BY number") == [
            ("refused",),
            ("refused",),
            ("done",),
        ]


def test_batches_before_a_refused_one_stay(own_city):
    _spoil(_insured(own_city.city), 0.9, after=200)
    with open_hub(own_city) as hub:
        with pytest.raises(BatchRefused):
            ingest_source(hub, SOURCE, batch_rows=200)
        assert _rows(hub, "SELECT pulled FROM library.batch") == [(200,)]
        assert _rows(hub, "SELECT outcome, batches, pulled FROM library.run") == [("refused", 1, 200)]


def test_a_source_that_cannot_be_read_loses_accessibility(own_city):
    with open_hub(own_city) as hub:
        ingest_source(hub, "civil_affairs_death")
        shutil.rmtree(own_city.city / "civil_affairs")
        with pytest.raises(SourceUnreachable):
            ingest_source(hub, "civil_affairs_death")
        card = scorecards.scorecard(hub, "civil_affairs_death")
        assert card.dimensions[Dimension.ACCESSIBILITY] == 50
        (entry,) = _rows(hub, "SELECT problem FROM ledger.entry WHERE outcome = 'failed'")
        assert entry.problem == "source_unreachable"


def test_what_another_library_says_of_a_failure_is_not_kept(hub, monkeypatch):
    def broken(*_arguments, **_named):
        raise ValueError("11010519491231002X is no number")

    monkeypatch.setattr(ingest, "standardise", broken)
    with pytest.raises(ValueError, match="is no number"):
        ingest_source(hub, SOURCE)
    assert _rows(hub, "SELECT outcome, problem, detail FROM library.run") == [("failed", "ValueError", None)]


def test_late_updates_cost_timeliness(hub):
    ingest_source(hub, SOURCE)
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(text("UPDATE library.batch SET recorded_at = recorded_at - interval '4 days'"))
        now = datetime.now(UTC)
        card = scorecards.keep(connection, hub.source(SOURCE), hub.resources["natural_person"], now)
    punctual = next(score for score in card.scores if score.name == "punctual")
    assert (punctual.rows, punctual.dirty) == (3, 3)


def test_a_warning_share_marks_the_scorecard(hub, monkeypatch):
    suite = parse_suite("{resource: natural_person, rules: [{rule: dirty_rows, warn_above: 0.0001}]}")
    monkeypatch.setattr("quality.gate.suite_of", lambda _resource: suite)
    report = ingest_source(hub, SOURCE)
    assert report.alerts == {"dirty_rows": 1}
    assert scorecards.scorecard(hub, SOURCE).alerts == ["dirty_rows"]
