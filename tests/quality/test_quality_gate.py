"""The gate: who is admitted, who is quarantined, why, and that nobody is lost."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from quality.definition import Suite, parse_suite
from quality.gate import REASONS, Verdict, gate
from quality.report import Report
from schemas.errors import BatchRefused, DefinitionError
from schemas.resource import resource_named

PERSON = resource_named("natural_person")
GOOD = {"citizen_number": "11010519491231002X", "name": "甲", "sex": "2", "mobile_phone": "13800000000"}
PROBLEMS = pa.schema(
    [("_index", pa.int64()), ("item", pa.string()), ("rule", pa.string()), ("reason", pa.string())]
)


def _batch(*rows):
    table = pa.Table.from_pylist(list(rows), PERSON.arrow_schema)
    return table.append_column("_row", pa.array([f"r{number}" for number in range(len(rows))], pa.string()))


def _problems(*rows):
    return pa.Table.from_pylist([dict(zip(PROBLEMS.names, row, strict=True)) for row in rows], PROBLEMS)


NO_SUITE = Suite("natural_person")


def _judged(rows, problems=(), stated=(), suite=NO_SUITE, delivered=None):
    verdict = gate(
        "test", PERSON, _batch(*rows), _problems(*problems), stated, suite=suite, delivered=delivered
    )
    assert verdict.admitted.num_rows + verdict.quarantined.num_rows == len(rows)
    assert verdict.report.rows == len(rows)
    return verdict


def _reasons(verdict):
    listed = verdict.quarantined.to_pylist()
    return {
        row["_row"]: [(r["item"], r["rule"], r["severity"]) for r in row["_reasons"] if r["rule"] != "unique"]
        for row in listed
    }


def _score(verdict, item, name):
    return next(rule for rule in verdict.report.rules if (rule.item, rule.name) == (item, name))


def test_good_rows_are_admitted_as_they_came():
    verdict = _judged([GOOD, GOOD])
    assert verdict.admitted.equals(_batch(GOOD, GOOD))
    assert verdict.quarantined.num_rows == 0
    assert verdict.quarantined.schema == _batch(GOOD).schema.append(REASONS)


def test_a_fault_in_a_key_or_required_item_quarantines_the_row_as_it_came():
    bad = GOOD | {"citizen_number": "110105194912310021", "mobile_phone": "1"}
    verdict = _judged([GOOD, bad, GOOD | {"name": None}])
    assert _reasons(verdict) == {
        "r1": [("citizen_number", "identifier", "error"), ("mobile_phone", "identifier", "warning")],
        "r2": [("name", "not_null", "error")],
    }
    assert verdict.quarantined["mobile_phone"].to_pylist() == ["1", "13800000000"]
    assert verdict.quarantined["_reasons"][0][0]["reason"].as_py() == "is not a valid citizen number"
    assert verdict.admitted["_row"].to_pylist() == ["r0"]


def test_a_value_that_is_none_of_its_type_is_cleared_from_an_admitted_row():
    verdict = _judged([GOOD | {"mobile_phone": "1"}, GOOD | {"sex": "男", "former_names": "x" * 201}])
    assert verdict.quarantined.num_rows == 0
    assert verdict.admitted["mobile_phone"].to_pylist() == [None, "13800000000"]
    assert verdict.admitted["sex"].to_pylist() == ["2", None]
    assert verdict.admitted["former_names"].to_pylist() == [None, None]
    assert verdict.admitted.schema == _batch(GOOD).schema
    assert (_score(verdict, "mobile_phone", "identifier").dirty, _score(verdict, "sex", "code").dirty) == (
        1,
        1,
    )


def test_a_problem_with_an_optional_item_is_a_warning_and_with_a_required_one_an_error():
    rows = [GOOD, GOOD | {"name": None}, GOOD]
    problems = [
        (0, "date_of_birth", "date", "is not a date"),
        (1, "name", "text", "holds control characters"),
        (1, "date_of_birth", "date", "is before 1582"),
    ]
    verdict = _judged(rows, problems)
    # The name was there but could not be read: one fault, not also a missing value.
    assert _reasons(verdict) == {"r1": [("name", "text", "error"), ("date_of_birth", "date", "warning")]}
    told = [reason["reason"] for reason in verdict.quarantined["_reasons"][0].as_py()]
    assert told.pop(0) == "comes again later in the batch"
    assert told == ["holds control characters", "is before 1582"]
    date = _score(verdict, "date_of_birth", "date")
    assert (date.rows, date.dirty, date.score) == (2, 2, 0)
    assert _score(verdict, "name", "not_null").dirty == 0
    assert _score(verdict, "name", "text").dirty == 1


def test_a_source_may_say_that_a_problem_or_an_optional_item_is_an_error():
    stated = [
        {"rule": "date", "item": "date_of_birth", "severity": "error"},
        {"rule": "identifier", "item": "mobile_phone", "severity": "error"},
        {"rule": "not_null", "item": "name", "severity": "warning"},
    ]
    rows = [GOOD, GOOD | {"mobile_phone": "1"}, GOOD | {"name": None}]
    verdict = _judged(rows, [(0, "date_of_birth", "date", "is not a date")], stated)
    assert list(_reasons(verdict)) == ["r0", "r1"]
    assert verdict.admitted["_row"].to_pylist() == ["r2"]


def test_a_warning_of_a_sources_own_rule_counts_and_changes_nothing():
    stated = [{"rule": "in_set", "item": "sex", "values": ["1"], "severity": "warning"}]
    verdict = _judged([GOOD], stated=stated)
    assert verdict.admitted.equals(_batch(GOOD))
    assert _score(verdict, "sex", "in_set").dirty == 1


def test_a_row_with_the_same_problem_twice_counts_once():
    problem = (0, "date_of_birth", "date", "is not a date")
    date = _score(_judged([GOOD], [problem, problem]), "date_of_birth", "date")
    assert (date.rows, date.dirty) == (1, 1)


def test_what_no_source_delivers_is_not_assessable():
    verdict = _judged([GOOD])
    assert _score(verdict, "education", "code").score is None
    assert _score(verdict, "citizen_number", "identifier").score == 100


def test_an_empty_batch_has_an_empty_verdict_and_no_score():
    verdict = _judged([])
    assert verdict.report.newest is None
    assert verdict.quarantined.schema == _batch().schema.append(REASONS)
    assert all(rule.score is None for rule in verdict.report.rules)


def test_a_batch_of_bad_rows_only():
    verdict = _judged([GOOD | {"citizen_number": None}] * 3)
    assert (verdict.admitted.num_rows, verdict.quarantined.num_rows) == (0, 3)
    assert verdict.admitted.schema == _batch(GOOD).schema


@pytest.mark.parametrize("seed", range(5))
def test_random_batches_add_up_and_are_judged_row_by_row(seed):
    random = np.random.default_rng(seed)
    flaws = [{}, {"citizen_number": "x"}, {"name": None}, {"mobile_phone": "1"}, {"sex": "z"}]
    chosen = random.integers(0, len(flaws), 200)
    verdict = _judged([GOOD | flaws[flaw] for flaw in chosen])
    expected = [f"r{row}" for row, flaw in enumerate(chosen) if flaw in (1, 2)]
    assert verdict.quarantined["_row"].to_pylist() == expected
    faults = {"r" + str(row): flaw for row, flaw in enumerate(chosen)}
    for row, reasons in _reasons(verdict).items():
        assert [reason[0] for reason in reasons] == [{1: "citizen_number", 2: "name"}[faults[row]]]


def test_a_wrong_rule_is_told_before_any_row_is_judged():
    with pytest.raises(DefinitionError, match="Source test, quality rule 1: there is no rule 'nonsense'"):
        _judged([GOOD], stated=[{"rule": "nonsense", "item": "name"}])


def test_the_gate_writes_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    _judged([GOOD, GOOD | {"name": None}])
    assert list(Path(tmp_path).rglob("*")) == []


def test_a_verdict_whose_tables_and_report_differ_is_refused():
    table = _batch(GOOD)
    with pytest.raises(ValueError, match="rows its report counts"):
        Verdict(table, table, Report("s", "natural_person", 1, 1, 0, ()))


# ── whole rows ───────────────────────────────────────────────────────────────────────────────────────

OTHER = GOOD | {"citizen_number": "440524188001010014", "sex": "1"}


def test_a_key_that_comes_again_counts_but_for_its_last_row():
    verdict = _judged([GOOD, OTHER, GOOD, GOOD | {"citizen_number": None}])
    unique = _score(verdict, "citizen_number", "unique")
    assert (unique.rows, unique.dirty, unique.severity.value) == (3, 1, "warning")
    assert verdict.admitted.num_rows == 3
    kept = _judged([GOOD, OTHER, GOOD], stated=[{"rule": "unique", "item": "citizen_number"}])
    assert kept.admitted["_row"].to_pylist() == ["r1", "r2"]


def test_whole_rows_are_scored_by_what_their_items_lack_and_what_keeps_them_out():
    rows = [GOOD, OTHER, GOOD | {"name": None}, OTHER | {"citizen_number": "x", "name": None}]
    verdict = _judged(rows)
    complete, dirty = _score(verdict, None, "complete_rows"), _score(verdict, None, "dirty_rows")
    assert (complete.rows, complete.dirty, complete.dimension.value) == (4, 2, "completeness")
    assert (dirty.rows, dirty.dirty, dirty.dimension.value) == (4, 2, "accuracy")


def test_rows_observed_after_now_are_out_of_order_and_the_newest_is_told():
    table = _batch(GOOD, OTHER)
    times = pa.array([np.datetime64("2020-05-01T00:00:00"), np.datetime64("2999-01-01T00:00:00")]).cast(
        pa.timestamp("us", tz="UTC")
    )
    report = gate("test", PERSON, table.append_column("_observed_at", times), _problems()).report
    order = next(rule for rule in report.rules if rule.name == "order")
    assert (order.rows, order.dirty, order.dimension.value) == (2, 1, "timeliness")
    assert report.newest.year == 2999
    assert _score(_judged([GOOD]), None, "order").score is None


# ── suites and thresholds ────────────────────────────────────────────────────────────────────────────


def _suite(*rules, fewest=1):
    listed = "".join(f"  - {rule}\n" for rule in rules)
    return parse_suite(f"resource: natural_person\nfewest_rows: {fewest}\nrules:\n{listed}")


def test_a_suite_adds_rules_and_the_source_has_the_last_word():
    suite = _suite("{rule: in_set, item: sex, values: ['1']}")
    assert _judged([GOOD], suite=suite).quarantined.num_rows == 1
    stated = [{"rule": "in_set", "item": "sex", "values": ["2"], "severity": "warning"}]
    verdict = _judged([GOOD, OTHER], suite=suite, stated=stated)
    assert (verdict.quarantined.num_rows, _score(verdict, "sex", "in_set").dirty) == (0, 1)


def test_a_suite_asks_nothing_of_items_that_a_source_does_not_deliver():
    suite = _suite("{rule: not_null, item: education}", "{rule: consistent, item: sex, with: citizen_number}")
    assert _judged([GOOD], suite=suite).quarantined.num_rows == 1
    verdict = _judged([GOOD], suite=suite, delivered=["citizen_number", "name"])
    assert verdict.quarantined.num_rows == 0
    assert {"education", "sex"}.isdisjoint({r.item for r in verdict.report.rules if r.name != "code"})


def test_a_batch_with_too_many_dirty_rows_is_refused_and_says_why():
    suite = _suite("{rule: dirty_rows, refuse_above: 0.2}")
    bad = GOOD | {"citizen_number": "1234"}
    assert _judged([GOOD] * 4 + [bad], suite=suite).quarantined.num_rows == 1
    with pytest.raises(BatchRefused) as caught:
        _judged([GOOD] * 3 + [bad], suite=suite)
    told = str(caught.value)
    assert "Source test: 1 of 4 rows (25.0%) of natural_person break the rule dirty_rows" in told
    assert "above 20.0%" in told
    assert caught.value.context == {
        "source": "test", "resource": "natural_person", "rule": "dirty_rows", "share": 0.25, "threshold": 0.2,
    }  # fmt: skip
    assert {"rule": "identifier", "failing": 1}.items() <= next(
        record for record in caught.value.report if record["rule"] == "identifier"
    ).items()
    assert "1234" not in told + str(caught.value.report)


def test_severity_refuse_costs_the_batch_for_one_row_and_with_a_share_only_above_it():
    bad = GOOD | {"sex": "1"}
    strict = _suite("{rule: in_set, item: sex, values: ['2'], severity: refuse}", fewest=100)
    with pytest.raises(BatchRefused, match=r"1 of 9 rows \(11\.1%\).*sex: in_set"):
        _judged([GOOD] * 8 + [bad], suite=strict)
    loose = _suite("{rule: in_set, item: sex, values: ['2'], severity: refuse, refuse_above: 0.2}")
    verdict = _judged([GOOD] * 8 + [bad], suite=loose)
    assert _reasons(verdict) == {"r8": [("sex", "in_set", "error")]}
    with pytest.raises(BatchRefused, match="refuses a batch above 20"):
        _judged([GOOD, bad], suite=loose)


def test_a_share_of_few_rows_says_little():
    suite = _suite("{rule: dirty_rows, warn_above: 0.1, refuse_above: 0.2}", fewest=4)
    bad = GOOD | {"name": None}
    assert _judged([GOOD, bad, bad], suite=suite).quarantined.num_rows == 2
    with pytest.raises(BatchRefused):
        _judged([GOOD, GOOD, bad, bad], suite=suite)


def test_above_its_warning_share_a_rule_is_marked():
    suite = _suite("{rule: not_null, item: sex, severity: warning, warn_above: 0.3}")
    rows = [GOOD, GOOD, GOOD | {"sex": None}]
    verdict = _judged([*rows, GOOD | {"sex": None}], suite=suite)
    assert (verdict.admitted.num_rows, _score(verdict, "sex", "not_null").alert) == (4, True)
    assert not _score(_judged([*rows, GOOD], suite=suite), "sex", "not_null").alert


def test_of_several_rules_broken_the_one_exceeded_by_most_is_told():
    suite = _suite(
        "{rule: dirty_rows, refuse_above: 0.5}",
        "{rule: identifier, item: citizen_number, refuse_above: 0.1}",
    )
    with pytest.raises(BatchRefused, match="citizen_number: identifier"):
        _judged([GOOD, GOOD | {"citizen_number": "1"}], suite=suite)
