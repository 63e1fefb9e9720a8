"""Comparing what somebody claims with what is known of an item (核验): tolerant of how a value is written, strict in what it says.

One table of rules, the first that fits an item is its own: each brings both sides to one form, as standardising does, and says whether they
agree. Part of the security boundary: values pass through in the clear, and no error quotes one.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from schemas.citizen_numbers import citizen_number_from_15
from schemas.code_sets import code_set
from schemas.divisions import divisions
from schemas.errors import InvalidIdentifier, MalformedClaim
from schemas.fixed_width import today
from schemas.identifiers import is_valid
from schemas.item import Item, ItemType
from schemas.look_alikes import INVISIBLE, LIKE_X, LOOK_ALIKES
from schemas.succession import became

LONGEST_CLAIM = 4000  # characters
_CLAIMED = frozenset({str, int, float, bool})
CHINA = timezone(timedelta(hours=8))
_PLAIN = re.compile(r"[0-9a-z\u4e00-\u9fa5]+")  # is its own form, as most values are
_CODE = re.compile(r"[0-9A-Z]{9}|[0-9A-Z]{18}")
_ALIKE = str.maketrans({**LOOK_ALIKES, **dict.fromkeys(INVISIBLE, "")})
_BLANK = re.compile(r"\s+")
_BLANK_OR_DOT = re.compile(r"[\s·.]+")
_BARE = re.compile(r"[\s'`‘’-]+")
_LIKE_X = re.compile(LIKE_X)
_HOME_CODE = re.compile(r"^(?:\+|00)?86(?=1[0-9]{10}$)")
_DAY = re.compile(r"([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?")
_COMPACT_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+)?")
_DIVISION = re.compile(r"[0-9]{6}(?:[0-9]{3}){0,2}")
_TRUE, _FALSE = (
    frozenset(("true", "1", "是", "y", "yes", "t")),
    frozenset(("false", "0", "否", "n", "no", "f")),
)
_NUMBERS = frozenset({ItemType.INTEGER, ItemType.NUMERIC, ItemType.MONEY, ItemType.DOUBLE, ItemType.FLOAT})
_INNER = slice(8, 17)  # where in a credit code the organisation code is


@dataclass(frozen=True, slots=True)
class Rule:
    """How values of some items compare: ``read`` brings one to its form, None where it cannot; ``agree`` takes two forms and the record's day.

    ``agree`` says None where it cannot be told.
    """

    name: str
    tolerates: str
    applies: Callable[[Item], bool]
    read: Callable[[Item, str], Any]
    agree: Callable[[Any, Any, date], bool | None]


class Claim(NamedTuple):
    """What is claimed of an item: as it was written, and in the form in which it is compared."""

    item: Item
    rule: Rule
    text: str
    form: Any

    def agrees(self, known: Any, on: date) -> bool | None:
        """Whether a record's JSON-ready value says the same; ``on`` is the day since which the record says so. None: not known."""
        if known is None:
            return None
        if known == self.text:  # nearly always, and then whatever the form
            return True
        form = self.rule.read(self.item, _text(known))
        return None if form is None else self.rule.agree(form, self.form, on)


def claim_of(item: Item, value: Any, place: str, rule: Rule | None = None) -> Claim:
    """Read what is claimed of an item, by its ``rule`` where it is known already.

    ``MalformedClaim`` tells the place, such as "subject 3", and never the value.
    """
    rule = rule or rule_of(item)
    if rule is None:
        raise MalformedClaim(f"Item {item.name} is a geometry, of which nothing can be claimed.")
    if type(value) not in _CLAIMED or len(text := _text(value)) > LONGEST_CLAIM:
        raise MalformedClaim(
            f"The claim on {item.name} of {place} is no text of at most {LONGEST_CLAIM} characters, no number and no true or false."
        )
    form = rule.read(item, text)
    if form is None or form == "":
        raise MalformedClaim(
            f"The claim on {item.name} of {place} cannot be read as {rule.name}.",
            hint=f"Both sides are compared by one form, so these count as the same: {rule.tolerates}.",
        )
    return Claim(item, rule, text, form)


@lru_cache(maxsize=4096)
def rule_of(item: Item) -> Rule | None:
    """Return how values of an item compare; None for a geometry."""
    return None if item.geometry else next(rule for rule in RULES if rule.applies(item))


def tidy_identifier(item: Item, key: str) -> str:
    """Return a key of an identifier in the form of its standard, an old citizen number as a new one; any other as it is."""
    rule = rule_of(item) if item.identifier else None
    return key if rule is None else (rule.read(item, key) or key)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def folded(text: str) -> str:
    """Bring full-width, compatibility and look-alike characters to their usual ones, and letters to one case."""
    return unicodedata.normalize("NFKC", text).translate(_ALIKE).casefold()


# ── to one form ──────────────────────────────────────────────────────────────────────────────────────


