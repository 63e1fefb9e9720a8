"""What a definition has to hold to before it is published, and that its written form is the definition."""

import pytest
from made_resources import MARRIAGE

from schemas.errors import DefinitionError, ResourceWithdrawn, UnknownResource
from schemas.publishable import check_publishable, digest_of, written
from schemas.resource import (
    RESOURCES,
    parse_resource,
    published_resolver,
    resolve_published_by,
    resource_named,
    resource_of,
    resources_shipped,
)

FEE = "{name: fee, title: 工本费, type: N, length: 6, scale: 2}"


@pytest.mark.parametrize("code", sorted(resources_shipped()))
def test_shipped_definitions_could_be_published_and_are_read_again_as_they_are_written(code):
    resource = resources_shipped()[code]
    check_publishable(resource)
    again = resource_of(written(resource))
    assert again == resource
    assert digest_of(again) == digest_of(resource)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("type: C, length: 20, key: true", "type: I, key: true", "type must be C"),
        ("identifier: citizen_number, ", "identifier: shoe_size, ", "identifier 'shoe_size' that is unknown"),
        ("mask: name}", "mask: nothing}", "mask 'nothing' that is unknown"),
        (FEE, FEE.replace("fee", "ctid"), "keeps for itself"),
        (FEE, FEE.replace("工本费", "费" * 201), "fee has no title"),
        (FEE, FEE.replace("length: 6", "length: six"), "no.*a length that is not|fee has a length"),
        (FEE, FEE.replace("length: 6", "length: 39"), "more than 38 digits"),
        (FEE, FEE.replace("scale: 2", "scale: 7"), "scale"),
        (FEE, "{name: fee, title: 工本费, type: C, code_set: fees}", "no code set 'fees'"),
        (FEE, "{name: scan, title: 扫描件, type: G}", "no geometry"),
        (FEE, "\n  - ".join(f"{{name: at_{n}, title: 位置, type: G, geometry: true}}" for n in "ab"), "one geometry"),
        ("update_cycle: daily", "update_cycle: often", "neither a cycle"),
        ("sharing: conditional", "sharing: not_shared", "not shared"),
        ("title_en: Marriage registration", "title_en: 7", "title_en"),
        ("provider: 民政局", "provider: 民政局\nversion: 0", "version"),
    ],
)  # fmt: skip
def test_what_cannot_be_published_is_said(old, new, complaint):
    assert old in MARRIAGE
    with pytest.raises(DefinitionError, match=complaint):
        check_publishable(parse_resource(MARRIAGE.replace(old, new, 1)))


def test_every_fault_is_told_at_once():
    wrong = MARRIAGE.replace("mask: name}", "mask: nothing}").replace("daily", "often")
    with pytest.raises(DefinitionError) as caught:
        check_publishable(parse_resource(wrong))
    assert caught.value.detail.count(";") == 2


def test_a_definition_states_neither_layout_nor_withdrawal():
    for field in ("layout: [fee]", "withdrawn: true"):
        with pytest.raises(DefinitionError, match="not a definition's to state"):
            parse_resource(f"{MARRIAGE}\n{field}\n")


class Held:
    def __init__(self, *known):
        self.held = {one.code: one for one in known}

    def named(self, code):
        return self.held.get(code)


@pytest.fixture
def resolved():
    before = published_resolver()
    yield resolve_published_by
    resolve_published_by(before)


def test_published_resources_are_known_beside_the_shipped_ones(resolved):
    resolved(None)
    marriage = parse_resource(MARRIAGE)
    assert set(RESOURCES) == set(resources_shipped())
    with pytest.raises(UnknownResource):
        resource_named(marriage.code)
    resolved(Held(marriage))
    assert resource_named(marriage.code) is marriage
    assert set(RESOURCES) == {*resources_shipped(), marriage.code}
    assert len(RESOURCES) == len(resources_shipped()) + 1


def test_a_published_version_stands_for_a_shipped_resource_where_it_is_newer(resolved):
    shipped = resources_shipped()["place"]
    newer, older = (resource_of(written(shipped) | {"version": shipped.version + n}) for n in (1, 0))
    resolved(Held(newer))
    assert resource_named("place") is newer
    resolved(Held(older))
    assert resource_named("place") is older  # as it was published, word for word


def test_nothing_is_done_with_a_withdrawn_resource():
    from dataclasses import replace

    with pytest.raises(ResourceWithdrawn, match="is withdrawn") as caught:
        replace(parse_resource(MARRIAGE), withdrawn=True).check_in_use()
    assert caught.value.hint
