"""What a new version of an entry changes for those who use it and those who feed it: compatible or breaking, by a table of rules.

Breaking is what may make a call fail or answer otherwise, or a delivery be refused, that was right before; or what lets somebody see
what was hidden. Such a change needs the catalogue authority's stated consent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.entry import CatalogueEntry
from schemas.resource import Item, ItemType, Sensitivity

Breaks = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: ``item`` is the name of the information item it is one's, ``reason`` says why it breaks, or why not."""

    element: str
    before: Any
    after: Any
    breaking: bool
    reason: str
    item: str | None = None

    @property
    def place(self) -> str:
        """Where it is: ``sharing``, or ``items.amount.length``."""
        if self.item is None:
            return self.element
        return f"items.{self.item}" + (f".{self.element}" if self.element else "")

    def as_dict(self) -> dict[str, Any]:
        """Describe the change for machines."""
        told = {"element": self.place, "before": self.before, "after": self.after}
        return told | {"verdict": "breaking" if self.breaking else "compatible", "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a change of one element means: whether it breaks, and the reason either way."""

    element: str
    breaks: Breaks
    breaking: str
    compatible: str = "nobody has to change anything"


_WIDER: Mapping[ItemType, frozenset[ItemType]] = {
    ItemType.CHARACTER: frozenset({ItemType.MEMO}),
    ItemType.INTEGER: frozenset({ItemType.NUMERIC, ItemType.DOUBLE, ItemType.FLOAT}),
    ItemType.FLOAT: frozenset({ItemType.DOUBLE}),
    ItemType.MONEY: frozenset({ItemType.NUMERIC}),
}
_TIGHTNESS = ("unconditional", "conditional", "not_shared")
_PACE = ("real_time", "daily", "weekly", "monthly", "quarterly", "half_yearly", "yearly", "other")


def _always(_before: Any, _after: Any) -> bool:
    return True


def _never(_before: Any, _after: Any) -> bool:
    return False


def _narrowed(before: str, after: str) -> bool:
    return ItemType(after) not in _WIDER.get(ItemType(before), frozenset())


def _shortened(before: int | None, after: int | None) -> bool:
    return after is not None and (before is None or after < before)


def _less(before: int, after: int) -> bool:
    return after < before


def _now_said(_before: Any, after: Any) -> bool:
    return bool(after)


def _no_longer_said(_before: Any, after: Any) -> bool:
    return not after


def _further(order: tuple[str, ...]) -> Breaks:
    return lambda before, after: order.index(after) > order.index(before)


ITEM_RULES: tuple[Rule, ...] = (
    Rule("type", _narrowed, "values of the old type may not be of the new one, and programs read another",
         "every old value is one of the new type"),
    Rule("length", _shortened, "values that were allowed are too long now", "every old value fits"),
    Rule("scale", _less, "digits behind the point are lost", "every old value fits"),
    Rule("key", _always, "records are asked for by another item"),
    Rule("required", _now_said, "deliveries without it are refused now", "deliveries may leave it out"),
    Rule("lookup", _no_longer_said, "calls that ask by it fail now", "records can be asked for by it too"),
    Rule("filterable", _no_longer_said, "calls that choose by it fail now", "records can be chosen by it"),
    Rule("geometry", _always, "the item is of another kind"),
    Rule("sensitivity", _always, "who may see it, and how it is kept, is another matter now"),
    Rule("identifier", _now_said, "values that were taken may fail the check now", "nothing is checked that was not"),
    Rule("code_set", _now_said, "codes mean something else, or are refused now", "any value is taken"),
    Rule("mask", _always, "who sees it masked sees something else"),
    Rule("title", _never, ""),
    Rule("description", _never, ""),
)  # fmt: skip
ENTRY_RULES: tuple[Rule, ...] = (
    Rule("name", _never, ""),
    Rule("name_en", _never, ""),
    Rule("summary", _never, ""),
    Rule("provider", _never, ""),
    Rule("office", _never, ""),
    Rule("format", _never, ""),
    Rule("sharing", _further(_TIGHTNESS), "it is shared on stricter terms", "it is shared on looser terms"),
    Rule("condition", _now_said, "agreements were made on another condition", "the condition falls away"),
    Rule("legal_basis", _never, ""),
    Rule("mode", _always, "it is handed over in another way"),
    Rule("open", _no_longer_said, "society may no longer use it", "society may use it too"),
    Rule("open_condition", _now_said, "society used it on another condition", "the condition falls away"),
    Rule("update_cycle", _further(_PACE), "it is brought up to date less often", "it is brought up to date more often"),
    Rule("related", _never, ""),
    Rule("library", _always, "records lie in another library"),
)  # fmt: skip


def changes_between(before: CatalogueEntry, after: CatalogueEntry) -> list[Change]:
    """Return every difference between two versions, items in the order of the new one, those that are gone last."""
    found = list(_compared(ENTRY_RULES, _told(before), _told(after)))
    old, new = ({item.name: item for item in entry.items} for entry in (before, after))
    for name, item in new.items():
        if name in old:
            found += _compared(ITEM_RULES, _item_told(old[name]), _item_told(item), name)
        else:
            found.append(_added(item))
    gone = "calls that ask for it fail now, and what feeds it has no place"
    found += [Change("", item.title, None, True, gone, name) for name, item in old.items() if name not in new]
    return found


def _compared(
    rules: tuple[Rule, ...], before: Mapping[str, Any], after: Mapping[str, Any], item: str | None = None
) -> Iterator[Change]:
    for rule in rules:
        old, new = before.get(rule.element), after.get(rule.element)
        if old != new:
            breaking = rule.breaks(old, new)
            yield Change(
                rule.element, old, new, breaking, rule.breaking if breaking else rule.compatible, item
            )


def _added(item: Item) -> Change:
    reason = "deliveries without it are refused" if item.required else "nobody has to read or deliver it"
    return Change("", None, item.title, item.required, reason, item.name)


def _told(entry: CatalogueEntry) -> dict[str, Any]:
    return {"open": False, **entry.as_dict()}


def _item_told(item: Item) -> dict[str, Any]:
    told = {rule.element: getattr(item, rule.element) for rule in ITEM_RULES}
    return told | {"type": item.type.value, "sensitivity": Sensitivity(item.sensitivity).name.lower()}
