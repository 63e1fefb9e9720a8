"""What OGC API – Features says of itself and its collections: landing page, conformance, collections, queryables."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from exchange_api.features.encoding import FORMS, GEOJSON, SHORT
from exchange_api.features.reference_systems import CRS84, STORED, SYSTEMS
from schemas.resource import Item, Resource

PATH = "/v1/ogc"
_CLASS = "http://www.opengis.net/spec/"
CONFORMANCE = (
    *(f"{_CLASS}ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "geojson")),
    f"{_CLASS}ogcapi-features-2/1.0/conf/crs",
    *(
        f"{_CLASS}ogcapi-features-3/1.0/conf/{name}"
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *(
        f"{_CLASS}cql2/1.0/conf/{name}"
        for name in ("cql2-text", "cql2-json", "basic-cql2", "basic-spatial-functions")
    ),
)
"""The classes that are conformed to (OGC 17-069r4, 18-058r1, 19-079r2, 21-065r2)."""

_SCHEMA = "application/schema+json"
_API = "application/vnd.oai.openapi+json;version=3.1"


class Documents:
    """Makes the documents, with addresses under the hub's own."""

    def __init__(self, public_url: str) -> None:
        self._root = public_url.rstrip("/") + PATH
        self._api = public_url.rstrip("/") + "/openapi.json"

    def address(self, *parts: str, **asked: str) -> str:
        """Return the address of what lies under the root."""
        path = "/".join((self._root, *parts))
        return f"{path}?{urlencode(asked)}" if asked else path

    def landing(self) -> dict[str, Any]:
        """Describe where everything is."""
        return {
            "title": "Exchange hub: spatial data",
            "description": "Spatial resources under agreements; every reading is on the ledger.",
            "links": [
                link(self.address(), "self", "This document"),
                link(self._api, "service-desc", "The API", _API),
                link(self.address("conformance"), "conformance", "What is conformed to"),
                link(self.address("collections"), "data", "The collections"),
            ],
        }

    def conformance(self) -> dict[str, Any]:
        """List the classes that are conformed to."""
        return {"conformsTo": list(CONFORMANCE)}

    def collections(self, resources: Sequence[Resource]) -> dict[str, Any]:
        """List collections."""
        return {
            "links": [link(self.address("collections"), "self", "This document")],
            "collections": [self.collection(resource) for resource in resources],
        }

    def collection(self, resource: Resource) -> dict[str, Any]:
        """Describe one collection."""
        here = ("collections", resource.code)
        short = {media_type: name for name, media_type in SHORT.items()}
        items = [
            link(self.address(*here, "items", f=short[form]), "items", f"Features as {form}", form)
            for form in FORMS
        ]
        return {
            "id": resource.code,
            "title": resource.title,
            "description": resource.summary or resource.title_en,
            "itemType": "feature",
            "crs": list(SYSTEMS),
            "storageCrs": STORED,
            "extent": {"spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]], "crs": CRS84}},
            "links": [
                link(self.address(*here), "self", "This document"),
                *items,
                link(
                    self.address(*here, "queryables"),
                    "http://www.opengis.net/def/rel/ogc/1.0/queryables",
                    "What features can be filtered by",
                    _SCHEMA,
                ),
            ],
        }

    def queryables(self, resource: Resource, items: Sequence[Item]) -> dict[str, Any]:
        """Describe what features of a collection can be filtered by, as JSON Schema."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": self.address("collections", resource.code, "queryables"),
            "type": "object",
            "title": resource.title,
            "properties": {item.name: _queryable(item) for item in items},
            "additionalProperties": False,
        }


def link(href: str, rel: str, title: str, media_type: str = "application/json") -> dict[str, str]:
    """Describe a link (RFC 8288)."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def feature_links(documents: Documents, code: str, id_: str) -> Mapping[str, Any]:
    """Describe where a feature is, and where its collection."""
    here = documents.address("collections", code)
    return {
        "links": [
            link(f"{here}/items/{id_}", "self", "This feature", GEOJSON),
            link(here, "collection", "The collection"),
        ]
    }


def _queryable(item: Item) -> dict[str, Any]:
    if item.geometry:
        return {"title": item.title, "format": "geometry-any", "x-ogc-role": "primary-geometry"}
    described = item.json_schema()
    return described | {"type": described["type"][0]}
