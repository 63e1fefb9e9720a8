"""OGC API – Features over the real server: read as maps read it (GDAL, OWSLib), under agreements, each page on the ledger."""

import asyncio
import io
import re

import numpy as np
import pyogrio
import pytest
import shapely
from exchange_api_hub import CASE, KEY, LAW, PURPOSE, agreement, citizen, golden
from joserfc.jwk import OKPKey
from owslib.ogcapi.features import Features
from sqlalchemy import text
from test_exchange_api_story import detail

from audit.recording import record_administration
from catalog.conditions import Rows, Within
from catalog.repository import Catalogue
from catalog.system import System
from exchange_api.features.encoding import FLATGEOBUF, GEOJSON
from exchange_api.features.reference_systems import CRS84, STORED, SYSTEMS
from hub import demo_forms
from hub.demo_forms import ASKER, DESK
from infra.database import Role
from schemas.resource import RESOURCES

pytestmark = pytest.mark.server
ROOT, PARCELS = "/v1/ogc", "/v1/ogc/collections/parcel"
SIDE, WEST, SOUTH, STEP = 20, 106.5, 29.5, 0.01
SEEN = ("parcel_number", "division", "location", "area_m2", "right_from", "geometry")
GAUSS = next(uri for uri in SYSTEMS if uri.endswith("/4545"))


def parcel(number):
    column, row = number % SIDE, number // SIDE
    west, south = WEST + column * STEP, SOUTH + row * STEP
    place = shapely.box(west, south, west + STEP * 0.9, south + STEP * 0.9)
    return {
        "parcel_number": f"500103001001GB{number:05d}", "division": "500103000000" if row % 2 else "500112000000",
        "location": f"测试路{number}号", "area_m2": 100.5 + number, "holder_name": "测试", "geometry": shapely.to_wkb(place),
    }  # fmt: skip


@pytest.fixture(scope="module")
def hub(served_hub):
    """The served hub with 400 parcels in a square, one without a place, and systems that may see some of it."""
    rows = [parcel(number) for number in range(SIDE * SIDE)]
    golden(served_hub.database, served_hub.keyring, "parcel", [*rows, parcel(400) | {"geometry": None}])
    public = (KEY.as_dict(private=False),)
    with served_hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        for system in ("maps", "blind-maps", "north-maps"):
            catalogue.add_system(System(system, "11500000009275123M", system, public), actor="test")
        catalogue.add_agreement(agreement("m-1", "maps", "parcel", SEEN, bulk=True), actor="test")
        catalogue.add_agreement(agreement("m-2", "blind-maps", "parcel", SEEN[:-1], bulk=True), actor="test")
        catalogue.add_agreement(
            agreement(
                "m-3", "north-maps", "parcel", SEEN, rows=rows_within("500112"), quota_per_day=150, bulk=True
            ),
            actor="test",
        )
    for system in ("maps", "blind-maps", "north-maps"):
        served_hub.knows(system)
    served_hub.everywhere(lambda again: len(collections(again, again.token("maps"))) == 1)
    return served_hub


def rows_within(division):
    return Rows((Within("division", division),))


def collections(hub, token):
    return hub.http.get(f"{ROOT}/collections", headers=hub.headers(token)).json()["collections"]


@pytest.fixture(scope="module")
def token(hub):
    return hub.token("maps")


def items(hub, token, path=PARCELS + "/items", **asked):
    return hub.http.get(path, params=asked, headers=hub.headers(token))


def numbers(answer):
    assert answer.status_code == 200, answer.text
    return sorted(int(one["id"][-5:]) for one in answer.json()["features"])


def test_a_map_finds_its_way(hub, token):
    landing = hub.http.get(ROOT, headers=hub.headers(token)).json()
    places = {one["rel"]: one["href"].removeprefix(hub.settings.public_url) for one in landing["links"]}
    assert places["data"] == f"{ROOT}/collections"
    conformed = hub.http.get(places["conformance"], headers=hub.headers(token)).json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in conformed
    (told,) = collections(hub, token)
    assert (told["id"], told["storageCrs"]) == ("parcel", STORED)
    assert {one["type"] for one in told["links"] if one["rel"] == "items"} == {GEOJSON, FLATGEOBUF}
    queryables = hub.http.get(f"{PARCELS}/queryables", headers=hub.headers(token))
    assert queryables.headers["content-type"] == "application/schema+json"
    assert queryables.json()["properties"].keys() == set(SEEN)
    assert collections(hub, hub.token("blind-maps")) == []


