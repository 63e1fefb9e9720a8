"""What CKAN's ``package_search`` answers, as datasets; for catalogues that publish no DCAT.

Authors and maintainers are people, and left behind.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from catalog.dcat.dataset import Agent, Dataset, Distribution
from catalog.dcat.reading import LONGEST_TEXT, LONGEST_TITLE, PageRead, Skipped, cleaned
from schemas.errors import WrongCatalogue

ROWS = 100


def search_address(site: str, start: int = 0) -> str:
    """Return where a page of a site's datasets is had, in an order that stands while pages are read."""
    return f"{site.rstrip('/')}/api/3/action/package_search?rows={ROWS}&start={start}&sort=id+asc"


def ckan_page_read(body: bytes, site: str, start: int) -> PageRead:
    """Read a page that began at ``start``, or raise ``WrongCatalogue``."""
    try:
        answer = orjson.loads(body)
        result = answer["result"]
        packages, count = list(result["results"]), int(result["count"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise WrongCatalogue("The site answers neither with DCAT nor as CKAN does.") from None
    datasets: list[Dataset] = []
    skipped: list[Skipped] = []
    for number, package in enumerate(packages, start + 1):
        found = _dataset(package, site) if isinstance(package, dict) else "it is no object"
        if isinstance(found, Dataset):
            datasets.append(found)
        else:
            skipped.append(Skipped(_text(package, "name") or f"package {number}", found))
    more = packages and start + len(packages) < count
    following = search_address(site, start + len(packages)) if more else None
    return PageRead(site, "", tuple(datasets), tuple(skipped), following, is_paged=True)


def _dataset(package: Mapping[str, Any], site: str) -> Dataset | str:
    """Return a dataset, or why it is none."""
    name, title = _text(package, "name") or _text(package, "id"), _text(package, "title")
    extras = _extras(package)
    description = _text(package, "notes")
    if not name:
        return "it has neither a name nor an id"
    if not title:
        return "it has no title"
    if len(title) > LONGEST_TITLE or len(description) > LONGEST_TEXT:
        return (
            f"its title is longer than {LONGEST_TITLE} characters, or its description than {LONGEST_TEXT:,}"
        )
    uri = extras.get("uri", "")
    organisation = package.get("organization")
    publisher = _text(organisation, "title") or _text(organisation, "name")
    return Dataset(
        uri=uri
        if urlsplit(uri).scheme in ("http", "https", "urn")
        else f"{site.rstrip('/')}/dataset/{quote(name, safe='')}",
        title={"": title},
        description={"": description or title},
        chain=tuple(extras.get("passed_through", "").split()),
        identifier=extras.get("identifier") or _text(package, "id") or name,
        publisher=Agent(publisher) if publisher else None,
        frequency=extras.get("frequency", ""),
        keywords=tuple(sorted({_text(tag, "name") for tag in _objects(package, "tags")} - {""})),
        version=_text(package, "version"),
        issued=_day(package, "metadata_created"),
        modified=_day(package, "metadata_modified"),
        rights=_text(package, "license_title"),
        distributions=tuple(_distributions(package)),
    )


def _distributions(package: Mapping[str, Any]) -> Iterator[Distribution]:
    for one in _objects(package, "resources"):
        address = _text(one, "url")
        if urlsplit(address).scheme in ("http", "https", "ftp") and len(address) <= LONGEST_TITLE:
            title = _text(one, "name")
            yield Distribution(address, title={"": title} if title else None)


def _extras(package: Mapping[str, Any]) -> Mapping[str, str]:
    return {_text(one, "key"): _text(one, "value") for one in _objects(package, "extras")}


def _objects(told: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    held = told.get(name)
    return [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []


def _text(told: Any, name: str) -> str:
    value = told.get(name) if isinstance(told, Mapping) else None
    return cleaned(value) if isinstance(value, str) else ""


def _day(told: Mapping[str, Any], name: str) -> date | None:
    try:
        return date.fromisoformat(_text(told, name)[:10])
    except ValueError:
        return None
