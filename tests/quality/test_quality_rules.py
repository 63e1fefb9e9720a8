"""What rules a resource gives, what a source may state, and how a wrong statement is told."""

import pytest

from quality.rules import Dimension, Severity, derived_rules
from quality.stated_rules import rules_for
from schemas.errors import DefinitionError
from schemas.resource import resource_named, resources_shipped

PERSON = resource_named("natural_person")


def _rule(rules, item, name):
    return next(rule for rule in rules if (rule.item, rule.name) == (item, name))


@pytest.mark.parametrize(
    ("item", "name", "severity", "dimension", "clears"),
    [
        ("citizen_number", "not_null", "error", "completeness", False),
        ("citizen_number", "identifier", "error", "accuracy", True),
        ("name", "length", "error", "conformity", True),
        ("sex", "code", "warning", "conformity", True),
        ("mobile_phone", "identifier", "warning", "accuracy", True),
        ("former_names", "length", "warning", "conformity", True),
        ("date_of_birth", "date", "warning", "accuracy", True),
    ],
)
def test_rules_derived_from_the_definition(item, name, severity, dimension, clears):
    rule = _rule(derived_rules(PERSON), item, name)
    assert (rule.severity, rule.dimension, rule.clears) == (Severity(severity), Dimension(dimension), clears)


def test_every_shipped_resource_has_rules_for_its_key_and_required_items():
    for resource in resources_shipped().values():
        demanded = {rule.item for rule in derived_rules(resource) if rule.name == "not_null"}
        assert demanded == {item.name for item in resource.items if item.required}


def test_a_source_restates_the_severity_of_a_derived_rule():
    stated = [
        {"rule": "not_null", "item": "name", "severity": "warning"},
        {"rule": "identifier", "item": "mobile_phone", "severity": "error"},
        {"rule": "date", "item": "date_of_birth"},
    ]
    rules = rules_for(PERSON, stated, "civil_affairs")
    assert len(rules) == len(derived_rules(PERSON))
    assert _rule(rules, "name", "not_null").severity is Severity.WARNING
    assert _rule(rules, "mobile_phone", "identifier").severity is Severity.ERROR
    assert _rule(rules, "date_of_birth", "date").severity is Severity.ERROR


def test_own_rules_come_after_the_derived_ones_and_are_errors_unless_they_say_otherwise():
    stated = [
        {"rule": "between", "item": "date_of_birth", "min": "1900-01-01", "max": "today"},
        {"rule": "not_null", "item": "insurance_status", "severity": "warning"},
    ]
    between, not_null = rules_for(PERSON, stated, "social_security")[-2:]
    assert (between.severity, between.clears) == (Severity.ERROR, False)
    assert between.title == "date_of_birth is not between 1900-01-01 and today"
    assert (not_null.severity, not_null.dimension) == (Severity.WARNING, Dimension.COMPLETENESS)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"rule": "nonsense", "item": "name"}, "there is no rule 'nonsense'"),
        ({"item": "name"}, "there is no rule ''"),
        ({"rule": "not_null"}, "does not say about which item"),
        ({"rule": "not_null", "item": "shoe_size"}, "has no item 'shoe_size'"),
        ({"rule": "not_null", "item": "sex", "severity": "fatal"}, "severity is neither"),
        ({"rule": "not_null", "item": "citizen_number", "severity": "warning"}, "must stay an error"),
        ({"rule": "not_null", "item": "sex", "min": 1}, "takes no 'min'"),
        ({"rule": "identifier", "item": "name"}, "has no identifier to judge"),
        ({"rule": "between", "item": "date_of_birth"}, "needs one of max, min"),
        ({"rule": "between", "item": "date_of_birth", "min": "long ago"}, "'min' is not a value of the type"),
        ({"rule": "between", "item": "date_of_birth", "max": 5}, "'max' is not a value of the type"),
        ({"rule": "between", "item": "name", "min": 1}, "does not apply to name"),
        ({"rule": "in_set", "item": "sex"}, "needs 'values'"),
        ({"rule": "in_set", "item": "sex", "values": []}, "not a list with entries"),
        ({"rule": "matches", "item": "name", "pattern": "("}, "not a regular expression"),
        ({"rule": "consistent", "item": "date_of_birth", "with": "mobile_phone"}, "cannot be compared"),
        ({"rule": "not_before", "item": "document_valid_to", "than": "name"}, "cannot be compared"),
        ({"rule": "not_before", "item": "document_valid_to", "than": "nothing"}, "has no item 'nothing'"),
        ({"rule": "not_null", "item": "sex", "refuse_above": 20}, "refuse_above is not a share"),
        ({"rule": "not_null", "item": "sex", "warn_above": "much"}, "warn_above is not a share"),
        ({"rule": "not_null", "item": "sex", "warn_above": True}, "warn_above is not a share"),
        ({"rule": "not_null", "item": "sex", "warn_above": 0.2, "refuse_above": 0.1}, "never be heard"),
        ({"rule": "not_null", "item": "sex", "warn_above": 0.1, "severity": "refuse"}, "never be heard"),
        ({"rule": "dirty_rows", "item": "sex"}, "dirty_rows is about whole rows and takes no 'item'"),
        ({"rule": "complete_rows", "severity": "error"}, "keeps no single row out"),
    ],
)
def test_a_wrong_statement_names_the_source_and_the_rule(stated, said):
    good = {"rule": "not_null", "item": "sex"}
    with pytest.raises(DefinitionError) as caught:
        rules_for(PERSON, [good, stated], "civil_affairs")
    assert "Source civil_affairs, quality rule 2: " in caught.value.detail
    assert said in caught.value.detail


def test_wrong_values_for_a_number_are_told():
    with pytest.raises(DefinitionError, match="not every value is of the type of staff_count"):
        rules_for(
            resource_named("legal_person"),
            [{"rule": "in_set", "item": "staff_count", "values": ["many"]}],
            "x",
        )


def test_a_rule_stated_twice_is_told():
    twice = [{"rule": "not_in_future", "item": "date_of_birth"}] * 2
    with pytest.raises(DefinitionError, match="rule 2: not_in_future of date_of_birth is stated twice"):
        rules_for(PERSON, twice, "x")


def test_thresholds_are_read_with_the_severity():
    stated = [
        {"rule": "identifier", "item": "citizen_number", "warn_above": 0.01, "refuse_above": 0.2},
        {"rule": "not_null", "item": "sex", "severity": "refuse"},
        {"rule": "dirty_rows", "refuse_above": 0.5},
    ]
    rules = rules_for(PERSON, stated, "x")
    identifier, dirty = _rule(rules, "citizen_number", "identifier"), _rule(rules, None, "dirty_rows")
    assert (identifier.warn_above, identifier.refuse_above, identifier.keeps_out) == (0.01, 0.2, True)
    assert _rule(rules, "sex", "not_null").refuse_above == 0
    assert (dirty.refuse_above, dirty.keeps_out, dirty.severity) == (0.5, False, Severity.WARNING)
