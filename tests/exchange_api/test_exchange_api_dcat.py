"""The catalogue for neighbours, over the real server: public, paged, in the format accepted, not sent twice."""

import pytest
from rdflib import Graph, URIRef
from rdflib.namespace import DCTERMS, RDF

from catalog.dcat.formats import FORMATS
from catalog.dcat.vocabulary import DCAT, HYDRA
from catalog.person import Role

PATH = "/v1/catalogue/dcat"


def datasets(answer, format_="turtle"):
    assert answer.status_code == 200, answer.text
    graph = Graph().parse(data=answer.content, format=format_)
    return graph, {str(one).rpartition("/")[2] for one in graph.subjects(RDF.type, DCAT.Dataset)}


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_anybody_has_it_in_the_format_accepted(served_hub, one):
    answer = served_hub.http.get(PATH, headers={"Accept": one.media_type})
    assert answer.headers["content-type"].startswith(one.media_type)
    graph, found = datasets(answer, one.serializer.removeprefix("pretty-"))
    assert found == {"division_area#dataset", "place#dataset"}
    (catalogue,) = graph.subjects(RDF.type, DCAT.Catalog)
    assert str(graph.value(catalogue, DCTERMS.identifier)) == served_hub.settings.hub_id
    assert served_hub.http.get(PATH, params={"format": one.name}).content == answer.content


def test_pages_follow_one_another_until_there_are_no_more(served_hub):
    graph, first = datasets(served_hub.http.get(PATH, params={"limit": 1}))
    assert first == {"division_area#dataset"}
    assert [int(total) for total in graph.objects(None, HYDRA.totalItems)] == [2]
    (view,) = graph.subjects(RDF.type, HYDRA.PartialCollectionView)
    (following,) = graph.objects(view, HYDRA.next)
    graph, second = datasets(served_hub.http.get(str(following)))
    assert second == {"place#dataset"}
    assert not list(graph.objects(URIRef(str(following)), HYDRA.next))


def test_it_is_not_sent_again_while_it_stands(served_hub):
    answer = served_hub.http.get(PATH)
    again = served_hub.http.get(PATH, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = served_hub.http.get(
        PATH, headers={"Accept": "application/ld+json", "If-None-Match": answer.headers["etag"]}
    )
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("params", "headers", "status", "code"),
    [({"limit": "0"}, {}, 400, "malformed_request"), ({"limit": "26"}, {}, 400, "malformed_request"),
     ({"limit": "9" * 5000}, {}, 400, "malformed_request"), ({"page": "2"}, {}, 400, "malformed_request"),
     ({"format": "csv"}, {}, 406, "not_acceptable"), ({}, {"Accept": "text/csv"}, 406, "not_acceptable")],
    ids=["none", "many", "digits", "unknown", "format", "accept"],
)  # fmt: skip
def test_what_cannot_be_had_is_told(served_hub, params, headers, status, code):
    answer = served_hub.http.get(PATH, params=params, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_contract_and_policy_are_for_whoever_is_registered_and_on_the_ledger(served_hub):
    token = {"Authorization": f"Bearer {served_hub.token('stranger')}"}
    for headers in (token, served_hub.person(Role.USER)):
        contract = served_hub.http.get("/v1/resources/natural_person/contract", headers=headers)
        policy = served_hub.http.get("/v1/resources/natural_person/policy", headers=headers)
        assert (contract.json()["kind"], policy.json()["type"]) == ("DataContract", ["Policy", "Offer"])
        entry = served_hub.entry(contract)
        assert (entry["action"], entry["resource"], entry["outcome"]) == (
            "catalogue.contract",
            "natural_person",
            "answered",
        )
    again = served_hub.http.get(contract.url, headers=token | {"If-None-Match": contract.headers["etag"]})
    assert again.status_code == 304
    assert served_hub.http.get("/v1/resources/nothing/contract", headers=token).status_code == 404
    assert served_hub.http.get("/v1/resources/place/policy").status_code == 401
