"""The rules a source states for itself, under ``quality:`` of its definition, read and checked.

A rule is a mapping ``{rule, item, severity, …}`` with the parameters listed in ``quality.rules``. Whatever does not
hold together is a ``DefinitionError`` that names the source and the number of the rule, before any row is judged.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from quality.rules import DATES, NUMBERS, TEXTS, Dimension, Rule, Severity, derived_rules
from schemas.errors import DefinitionError, UnknownItem
from schemas.resource import Item, ItemType, Resource

TODAY = "today"


@dataclass(frozen=True)
class _Kind:
    dimension: Dimension
    types: frozenset[ItemType] = frozenset(ItemType)
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    derived_only: bool = False


_KINDS: Mapping[str, _Kind] = {
    "not_null": _Kind(Dimension.COMPLETENESS),
    "length": _Kind(Dimension.CONFORMITY, derived_only=True),
    "code": _Kind(Dimension.CONFORMITY, derived_only=True),
    "identifier": _Kind(Dimension.ACCURACY, derived_only=True),
    "date": _Kind(Dimension.ACCURACY, derived_only=True),
    "number": _Kind(Dimension.ACCURACY, derived_only=True),
    "between": _Kind(Dimension.ACCURACY, DATES | NUMBERS, takes=frozenset({"min", "max"})),
    "in_set": _Kind(Dimension.CONFORMITY, TEXTS | NUMBERS, frozenset({"values"})),
    "matches": _Kind(Dimension.ACCURACY, TEXTS, frozenset({"pattern"})),
    "not_in_future": _Kind(Dimension.ACCURACY, DATES),
    "consistent": _Kind(Dimension.CONSISTENCY, needs=frozenset({"with"})),
    "not_before": _Kind(Dimension.CONSISTENCY, DATES | NUMBERS, frozenset({"than"})),
}


def rules_for(resource: Resource, extra: Sequence[Mapping[str, Any]], source: str) -> tuple[Rule, ...]:
    """Return the rules of a resource, then the source's own; raises ``DefinitionError`` naming the source."""
    rules = {(rule.item, rule.name): rule for rule in derived_rules(resource)}
    stated: set[tuple[str, str]] = set()
    for number, raw in enumerate(extra, start=1):
        try:
            rule = _stated_rule(resource, raw, rules)
        except (DefinitionError, UnknownItem) as error:
            raise DefinitionError(
                f"Source {source}, quality rule {number}: {error.detail}", hint=error.hint, source=source
            ) from None
        place = (rule.item, rule.name)
        if place in stated:
            raise DefinitionError(
                f"Source {source}, quality rule {number}: {rule.name} of {rule.item} is stated twice.",
                source=source,
            )
        stated.add(place)
        rules[place] = rule
    return tuple(rules.values())


def _stated_rule(resource: Resource, raw: Mapping[str, Any], known: Mapping[tuple[str, str], Rule]) -> Rule:
    name, kind = _kind_of(raw)
    if "item" not in raw:
        raise DefinitionError(f"{name} does not say about which item.")
    item = resource.item(str(raw["item"]))
    severity = _severity_of(raw)
    parameters = _parameters_of(raw, name, kind)
    derived = known.get((item.name, name))
    if derived is not None:
        if item.key and severity is not Severity.ERROR:
            raise DefinitionError(f"{name} of {item.name} must stay an error: it is the key.")
        return _restated(derived, severity)
    if kind.derived_only:
        raise DefinitionError(f"{item.name} has no {name} to judge by its definition.")
    if item.type not in kind.types:
        raise DefinitionError(f"{name} does not apply to {item.name}, which is of type {item.type}.")
    other = _other_item(resource, item, name, parameters)
    _CHECKS.get(name, _accept)(item, parameters)
    reason = _REASONS[name](parameters)
    return Rule(item.name, name, kind.dimension, severity, reason, other=other, parameters=parameters)


