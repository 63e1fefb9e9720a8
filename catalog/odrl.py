"""Policies in ODRL 2.2: what an entry offers to whom on which conditions, and what an agreement permits.

They are JSON-LD with a context of their own, so that nobody has to fetch one; every node has a URI. What ODRL has no operand for is named
in the hub's vocabulary, the ``profile`` of the policies. The terms that decide calls are in ``catalog.terms``: this tells them to others.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson
from rdflib import Graph, URIRef
from rdflib.namespace import ODRL2

from catalog.agreement import Agreement
from catalog.dcat.describing import Addresses, dataset_of
from catalog.dcat.vocabulary import HUB
from catalog.entry import CatalogueEntry
from catalog.published_entries import Published, id_of
from catalog.system import System
from schemas.resource import Sharing

_ID, _NAMED = {"@type": "@id"}, {"@type": "@vocab"}
CONTEXT: Mapping[str, Any] = {
    "@vocab": "http://www.w3.org/ns/odrl/2/",
    "hub": str(HUB),
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "uid": "@id",
    "type": "@type",
    **dict.fromkeys(("target", "assigner", "assignee", "profile", "consentingParty"), _ID),
    **dict.fromkeys(("action", "leftOperand", "operator"), _NAMED),
}
PROFILE = f"{HUB}policies"
GOVERNMENT, SOCIETY = f"{HUB}government-organisations", f"{HUB}everybody"
Node = dict[str, Any]


def offer_of(published: Published, at: Addresses) -> Node:
    """Return what an entry offers: to every department, on its condition; to society, where it is open; or to nobody."""
    home, dataset = at.resource(id_of(published)), dataset_of(published, at)
    uid = f"{home}#policy"
    told: Node = {"@context": dict(CONTEXT), "type": ["Policy", "Offer"], "uid": uid, "profile": PROFILE}
    common = {"target": dataset.uri, "assigner": dataset.publisher.uri if dataset.publisher else at.catalogue}
    if published.sharing is Sharing.NOT_SHARED:
        refused = [
            _constraint(f"{uid}-prohibition", "hub:legalBasis", "eq", getattr(published, "legal_basis", ""))
        ]
        return told | {
            "prohibition": [{"uid": f"{uid}-prohibition", "action": "use", **common, "constraint": refused}]
        }
    shared: Node = {
        "uid": f"{uid}-shared",
        "action": "read",
        "assignee": GOVERNMENT,
        **common,
        "duty": [_agreement_first(uid)],
    }
    if published.condition:
        shared["constraint"] = [_constraint(f"{uid}-shared", "purpose", "eq", published.condition)]
    permissions = [shared]
    if isinstance(published, CatalogueEntry) and published.open:
        opened: Node = {"uid": f"{uid}-open", "action": "read", "assignee": SOCIETY, **common}
        if published.open_condition:
            opened["constraint"] = [
                _constraint(f"{uid}-open", "hub:condition", "eq", published.open_condition)
            ]
        permissions.append(opened)
    return told | {"permission": permissions, "prohibition": [_no_third_party(uid, common)]}


def agreement_policy(agreement: Agreement, system: System, at: Addresses) -> Node:
    """Return what an agreement permits its system, under which constraints, with the duties of who uses."""
    uid = f"urn:exchange-hub:agreement:{quote(agreement.id, safe='')}"
    assignee = f"urn:exchange-hub:system:{quote(system.id, safe='')}"
    common = {
        "target": f"{at.resource(agreement.resource)}#dataset",
        "assigner": f"{at.catalogue}#hub",
        "assignee": assignee,
    }
    permission: Node = {"uid": f"{uid}:permission", "action": "read", **common}
    permission["constraint"] = [
        _constraint(f"{uid}:permission", *told, number)
        for number, told in enumerate(_constraints(agreement), 1)
    ]
    permission["duty"] = [_deleted(uid), _kept(uid)]
    return {
        "@context": dict(CONTEXT),
        "type": ["Policy", "Agreement"],
        "uid": uid,
        "profile": PROFILE,
        "hub:status": agreement.status.value,
        "hub:organisation": system.organisation,
        "permission": [permission],
        "prohibition": [_no_third_party(uid, common)],
    }


def add_policy(graph: Graph, policy: Node) -> None:
    """Add a policy to a graph, and to what it is about that it has it."""
    graph += Graph().parse(
        data=orjson.dumps(policy), format="json-ld"
    )  # on its own: its context would rebind prefixes
    for rule in (*policy.get("permission", ()), *policy.get("prohibition", ())):
        graph.add((URIRef(rule["target"]), ODRL2.hasPolicy, URIRef(policy["uid"])))


def _constraints(agreement: Agreement) -> Iterator[tuple[str, str, Any]]:
    """Every term of an agreement as left operand, operator and right operand."""
    yield "purpose", "isAnyOf", sorted(agreement.purposes)
    yield "hub:legalBasis", "isAnyOf", sorted(agreement.legal_bases)
    yield "dateTime", "gteq", {"@value": agreement.valid_from.isoformat(), "@type": "xsd:dateTime"}
    yield "dateTime", "lt", {"@value": agreement.valid_to.isoformat(), "@type": "xsd:dateTime"}
    yield "hub:item", "isAnyOf", list(agreement.items)
    yield "hub:keysPerCall", "lteq", agreement.max_keys
    if agreement.bulk:
        yield "hub:bulk", "eq", True
    if agreement.masked:
        yield "hub:maskedItem", "isAllOf", sorted(agreement.masked)
    if agreement.quota_per_day is not None:
        yield "hub:recordsPerDay", "lteq", agreement.quota_per_day
    if agreement.rate is not None:
        yield "hub:callsPerSecond", "lteq", {"@value": str(agreement.rate.per_second), "@type": "xsd:decimal"}
        yield "hub:callsAtOnce", "lteq", agreement.rate.burst
    for told in agreement.rows.as_list():
        yield from _rows(told)
    if agreement.hours:
        yield "hub:hours", "isAnyOf", [str(window) for window in agreement.hours]
    if agreement.asks_signature:
        yield "hub:authentication", "eq", agreement.authentication.value
    if not agreement.answer.discloses_values:
        answer = agreement.answer.as_dict()
        yield "hub:answerForm", "eq", " ".join(f"{name}={value}" for name, value in answer.items())


def _rows(told: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    match told:
        case {"item": item, "within": division}:
            yield f"hub:row-{item}", "isPartOf", division
        case {"item": item, "in": values}:
            yield f"hub:row-{item}", "isAnyOf", list(values)
        case _:
            yield "hub:case", "eq", "own"


def _constraint(of: str, left: str, operator: str, right: Any, number: int = 1) -> Node:
    return {
        "uid": f"{of}-constraint-{number}",
        "leftOperand": left,
        "operator": operator,
        "rightOperand": right,
    }


def _agreement_first(uid: str) -> Node:
    """An application and an agreement come before any record (Decree 809, article 20)."""
    return {"uid": f"{uid}-agreement", "action": "obtainConsent", "hub:article": "20"}


def _no_third_party(uid: str, common: Mapping[str, str]) -> Node:
    return {"uid": f"{uid}-no-third-party", "action": "distribute", "hub:article": "25", **common}


def _deleted(uid: str) -> Node:
    """When the purpose ends, the data is disposed of (article 27)."""
    of = f"{uid}-delete"
    ended = {**_constraint(of, "event", "gt", ""), "rightOperand": {"@id": "hub:endOfPurpose"}}
    return {"uid": of, "action": "delete", "hub:article": "27", "constraint": [ended]}


def _kept(uid: str) -> Node:
    """Who uses keeps records of scenario, process, result, storage and destruction for three years (article 29)."""
    of = f"{uid}-records"
    years = _constraint(of, "elapsedTime", "gteq", {"@value": "P3Y", "@type": "xsd:duration"})
    return {"uid": of, "action": "hub:keepRecords", "hub:article": "29", "constraint": [years]}
