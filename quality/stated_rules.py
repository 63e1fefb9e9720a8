"""The rules that a resource's suite and a source state beside the derived ones, read and checked.

A rule is a mapping ``{rule, item, severity, warn_above, refuse_above, …}`` with the parameters listed in
``quality.rules``. Whatever does not hold together is a ``DefinitionError`` that names the suite or source and the number
of the rule, before any row is judged. The source has the last word: what it states replaces what the suite does.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from quality.rules import DATES, NUMBERS, TEXTS, Dimension, Rule, Severity, derived_rules
from schemas.code_sets import code_set
from schemas.errors import DefinitionError, HubError, UnknownItem
from schemas.resource import Item, ItemType, Resource

TODAY = "today"


@dataclass(frozen=True)
class _Kind:
    dimension: Dimension
    types: frozenset[ItemType] = frozenset(ItemType)
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    derived_only: bool = False
    whole_rows: bool = False


_KINDS: Mapping[str, _Kind] = {
    "not_null": _Kind(Dimension.COMPLETENESS),
    "length": _Kind(Dimension.CONFORMITY, derived_only=True),
    "code": _Kind(Dimension.CONFORMITY, derived_only=True),
    "identifier": _Kind(Dimension.ACCURACY, derived_only=True),
    "date": _Kind(Dimension.ACCURACY, derived_only=True),
    "number": _Kind(Dimension.ACCURACY, derived_only=True),
    "between": _Kind(Dimension.ACCURACY, DATES | NUMBERS, takes=frozenset({"min", "max"})),
    "in_set": _Kind(Dimension.CONFORMITY, TEXTS | NUMBERS, frozenset({"values"})),
    "in_code_set": _Kind(Dimension.CONFORMITY, TEXTS, frozenset({"code_set"})),
    "matches": _Kind(Dimension.ACCURACY, TEXTS, frozenset({"pattern"})),
    "not_in_future": _Kind(Dimension.ACCURACY, DATES),
    "consistent": _Kind(Dimension.CONSISTENCY, needs=frozenset({"with"})),
    "not_before": _Kind(Dimension.CONSISTENCY, DATES | NUMBERS, frozenset({"than"})),
    "unique": _Kind(Dimension.ACCURACY),
    "complete_rows": _Kind(Dimension.COMPLETENESS, whole_rows=True),
    "dirty_rows": _Kind(Dimension.ACCURACY, whole_rows=True),
    "order": _Kind(Dimension.TIMELINESS, whole_rows=True),
}
_OF_EVERY_RULE = ("rule", "item", "severity", "warn_above", "refuse_above")


def rules_for(
    resource: Resource,
    extra: Sequence[Mapping[str, Any]],
    source: str,
    of_suite: Sequence[Mapping[str, Any]] = (),
    delivered: Collection[str] | None = None,
) -> tuple[Rule, ...]:
    """Return the rules of a resource, its suite's, then the source's own; raises ``DefinitionError`` naming where.

    A suite asks nothing of items that a source does not deliver; where it is not said which ones it does, all.
    """
    derived = {(rule.item, rule.name): rule for rule in derived_rules(resource)}
    suited = _stated(resource, of_suite, derived, f"Suite {resource.code}")
    rules = {place: rule for place, rule in suited.items() if place in derived or _judged(rule, delivered)}
    return tuple((derived | rules | _stated(resource, extra, derived, f"Source {source}", source)).values())


def _judged(rule: Rule, delivered: Collection[str] | None) -> bool:
    return delivered is None or {rule.item, rule.other} - {None} <= set(delivered)


_Place = tuple[str | None, str]


def _stated(
    resource: Resource,
    stated: Sequence[Mapping[str, Any]],
    derived: Mapping[_Place, Rule],
    where: str,
    source: str | None = None,
) -> dict[_Place, Rule]:
    found: dict[_Place, Rule] = {}
    for number, raw in enumerate(stated, start=1):
        try:
            rule = _stated_rule(resource, raw, derived)
            if (rule.item, rule.name) in found:
                raise DefinitionError(f"{_named(rule)} is stated twice.")
        except (DefinitionError, UnknownItem) as error:
            raise DefinitionError(
                f"{where}, quality rule {number}: {error.detail}", hint=error.hint, source=source
            ) from None
        found[rule.item, rule.name] = rule
    return found


def _named(rule: Rule) -> str:
    return f"{rule.name} of {rule.item}" if rule.item else rule.name


def _stated_rule(resource: Resource, raw: Mapping[str, Any], derived: Mapping[_Place, Rule]) -> Rule:
    name, kind = _kind_of(raw)
    if kind.whole_rows:
        return _of_whole_rows(raw, name, derived[None, name])
    if "item" not in raw:
        raise DefinitionError(f"{name} does not say about which item.")
    item = resource.item(str(raw["item"]))
    parameters = _parameters_of(raw, name, kind)
    known = derived.get((item.name, name))
    if known is None:
        return _with_severity(_own_rule(resource, item, name, kind, parameters), raw)
    return _with_severity(known, raw, unwavering=item.key and known.keeps_out)


def _own_rule(resource: Resource, item: Item, name: str, kind: _Kind, parameters: Mapping[str, Any]) -> Rule:
    if kind.derived_only:
        raise DefinitionError(f"{item.name} has no {name} to judge by its definition.")
    if item.type not in kind.types:
        raise DefinitionError(f"{name} does not apply to {item.name}, which is of type {item.type}.")
    other = _other_item(resource, item, name, parameters)
    _CHECKS.get(name, _accept)(item, parameters)
    reason = _REASONS[name](parameters)
    return Rule(item.name, name, kind.dimension, Severity.ERROR, reason, other=other, parameters=parameters)


def _of_whole_rows(raw: Mapping[str, Any], name: str, derived: Rule) -> Rule:
    if unknown := sorted(set(raw) - {"rule", "severity", "warn_above", "refuse_above"}):
        raise DefinitionError(f"{name} is about whole rows and takes no {unknown[0]!r}.")
    rule = _with_severity(derived, {"severity": Severity.WARNING, **raw})
    if rule.severity is Severity.ERROR:
        raise DefinitionError(f"{name} keeps no single row out: severity is 'warning' or 'refuse'.")
    return rule


# ── severity and thresholds ──────────────────────────────────────────────────────────────────────────


def _with_severity(rule: Rule, raw: Mapping[str, Any], *, unwavering: bool = False) -> Rule:
    severity = _severity_of(raw)
    if unwavering and severity is Severity.WARNING:
        raise DefinitionError(f"{_named(rule)} must stay an error: it is the key.")
    warn, refuse = _share(raw, "warn_above"), _share(raw, "refuse_above")
    if severity is Severity.REFUSE and refuse is None:
        refuse = 0.0
    if warn is not None and refuse is not None and warn >= refuse:
        raise DefinitionError("warn_above is not below refuse_above, so it would never be heard.")
    return replace(rule, severity=severity, warn_above=warn, refuse_above=refuse)


def _share(raw: Mapping[str, Any], name: str) -> float | None:
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise DefinitionError(f"{name} is not a share of rows from 0 to below 1.")
    return float(value)


def _kind_of(raw: Mapping[str, Any]) -> tuple[str, _Kind]:
    name = str(raw.get("rule", ""))
    if name not in _KINDS:
        raise DefinitionError(f"there is no rule {name!r}.", hint=f"Known are: {', '.join(_KINDS)}.")
    return name, _KINDS[name]


def _severity_of(raw: Mapping[str, Any]) -> Severity:
    try:
        return Severity(raw.get("severity", Severity.ERROR))
    except ValueError:
        raise DefinitionError("severity is neither 'warning', 'error' nor 'refuse'.") from None


def _parameters_of(raw: Mapping[str, Any], name: str, kind: _Kind) -> dict[str, Any]:
    given = {key: _plain(value) for key, value in raw.items() if key not in _OF_EVERY_RULE}
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


def _check_code_set(_item: Item, parameters: Mapping[str, Any]) -> None:
    try:
        code_set(str(parameters["code_set"]))
    except HubError as error:
        raise DefinitionError(f"in_code_set: {error.detail}", hint=error.hint) from None


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
    "in_code_set": _check_code_set,
    "between": _check_bounds,
}

_REASONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "not_null": lambda _: "is missing",
    "between": _bounds_reason,
    "in_set": lambda _: "is not one of the values listed",
    "in_code_set": lambda parameters: f"is not a code of {parameters['code_set']}",
    "matches": lambda _: "is not of the form required",
    "not_in_future": lambda _: "is in the future",
    "consistent": lambda parameters: f"does not agree with {parameters['with']}",
    "not_before": lambda parameters: f"is before {parameters['than']}",
    "unique": lambda _: "comes again later in the batch",
}