def _read_text(_item: Item, text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return _BLANK.sub("", folded(text))


def _read_name(_item: Item, text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return _BLANK_OR_DOT.sub("", folded(text))


def _read_identifier(item: Item, text: str) -> str:
    if _CODE.fullmatch(text):
        return text
    bare = _LIKE_X.sub("X", _BARE.sub("", unicodedata.normalize("NFKC", text).translate(_ALIKE)).upper())
    if len(bare) == 15 and item.identifier in ("citizen_number", "subject_code"):
        try:
            return citizen_number_from_15(bare)
        except InvalidIdentifier:
            return bare
    return bare


def _read_phone(_item: Item, text: str) -> str:
    return _HOME_CODE.sub("", re.sub(r"[\s()-]", "", folded(text)))


def _read_division(_item: Item, text: str) -> str | None:
    bare = text if _DIVISION.fullmatch(text) else _BLANK.sub("", folded(text))
    if not _DIVISION.fullmatch(bare):
        return None
    while len(bare) > 6 and bare.endswith("000"):  # a level that is not told
        bare = bare[:-3]
    return bare


def _read_code(item: Item, text: str) -> str | None:
    known = code_set(item.code_set or "")
    if text in known:
        return text
    bare = _BLANK.sub("", unicodedata.normalize("NFKC", text).translate(_ALIKE))
    return known.code_of(bare) or known.code_of(bare.upper()) or known.code_of(text.strip())


def _read_number(_item: Item, text: str) -> Decimal | None:
    bare = _BLANK.sub("", folded(text))
    if not _NUMBER.fullmatch(bare) and "e" not in bare:
        return None
    try:
        number = Decimal(bare.replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _read_truth(_item: Item, text: str) -> bool | None:
    bare = _BLANK.sub("", folded(text))
    return True if bare in _TRUE else False if bare in _FALSE else None


def _read_day(_item: Item, text: str) -> date | None:
    bare = folded(text).strip()
    found = _DAY.fullmatch(bare) or _COMPACT_DAY.fullmatch(bare)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _read_moment(item: Item, text: str) -> datetime | None:
    if (day := _read_day(item, text)) is not None:
        return datetime(day.year, day.month, day.day, tzinfo=CHINA).astimezone(UTC)
    try:
        moment = datetime.fromisoformat(folded(text).strip().upper())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=CHINA)).astimezone(UTC)


# ── whether they agree ───────────────────────────────────────────────────────────────────────────────


def _same(known: Any, claimed: Any, _on: date) -> bool:
    return bool(known == claimed)


def _same_organisation(known: str, claimed: str, _on: date) -> bool:
    """Tell whether codes are of one organisation: a credit code holds the organisation code that came before it (GB 32100)."""
    if known == claimed:
        return True
    longer, shorter = (known, claimed) if len(known) > len(claimed) else (claimed, known)
    return longer[_INNER] == shorter and is_valid("credit_code", longer)


def _same_division(known: str, claimed: str, on: date) -> bool | None:
    """Tell whether codes mean one division though one followed the other; None where only a part of it went there."""
    if known == claimed:
        return True
    towns = _one_division(known[:9], claimed[:9], on)
    if len(known) <= 9 and len(claimed) <= 9:
        return towns
    return (
        False if towns is False or known[:9] == claimed[:9] else None
    )  # no table tells what became of villages


def _one_division(known: str, claimed: str, on: date) -> bool | None:
    table, now = divisions(), today()
    meant = [
        one for one in table.meanings(known) if one.valid_from <= min(on, now)
    ]  # a register may lag behind
    since = on if meant and meant[-1].in_force(on) else meant[-1].valid_from if meant else now
    became_of_known = {one.code for one in became(table, known, min(since, now), now).found}
    if claimed in became_of_known:
        return True if len(became_of_known) == 1 else None
    for meaning in table.meanings(claimed):
        if meaning.valid_to is not None and meaning.valid_to <= on:
            heirs = {one.code for one in became(table, claimed, meaning.valid_from, on).found}
            if known in heirs:
                return True if len(heirs) == 1 else None
    return False


def _typed(*types: ItemType) -> Callable[[Item], bool]:
    return lambda item: item.type in types


def _identified(*kinds: str) -> Callable[[Item], bool]:
    return lambda item: item.identifier in kinds


RULES: tuple[Rule, ...] = (
    Rule("a day", "2026-01-31, 2026/1/31, 2026.1.31, 20260131, 2026年1月31日", _typed(ItemType.DATE), _read_day, _same),
    Rule("a moment", "any offset; without one it is China's time", _typed(ItemType.DATETIME), _read_moment, _same),
    Rule("a number", "1,200.50, 1200.5, １２００．５", _typed(*_NUMBERS), _read_number, _same),
    Rule("true or false", "true, 是, 1, yes", _typed(ItemType.LOGICAL), _read_truth, _same),
    Rule("a code", "the code, its title, and the words registers use for it",
         lambda item: item.code_set is not None, _read_code, _same),
    Rule("a division code", "6, 9 or 12 digits padded or not; a division and the one that alone followed it",
         _identified("division_code"), _read_division, _same_division),
    Rule("an identifier", "blanks, hyphens, case and width; 15 digits of a citizen number; the organisation code of a credit code",
         _identified("citizen_number", "subject_code", "credit_code", "organisation_code", "licence_identifier"),
         _read_identifier, _same_organisation),
    Rule("a phone number", "blanks, hyphens, brackets and width; +86 before a mobile number",
         lambda item: item.identifier == "mobile_phone" or item.mask == "phone", _read_phone, _same),
    Rule("a name", "blanks, dots between its parts, width, case, look-alike radicals", lambda item: item.mask == "name", _read_name, _same),
    Rule("a text", "blanks, width, case, look-alike radicals and dots", lambda item: True, _read_text, _same),
)  # fmt: skip
"""The first that applies to an item is the item's."""


def outcomes(
    claims: Mapping[str, Claim], records: list[tuple[Mapping[str, Any], date]]
) -> dict[str, bool | None]:
    """Say of each claim whether any of a subject's records agrees with it; None where no record tells."""
    told: dict[str, bool | None] = {}
    for name, claim in claims.items():
        verdict: bool | None = None
        for record, on in records:
            one = claim.agrees(record.get(name), on)
            verdict = verdict if one is None else one
            if one:
                break
        told[name] = verdict
    return told
