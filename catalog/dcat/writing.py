"""Datasets as a graph of DCAT-AP 3: a catalogue, or one page of it, with everything its datasets name.

Nothing is left without a URI, so that the same content is the same graph.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, FOAF, RDF, RDFS, SKOS, XSD
from rdflib.term import Node

from catalog.dcat.dataset import Agent, Dataset, Distribution, Service, Texts
from catalog.dcat.vocabulary import DCAT, DCATAP, ELI, HUB, HYDRA, PREFIXES, VCARD, terms

Made = URIRef | None


@dataclass(frozen=True)
class Page:
    """What of a catalogue a graph holds: its address and the next one's, None where it is the last; ``total`` of all pages."""

    address: str
    first: str
    following: str | None
    total: int


@dataclass(frozen=True)
class Shown:
    """The catalogue itself: where it stands, its id among catalogues, what it is called, who publishes it, the place it is of."""

    uri: str
    identifier: str
    title: Texts
    description: Texts
    publisher: Agent
    spatial: str


def graph_of(catalogue: Shown, datasets: Iterable[Dataset], page: Page | None = None) -> Graph:
    """Return the catalogue with these datasets, ready to be serialised; ``page`` where there are more than these."""
    writer = _Writer(Graph(bind_namespaces="none"))
    return writer.catalogue(catalogue, datasets, page)


