"""The published catalogue as DCAT-AP 3: whole for a file, in pages for whoever asks.

Anybody may have the descriptions of what is open to society or shared unconditionally; they hold no personal value.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rdflib import Graph
from sqlalchemy import Connection

from audit.recording import record_administration
from catalog.dcat.dataset import Agent, Dataset
from catalog.dcat.describing import Addresses, dataset_of
from catalog.dcat.writing import Page, Shown, graph_of
from catalog.harvests import Harvests
from catalog.odrl import Node, add_policy, offer_of
from catalog.published_entries import PublishedEntries, id_of
from infra.settings import Settings

MOST_DATASETS = 25
"""Of one page: it is made while calls are answered by the same process."""


@dataclass(frozen=True)
class Offered:
    """A page of datasets: ``after`` is the id to go on behind, None where there are no more; ``total`` of all pages.

    ``policies`` are those of its own datasets, in ODRL.
    """

    datasets: Sequence[Dataset]
    after: str | None
    total: int
    policies: Sequence[Node] = ()


def addresses(settings: Settings) -> Addresses:
    """Return where this hub stands among its neighbours."""
    return Addresses(settings.public_url, settings.hub_id, settings.division)


def offered(
    connection: Connection,
    at: Addresses,
    *,
    everything: bool = False,
    after: str = "",
    limit: int | None = None,
) -> Offered:
    """Return the published entries behind an id as datasets, those that anybody may see or ``everything``."""
    published = PublishedEntries(connection, everything=everything)
    following = published.behind(after, None if limit is None else limit + 1)
    page = following[:limit]
    last = id_of(page[-1]) if page and len(following) > len(page) else None
    policies = [offer_of(one, at) for one in page]
    return Offered([dataset_of(one, at) for one in page], last, published.number(), policies)


def passed_on(connection: Connection, at: Addresses) -> Sequence[Dataset]:
    """Return what was harvested and is there still, with this catalogue as the last that it has come through."""
    harvests = Harvests(connection, record_administration)
    found: list[Dataset] = []
    for harvest in harvests.every():
        entries = harvests.entries(harvest.code, limit=None)
        found += [replace(one, chain=(*one.chain, at.hub_id)) for one in entries]
    return found


def catalogue_graph(at: Addresses, found: Offered, page: Page | None = None) -> Graph:
    """Return the catalogue, with the datasets that were found, as a graph."""
    graph = graph_of(_shown(at), found.datasets, page)
    for policy in found.policies:
        add_policy(graph, policy)
    return graph


def _shown(at: Addresses) -> Shown:
    return Shown(
        uri=f"{at.catalogue}#catalogue",
        identifier=at.hub_id,
        title={"zh": "政务数据共享目录", "en": "Catalogue of shared government data"},
        description={
            "zh": "政务数据共享条例所称的统一目录：每项资源的提供方、信息项、共享属性、更新周期和使用条件。",
            "en": "The one catalogue of Decree 809: provider, items, sharing attribute, update cycle and conditions of every resource.",
        },
        publisher=Agent("数据共享交换平台", at.hub_id, f"{at.catalogue}#hub"),
        spatial=at.place,
    )
