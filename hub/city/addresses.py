"""Towns and addresses: real divisions of Chongqing, invented roads, villages and house numbers."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.city.draw import DAY_ZERO, Ints, chosen, digits, joined, pick, shipped, taken, weighted
from schemas.divisions import Level, divisions

CITY_NAME = "重庆市"
TOWN_WEIGHTS = {"街道": 3.0, "镇": 1.4, "乡": 0.5}


@dataclass(frozen=True)
class Towns:
    """The towns in force on day zero, in order of code; ``county`` points into the county columns."""

    code: tuple[str, ...]
    name: tuple[str, ...]
    county: Ints
    county_code: tuple[str, ...]
    county_name: tuple[str, ...]
    weight: npt.NDArray[np.float64]

    def county_codes(self, towns: Ints) -> Any:
        """Six-digit county codes of towns."""
        return taken(self.county_code, self.county[towns])

    def codes(self, towns: Ints) -> Any:
        """Nine-digit codes of towns."""
        return taken(self.code, towns)


@cache
def towns() -> Towns:
    """Return the towns in force on day zero."""
    day = DAY_ZERO.item()
    known = divisions()
    counties = sorted((d for d in known.all_on(day) if d.level is Level.COUNTY), key=lambda d: d.code)
    rows = [
        (town, place) for place, county in enumerate(counties) for town in known.towns_of(county.code, day)
    ]
    return Towns(
        code=tuple(town.code for town, _ in rows),
        name=tuple(town.name for town, _ in rows),
        county=np.array([place for _, place in rows], dtype=np.int64),
        county_code=tuple(county.code for county in counties),
        county_name=tuple(county.name for county in counties),
        weight=np.array([_weight(town.name) for town, _ in rows]),
    )


def _weight(name: str) -> float:
    return next((weight for ending, weight in TOWN_WEIGHTS.items() if name.endswith(ending)), 1.0)


def draw_towns(rng: np.random.Generator, size: int) -> Ints:
    """Draw the towns that households or companies live in; streets hold more than villages."""
    return weighted(rng, towns().weight, size)


def addresses(rng: np.random.Generator, where: Ints) -> Any:
    """Draw a standard address (GB/T 39609: division, street or village, building, unit) in each town of ``where``."""
    size, known = len(where), towns()
    prefix = taken(
        [CITY_NAME + known.county_name[c] + name for name, c in zip(known.name, known.county, strict=True)],
        where,
    )
    kinds = shipped("roads.tsv")
    road = pick(rng, [row["name"] for row in kinds if row["kind"] == "road"], size)
    village = pick(rng, [row["name"] for row in kinds if row["kind"] == "village"], size)
    number, low, high = (rng.integers(1, top, size) for top in (300, 12, 9))
    door = low * 100 + high
    urban = joined(
        prefix,
        road,
        digits(number, 1),
        "号",
        digits(rng.integers(1, 30, size), 1),
        "幢",
        digits(low, 1),
        "单元",
        digits(door, 1),
        "室",
    )
    rural = joined(prefix, village, "村", digits(high, 1), "组", digits(number, 1), "号")
    is_urban = np.array([name.endswith("街道") for name in known.name])[where]
    return chosen(is_urban | (rng.random(size) < 0.35), urban, rural)
