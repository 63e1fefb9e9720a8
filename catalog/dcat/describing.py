"""Our entries as datasets: each element of the compilation guide by the property of DCAT-AP 3 that means it."""

from dataclasses import dataclass
from urllib.parse import quote

from catalog.categories import Category
from catalog.dcat.dataset import Agent, Dataset, Distribution, Service, Texts
from catalog.dcat.vocabulary import terms, theme_of
from catalog.entry import CatalogueEntry
from catalog.entry_elements import Format
from schemas.resource import Resource, Sharing

SHARING_REGULATION = {"urn:lex:cn:state.council:decree:2025;809": "政务数据共享条例（国务院令第809号）"}
_JSON = "application/json"
_IANA = "https://www.iana.org/assignments/media-types/"


@dataclass(frozen=True)
class Addresses:
    """Where the hub stands: its public URL, its id among hubs, and the division it serves."""

    url: str
    hub_id: str
    division: str

    @property
    def catalogue(self) -> str:
        """Where the catalogue is had as DCAT."""
        return f"{self.url.rstrip('/')}/v1/catalogue/dcat"

    def resource(self, id_: str) -> str:
        """Where a resource is described and asked for records."""
        return f"{self.url.rstrip('/')}/v1/resources/{quote(id_)}"

    @property
    def place(self) -> str:
        """Where the division is told."""
        return f"{self.url.rstrip('/')}/v1/codes/division/{self.division}"


def dataset_of(entry: CatalogueEntry | Resource, at: Addresses) -> Dataset:
    """Describe an entry, or a resource that comes with the hub and has no entry, as a dataset of this catalogue."""
    return _of_entry(entry, at) if isinstance(entry, CatalogueEntry) else _of_resource(entry, at)


def _of_entry(entry: CatalogueEntry, at: Addresses) -> Dataset:
    home, known = at.resource(entry.id), terms()
    laws = SHARING_REGULATION | ({f"{home}#legal-basis": entry.legal_basis} if entry.legal_basis else {})
    shared = "not_shared" if entry.sharing is Sharing.NOT_SHARED else "shared"
    return Dataset(
        uri=f"{home}#dataset",
        identifier=entry.code or entry.id,
        title=_texts(entry.name, entry.name_en),
        description=_texts(entry.summary),
        chain=(at.hub_id,),
        publisher=Agent(
            entry.provider, entry.provider_code, f"{at.catalogue}#organisation-{entry.provider_code}"
        ),
        contact=f"{entry.provider}{entry.office}",
        frequency=known.frequency[entry.update_cycle],
        access=known.access["open" if entry.open else shared],
        rights="；".join(filter(None, (entry.condition, entry.open_condition))),
        themes=_themes(entry.category, at),
        keywords=_keywords(entry.category),
        spatial=at.place,
        version=str(entry.version),
        issued=entry.published_on,
        legislation=laws,
        related=entry.related,
        distributions=_distributions(entry, at),
    )


def _of_resource(resource: Resource, at: Addresses) -> Dataset:
    home, known = at.resource(resource.code), terms()
    category = Category(resource.catalogue_code.partition("/")[0])
    return Dataset(
        uri=f"{home}#dataset",
        identifier=resource.catalogue_code,
        title=_texts(resource.title, resource.title_en),
        description=_texts(resource.summary or resource.title),
        chain=(at.hub_id,),
        publisher=Agent(resource.provider, uri=f"{at.catalogue}#organisation-{quote(resource.provider)}"),
        contact=resource.provider,
        frequency=known.frequency[resource.update_cycle],
        access=known.access["shared"],
        rights=resource.condition,
        themes=_themes(category, at),
        keywords=_keywords(category),
        spatial=at.place,
        version=str(resource.version),
        legislation=SHARING_REGULATION,
        distributions=(_answered(resource.code, _texts(resource.title, resource.title_en), at),),
    )


def _distributions(entry: CatalogueEntry, at: Addresses) -> tuple[Distribution, ...]:
    if entry.sharing is Sharing.NOT_SHARED:
        return ()
    title = _texts(entry.name, entry.name_en)
    if entry.is_queryable:
        return (_answered(entry.id, title, at),)
    home = at.resource(entry.id)
    file_type = terms().file_type["spreadsheet"] if entry.format is Format.SPREADSHEET else ""
    return (Distribution(home, f"{home}#distribution", title, file_type),)


def _answered(id_: str, title: Texts, at: Addresses) -> Distribution:
    """Describe records that the hub answers with."""
    home = at.resource(id_)
    service = Service(f"{home}#service", f"{home}/query", title, f"{at.url.rstrip('/')}/openapi.json")
    return Distribution(home, f"{home}#records", title, terms().file_type["json"], f"{_IANA}{_JSON}", service)


def _themes(category: Category, at: Addresses) -> dict[str, str]:
    theme = theme_of(category.code)
    own = f"{at.catalogue}#category-{category.code[:3]}"
    return {theme: terms().labels[theme], own: "/".join(category.titles)}


def _keywords(category: Category) -> tuple[str, ...]:
    return tuple(
        title for title in category.titles if not title.isdecimal()
    )  # an item that the guide does not name


def _texts(text: str, english: str = "") -> Texts:
    return {"zh": text} | ({"en": english} if english else {})
