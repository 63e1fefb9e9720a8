"""A neighbour's graph as datasets, and what of it cannot be read as one, with the reason.

Names of people are left behind: a contact is taken over where it is an organisation's, a publisher too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote, urlsplit

from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, FOAF, RDF, RDFS, SKOS
from rdflib.term import Node

from catalog.dcat.dataset import Agent, Dataset, Distribution, Service
from catalog.dcat.vocabulary import DCAT, DCATAP, HUB, HYDRA, VCARD

LONGEST_TITLE, LONGEST_TEXT, MOST_VALUES = 500, 20_000, 200
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DAY = re.compile(r"^\d{4}-\d\d-\d\d")
_NEXT = (HYDRA.next, HYDRA.nextPage)
_LEADING = ("http", "https", "ftp")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A dataset that was not taken over, by its place in the page or its id, and why."""

    foreign_id: str
    reason: str


@dataclass(frozen=True)
class PageRead:
    """What a page of a catalogue holds; ``catalogue`` is its id, where it tells one."""

    catalogue: str
    title: str
    datasets: tuple[Dataset, ...]
    skipped: tuple[Skipped, ...]
    following: str | None
    is_paged: bool


def page_read(graph: Graph) -> PageRead:
    """Read the datasets of a page, by URI."""
    datasets, skipped = [], []
    for number, node in enumerate(sorted(set(graph.subjects(RDF.type, DCAT.Dataset)), key=str), 1):
        one = _Reader(graph, node)
        reason = one.lacks()
        if reason:
            skipped.append(
                Skipped(str(node) if isinstance(node, URIRef) else f"dataset {number} of the page", reason)
            )
        else:
            datasets.append(one.dataset())
    catalogue = _catalogue(graph)
    told = _Reader(graph, catalogue) if catalogue is not None else None
    following = next((str(v) for p in _NEXT for v in graph.objects(None, p) if isinstance(v, URIRef)), None)
    views = (HYDRA.PartialCollectionView, HYDRA.PagedCollection, HYDRA.Collection)
    return PageRead(
        catalogue=told.text(DCTERMS.identifier) or _named(catalogue) if told else "",
        title=told.text(DCTERMS.title)[:LONGEST_TITLE] if told else "",
        datasets=tuple(datasets),
        skipped=tuple(skipped),
        following=following,
        is_paged=any((None, RDF.type, view) in graph for view in views),
    )


def _catalogue(graph: Graph) -> Node | None:
    """The catalogue that holds datasets and is held by none; of several the first by URI."""
    found = set(graph.subjects(RDF.type, DCAT.Catalog)) - set(graph.objects(None, DCAT.catalog))
    return min(found, key=str, default=None)