def test_a_box_finds_what_it_touches_and_the_ledger_tells_whom_it_showed(hub, token):
    answer = items(
        hub, token, bbox=f"{WEST + 0.001},{SOUTH + 0.001},{WEST + 0.011},{SOUTH + 0.002}", limit=50
    )
    assert answer.headers["content-type"] == GEOJSON, answer.text
    assert numbers(answer) == [0, 1]
    (first, _) = sorted(answer.json()["features"], key=lambda one: one["id"])
    assert first["properties"]["area_m2"] == 100.5
    assert "holder_name" not in first["properties"]
    assert shapely.geometry.shape(first["geometry"]).equals(shapely.from_wkb(parcel(0)["geometry"]))
    entry = hub.entry(answer)
    assert (entry["action"], entry["records"], entry["keys"], entry["agreement"]) == (
        "ogc.items",
        2,
        2,
        "m-1",
    )
    assert "S_INTERSECTS(geometry, ?)" in entry["facts"]["filter"]


def test_pages_follow_one_another_to_the_end(hub, token):
    address, seen, pages = f"{PARCELS}/items?limit=150", [], 0
    while address:
        answer = hub.http.get(address, headers=hub.headers(token))
        seen += numbers(answer)
        onward = [one["href"] for one in answer.json()["links"] if one["rel"] == "next"]
        assert (re.search(r'<(.*)>; rel="next"', answer.headers.get("link", "")) is not None) == bool(onward)
        address, pages = (onward[0].removeprefix(hub.settings.public_url) if onward else None), pages + 1
    assert (sorted(seen), pages) == (list(range(SIDE * SIDE + 1)), 3)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"filter": f"S_INTERSECTS(geometry, POINT({WEST + 0.001} {SOUTH + 0.001}))"}, [0]),
        (
            {
                "filter": f"S_INTERSECTS(geometry, BBOX({WEST},{SOUTH},{WEST + 0.025},{SOUTH + 0.001})) AND area_m2 > 101"
            },
            [1, 2],
        ),
        ({"filter": "parcel_number = '500103001001GB00007'"}, [7]),
        ({"parcel_number": "500103001001GB00007"}, [7]),
        (
            {
                "filter-lang": "cql2-json",
                "filter": '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":[106.501,29.501]}]}',
            },
            [0],
        ),
        ({"bbox": f"{SOUTH + 0.001},{WEST + 0.001},{SOUTH + 0.002},{WEST + 0.002}", "bbox-crs": STORED}, [0]),
        ({"bbox": f"{WEST + 0.0091},{SOUTH},{WEST + 0.0099},{SOUTH + 0.1}"}, []),
        ({"bbox": f"{WEST},{SOUTH},{WEST + 0.001},{SOUTH + 0.001}", "datetime": "2026-06-02T00:00:00Z"}, [0]),
        (
            {"bbox": f"{WEST},{SOUTH},{WEST + 0.001},{SOUTH + 0.001}", "datetime": "../2026-05-31T00:00:00Z"},
            [],
        ),
        ({"bbox": f"{WEST},{SOUTH},{WEST + 0.001},{SOUTH + 0.001}", "datetime": "2026-01-01/.."}, [0]),
    ],
)
def test_features_are_chosen(hub, token, asked, found):
    assert numbers(items(hub, token, **asked)) == found


def test_reference_systems_are_gone_between(hub, token):
    box = {"bbox": f"{WEST + 0.001},{SOUTH + 0.001},{WEST + 0.002},{SOUTH + 0.002}"}
    plain = items(hub, token, **box).json()["features"][0]["geometry"]["coordinates"][0][0]
    latitude_first = items(hub, token, **box, crs=STORED)
    assert latitude_first.headers["content-crs"] == f"<{STORED}>"
    assert latitude_first.json()["features"][0]["geometry"]["coordinates"][0][0] == plain[::-1]
    metres = items(hub, token, **box, crs=GAUSS)
    north, east = metres.json()["features"][0]["geometry"]["coordinates"][0][0]
    assert (3_260_000 < north < 3_270_000, 350_000 < east < 360_000) == (True, True)
    asked = {"bbox": f"{north + 100},{east - 200},{north + 200},{east - 100}", "bbox-crs": GAUSS}
    assert numbers(items(hub, token, **asked)) == [0]
    inside = {"filter": f"S_INTERSECTS(geometry, POINT({north + 100} {east - 100}))", "filter-crs": GAUSS}
    assert numbers(items(hub, token, **inside)) == [0]


