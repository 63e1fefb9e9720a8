"""Scores as the domain rules count them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from quality.report import Report, RuleScore, added, merge, score_of
from quality.rules import Dimension, Severity
from schemas.errors import DefinitionError


def _score(rows, dirty, dimension=Dimension.ACCURACY, name="identifier", item="citizen_number"):
    return RuleScore(item, name, dimension, Severity.ERROR, rows, dirty)


def _report(*rules, rows=10, quarantined=1, source="s"):
    return Report(source, "natural_person", rows, rows - quarantined, quarantined, rules)


def test_a_rule_scores_the_share_of_clean_rows():
    assert _score(200, 3).score == 98.5
    assert _score(200, 3).share == 0.015


def test_without_basis_a_rule_is_not_assessable():
    assert _score(0, 0).score is None
    record = _report(_score(0, 0)).records()[0]
    assert record["score"] == record["share"] == "not assessable"


def test_a_dimension_is_the_mean_of_its_assessable_rules():
    report = _report(_score(10, 1), _score(10, 0, name="between"), _score(0, 0, name="date"))
    dimensions = report.dimensions()
    assert dimensions[Dimension.ACCURACY] == 95
    assert dimensions[Dimension.TIMELINESS] is None
    assert set(dimensions) == set(Dimension)


def test_the_total_weighs_the_dimensions_that_can_be_assessed():
    report = _report(_score(10, 1), _score(10, 5, Dimension.COMPLETENESS, "not_null"))
    assert report.total() == 70
    weights = {Dimension.ACCURACY: 3.0, Dimension.COMPLETENESS: 1.0, Dimension.TIMELINESS: 9.0}
    assert report.total(weights) == 80
    assert _report(_score(0, 0)).total() is None


def test_records_have_the_columns_of_a_quality_report():
    assert _report(_score(3, 1)).records() == [
        {
            "dimension": "accuracy",
            "rule": "identifier",
            "severity": "error",
            "score": 66.67,
            "resource": "natural_person",
            "item": "citizen_number",
            "failing": 1,
            "share": 0.333333,
            "rows": 3,
            "alert": False,
        }
    ]


def test_a_record_tells_the_score_it_was_made_of():
    for score in (_score(3, 1), _score(0, 0), _score(7, 2, item=None, name="dirty_rows")):
        assert score_of(score.record("natural_person")) == score
    bare = {"item": "name", "rule": "length", "dimension": "conformity", "severity": "error", "failing": 0}
    assert score_of(bare).score is None


def test_scores_of_several_sources_add_up_and_keep_their_alert():
    one, other = _score(10, 1), replace(_score(30, 3), alert=True)
    (both,) = added([one, other])
    assert (both.rows, both.dirty, both.alert) == (40, 4, True)


def test_the_newest_row_is_told_once():
    newest = datetime(2026, 1, 5, tzinfo=UTC)
    report = replace(_report(_score(3, 1), _score(3, 0, Dimension.TIMELINESS, "order", None)), newest=newest)
    assert [record.get("newest") for record in report.records()] == [None, "2026-01-05T00:00:00+00:00"]
    assert merge([report, replace(report, newest=None)]).newest == newest


def test_reports_of_batches_add_up():
    merged = merge([_report(_score(10, 1)), _report(_score(30, 1), _score(5, 0, name="date"), quarantined=2)])
    assert (merged.rows, merged.admitted, merged.quarantined) == (20, 17, 3)
    assert [(rule.name, rule.rows, rule.dirty) for rule in merged.rules] == [
        ("identifier", 40, 2),
        ("date", 5, 0),
    ]


@pytest.mark.parametrize("parts", [[], [_report(), _report(source="other")]])
def test_only_reports_of_one_source_merge(parts):
    with pytest.raises(DefinitionError, match="one source"):
        merge(parts)


def test_counts_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="cannot break"):
        _score(1, 2)
    with pytest.raises(ValueError, match="are not 10 rows"):
        Report("s", "r", 10, 5, 4, ())
