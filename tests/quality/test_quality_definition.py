"""Suites in YAML: what they say, and how a mistake is told."""

import pytest

from quality.definition import FEWEST_ROWS, parse_suite, suite_of, suites_shipped
from quality.rules import Dimension, Severity
from quality.stated_rules import rules_for
from schemas.errors import DefinitionError
from schemas.resource import parse_resource, resources_shipped

GOOD = """
resource: natural_person
weights: {completeness: 2, accuracy: 3}
fewest_rows: 50
rules:
  - {rule: not_null, item: sex, severity: warning, warn_above: 0.1}
"""


def test_a_suite_says_rules_weights_and_how_few_rows_are_too_few():
    suite = parse_suite(GOOD)
    assert suite.weights == {Dimension.COMPLETENESS: 2.0, Dimension.ACCURACY: 3.0}
    assert (suite.fewest_rows, len(suite.rules)) == (50, 1)
    assert parse_suite("resource: place").fewest_rows == FEWEST_ROWS


def test_every_resource_has_a_suite_that_limits_dirty_rows_and_keeps_no_optional_item_out():
    assert suites_shipped().keys() == resources_shipped().keys()
    for code, suite in suites_shipped().items():
        resource = resources_shipped()[code]
        rules = rules_for(resource, (), "x", suite.rules)
        assert next(rule for rule in rules if rule.name == "dirty_rows").refuse_above
        kept_out = {rule.item for rule in rules if rule.keeps_out}
        assert kept_out == {item.name for item in resource.items if item.required}
        assert suite.weights.keys() == set(Dimension)


def test_a_resource_without_a_suite_has_one_that_asks_for_nothing():
    resource = parse_resource("""
code: bus_stop
catalogue_code: 307001002/000017
title: 公交站
title_en: Bus stop
provider: 交通局
sharing: unconditional
update_cycle: yearly
items: [{name: number, title: 编号, type: C, key: true, required: true}]
""")
    assert suite_of(resource).rules == ()
    text = (
        "{resource: bus_stop, rules: [{rule: matches, item: number, pattern: '[0-9]+', severity: warning}]}"
    )
    suite = parse_suite(text, resource=resource)
    (rule,) = [rule for rule in rules_for(resource, (), "x", suite.rules) if rule.name == "matches"]
    assert rule.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "not a mapping of fields"),
        ("resource: [", "not readable YAML"),
        ("rules: []", "field 'resource' is missing"),
        ("resource: shoes", "There is no resource 'shoes'"),
        ("{resource: place, rule: []}", "field 'rule' is unknown"),
        ("{resource: place, rules: {rule: not_null}}", "'rules' is not a list"),
        ("{resource: place, rules: [not_null]}", "'rules' is not a list"),
        ("{resource: place, weights: [1]}", "'weights' is not a mapping"),
        ("{resource: place, weights: {beauty: 1}}", "weights.beauty is no dimension"),
        ("{resource: place, weights: {accuracy: -1}}", "weights.accuracy is not a number from 0 up"),
        ("{resource: place, weights: {accuracy: 0}}", "all 0, so there is no total"),
        ("{resource: place, fewest_rows: 0}", "'fewest_rows' is not a whole number"),
        (
            "{resource: place, rules: [{rule: not_null, item: sex}]}",
            "Suite place, quality rule 1: Resource place has no",
        ),
        (
            "{resource: place, rules: [{rule: dirty_rows}, {rule: dirty_rows}]}",
            "rule 2: dirty_rows is stated twice",
        ),
    ],
)
def test_a_mistake_names_the_file(text, said):
    with pytest.raises(DefinitionError) as caught:
        parse_suite(text, "x.yaml")
    assert caught.value.detail.startswith("x.yaml")
    assert said in caught.value.detail