class _Reader:
    """Reads what a graph says of one thing."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self._graph, self._node = graph, node

    def lacks(self) -> str | None:
        """Say why this is no dataset that can be kept; None where it is."""
        title = self.text(DCTERMS.title)
        if isinstance(self._node, BNode) and not self.text(DCTERMS.identifier):
            return "it has neither a URI nor an identifier"
        if not title:
            return "it has no title"
        if len(title) > LONGEST_TITLE or len(self.text(DCTERMS.description)) > LONGEST_TEXT:
            return f"its title is longer than {LONGEST_TITLE} characters, or its description than {LONGEST_TEXT:,}"
        if len(list(self._graph.predicate_objects(self._node))) > MOST_VALUES:
            return f"more than {MOST_VALUES} things are said of it"
        return None

    def dataset(self) -> Dataset:
        """Read it as a dataset."""
        title = self.texts(DCTERMS.title)
        return Dataset(
            uri=_named(self._node),
            title=title,
            description=self.texts(DCTERMS.description) or title,
            chain=tuple(unquote(id_) for id_ in self.text(HUB.passedThrough).split()),
            identifier=self.text(DCTERMS.identifier),
            publisher=self._publisher(),
            contact=next(
                (one.text(VCARD.fn) for one in self.each(DCAT.contactPoint) if one.is_(VCARD.Organization)),
                "",
            ),
            frequency=self.uri(DCTERMS.accrualPeriodicity),
            access=self.uri(DCTERMS.accessRights),
            rights=next((one.text(RDFS.label) for one in self.each(DCTERMS.rights)), ""),
            themes=self._labelled(DCAT.theme, SKOS.prefLabel),
            keywords=tuple(sorted(set(self._literals(DCAT.keyword)))),
            spatial=self.uri(DCTERMS.spatial),
            version=self.text(DCAT.version),
            issued=self._day(DCTERMS.issued),
            modified=self._day(DCTERMS.modified),
            legislation=self._labelled(DCATAP.applicableLegislation, DCTERMS.title),
            distributions=tuple(self._distributions()),
        )

    def _publisher(self) -> Agent | None:
        for one in self.each(DCTERMS.publisher):
            name = one.text(FOAF.name)
            if name and not one.is_(FOAF.Person):
                return Agent(name, one.text(DCTERMS.identifier), _named(one._node))
        return None

    def _distributions(self) -> Iterator[Distribution]:
        for one in self.each(DCAT.distribution):
            address = one.uri(DCAT.accessURL) or one.uri(DCAT.downloadURL)
            if urlsplit(address).scheme in _LEADING:
                service = next((each._service() for each in one.each(DCAT.accessService)), None)
                title = one.texts(DCTERMS.title) or None
                types = (one.uri(DCTERMS["format"]), one.uri(DCAT.mediaType))
                yield Distribution(address, _named(one._node), title, *types, service)

    def _service(self) -> Service | None:
        endpoint = self.uri(DCAT.endpointURL)
        if not _named(self._node) or urlsplit(endpoint).scheme not in _LEADING:
            return None
        return Service(
            _named(self._node), endpoint, self.texts(DCTERMS.title), self.uri(DCAT.endpointDescription)
        )

    # ── values ───────────────────────────────────────────────────────────────────────────────────────

    def is_(self, kind: URIRef) -> bool:
        """Whether it is of that class."""
        return (self._node, RDF.type, kind) in self._graph

    def each(self, predicate: URIRef) -> "Iterable[_Reader]":
        """Every thing it names by a property, by name."""
        return [_Reader(self._graph, v) for v in self._values(predicate) if not isinstance(v, Literal)]

    def text(self, predicate: URIRef) -> str:
        """A text in Chinese, else in whatever language there is; empty where there is none."""
        texts = self.texts(predicate)
        return next((t for tag, t in texts.items() if tag.startswith("zh")), next(iter(texts.values()), ""))

    def texts(self, predicate: URIRef) -> Mapping[str, str]:
        """Texts by language."""
        found = [v for v in self._values(predicate) if isinstance(v, Literal)]
        texts = {str(v.language or ""): cleaned(str(v)) for v in found}
        return {tag: text for tag, text in sorted(texts.items()) if text}

    def uri(self, predicate: URIRef) -> str:
        """The URI it names, the first of several; what is written as a text is none."""
        return next((_named(v) for v in self._values(predicate) if _named(v)), "")

    def _literals(self, predicate: URIRef) -> list[str]:
        return [cleaned(str(v))[:LONGEST_TITLE] for v in self._values(predicate) if isinstance(v, Literal)]

    def _labelled(self, predicate: URIRef, label: URIRef) -> Mapping[str, str] | None:
        found = {
            _named(one._node): one.text(label)[:LONGEST_TITLE]
            for one in self.each(predicate)
            if _named(one._node)
        }
        return found or None

    def _day(self, predicate: URIRef) -> date | None:
        for told in self._literals(predicate):
            if _DAY.match(told):
                try:
                    return date.fromisoformat(told[:10])
                except ValueError:
                    continue
        return None

    def _values(self, predicate: URIRef) -> list[Node]:
        return sorted(self._graph.objects(self._node, predicate), key=str)


def cleaned(text: str) -> str:
    """Return a text without what neither PostgreSQL nor a terminal could hold."""
    return _CONTROLS.sub("", text).encode("utf-8", "ignore").decode().strip()


def _named(node: Node | None) -> str:
    """A URI that can be written in any format; a blank node has none."""
    if not isinstance(node, URIRef):
        return ""
    text = str(node)
    return "" if len(text) > LONGEST_TITLE or re.search(r"[\x00-\x20<>\"{}|^`\\]", text) else text