def test_one_feature_is_read_by_its_id(hub, token):
    answer = items(hub, token, f"{PARCELS}/items/500103001001GB00003")
    assert (answer.status_code, answer.json()["id"]) == (200, "500103001001GB00003")
    assert {one["rel"] for one in answer.json()["links"]} == {"self", "collection"}
    assert hub.entry(answer)["action"] == "ogc.feature"
    assert items(hub, token, f"{PARCELS}/items/500103001001GB99999").json()["code"] == "record_not_found"
    assert items(hub, hub.token("north-maps"), f"{PARCELS}/items/500103001001GB00020").status_code == 404


def test_flatgeobuf_is_the_same(hub, token):
    answer = items(hub, token, limit=500, f="fgb", crs=GAUSS)
    assert answer.headers["content-type"] == FLATGEOBUF
    told, _, shapes, columns = pyogrio.raw.read(io.BytesIO(answer.content))
    assert (told["crs"], len(shapes)) == ("EPSG:4545", SIDE * SIDE + 1)
    east, _ = shapely.get_coordinates(shapely.from_wkb(shapes)).mean(axis=0)
    assert 350_000 < east < 380_000  # x first, as the form has it
    assert set(columns[list(told["fields"]).index("area_m2")]) == {100.5 + number for number in range(401)}
    nothing = items(hub, token, f="fgb", bbox="0,0,1,1")
    assert len(pyogrio.raw.read(io.BytesIO(nothing.content))[2]) == 0


def test_agreed_rows_and_quotas_hold_for_maps_too(hub):
    token = hub.token("north-maps")
    answer = items(hub, token, limit=100)
    assert {one["properties"]["division"] for one in answer.json()["features"]} == {"500112000000"}
    assert re.search(r'"day";r=(49|50);', answer.headers["ratelimit"])
    assert items(hub, token, limit=100).json()["code"] == "quota_spent"


REFUSALS = [
    ({"bbox": "1,2,3"}, 400, "malformed_request"),
    ({"bbox": "3,2,1,4"}, 400, "malformed_request"),
    ({"bbox": "nan,2,3,4"}, 400, "malformed_request"),
    ({"bbox": "1,2,3,4", "bbox-crs": "EPSG:1"}, 400, "malformed_request"),
    ({"bbox": "1e30,1e30,2e30,2e30", "bbox-crs": GAUSS}, 400, "malformed_request"),
    ({"crs": "x"}, 400, "malformed_request"),
    ({"f": "shp"}, 400, "malformed_request"),
    ({"limit": "0"}, 400, "malformed_request"),
    ({"limit": "x"}, 400, "malformed_request"),
    ({"datetime": "yesterday"}, 400, "malformed_request"),
    ({"datetime": "../.."}, 400, "malformed_request"),
    ({"nonsense": "1"}, 400, "malformed_request"),
    ({"filter": "1", "filter-lang": "cql-text"}, 400, "malformed_request"),
    ({"filter": "{", "filter-lang": "cql2-json"}, 400, "malformed_request"),
    ({"filter": "S_INTERSECTS(geometry, POLYGON((0 0,1 1,0 1,1 0,0 0)))"}, 400, "malformed_filter"),
    ({"filter": "NOT S_INTERSECTS(geometry, POINT(1 1))"}, 400, "malformed_filter"),
    ({"filter": "holder_code = '1'"}, 403, "item_not_agreed"),
    ({"filter": "location = 'x'"}, 422, "filter_not_served"),
    ({"cursor": "x"}, 400, "malformed_cursor"),
    ({"filter": "(" * 2000}, 400, "malformed_filter"),
]


