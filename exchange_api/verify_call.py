"""A call to verify (核验): keys, and what is claimed of the items of each. Nothing here quotes what it was given: a subject is named by its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.agreement import MOST_KEYS
from catalog.asking import Way
from exchange_api.calls import Call, Stated, checked_keys, known_items, lookup_named
from schemas.comparing import Claim, Rule, claim_of, rule_of, tidy_identifier
from schemas.errors import MalformedRequest, TooManyKeys
from schemas.resource import Item, Resource

MOST_CLAIMS = 50  # of one subject; no resource that is shipped has as many items
_SUBJECT = {"key", "claims"}
_FIELDS = frozenset({"subjects", "by", "purpose", "legal_basis", "case_code"})


@dataclass(frozen=True, slots=True)
class VerifyCall:
    """The call that agreements judge, and the claims of each of its keys."""

    call: Call
    claims: Sequence[Mapping[str, Claim]]


def verify_call(resource: Resource, body: Mapping[str, Any], stated: Stated, organisation: str) -> VerifyCall:
    """Read the body of ``POST …/verify``: ``{"subjects": [{"key": …, "claims": {item: value}}], "by": …}``."""
    if body.keys() - _FIELDS:
        raise MalformedRequest(
            "There is a field that is not known.", hint="See docs/verify.md for the fields of a call."
        )
    subjects = body.get("subjects")
    if not isinstance(subjects, list) or not subjects:
        raise MalformedRequest("Field subjects must be a list of at least one key with its claims.")
    if len(subjects) > MOST_KEYS:
        raise TooManyKeys(
            f"A call may verify {MOST_KEYS} subjects, not {len(subjects)}.", hint="Split the call."
        )
    by = lookup_named(resource, body.get("by"))
    asked_by, rules = resource.item(by) if by else resource.key, _Rules(resource)
    read = [_subject(rules, subject, f"subject {place}") for place, subject in enumerate(subjects, 1)]
    claims = [claims for _, claims in read]
    keys = checked_keys(asked_by, [tidy_identifier(asked_by, key) for key, _ in read])
    if len(keys) < len(read):
        raise MalformedRequest("A subject is named twice.", hint="Put its claims together.")
    items = tuple(dict.fromkeys(name for its in claims for name in its))
    return VerifyCall(Call(keys, items, by, False, stated, organisation, way=Way.VERIFY), claims)


class _Rules(dict[str, tuple[Item, Rule | None]]):
    """How each item compares, found once a call."""

    def __init__(self, resource: Resource) -> None:
        super().__init__()
        self._resource = resource

    def __missing__(self, name: str) -> tuple[Item, Rule | None]:
        (known,) = known_items(self._resource, [name])
        item = self._resource.item(known)
        self[name] = found = (item, rule_of(item))
        return found


def _subject(rules: _Rules, told: Any, where: str) -> tuple[str, Mapping[str, Claim]]:
    if not isinstance(told, dict) or told.keys() != _SUBJECT or not isinstance(told["key"], str):
        raise MalformedRequest(
            f"{where.capitalize()} must be an object of a key, which is a text, and claims."
        )
    claims = told["claims"]
    if not isinstance(claims, dict) or not 1 <= len(claims) <= MOST_CLAIMS:
        raise MalformedRequest(f"The claims of {where} must be an object of 1 to {MOST_CLAIMS} items.")
    read = {}
    for name, value in claims.items():
        item, rule = rules[name]
        read[name] = claim_of(item, value, where, rule)
    return told["key"], read