def _kind_of(raw: Mapping[str, Any]) -> tuple[str, _Kind]:
    name = str(raw.get("rule", ""))
    if name not in _KINDS:
        raise DefinitionError(f"there is no rule {name!r}.", hint=f"Known are: {', '.join(_KINDS)}.")
    return name, _KINDS[name]


def _severity_of(raw: Mapping[str, Any]) -> Severity:
    try:
        return Severity(raw.get("severity", Severity.ERROR))
    except ValueError:
        raise DefinitionError("severity is neither 'error' nor 'warning'.") from None


def _restated(derived: Rule, severity: Severity) -> Rule:
    return replace(derived, severity=severity)


def _parameters_of(raw: Mapping[str, Any], name: str, kind: _Kind) -> dict[str, Any]:
    given = {key: _plain(value) for key, value in raw.items() if key not in ("rule", "item", "severity")}
    if missing := sorted(kind.needs - set(given)):
        raise DefinitionError(f"{name} needs {missing[0]!r}.")
    if unknown := sorted(set(given) - kind.needs - kind.takes):
        raise DefinitionError(f"{name} takes no {unknown[0]!r}.")
    if kind.takes and not given:
        raise DefinitionError(f"{name} needs one of {', '.join(sorted(kind.takes))}.")
    return given


def _plain(value: Any) -> Any:
    """Unquoted dates of YAML become text, so that parameters are plain JSON."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _other_item(resource: Resource, item: Item, name: str, parameters: Mapping[str, Any]) -> str | None:
    named = parameters.get({"consistent": "with", "not_before": "than"}.get(name, ""))
    if named is None:
        return None
    other = resource.item(str(named))
    told = other.identifier == "citizen_number" and (item.type is ItemType.DATE or item.code_set == "sex")
    comparable = other.type == item.type and other.name != item.name
    if not (comparable or (told and name == "consistent")):
        raise DefinitionError(f"{name}: {item.name} and {other.name} cannot be compared.")
    return other.name


def _accept(_item: Item, _parameters: Mapping[str, Any]) -> None:
    """Most rules need no further check of their parameters."""


def _check_pattern(_item: Item, parameters: Mapping[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), str(parameters["pattern"]))
    except pa.ArrowInvalid:
        raise DefinitionError("matches: the pattern is not a regular expression of RE2.") from None


def _check_values(item: Item, parameters: Mapping[str, Any]) -> None:
    import pyarrow as pa

    values = parameters["values"]
    if not isinstance(values, list) or not values:
        raise DefinitionError("in_set: 'values' is not a list with entries.")
    try:
        pa.array(values).cast(item.arrow_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        raise DefinitionError(f"in_set: not every value is of the type of {item.name}.") from None


def _check_bounds(item: Item, parameters: Mapping[str, Any]) -> None:
    for name, value in parameters.items():
        if item.type in NUMBERS:
            good = isinstance(value, int | float) and not isinstance(value, bool)
        else:
            good = isinstance(value, str) and (value == TODAY or _is_iso_date(value))
        if not good:
            raise DefinitionError(f"between: {name!r} is not a value of the type of {item.name}.")


def _is_iso_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None


def _bounds_reason(parameters: Mapping[str, Any]) -> str:
    if "max" not in parameters:
        return f"is below {parameters['min']}"
    if "min" not in parameters:
        return f"is above {parameters['max']}"
    return f"is not between {parameters['min']} and {parameters['max']}"


_CHECKS: Mapping[str, Callable[[Item, Mapping[str, Any]], None]] = {
    "matches": _check_pattern,
    "in_set": _check_values,
    "between": _check_bounds,
}

_REASONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "not_null": lambda _: "is missing",
    "between": _bounds_reason,
    "in_set": lambda _: "is not one of the values listed",
    "matches": lambda _: "is not of the form required",
    "not_in_future": lambda _: "is in the future",
    "consistent": lambda parameters: f"does not agree with {parameters['with']}",
    "not_before": lambda parameters: f"is before {parameters['than']}",
}
