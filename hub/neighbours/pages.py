"""One page of a neighbour's catalogue, whatever it speaks: a document of DCAT, or CKAN's own interface."""

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from catalog.dcat.ckan import ckan_page_read, search_address
from catalog.dcat.dataset import Dataset
from catalog.dcat.describing import Addresses
from catalog.dcat.formats import FORMATS
from catalog.dcat.parsing import parsed
from catalog.dcat.reading import PageRead, Skipped, page_read
from catalog.harvest import Harvest, Kind
from connectors.neighbour_web import Web
from schemas.errors import HarvestError, WrongCatalogue

ACCEPT = ", ".join(f"{one.media_type};q={1 - place / 10:.1f}" for place, one in enumerate(FORMATS))
LONGEST_CHAIN = 8
_PORTS = {"http": 80, "https": 443}
_NUMBERED = re.compile(r"/(?:catalog|dataset)\.(?:ttl|rdf|xml|jsonld)$")
"""CKAN's documents, whose pages are numbered, whether or not they name the next."""


@dataclass(frozen=True)
class Judged:
    """A dataset as it would be kept, and the reason why it is not, None where it is."""

    dataset: Dataset
    reason: str | None = None

    def skipped(self) -> Skipped:
        """Return what is told of it where it is not kept."""
        return Skipped(self.dataset.foreign_id, self.reason or "")


@dataclass(frozen=True)
class Read:
    """A page that was read; ``catalogue`` is what the catalogue calls itself, else its address."""

    kind: Kind
    catalogue: str
    title: str
    datasets: tuple[Dataset, ...]
    skipped: tuple[Skipped, ...]
    following: str | None

    def passed_on(self, one: Dataset, own: Addresses) -> Judged:
        """Add this catalogue to those a dataset has come through, and judge whether it may be kept."""
        chain = one.chain if one.chain[-1:] == (self.catalogue,) else (*one.chain, self.catalogue)
        through = replace(one, chain=chain)
        if own.hub_id in chain or one.uri.startswith(own.resource("")):
            return Judged(
                through, f"it is of this hub's own catalogue, and has come back through {self.catalogue}"
            )
        if len(set(chain)) < len(chain):
            return Judged(through, "it has come through one catalogue twice")
        if len(chain) > LONGEST_CHAIN:
            return Judged(through, f"it has come through more than {LONGEST_CHAIN} catalogues")
        return Judged(through)


def read_page(web: Web, harvest: Harvest, address: str) -> Read:
    """Fetch and read a page; raises a ``HarvestError``. What is not known to be of one kind is tried as DCAT, then as CKAN."""
    if harvest.kind is Kind.CKAN:
        return _ckan(web, harvest, address)
    try:
        return _dcat(web, harvest, address)
    except WrongCatalogue:
        if harvest.kind is Kind.DCAT:
            raise
        try:
            return _ckan(web, harvest, address)
        except HarvestError as as_ckan:
            raise WrongCatalogue(
                f"{harvest.url} is neither a document of DCAT nor a site of CKAN.",
                hint="Give the address of its catalogue, such as …/catalog.ttl.",
            ) from as_ckan


def _dcat(web: Web, harvest: Harvest, address: str) -> Read:
    fetched = web.get(address, ACCEPT)
    page = page_read(parsed(fetched.body, fetched.media_type, fetched.url))
    if not (page.catalogue or page.datasets or page.skipped) and harvest.kind is None:
        raise WrongCatalogue(f"{harvest.url} holds neither a catalogue nor a dataset.")
    following = page.following or _next_number(page, address)
    return _read(Kind.DCAT, page, harvest, following, fetched.url)


def _ckan(web: Web, harvest: Harvest, address: str) -> Read:
    parts = urlsplit(address)
    site = _site(harvest.url)
    start = int(parse_qs(parts.query).get("start", ["0"])[0]) if parts.path.endswith("/package_search") else 0
    fetched = web.get(search_address(site, start), "application/json")
    page = ckan_page_read(fetched.body, site, start)
    return _read(Kind.CKAN, page, harvest, page.following, fetched.url)


def _read(kind: Kind, page: PageRead, harvest: Harvest, following: str | None, came_from: str) -> Read:
    """``came_from`` is where the page was in the end, which may be another site than the one registered: it redirects there."""
    if following is not None and not any(same_site(following, one) for one in (harvest.url, came_from)):
        raise WrongCatalogue(f"Its next page is of another site than {urlsplit(harvest.url).netloc}.")
    catalogue = page.catalogue or harvest.catalogue or harvest.url
    return Read(kind, catalogue, page.title or harvest.title, page.datasets, page.skipped, following)


def _next_number(page: PageRead, address: str) -> str | None:
    """Number the next page of a document of CKAN that does not say whether there is one; an empty page is the last."""
    parts = urlsplit(address)
    if page.is_paged or not (page.datasets or page.skipped) or not _NUMBERED.search(parts.path):
        return None
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    number = asked.get("page", "1")
    if not (number.isascii() and number.isdecimal() and len(number) < 6):
        return None
    return urlunsplit(parts._replace(query=urlencode(asked | {"page": str(int(number) + 1)})))


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one scheme, host and port."""
    return _origin(one) == _origin(other)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return address, None, None  # malformed: of no site but its own


def _site(url: str) -> str:
    """Return where a site of CKAN begins: what stands before the parts of it that people copy."""
    parts = urlsplit(url)
    path = re.sub(r"/(?:api/3.*|dataset.*|catalog\..*)?$", "", parts.path)
    return f"{parts.scheme}://{parts.netloc}{path}"
