"""docs/api.md says what the code does."""

import re

import documents
import orjson

from base_libraries.selecting import check_readable, check_served
from exchange_api.calls import Stated, query_call
from exchange_api.problems import status_of
from exchange_api.selection import selection_of
from schemas import errors
from schemas.filter_text import json_of
from schemas.filters import filter_of
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
    body, _ = documents.blocks(PAGE, "json")
    call = query_call(resource_named("legal_person"), orjson.loads(body), Stated("p", "l", "c"), "A")
    assert (call.items, call.provenance, call.number_of_keys) == (("name", "status"), True, 1)


def test_the_filters_are_ones_that_are_served():
    resource = resource_named("legal_person")
    _, body = documents.blocks(PAGE, "json")
    (filter_,) = documents.blocks(PAGE, "text")
    asked = selection_of(resource, orjson.loads(body))
    assert asked.limit == 1000
    for one in (asked.filter_, filter_of(json_of(filter_), resource)):
        check_readable(one)
        check_served(one, resource.items)
