"""What is answered as OGC API – Features: through the door, under agreements, as ``exchange_api.selection`` and ``readings`` choose records.

Part of the security boundary: features hold records in the clear.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
from shapely import box

from catalog.agreement import Agreement
from exchange_api.answers import Body
from exchange_api.calls import Call, checked_key, parameters_of, stated_in
from exchange_api.door import Attempt, Door
from exchange_api.features.documents import Documents, feature_links, link
from exchange_api.features.encoding import Feature, Page
from exchange_api.features.parameters import Asked, asked_of_items, asked_of_one
from exchange_api.features.reference_systems import stored_geometry
from exchange_api.library import Library, Row, Shelf
from exchange_api.readings import Readings, open_shelf_of
from exchange_api.selection import Selection, Selections
from schemas.errors import ItemNotAgreed, RecordNotFound, UnknownResource
from schemas.filters import Every, Filter, Intersects, filter_of, moved
from schemas.resource import Item, Resource


class FeatureDesk:
    """The readings of ``/v1/ogc``."""

    def __init__(
        self, library: Library, door: Door, readings: Readings, selections: Selections, public_url: str
    ) -> None:
        self._library, self._door, self._readings, self._selections = library, door, readings, selections
        self._documents = Documents(public_url)

    async def landing(self, _attempt: Attempt) -> Any:
        """Describe where everything is."""
        return self._documents.landing()

    async def conformance(self, _attempt: Attempt) -> Any:
        """List the classes that are conformed to."""
        return self._documents.conformance()

    async def collections(self, attempt: Attempt) -> Any:
        """List the collections that the caller's agreements cover."""
        its = [
            shelf.resource
            for shelf in self._library.shelves.values()
            if self._is_open(attempt, shelf.resource)
        ]
        return self._documents.collections(its)

    async def collection(self, attempt: Attempt) -> Any:
        """Describe a collection."""
        return self._documents.collection(self._shelf(attempt).resource)

    async def queryables(self, attempt: Attempt) -> Any:
        """Describe what features of a collection can be filtered by: what is agreed, in the clear or a lookup item, and not masked."""
        resource = self._shelf(attempt).resource
        its = self._door.agreements(attempt, resource.code)
        agreed = {name for one in its for name in one.covered - one.masked}
        items = [
            item
            for item in resource.items
            if item.name in agreed and (not item.sealed or item.lookup or item.key)
        ]
        return Body("application/schema+json", orjson.dumps(self._documents.queryables(resource, items)))

    async def items(self, attempt: Attempt) -> Any:
        """Answer a page of a collection's features."""
        shelf = self._shelf(attempt)
        asked = asked_of_items(attempt.request.scope["query_string"], attempt.headers, shelf.resource)
        attempt.stated = stated_in(attempt.headers)
        selection = Selection(
            _filter_of(shelf.resource, asked), self._items(attempt, shelf.resource), asked.limit, asked.cursor, provenance=False,
            valid_by=asked.during[1] if asked.during else None,
        )  # fmt: skip
        page = await self._selections.page(attempt, shelf, selection)
        features = await self._features(attempt, shelf, page.rows)
        links = [link(self._here(attempt), "self", "This page", asked.form.media_type)]
        if page.cursor is not None:
            onward = self._here(attempt, cursor=page.cursor)
            links.append(link(onward, "next", "The next page", asked.form.media_type))
            attempt.sent = {**attempt.sent, "Link": f'<{onward}>; rel="next"'}
        around = {
            "numberReturned": len(features),
            "timeStamp": self._door.moment().isoformat(),
            "links": links,
        }
        return self._sent(attempt, shelf, asked, features, asked.form.page, around)

    async def feature(self, attempt: Attempt) -> Any:
        """Answer one feature by its id, the record's key; ``RecordNotFound`` where there is none that is agreed."""
        shelf = self._shelf(attempt)
        asked = asked_of_one(attempt.request.scope["query_string"], attempt.headers)
        attempt.stated = stated_in(attempt.headers)
        attempt.keys = 1
        key = checked_key(shelf.resource.key, attempt.request.path_params["id"], 1)
        items = self._items(attempt, shelf.resource)
        call = Call((key,), items, None, False, attempt.stated, attempt.organisation)
        _, rows = await self._readings.by_key(attempt, shelf, call)
        if not rows:
            raise RecordNotFound(f"Collection {shelf.resource.code} has no feature of that id.")
        attempt.records = 1
        features = await self._features(attempt, shelf, rows)
        around = feature_links(self._documents, shelf.resource.code, quote(key, safe=""))
        return self._sent(attempt, shelf, asked, features, asked.form.feature, around)

    def _shelf(self, attempt: Attempt) -> Shelf:
        shelf = open_shelf_of(self._library, attempt)
        if not any(item.geometry for item in shelf.resource.items):
            raise UnknownResource(
                "The resource has no geometry, so it is no collection.", hint="Read it at /v1/resources."
            )
        return shelf

    def _is_open(self, attempt: Attempt, resource: Resource) -> bool:
        return not resource.withdrawn and any(
            one.bulk and _shows(one, resource) for one in self._door.agreements(attempt, resource.code)
        )

    def _items(self, attempt: Attempt, resource: Resource) -> tuple[str, ...]:
        """Return the items to ask for: those of the first agreement that shows where features are and which."""
        for one in self._door.agreements(attempt, resource.code):
            if _shows(one, resource):
                return one.items
        return tuple(
            item.name for item in resource.items if item.key or item.geometry
        )  # which will be refused

    async def _features(self, attempt: Attempt, shelf: Shelf, rows: Sequence[Row]) -> list[Feature]:
        if attempt.agreement is None or attempt.call is None or not _shows(attempt.agreement, shelf.resource):
            raise ItemNotAgreed(
                "The agreement does not show where features are, or which.",
                hint="Apply for the geometry and the key, unmasked.",
            )
        key, geometry = shelf.resource.key.name, _geometry(shelf.resource).name
        told = await self._readings.told(
            attempt, shelf, rows, attempt.call, attempt.agreement, without={geometry}
        )
        return [
            Feature(one["data"][key], row[geometry], one["data"] | _doubts(one))
            for one, row in zip(told, rows, strict=True)
        ]

    def _sent(
        self, attempt: Attempt, shelf: Shelf, asked: Asked, features: Sequence[Feature],
        encode: Callable[[Page], bytes], around: Mapping[str, Any],
    ) -> Body:  # fmt: skip
        attempt.sent = {**attempt.sent, "Vary": "Accept", "Content-Crs": f"<{asked.crs}>"}
        geometry = _geometry(shelf.resource).name
        items = tuple(name for name in attempt.items or () if name != geometry)
        return Body(asked.form.media_type, encode(Page(shelf.resource, items, features, asked.crs, around)))

    def _here(self, attempt: Attempt, **changed: str) -> str:
        """Return the address of this page, or of one like it."""
        asked = parameters_of(attempt.request.scope["query_string"]) | changed
        return self._documents.address("collections", attempt.resource or "", "items", **asked)


def _shows(agreement: Agreement, resource: Resource) -> bool:
    """Whether an agreement lets its system read where features are and which they are."""
    needed = {resource.key.name} | {item.name for item in resource.items if item.geometry}
    return (
        len(needed) == 2
        and needed <= agreement.covered - agreement.masked
        and agreement.answer.discloses_values
    )


def _geometry(resource: Resource) -> Item:
    return next(item for item in resource.items if item.geometry)


def _doubts(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"doubts": told["doubts"]} if "doubts" in told else {}


def _filter_of(resource: Resource, asked: Asked) -> Filter | None:
    """Return what features are filtered by: the box, and the filter with its geometries as they are kept."""
    parts: list[Filter] = []
    if asked.bounds is not None:
        parts.append(Intersects(_geometry(resource), box(*asked.bounds)))
    if asked.filter_ is not None:
        crs = asked.filter_crs
        parts.append(moved(filter_of(asked.filter_, resource), lambda shape: stored_geometry(shape, crs)))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Every(tuple(parts))
