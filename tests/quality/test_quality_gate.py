"""The gate: who is admitted, who is quarantined, why, and that nobody is lost."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from quality.gate import REASONS, Verdict, gate
from quality.report import Report
from schemas.errors import DefinitionError
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


def _judged(rows, problems=(), stated=()):
    verdict = gate("test", PERSON, _batch(*rows), _problems(*problems), stated)
    assert verdict.admitted.num_rows + verdict.quarantined.num_rows == len(rows)
    assert verdict.report.rows == len(rows)
    return verdict


def _reasons(verdict):
    listed = verdict.quarantined.to_pylist()
    return {row["_row"]: [(r["item"], r["rule"], r["severity"]) for r in row["_reasons"]] for row in listed}


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
