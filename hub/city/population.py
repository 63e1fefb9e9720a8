"""The city's natural persons as they truly are, and what only the city itself knows about them."""

from typing import Any

import numpy as np
import pyarrow as pa

from hub.city.addresses import addresses, draw_towns, towns
from hub.city.draw import (
    DAY_ZERO,
    DAYS_A_YEAR,
    Bools,
    Days,
    Ints,
    date_column,
    digits,
    joined,
    nulled,
    shipped,
    stream,
    taken,
    true_records,
    weighted,
)
from hub.city.households import FATHER, HEAD, MARRIED, MOTHER, NOBODY, WIDOWED, Households, make_households
from hub.city.names import former_names, given_names, surname_texts, surnames
from hub.city.numbers import citizen_numbers, mobile_phones

ALIVE, DEAD, MOVED_OUT = "1", "2", "3"
DEATHS_SINCE = 5.0
"""Years of dead persons whose records the registers still hold."""
MOVED_AWAY = 0.008
HAN, TUJIA, MIAO = "01", "15", "03"
ETHNIC_COUNTIES = {"500114": 0.55, "500240": 0.70, "500241": 0.55, "500242": 0.85, "500243": 0.55}
"""Counties with many Tujia and Miao, and roughly how many there belong to them."""
EDUCATION = ("10", "20", "30", "40", "60", "70", "80", "90")
EDUCATION_BY_BIRTH = {
    1900: (0, 1, 2, 3, 6, 25, 48, 15),
    1960: (1, 5, 8, 6, 15, 42, 21, 2),
    1980: (4, 18, 20, 9, 18, 27, 4, 0),
    1995: (5, 32, 30, 10, 17, 6, 0, 0),
}
"""Highest education of adults in %, by the first year of birth it holds from, in the order of ``EDUCATION``."""


def make_persons(seed: int, count: int) -> tuple[Any, Any]:
    """Make ``count`` persons: the table of true natural persons, and the city's own notes about the same rows.

    Notes: ``household``, ``role``, ``spouse`` (row or -1), ``town``, ``married_on``.
    """
    homes = make_households(stream(seed, "households"), count)
    home_town = draw_towns(stream(seed, "towns"), homes.size)
    town = home_town[homes.household]
    life, died = _lives(stream(seed, "lives"), homes)
    marital = _after_deaths(homes, life)
    columns: dict[str, Any] = {
        "citizen_number": citizen_numbers(
            birth_divisions(stream(seed, "birthplaces"), town, homes.born), homes.born, homes.sex
        ),
        **_names(seed, homes),
        "sex": digits(homes.sex, 1),
        "ethnic_group": _ethnic(stream(seed, "ethnic"), homes, home_town),
        "date_of_birth": date_column(homes.born),
        "native_place": _native_places(stream(seed, "native"), homes, home_town),
        "registered_address": _addresses(stream(seed, "addresses"), homes, home_town),
        "registered_division": towns().codes(town),
        "household_number": household_numbers(town, homes.household),
        "marital_status": digits(marital, 2),
        **_standing(seed, homes.born, town),
        "life_status": pa.array(life),
        "life_status_date": date_column(died),
    }
    notes = {"household": homes.household, "role": homes.role, "spouse": homes.spouse, "town": town}
    married_on = _wedding_days(stream(seed, "weddings"), homes)
    return true_records("natural_person", columns), pa.table(notes | {"married_on": date_column(married_on)})


def household_numbers(town: Ints, household: Ints) -> Any:
    """Return household numbers (户号): the town's code and a serial."""
    return joined(towns().codes(town), digits(household + 1, 7))


def birth_divisions(rng: np.random.Generator, town: Ints, born: Days) -> Ints:
    """Draw the six digits a citizen number begins with: nine in ten of this county, before 1997 by its Sichuan code."""
    known = towns()
    before = {row["division"]: row["before_1997"] for row in shipped("birth_prefixes.tsv")}
    now = np.array(known.county_code).astype(np.int64)
    old = np.array([before.get(code, code) for code in known.county_code]).astype(np.int64)
    county = known.county[town]
    county = np.where(rng.random(len(town)) < 0.06, rng.integers(0, len(now), len(town)), county)
    local = np.where(born < np.datetime64("1997-06-18"), old[county], now[county])
    elsewhere = np.array([row["division"] for row in shipped("birthplaces_elsewhere.tsv")]).astype(np.int64)
    return np.where(
        rng.random(len(town)) < 0.05, elsewhere[rng.integers(0, len(elsewhere), len(town))], local
    )


def _names(seed: int, homes: Households) -> dict[str, Any]:
    surname = surname_texts(surnames(stream(seed, "surnames"), homes))
    given = given_names(stream(seed, "given"), homes.sex, homes.born)
    former = former_names(
        stream(seed, "former"), surname, homes.sex, homes.born, homes.born < DAY_ZERO - 6575
    )
    return {"name": joined(surname, given), "former_names": former}


def _ethnic(rng: np.random.Generator, homes: Households, home_town: Ints) -> Any:
    known = towns()
    share = np.array([ETHNIC_COUNTIES.get(code, 0.012) for code in known.county_code])[
        known.county[home_town]
    ]
    family = np.where(rng.random(homes.size) < share, weighted(rng, (0.7, 0.3), homes.size) + 1, 0)
    own = np.where(rng.random(len(homes.household)) < 0.1, 0, family[homes.household])
    return taken([HAN, TUJIA, MIAO], own)