class _Writer:
    """Adds to one graph what is told of things by their URIs; what is empty is not told."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        for prefix, namespace in PREFIXES.items():
            graph.bind(prefix, namespace)

    def catalogue(self, shown: Shown, datasets: Iterable[Dataset], page: Page | None) -> Graph:
        here = self._thing(shown.uri, DCAT.Catalog)
        self._texts(here, DCTERMS.title, shown.title)
        self._texts(here, DCTERMS.description, shown.description)
        self._text(here, DCTERMS.identifier, shown.identifier)
        self._say(here, DCTERMS.publisher, self._agent(shown.publisher))
        self._say(here, DCTERMS.spatial, self._of(shown.spatial, DCTERMS.Location))
        self._say(here, DCTERMS.language, self._of(terms().language["zh"], DCTERMS.LinguisticSystem))
        self._say(here, FOAF.homepage, self._of(shown.uri.partition("#")[0], FOAF.Document))
        for dataset in datasets:
            self._say(here, DCAT.dataset, self._dataset(dataset))
            for distribution in dataset.distributions:
                if distribution.service:
                    self._say(here, DCAT.service, URIRef(distribution.service.uri))
        if page is not None:
            self._page(here, page)
        return self._graph

    def _page(self, catalogue: URIRef, page: Page) -> None:
        self._say(catalogue, RDF.type, HYDRA.Collection)
        self._say(catalogue, HYDRA.totalItems, Literal(page.total, datatype=XSD.integer))
        view = self._thing(page.address, HYDRA.PartialCollectionView)
        self._say(catalogue, HYDRA.view, view)
        self._say(view, HYDRA.first, URIRef(page.first))
        self._say(view, HYDRA.next, URIRef(page.following) if page.following else None)

    def _dataset(self, told: Dataset) -> URIRef:
        here = self._thing(told.uri, DCAT.Dataset)
        self._texts(here, DCTERMS.title, told.title)
        self._texts(here, DCTERMS.description, told.description)
        for predicate, text in (
            (DCTERMS.identifier, told.identifier),
            (DCAT.version, told.version),
            (HUB.passedThrough, " ".join(quote(id_, safe=":/.-_~#") for id_ in told.chain)),
        ):
            self._text(here, predicate, text)
        for keyword in told.keywords:
            self._say(here, DCAT.keyword, Literal(keyword, lang="zh"))
        for predicate, day in ((DCTERMS.issued, told.issued), (DCTERMS.modified, told.modified)):
            self._say(here, predicate, Literal(day) if day else None)
        self._terms(here, told)
        self._people(here, told)
        for distribution in told.distributions:
            self._say(here, DCAT.distribution, self._distribution(distribution, here))
        return here

    def _terms(self, here: URIRef, told: Dataset) -> None:
        self._say(here, DCTERMS.accrualPeriodicity, self._of(told.frequency, DCTERMS.Frequency))
        self._say(here, DCTERMS.accessRights, self._of(told.access, DCTERMS.RightsStatement))
        self._say(here, DCTERMS.spatial, self._of(told.spatial, DCTERMS.Location))
        for uri, label in (told.themes or {}).items():
            concept = self._of(uri, SKOS.Concept)
            self._text(concept, SKOS.prefLabel, label)
            self._say(here, DCAT.theme, concept)
        for uri, title in (told.legislation or {}).items():
            law = self._of(uri, ELI.LegalResource)
            self._text(law, DCTERMS.title, title)
            self._say(here, DCATAP.applicableLegislation, law)
        for code in told.related:
            other = self._of(f"{told.uri.partition('#')[0]}#related-{quote(code)}", RDFS.Resource)
            self._text(other, DCTERMS.identifier, code)
            self._say(here, DCTERMS.relation, other)
        if told.rights:
            statement = self._of(f"{told.uri}-conditions", DCTERMS.RightsStatement)
            self._text(statement, RDFS.label, told.rights)
            self._say(here, DCTERMS.rights, statement)

    def _people(self, here: URIRef, told: Dataset) -> None:
        if told.publisher:
            self._say(here, DCTERMS.publisher, self._agent(told.publisher))
        if told.contact:
            office = self._of(f"{told.uri}-contact", VCARD.Organization)
            self._say(office, RDF.type, VCARD.Kind)
            self._text(office, VCARD.fn, told.contact)
            self._say(here, DCAT.contactPoint, office)

    def _distribution(self, told: Distribution, dataset: URIRef) -> URIRef:
        here = self._thing(told.uri or f"{dataset}-{quote(told.access_url, safe='')}", DCAT.Distribution)
        self._texts(here, DCTERMS.title, told.title or {})
        self._say(here, DCAT.accessURL, self._of(told.access_url, RDFS.Resource))
        self._say(here, DCTERMS["format"], self._of(told.file_type, DCTERMS.MediaTypeOrExtent))
        self._say(here, DCAT.mediaType, self._of(told.media_type, DCTERMS.MediaType))
        if told.service:
            self._say(here, DCAT.accessService, self._service(told.service, dataset))
        return here

    def _service(self, told: Service, dataset: URIRef) -> URIRef:
        here = self._thing(told.uri, DCAT.DataService)
        self._texts(here, DCTERMS.title, told.title)
        self._say(here, DCAT.endpointURL, self._of(told.endpoint, RDFS.Resource))
        self._say(here, DCAT.endpointDescription, self._of(told.description, RDFS.Resource))
        self._say(here, DCAT.servesDataset, dataset)
        return here

    def _agent(self, told: Agent) -> URIRef:
        uri = told.uri or f"urn:exchange-hub:agent:{quote(told.identifier or told.name, safe='')}"
        here = self._thing(uri, FOAF.Agent)
        self._text(here, FOAF.name, told.name)
        self._text(here, DCTERMS.identifier, told.identifier)
        return here

    # ── saying ───────────────────────────────────────────────────────────────────────────────────────

    def _thing(self, uri: str, kind: URIRef) -> URIRef:
        here = URIRef(uri)
        self._graph.add((here, RDF.type, kind))
        return here

    def _of(self, uri: str, kind: URIRef) -> Made:
        return self._thing(uri, kind) if uri else None

    def _say(self, subject: Made, predicate: URIRef, value: Node | None) -> None:
        if subject is not None and value is not None:
            self._graph.add((subject, predicate, value))

    def _text(self, subject: Made, predicate: URIRef, text: str) -> None:
        self._say(subject, predicate, Literal(text) if text else None)

    def _texts(self, subject: URIRef, predicate: URIRef, texts: Mapping[str, str]) -> None:
        for tag, text in texts.items():
            self._say(subject, predicate, Literal(text, lang=tag or None))