@pytest.mark.parametrize(("asked", "status", "code"), REFUSALS)
def test_what_cannot_be_answered_is_refused_and_on_the_ledger(hub, token, asked, status, code):
    answer = items(hub, token, **asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert hub.entry(answer)["problem"] == code


def test_a_shape_of_too_many_points_is_refused(hub, token):
    angles = np.linspace(0, 2 * np.pi, 12_000)
    ring = np.column_stack([np.cos(angles), np.sin(angles)]).round(6).tolist()
    asked = {
        "op": "s_intersects",
        "args": [{"property": "geometry"}, {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}],
    }
    answer = hub.http.post("/v1/resources/parcel/records", json={"filter": asked}, headers=hub.headers(token))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_filter"), answer.text
    assert "10000 points" in answer.json()["detail"]


def test_what_is_no_collection_or_shows_no_place_is_refused(hub, token):
    other = hub.http.get(f"{ROOT}/collections/natural_person", headers=hub.headers(token))
    assert (other.status_code, other.json()["code"]) == (404, "unknown_resource")
    blind = items(hub, hub.token("blind-maps"))
    assert (blind.status_code, blind.json()["code"]) == (403, "item_not_agreed")
    assert items(hub, token, path=f"{ROOT}/collections/place/items").json()["code"] == "access_denied"
    assert hub.http.get(ROOT).status_code == 401


# ── as maps read it: with a token, and nothing else ─────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def stating(hub):
    """The header of a token that says why its calls are made."""
    answer = hub.ask_token(hub.assertion("maps"), authorization_details=detail())
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_owslib_reads_it(hub, stating):
    features = Features(f"{hub.url}{ROOT}", headers=stating)
    assert features.feature_collections() == ["parcel"]
    assert features.collection_queryables("parcel")["properties"]["area_m2"]["type"] == "number"
    found = features.collection_items("parcel", bbox=[WEST, SOUTH, WEST + 0.001, SOUTH + 0.001], limit=5)
    assert [one["id"] for one in found["features"]] == ["500103001001GB00000"]
    assert features.collection_item("parcel", "500103001001GB00007")["properties"]["area_m2"] == 107.5


def test_gdal_reads_it(hub, stating, tmp_path):
    """GDAL goes through all pages, and hands a box on."""
    headers = tmp_path / "headers"
    headers.write_text(f"Authorization: {stating['Authorization']}\n")
    pyogrio.set_gdal_config_options({"GDAL_HTTP_HEADER_FILE": str(headers), "GDAL_HTTP_NETRC": "NO"})
    try:
        place = f"OAPIF:{hub.url}{ROOT}"
        assert pyogrio.list_layers(place)[:, 0].tolist() == ["parcel"]
        told, _, shapes, columns = pyogrio.raw.read(place, layer="parcel", PAGE_SIZE="150")
        assert len(shapes) == SIDE * SIDE + 1
        assert sorted(columns[list(told["fields"]).index("area_m2")]) == [
            100.5 + number for number in range(401)
        ]
        near = pyogrio.raw.read(place, layer="parcel", bbox=(WEST, SOUTH, WEST + 0.011, SOUTH + 0.001))
        assert len(near[2]) == 2
    finally:
        pyogrio.set_gdal_config_options({"GDAL_HTTP_HEADER_FILE": None, "GDAL_HTTP_NETRC": None})
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = text(
            "SELECT purpose, legal_basis, case_code FROM ledger.entry WHERE action = 'ogc.items' AND outcome = 'answered'"
        )
        assert set(connection.execute(query).tuples()) == {(PURPOSE, LAW, CASE)}


def test_crs84_is_what_is_answered_unless_asked(hub, token):
    assert items(hub, token, limit=1).headers["content-crs"] == f"<{CRS84}>"


# ── the demo's tour of every form, over the same hub ────────────────────────────────────────────────────


def test_every_form_of_reading_is_toured_and_is_on_the_ledger(hub):
    keys = {system: OKPKey.generate_key("Ed25519", {"kid": "1"}, auto_kid=False) for system in (DESK, ASKER)}
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue = Catalogue(connection, record_administration)
        for system, key in keys.items():
            public = (key.as_dict(private=False),)
            catalogue.add_system(System(system, "11500000009275123M", system, public), actor="test")
        for one in demo_forms.agreements(RESOURCES):
            catalogue.add_agreement(one, actor="test")
    for system, key in keys.items():
        hub.everywhere(
            lambda again, s=system, k=key: again.ask_token(again.assertion(s, k)).status_code == 200
        )
    box = f"{WEST},{SOUTH},{WEST + 0.011},{SOUTH + 0.001}"
    costs = asyncio.run(demo_forms.Tour(hub.url, keys, [citizen(n) for n in range(100)], box).costs())
    told = {cost.form: cost.records for cost in costs}
    assert (told["1,000 records by key, as Arrow"], told["every person, as a stream of JSON Lines"]) == (
        100,
        300,
    )
    assert (told["what lies in a map's window, as GeoJSON"], told["two claims verified"]) == (2, 1)
    assert all(cost.milliseconds > 0 for cost in costs)
    with hub.database.engine(Role.AUDITOR).connect() as connection:
        query = text(
            "SELECT action, count(*) FROM ledger.entry WHERE actor = ANY(:who) AND outcome <> 'refused' GROUP BY 1"
        )
        counted = dict(connection.execute(query, {"who": list(keys)}).tuples().all())
    assert counted["record"] + counted["query"] == sum(cost.counted for cost in costs)
    assert counted.keys() >= {
        "verify",
        "derive",
        "records",
        "ogc.items",
        "subscription.snapshot",
        "subscription.changes",
    }
