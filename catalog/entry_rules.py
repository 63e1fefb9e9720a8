"""What has to hold of a catalogue entry beside the form of each element, as one table of rules.

Decree 809, articles 14–15, and the Compilation Guide (2017). A rule looks at what could be read, and says everything it finds.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from catalog.categories import category_problem
from catalog.entry_elements import STRUCTURED
from schemas.code_sets import code_sets_shipped
from schemas.credit_codes import credit_problem
from schemas.faults import Fault
from schemas.fixed_width import today
from schemas.identifiers import KINDS
from schemas.masking import MASKS
from schemas.resource import CATALOGUE_CODE, NAME

Told = Mapping[str, Any]
Rule = Callable[[Told], Iterator[Fault]]
_NEEDS_LENGTH = "CN"
_OF_POSTGRESQL = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_MOST_DIGITS = 38
_PERSONAL = ("personal", "sensitive")


def faults_of(values: Told) -> list[Fault]:
    """Return everything that is wrong with an entry whose elements were read."""
    return [fault for rule in RULES for fault in rule(values)]


def _identity(told: Told) -> Iterator[Fault]:
    if "id" in told and not NAME.match(told["id"]):
        yield Fault("id", "is not lower-case latin letters, digits and underscores, a letter first")
    if told.get("version") == 0:
        yield Fault("version", "is 0; versions are counted from 1")


def _category(told: Told) -> Iterator[Fault]:
    category, code = told.get("category"), told.get("code")
    if category and (problem := category_problem(category)):
        yield Fault("category", f"is wrong: {problem}")
    if code and not CATALOGUE_CODE.match(code):
        yield Fault("code", "is not of the form 307001002/000017")
    elif code and category and code.partition("/")[0] != category:
        yield Fault("code", f"does not begin with the category {category}")
    for related in told.get("related", ()):
        if not CATALOGUE_CODE.match(related):
            yield Fault("related", f"names {related!r}, which is not of the form 307001002/000017")


def _provider(told: Told) -> Iterator[Fault]:
    if "provider_code" in told and (problem := credit_problem(told["provider_code"], today())):
        yield Fault("provider_code", f"is no unified social credit code: {problem}")


def _sharing(told: Told) -> Iterator[Fault]:
    sharing = told.get("sharing")
    if sharing == "conditional" and not told.get("condition"):
        yield Fault(
            "condition", "is not told; shared on condition states scope and purpose (Decree 809, article 15)"
        )
    if sharing == "unconditional" and told.get("condition"):
        yield Fault(
            "condition", "is told, but what is shared unconditionally has none (Decree 809, article 15)"
        )
    if sharing == "not_shared" and not told.get("legal_basis"):
        yield Fault(
            "legal_basis",
            "is not told; not shared names its law, administrative regulation or State Council decision (Decree 809, article 15)",
        )
    if sharing in ("unconditional", "conditional") and not told.get("mode"):
        yield Fault("mode", "is not told; what is shared says how it is handed over")


def _open(told: Told) -> Iterator[Fault]:
    if told.get("open") and told.get("sharing") == "not_shared":
        yield Fault("open", "is true, but what is not shared is not open to society")
    if told.get("open_condition") and not told.get("open"):
        yield Fault("open_condition", "is told, but the resource is not open to society")


def _items(told: Told) -> Iterator[Fault]:
    items = told.get("items", [])
    if told.get("format") in STRUCTURED and not items:
        yield Fault("items", f"are not told; a {told['format'].replace('_', ' ')} says what it holds")
    keys = [item.get("name", "?") for item in items if item.get("key")]
    if items and not keys:
        yield Fault("items", "have no key; exactly one item is what a record is asked for by")
    if len(keys) > 1:
        yield Fault("items", f"have {len(keys)} keys, {', '.join(keys)}; exactly one item is the key")
    if sum(bool(item.get("geometry")) for item in items) > 1:
        yield Fault("items", "have more than one geometry")
    for name, times in Counter(item["name"] for item in items if "name" in item).items():
        if times > 1:
            yield Fault("items", f"name {name} {times} times")
    for number, item in enumerate(items, 1):
        for element, problem in _item(item):
            yield Fault(element, problem, item=number)


def _item(item: Told) -> Iterator[tuple[str, str]]:
    if item.get("name") in _OF_POSTGRESQL:
        yield "name", "is one the database keeps for itself"
    if "name" in item and not NAME.match(item["name"]):
        yield "name", "is not lower-case latin letters, digits and underscores, a letter first"
    if item.get("key") and not item.get("required"):
        yield "required", "is not true, but the item is the key"
    if item.get("geometry") and item.get("type", "G") != "G":
        yield "type", "must be G, for the item is a geometry"
    elif item.get("type") == "G" and not item.get("geometry"):
        yield "type", "is G, but the item is no geometry; files have no place in a record"
    elif (item.get("key") or item.get("lookup")) and item.get("type", "C") not in "CM":
        yield "type", "must be C, for records are asked for by the item"
    if item.get("filterable") and (item.get("sensitivity") in _PERSONAL or item.get("type", "C") in "GM"):
        yield "filterable", "is for items kept in the clear that have an order"
    if item.get("geometry") and item.get("sensitivity") in _PERSONAL:
        yield "sensitivity", "is personal, but a geometry cannot be sealed"
    yield from _size(item)
    yield from _named(item)


def _size(item: Told) -> Iterator[tuple[str, str]]:
    kind, length = item.get("type"), item.get("length")
    if kind is None:
        return
    if length is None and kind in _NEEDS_LENGTH:
        yield "length", f"is not told; type {kind} has one"
    if length == 0:
        yield "length", "is 0"
    if kind in "NY":
        if length and length > _MOST_DIGITS:
            yield "length", f"is {length}; a number has at most {_MOST_DIGITS} digits"
        if item.get("scale", 0) > (length or 18):
            yield "scale", f"is {item['scale']}, more digits than the number has"


def _named(item: Told) -> Iterator[tuple[str, str]]:
    """Tables that are named must be there; those of imported editions are asked for when the entry is drafted."""
    known = {"identifier": KINDS, "code_set": code_sets_shipped().keys(), "mask": MASKS.keys()}
    for element, names in known.items():
        named = item.get(element)
        if named and named not in names and not (element == "code_set" and ":" in named):
            yield element, f"is {named!r}, which is not defined; defined are {', '.join(sorted(names))}"


RULES: tuple[Rule, ...] = (_identity, _category, _provider, _sharing, _open, _items)
"""Every rule; what each says is in the tests and in ``docs/catalogue.md``."""
