"""The catalogue in DCAT-AP 3: conforming to the published shapes, the same in every format, back again as it was."""

from pathlib import Path

import pytest
from made_entries import PROVIDER, made
from pyshacl import validate
from rdflib import Graph, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import DCTERMS, FOAF, RDF

from catalog.categories import category_classes
from catalog.dcat.dataset import Agent, dataset_from
from catalog.dcat.describing import SHARING_REGULATION, Addresses, dataset_of
from catalog.dcat.formats import FORMATS, format_accepted, format_named, serialized
from catalog.dcat.vocabulary import DCAT, DCATAP, HYDRA, VCARD, terms, theme_of
from catalog.dcat.writing import Page, Shown, graph_of
from catalog.entry_elements import UpdateCycle
from catalog.published_entries import is_public
from schemas.errors import NotAcceptable
from schemas.resource import resources_shipped

SHAPES = Path(__file__).parent / "published" / "dcat-ap-3.0.0-shacl.ttl"
AT = Addresses("https://hub.example/", "urn:hub:test", "500000")
SHOWN = Shown(
    f"{AT.catalogue}#catalogue",
    AT.hub_id,
    {"zh": "目录"},
    {"zh": "统一目录"},
    Agent("平台", AT.hub_id),
    AT.place,
)
NEXT = f"{AT.catalogue}?after=rent_subsidy"
PAGE = Page(AT.catalogue, AT.catalogue, NEXT, 9)


def entries():
    code = "307001002/000017"
    yield made(code=code, related=["307001002/000018"], published_on="2026-03-02")
    yield made(
        id="rents",
        name_en=None,
        sharing="unconditional",
        condition=None,
        open=True,
        open_condition="注明来源",
    )
    yield made(
        id="kept", sharing="not_shared", condition=None, mode=None, legal_basis="保守国家秘密法第十三条"
    )
    yield made(id="sheet", format="spreadsheet", update_cycle="other")
    yield made(id="letter", format="electronic_document", items=[], category="211001001")


def described():
    return [dataset_of(one, AT) for one in (*resources_shipped().values(), *entries())]


@pytest.fixture(scope="module")
def graph():
    return graph_of(SHOWN, described(), PAGE)


@pytest.fixture(scope="module")
def shapes():
    return Graph().parse(SHAPES)


def test_it_conforms_to_the_published_shapes(graph, shapes):
    conforms, _, report = validate(graph, shacl_graph=shapes)
    assert conforms, report


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [(DCAT.Dataset, DCTERMS.title), (DCAT.Dataset, DCTERMS.description), (DCAT.Catalog, DCTERMS.publisher),
     (DCAT.Distribution, DCAT.accessURL), (DCAT.DataService, DCAT.endpointURL), (FOAF.Agent, FOAF.name)],
)  # fmt: skip
def test_the_shapes_notice_what_is_lacking_and_nothing_mandatory_is(graph, shapes, kind, lacking):
    things = set(graph.subjects(RDF.type, kind))
    assert things
    assert all((thing, lacking, None) in graph for thing in things)
    maimed = graph_of(SHOWN, described()[:1])
    maimed.remove((next(iter(maimed.subjects(RDF.type, kind))), lacking, None))
    assert not validate(maimed, shacl_graph=shapes)[0]


def test_an_entry_says_everything_it_has(graph):
    entry = next(entries())
    here = URIRef(AT.resource(entry.id) + "#dataset")

    def said(*path):
        found = {here}
        for predicate in path:
            found = {value for one in found for value in graph.objects(one, predicate)}
        return {str(one) for one in found}

    assert said(DCTERMS.title) == {"公租房补贴发放", "Rent subsidies"}
    assert said(DCTERMS.identifier) == {"307001002/000017"}
    assert said(DCTERMS.publisher, DCTERMS.identifier) == {PROVIDER}
    assert said(DCAT.contactPoint, VCARD.fn) == {"住房和城乡建设委员会住房保障处"}
    assert said(DCTERMS.accrualPeriodicity) == {terms().frequency["monthly"]}
    assert said(DCTERMS.accessRights) == {terms().access["shared"]}
    assert said(DCTERMS.issued) == {"2026-03-02"}
    assert said(DCATAP.applicableLegislation) == set(SHARING_REGULATION)
    assert said(DCAT.distribution, DCAT.accessService, DCAT.endpointURL) == {AT.resource(entry.id) + "/query"}
    assert "https://hub.example/v1/codes/division/500000" in said(DCTERMS.spatial)
    kept = URIRef(AT.resource("kept") + "#dataset")
    assert (kept, DCTERMS.accessRights, URIRef(terms().access["not_shared"])) in graph
    assert (kept, DCAT.distribution, None) not in graph
    assert (URIRef(AT.catalogue), HYDRA.next, URIRef(NEXT)) in graph


def test_every_format_holds_the_same(graph):
    for one in FORMATS:
        read = Graph().parse(data=serialized(graph, one), format=one.serializer.removeprefix("pretty-"))
        assert isomorphic(read, graph), one.name


def test_a_dataset_is_the_same_again_from_its_plain_form():
    for one in described():
        assert dataset_from(one.as_dict()) == one
        assert dataset_from(one.as_dict()).digest == one.digest
    assert len({one.digest for one in described()}) == len(described())


def test_what_anybody_may_see_is_open_or_unconditional():
    assert [one.id for one in entries() if is_public(one)] == ["rents"]
    assert [code for code, one in resources_shipped().items() if is_public(one)] == ["division_area", "place"]


def test_every_cycle_category_and_theme_has_a_term():
    assert terms().frequency.keys() == {cycle.value for cycle in UpdateCycle}
    for class_ in category_classes().values():
        for item in (*class_.items, "99"):
            assert theme_of(f"{class_.code}{item}001") in terms().labels


@pytest.mark.parametrize(
    ("accept", "name"),
    [("", "turtle"), ("*/*", "turtle"), ("application/ld+json", "json-ld"), ("application/json", "json-ld"),
     ("text/html, application/rdf+xml;q=0.9, */*;q=0.1", "rdf-xml"), ("text/turtle;q=0, application/*", "json-ld"),
     ("application/rdf+xml;q=0.2, text/turtle;q=0.8", "turtle"), ("text/*", "turtle")],
)  # fmt: skip
def test_the_format_is_what_is_accepted(accept, name):
    assert format_accepted(accept).name == name
    assert format_named(name) is format_accepted(accept)


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "text/turtle;q=zero", "image/png, text/csv"])
def test_a_format_that_there_is_none_of_is_told(accept):
    with pytest.raises(NotAcceptable, match="turtle"):
        format_accepted(accept)
    with pytest.raises(NotAcceptable):
        format_named("csv")
