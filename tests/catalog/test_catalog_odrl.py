"""Policies in ODRL: every term of an agreement is told, every node has a URI, and a graph holds them as DCAT wants it."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from joserfc.jwk import OKPKey
from made_entries import made
from pyshacl import validate
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import ODRL2, RDF
from test_catalog_dcat import AT, SHAPES, SHOWN, described, entries

from catalog.agreement_file import agreement_from
from catalog.dcat.vocabulary import HUB
from catalog.dcat.writing import graph_of
from catalog.odrl import GOVERNMENT, SOCIETY, add_policy, agreement_policy, offer_of
from catalog.system import System
from schemas.resource import resources_shipped

KEY = OKPKey.generate_key("Ed25519").as_dict(private=False)
SYSTEM = System("permits", "11500000009275123M", "审批系统", (KEY,))
EVERYTHING = {
    "rows": [{"item": "registered_division", "within": "500103"}, {"item": "sex", "in": ["1", "2"]}, {"cases": "own"}],
    "hours": ["working 08:30-17:30"], "quota_per_day": 500, "rate": {"per_second": 2.5, "burst": 10}, "masked": ["name"],
    "answer": {"form": "threshold", "item": "date_of_birth", "at_most": "2008-06-01"}, "max_keys": 20, "authentication": "signed",
}  # fmt: skip


def agreement(**more):
    return agreement_from(
        {
            "id": "a/1", "system": "permits", "resource": "natural_person", "items": ["name", "sex", "date_of_birth"],
            "purposes": ["企业开办核验"], "legal_bases": ["行政许可法第三十四条"],
            "valid_from": datetime(2026, 3, 1, tzinfo=UTC).isoformat(), "valid_to": datetime(2027, 3, 1, tzinfo=UTC).isoformat(), **more,
        }
    )  # fmt: skip


def graph_of_policy(policy):
    return Graph().parse(data=orjson.dumps(policy), format="json-ld")


def constraints(graph, rule):
    """Left operand → operator and right operands."""
    told = {}
    for one in graph.objects(rule, ODRL2.constraint):
        left = str(graph.value(one, ODRL2.leftOperand)).removeprefix(str(ODRL2)).removeprefix(str(HUB))
        operator = str(graph.value(one, ODRL2.operator)).removeprefix(str(ODRL2))
        told.setdefault(left, {})[operator] = {str(value) for value in graph.objects(one, ODRL2.rightOperand)}
    return told


def test_an_agreement_tells_all_its_terms():
    graph = graph_of_policy(agreement_policy(agreement(**EVERYTHING), SYSTEM, AT))
    (policy,) = graph.subjects(RDF.type, ODRL2.Agreement)
    (permission,) = graph.objects(policy, ODRL2.permission)
    assert graph.value(permission, ODRL2.assignee) == URIRef("urn:exchange-hub:system:permits")
    assert graph.value(permission, ODRL2.target) == URIRef(AT.resource("natural_person") + "#dataset")
    assert constraints(graph, permission) == {
        "purpose": {"isAnyOf": {"企业开办核验"}},
        "legalBasis": {"isAnyOf": {"行政许可法第三十四条"}},
        "dateTime": {"gteq": {"2026-03-01T00:00:00+00:00"}, "lt": {"2027-03-01T00:00:00+00:00"}},
        "item": {"isAnyOf": {"name", "sex", "date_of_birth"}},
        "maskedItem": {"isAllOf": {"name"}},
        "keysPerCall": {"lteq": {"20"}},
        "recordsPerDay": {"lteq": {"500"}},
        "callsPerSecond": {"lteq": {"2.5"}},
        "callsAtOnce": {"lteq": {"10"}},
        "row-registered_division": {"isPartOf": {"500103"}},
        "row-sex": {"isAnyOf": {"1", "2"}},
        "case": {"eq": {"own"}},
        "hours": {"isAnyOf": {"working 08:30-17:30"}},
        "authentication": {"eq": {"signed"}},
        "answerForm": {"eq": {"form=threshold item=date_of_birth at_most=2008-06-01"}},
    }
    duties = {
        str(graph.value(duty, ODRL2.action)).split("/")[-1]: duty
        for duty in graph.objects(permission, ODRL2.duty)
    }
    assert constraints(graph, duties["delete"]) == {"event": {"gt": {str(HUB) + "endOfPurpose"}}}
    assert constraints(graph, duties[f"{HUB}keepRecords".split("/")[-1]]) == {
        "elapsedTime": {"gteq": {"P3Y"}}
    }
    (refused,) = graph.objects(policy, ODRL2.prohibition)
    assert graph.value(refused, ODRL2.action) == ODRL2.distribute


def test_no_term_of_an_agreement_is_left_untold():
    """Whatever an agreement may state beyond its parties and items, the policy of one that states it says more."""
    plain = agreement_policy(agreement(), SYSTEM, AT)["permission"][0]["constraint"]
    assert set(agreement(**EVERYTHING).terms) == {
        "rows",
        "hours",
        "quota_per_day",
        "rate",
        "answer",
        "authentication",
    }
    for name in (*agreement(**EVERYTHING).terms, "masked"):
        more = {name: EVERYTHING[name]} | (
            {"items": ["name", "sex", "date_of_birth"]} if name == "answer" else {}
        )
        assert len(agreement_policy(agreement(**more), SYSTEM, AT)["permission"][0]["constraint"]) > len(
            plain
        ), name


@pytest.mark.parametrize(
    "one", [*entries(), *resources_shipped().values()], ids=lambda one: getattr(one, "id", "") or one.code
)
def test_an_offer_says_to_whom_and_on_which_condition(one):
    graph = graph_of_policy(offer_of(one, AT))
    (policy,) = graph.subjects(RDF.type, ODRL2.Offer)
    to = {
        str(graph.value(permission, ODRL2.assignee)): permission
        for permission in graph.objects(policy, ODRL2.permission)
    }
    expected = (
        set()
        if one.sharing == "not_shared"
        else {GOVERNMENT, *([SOCIETY] if getattr(one, "open", False) else [])}
    )
    assert to.keys() == expected
    if one.sharing == "conditional":
        assert constraints(graph, to[GOVERNMENT])["purpose"] == {"eq": {one.condition}}
    if one.sharing == "not_shared":
        (refused,) = graph.objects(policy, ODRL2.prohibition)
        assert constraints(graph, refused) == {"legalBasis": {"eq": {one.legal_basis}}}
        assert graph.value(refused, ODRL2.action) == ODRL2.use


def test_a_catalogue_with_policies_still_conforms_and_every_node_has_a_uri():
    graph = graph_of(SHOWN, described())
    for one in (
        *entries(),
        *resources_shipped().values(),
        made(id="open_all", open=True, open_condition="注明来源"),
    ):
        add_policy(graph, offer_of(one, AT))
    conforms, _, report = validate(graph, shacl_graph=Graph().parse(Path(SHAPES)))
    assert conforms, report
    assert not [node for node in graph.all_nodes() if isinstance(node, BNode)]
    dataset = URIRef(AT.resource("rent_subsidy") + "#dataset")
    assert graph.value(dataset, ODRL2.hasPolicy) == URIRef(AT.resource("rent_subsidy") + "#policy")
    assert b"dct:title" in graph.serialize(format="turtle").encode()
    assert (None, ODRL2.rightOperand, Literal("限住房保障资格审核使用")) in graph
