"""The rules a source's batches are judged by: derived from the resource's definition, and the source's own.

=================  ==============  ======================  =====================================================
rule               dimension       parameters              broken by
=================  ==============  ======================  =====================================================
``not_null``       completeness                            a missing value
``length``         conformity                              a text longer than the item allows (derived)
``code``           conformity                              a code or label that is not in the item's code set (derived)
``identifier``     accuracy                                a number that fails its standard's check (derived)
``date``           accuracy                                what standardising could not read as a date (derived)
``number``         accuracy                                what standardising could not read as a number (derived)
``between``        accuracy        min, max (``today``)    a date or number outside the bounds, both included
``in_set``         conformity      values                  a value that is not listed
``in_code_set``    conformity      code_set                a value that is no code of it
``matches``        accuracy        pattern                 a text the RE2 pattern does not match as a whole
``not_in_future``  accuracy                                a date after today in China
``consistent``     consistency     with                    disagreement with another item: equal values, or the date
                                                           of birth or sex that a citizen number tells
``not_before``     consistency     than                    a date or number before that of another item
``unique``         accuracy                                a value that comes again later in the batch (derived: key)
``complete_rows``  completeness                            a row that lacks an item a ``not_null`` asks for (whole row)
``dirty_rows``     accuracy                                a row that breaks any rule that keeps rows out (whole row)
``order``          timeliness                              a row observed after it was received (whole row)
=================  ==============  ======================  =====================================================

Dimensions are those of GB/T 36344. A derived rule is an ``error`` on the key and on required items, which no row can
do without; on an optional item it is a ``warning`` and the value is cleared, for it is no value of the item's type. A
suite or a source may restate a derived rule to change its severity, except on the key. Their own rules are errors unless
they say otherwise; a warning counts and changes nothing. Rules about whole rows are derived for every resource and keep
no single row out.

Every rule takes ``warn_above`` and ``refuse_above``: shares of the rows it can be judged on, above which the batch
is marked, or refused whole. Severity ``refuse`` without a share refuses a batch for a single row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from schemas.resource import Item, ItemType, Resource

DRIFT = "drift"
"""The rule that a row breaks whose source's columns have changed, where the policy is to quarantine."""

_KEEPING_OUT = {
    DRIFT: "comes from a changed column",
    "geometry_invalid": "is invalid, and not to be repaired",
}
"""Rules about what was found while reading, which keep a row out whatever the item."""

_TELLING = {"geometry_repaired": "was invalid, and is repaired"}
"""Rules about what was found while reading and mended: the value stands, and is counted."""


class Severity(StrEnum):
    """A warning is counted; an error keeps the row out; ``refuse`` is an error that can cost the whole batch."""

    WARNING = "warning"
    ERROR = "error"
    REFUSE = "refuse"


class Dimension(StrEnum):
    """Dimensions of data quality, GB/T 36344."""

    CONFORMITY = "conformity"
    COMPLETENESS = "completeness"
    ACCURACY = "accuracy"
    CONSISTENCY = "consistency"
    TIMELINESS = "timeliness"
    ACCESSIBILITY = "accessibility"


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule about one item, and about ``other`` where it compares two; without an item it is about whole rows.

    ``warn_above`` and ``refuse_above`` are shares of rows, 0 to 1. ``clears`` says that a warning also clears the value; ``by_standardising`` that the rule is judged while a batch is
    standardised, since afterwards the value is gone. ``reason`` completes "<item> …" and never holds a value. Two rules
    are the same only when they are the same object, which makes them keys.
    """

    item: str | None
    name: str
    dimension: Dimension
    severity: Severity
    reason: str
    warn_above: float | None = None
    refuse_above: float | None = None
    clears: bool = False
    by_standardising: bool = False
    other: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """One English sentence for reports."""
        return f"{self.item or 'a row'} {self.reason}"

    @property
    def keeps_out(self) -> bool:
        """Whether a row that breaks it is quarantined."""
        return self.severity is not Severity.WARNING and self.item is not None

    @property
    def by_great_expectations(self) -> bool:
        """Whether it is an expectation; the others are counted from what standardising and the expectations found."""
        return self.item is not None and not self.by_standardising


TEXTS = frozenset({ItemType.CHARACTER, ItemType.MEMO})
DATES = frozenset({ItemType.DATE, ItemType.DATETIME})
NUMBERS = frozenset({ItemType.NUMERIC, ItemType.MONEY, ItemType.DOUBLE, ItemType.FLOAT, ItemType.INTEGER})


_WHOLE: tuple[Mapping[str, Any], ...] = tuple(
    {"item": None, "name": name, "dimension": dimension, "severity": Severity.WARNING, "reason": reason}
    for name, dimension, reason in (
        ("complete_rows", Dimension.COMPLETENESS, "lacks an item that is asked for"),
        ("dirty_rows", Dimension.ACCURACY, "cannot be let in"),
        ("order", Dimension.TIMELINESS, "was observed after it was received"),
    )
)


def derived_rules(resource: Resource) -> list[Rule]:
    """Return what the definition of the resource itself demands, item by item, and what is counted of whole rows."""
    return [
        *(rule for item in resource.items for rule in _derived_of(item)),
        *(Rule(**told) for told in _WHOLE),
    ]


def unforeseen(item: Item, name: str) -> Rule:
    """Return the rule for a problem met while reading or standardising that no rule foresaw; drift keeps any row out."""
    rule = _derived(item, name, Dimension.ACCURACY, "could not be read", by_standardising=True)
    if name in _TELLING:
        return replace(rule, severity=Severity.WARNING, reason=_TELLING[name])
    if name not in _KEEPING_OUT:
        return rule
    rule = replace(rule, severity=Severity.ERROR, reason=_KEEPING_OUT[name])
    return replace(rule, dimension=Dimension.CONFORMITY) if name == DRIFT else rule


def _derived_of(item: Item) -> list[Rule]:
    rules = []
    if item.required:
        rules.append(_derived(item, "not_null", Dimension.COMPLETENESS, "is missing"))
    if item.identifier:
        reason = f"is not a valid {item.identifier.replace('_', ' ')}"
        rules.append(_derived(item, "identifier", Dimension.ACCURACY, reason, kind=item.identifier))
    elif item.code_set:
        reason = f"is not a code of {item.code_set}"
        rules.append(_derived(item, "code", Dimension.CONFORMITY, reason, code_set=item.code_set))
    elif item.length and item.type in TEXTS:
        reason = f"is longer than {item.length} characters"
        rules.append(_derived(item, "length", Dimension.CONFORMITY, reason, length=item.length))
    for name, types in (("date", DATES), ("number", NUMBERS)):
        if item.type in types:
            rules.append(_derived(item, name, Dimension.ACCURACY, f"is not a {name}", by_standardising=True))
    if item.key:
        reason = "comes again later in the batch"
        rules.append(Rule(item.name, "unique", Dimension.ACCURACY, Severity.WARNING, reason))
    return rules


def _derived(
    item: Item,
    name: str,
    dimension: Dimension,
    reason: str,
    *,
    by_standardising: bool = False,
    **parameters: Any,
) -> Rule:
    severity = Severity.ERROR if item.required else Severity.WARNING
    return Rule(
        item.name,
        name,
        dimension,
        severity,
        reason,
        clears=name != "not_null",
        by_standardising=by_standardising,
        parameters=parameters,
    )