def _native_places(rng: np.random.Generator, homes: Households, home_town: Ints) -> Any:
    counties = towns().county_code
    family = np.where(
        rng.random(homes.size) < 0.85, towns().county[home_town], rng.integers(0, len(counties), homes.size)
    )
    marries_in = (homes.role == MOTHER) | (homes.role == HEAD + 1)
    own = np.where(
        marries_in & (rng.random(len(homes.household)) < 0.3),
        rng.integers(0, len(counties), len(homes.household)),
        family[homes.household],
    )
    return taken(counties, own)


def _addresses(rng: np.random.Generator, homes: Households, home_town: Ints) -> Any:
    return addresses(rng, home_town).take(pa.array(homes.household))


def _lives(rng: np.random.Generator, homes: Households) -> tuple[Any, Days]:
    """Draw who died in the past years and who moved out, with the day; parents and heads only die old enough."""
    size = len(homes.household)
    age = (DAY_ZERO - homes.born).astype(np.int64) / DAYS_A_YEAR
    hazard = np.minimum(0.0028 * np.exp((age - 30) * 0.085), 0.45)
    dead = rng.random(size) < np.where(age > 6, hazard, 0.0004)
    gone = ~dead & np.isin(homes.spouse, (NOBODY,)) & (age > 18) & (rng.random(size) < MOVED_AWAY * 2)
    since = (rng.random(size) ** 1.1 * np.minimum(DEATHS_SINCE, age * 0.9) * DAYS_A_YEAR).astype(
        "timedelta64[D]"
    )
    day = DAY_ZERO - 1 - since
    status = np.where(dead, DEAD, np.where(gone, MOVED_OUT, ALIVE))
    return status, np.where(dead | gone, day, np.datetime64("NaT"))


def _after_deaths(homes: Households, life: Any) -> Ints:
    lost = (homes.spouse != NOBODY) & (life[homes.spouse] == DEAD) & (life != DEAD)
    return np.where(lost & (homes.marital == MARRIED), WIDOWED, homes.marital)


def _wedding_days(rng: np.random.Generator, homes: Households) -> Days:
    """Draw the wedding day of each couple, after both are 20 and 22 and, as a rule, before the first child."""
    size = len(homes.household)
    coupled = homes.spouse != NOBODY
    partner = np.where(coupled, homes.spouse, np.arange(size))
    younger = np.maximum(homes.born, homes.born[partner]) + np.timedelta64(int(22.1 * DAYS_A_YEAR), "D")
    first = np.minimum(np.arange(size), partner)
    later = (rng.exponential(2.2, size)[first] * DAYS_A_YEAR).astype("timedelta64[D]")
    day = np.minimum(
        younger + later, DAY_ZERO - 1 - rng.integers(0, 300, size)[first].astype("timedelta64[D]")
    )
    return np.where(coupled, day, np.datetime64("NaT"))


def _standing(seed: int, born: Days, town: Ints) -> dict[str, Any]:
    """Draw education, phone and identity document; employment and insurance come with social security."""
    age = (DAY_ZERO - born).astype(np.int64) / DAYS_A_YEAR
    size = len(born)
    serials = stream(seed, "phones").permutation(size)
    without_phone = (age < 12) | (stream(seed, "phoneless").random(size) < np.where(age > 75, 0.25, 0.01))
    return {
        "education": _education(stream(seed, "education"), born, age),
        "mobile_phone": nulled(mobile_phones(serials), without_phone),
        **documents(stream(seed, "documents"), age, town),
    }


def _education(rng: np.random.Generator, born: Days, age: Any) -> Any:
    year = born.astype("datetime64[Y]").astype(np.int64) + 1970
    drawn = np.zeros(len(born), dtype=np.int64)
    for since, shares in EDUCATION_BY_BIRTH.items():
        here = year >= since
        drawn[here] = weighted(rng, shares, int(here.sum()))
    for limit, code in (
        (22, "60"),
        (15.5, "70"),
        (12.5, "80"),
    ):  # who is still at school has what the last school gave
        drawn = np.where((age < limit) & (rng.random(len(born)) < 0.9), EDUCATION.index(code), drawn)
    drawn = np.where(age < 12.5, EDUCATION.index("80"), drawn)
    return nulled(taken(EDUCATION, drawn), age < 7)


def _office(county: str) -> str:
    return f"重庆市公安局{county}分局" if county.endswith("区") else f"{county}公安局"


def documents(rng: np.random.Generator, age: Any, town: Ints) -> dict[str, Any]:
    """Draw identity documents: valid 5 years under 16, 10 to 25, 20 to 45, from 46 for good (no end date)."""
    size, known = len(age), towns()
    term = np.select([age < 16, age < 26, age < 46], [5, 10, 20], 0)
    back = rng.random(size) * np.where(term > 0, np.minimum(term, 10) * 0.95, 8.0)
    issued = DAY_ZERO - 1 - (back * DAYS_A_YEAR).astype("timedelta64[D]")
    months = issued.astype("datetime64[M]")
    ends = (months + term * 12).astype("datetime64[D]") + np.minimum((issued - months).astype(np.int64), 27)
    none: Bools = age < 5.5
    offices = taken([_office(name) for name in known.county_name], known.county[town])
    return {
        "document_authority": nulled(offices, none),
        "document_valid_from": date_column(issued, none),
        "document_valid_to": date_column(ends, none | (term == 0)),
    }


__all__ = [
    "ALIVE",
    "DEAD",
    "FATHER",
    "MOVED_OUT",
    "documents",
    "household_numbers",
    "make_persons",
]
