"""docs/api.md says what the code does."""

import re

import documents
import orjson

from exchange_api.calls import Stated, query_call
from exchange_api.problems import status_of
from schemas import errors
from schemas.resource import resource_named

PAGE = documents.page("api.md")
FAMILIES = (
    *(errors.CallError, errors.UnknownResource, errors.UnknownItem, errors.InvalidIdentifier),
    errors.UnknownQuestion,
    *(errors.UnknownCodeSet, errors.UnknownCode, errors.MalformedEdition, errors.CodeTablesTooLarge),
    *(
        errors.AlreadyRegistered,
        errors.NotRegistered,
        errors.MisplacedOrganisation,
        errors.RolesExclude,
        errors.LastKey,
    ),
    *(errors.NotYourPart, errors.WeakPassword, errors.WrongSecondFactor, errors.IdentityProviderUnavailable),
)
UNAVAILABLE = (errors.LedgerUnavailable, errors.DatabaseUnavailable, errors.DatabaseFull)


def kinds(family):
    return [family, *(kind for child in family.__subclasses__() for kind in kinds(child))]


def test_every_problem_is_listed_with_its_status():
    told = {
        (code, int(status))
        for status, codes in re.findall(r"^\| (\d{3}) \| (.+) \|$", PAGE, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", codes)
    }
    possible = {kind for family in FAMILIES for kind in kinds(family)} - {errors.CallError}
    assert told == {(kind("x").code, int(status_of(kind("x")))) for kind in (*possible, *UNAVAILABLE)}


def test_the_body_of_a_query_is_one():
    (body,) = documents.blocks(PAGE, "json")
    call = query_call(resource_named("legal_person"), orjson.loads(body), Stated("p", "l", "c"), "A")
    assert (call.items, call.provenance, call.number_of_keys) == (("name", "status"), True, 1)
