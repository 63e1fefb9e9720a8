"""Reading a resource's suite from YAML: its rules, and how much each dimension counts in the total.

One file a resource in ``quality/suites``; what it says holds for every source that contributes. Every mistake is one
``DefinitionError`` that names the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from quality.rules import Dimension
from quality.stated_rules import rules_for
from schemas.errors import DefinitionError, HubError
from schemas.resource import Resource, resource_named, resources_shipped

FEWEST_ROWS = 100


@dataclass(frozen=True, eq=False)
class Suite:
    """What a resource asks of every source beside its definition.

    ``rules`` are as ``quality.stated_rules`` reads them. ``weights`` of the dimensions need not add up to 1; without any
    all count alike. A share means little of few rows: a threshold above 0 counts from ``fewest_rows`` rows on.
    """

    resource: str
    rules: tuple[Mapping[str, Any], ...] = ()
    weights: Mapping[Dimension, float] = field(default_factory=dict)
    fewest_rows: int = FEWEST_ROWS


@cache
def suite_of(resource: Resource) -> Suite:
    """Return the shipped suite of a resource, or one that asks for nothing more than the definition does."""
    return suites_shipped().get(resource.code) or Suite(resource.code)


@cache
def suites_shipped() -> Mapping[str, Suite]:
    """Every suite under ``quality/suites``, by resource."""
    folder = resources.files("quality") / "suites"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name
    )
    parsed = (parse_suite(file.read_text(encoding="utf-8"), file.name) for file in files)
    return {suite.resource: suite for suite in parsed}


def parse_suite(text: str, origin: str = "definition", resource: Resource | None = None) -> Suite:
    """Read a suite from YAML; ``origin`` names the file in errors, ``resource`` is for one that is not shipped."""
    import yaml

    try:
        suite = _parse(yaml.safe_load(text))
        rules_for(resource or resource_named(suite.resource), (), "", suite.rules)
    except HubError as error:
        raise DefinitionError(f"{origin}: {error.detail}", hint=error.hint, file=origin) from None
    except yaml.YAMLError as error:
        raise DefinitionError(f"{origin} is not readable YAML: {error}.", file=origin) from error
    return suite


def _parse(raw: Any) -> Suite:
    known = ("resource", "rules", "weights", "fewest_rows")
    if not isinstance(raw, dict):
        raise DefinitionError("the suite is not a mapping of fields.")
    for name in raw:
        if name not in known:
            raise DefinitionError(f"field {name!r} is unknown.", hint=f"Known are: {', '.join(known)}.")
    if not isinstance(raw.get("resource"), str):
        known_resources = ", ".join(resources_shipped())
        raise DefinitionError("field 'resource' is missing.", hint=f"Defined are: {known_resources}.")
    rules = raw.get("rules") or []
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise DefinitionError("field 'rules' is not a list of rules.")
    return Suite(raw["resource"], tuple(rules), _weights(raw.get("weights") or {}), _fewest(raw))


def _weights(raw: Any) -> dict[Dimension, float]:
    if not isinstance(raw, dict):
        raise DefinitionError("field 'weights' is not a mapping of dimensions.")
    found: dict[Dimension, float] = {}
    for name, weight in raw.items():
        if name not in tuple(Dimension):
            raise DefinitionError(
                f"weights.{name} is no dimension.", hint=f"They are: {', '.join(Dimension)}."
            )
        if not isinstance(weight, int | float) or isinstance(weight, bool) or weight < 0:
            raise DefinitionError(f"weights.{name} is not a number from 0 up.")
        found[Dimension(name)] = float(weight)
    if found and not any(found.values()):
        raise DefinitionError("the weights are all 0, so there is no total.")
    return found


def _fewest(raw: Mapping[str, Any]) -> int:
    value = raw.get("fewest_rows", FEWEST_ROWS)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DefinitionError("field 'fewest_rows' is not a whole number from 1 up.")
    return value
