"""A call to verify (核验): keys, and what is claimed of the items of each. Nothing here quotes what it was given: a subject is named by its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.agreement import MOST_KEYS
from catalog.asking import Way
from exchange_api.calls import Call, Stated, checked_key, known_items, lookup_named
from schemas.comparing import Claim, claim_of, tidy_identifier
from schemas.errors import MalformedRequest, TooManyKeys
from schemas.resource import Item, Resource

MOST_CLAIMS = 50  # of one subject; no resource that is shipped has as many items
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
    asked_by = resource.item(by) if by else resource.key
    keys: dict[str, Mapping[str, Claim]] = {}
    for place, subject in enumerate(subjects, 1):
        key, claims = _subject(resource, asked_by, subject, place)
        if key in keys:
            raise MalformedRequest(f"Subject {place} is named before.", hint="Put its claims together.")
        keys[key] = claims
    items = tuple(dict.fromkeys(name for claims in keys.values() for name in claims))
    return VerifyCall(Call([*keys], items, by, False, stated, organisation, way=Way.VERIFY), [*keys.values()])


def _subject(resource: Resource, asked_by: Item, told: Any, place: int) -> tuple[str, Mapping[str, Claim]]:
    if not isinstance(told, dict) or told.keys() != {"key", "claims"} or not isinstance(told["key"], str):
        raise MalformedRequest(f"Subject {place} must be an object of a key, which is a text, and claims.")
    claims = told["claims"]
    if not isinstance(claims, dict) or not 1 <= len(claims) <= MOST_CLAIMS:
        raise MalformedRequest(
            f"The claims of subject {place} must be an object of 1 to {MOST_CLAIMS} items."
        )
    known_items(resource, [*claims])
    where = f"subject {place}"
    read = {name: claim_of(resource.item(name), value, where) for name, value in claims.items()}
    return checked_key(asked_by, tidy_identifier(asked_by, told["key"]), place), read
