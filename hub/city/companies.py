"""The city's legal persons: companies and individual businesses, run by persons of the city."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.city.addresses import addresses, draw_towns, towns
from hub.city.draw import (
    DAY_ZERO,
    DAYS_A_YEAR,
    Days,
    Ints,
    chosen,
    date_column,
    joined,
    nulled,
    numpy_days,
    pick,
    shipped,
    stream,
    taken,
    true_records,
    weighted,
)
from hub.city.numbers import credit_codes, mobile_phones, organisation_codes, registration_numbers
from hub.city.population import ALIVE

COMPANY, INDIVIDUAL_BUSINESS = 0, 1
REGISTRAR_AND_KIND = ("91", "92")
"""First two characters of a credit code (GB 32100): 9 market regulation, 1 enterprise, 2 individual business."""
TYPES = REGISTRAR_AND_KIND
"""Legal person types of the code set are those two characters."""
ACTIVE, SUSPENDED, REVOKED, DEREGISTERED = "1", "2", "3", "4"
STATUS_SHARES = (0.84, 0.01, 0.04, 0.11)
FORMER_NAME = 0.03


def make_companies(seed: int, count: int, persons: Any) -> tuple[Any, Any]:
    """Make ``count`` legal persons led by persons of the city; also notes ``town`` and ``representative`` (row)."""
    return companies_of(
        seed, "day zero", np.arange(count, dtype=np.int64), persons, _founding_days(seed, count)
    )


def companies_of(seed: int, purpose: str, serials: Ints, persons: Any, founded: Days) -> tuple[Any, Any]:
    """Make the companies of these serials, founded on these days; ``purpose`` names the random streams."""
    count = len(serials)
    kind = weighted(stream(seed, "kinds", purpose), (0.47, 0.53), count)
    town = draw_towns(stream(seed, "company towns", purpose), count)
    trade = weighted(
        stream(seed, "trades", purpose), [float(row["weight"]) for row in shipped("trades.tsv")], count
    )
    representative = _representatives(stream(seed, "representatives", purpose), persons, count)
    organisation = nulled(organisation_codes(serials), np.zeros(count, dtype=bool))
    division = towns().county_codes(town)
    columns = {
        "credit_code": credit_codes(taken(REGISTRAR_AND_KIND, kind), division, organisation),
        "registration_number": registration_numbers(division, serials),
        "organisation_code": organisation,
        "type": taken(TYPES, kind),
        **_names(stream(seed, "company names", purpose), kind, town, trade),
        "representative_name": persons["name"].take(pa.array(representative)),
        "representative_number": persons["citizen_number"].take(pa.array(representative)),
        "registering_authority": taken(
            [f"重庆市{name}市场监督管理局" for name in towns().county_name], towns().county[town]
        ),
        "address": addresses(stream(seed, "company addresses", purpose), town),
        "division": towns().codes(town),
        **_business(stream(seed, "business", purpose), kind, trade),
        **_life(stream(seed, "company lives", purpose), kind, founded, day_zero=purpose == "day zero"),
        "phone": mobile_phones(serials + 60_000_000),
    }
    return true_records("legal_person", columns), pa.table({"town": town, "representative": representative})


def _founding_days(seed: int, count: int) -> Days:
    years = np.minimum(stream(seed, "founding").exponential(7.0, count), 30.0)
    return DAY_ZERO - 10 - (years * DAYS_A_YEAR).astype("timedelta64[D]")


def _representatives(rng: np.random.Generator, persons: Any, count: int) -> Ints:
    """Draw living adults of 20 to 68; one in twelve leads more than one business."""
    born = numpy_days(persons["date_of_birth"])
    alive = pc.equal(persons["life_status"], ALIVE).to_numpy()
    age = (DAY_ZERO - born).astype(np.int64) / DAYS_A_YEAR
    able = np.flatnonzero(alive & (age >= 20) & (age <= 68))
    distinct = rng.permutation(able)[: count - count // 12]
    return rng.permutation(np.r_[distinct, rng.choice(able, count - len(distinct))])


def _names(rng: np.random.Generator, kind: Ints, town: Ints, trade: Ints) -> dict[str, Any]:
    size, known = len(kind), towns()
    first, second = (list(row["characters"]) for row in shipped("brands.tsv"))
    brand = joined(pick(rng, first, size), pick(rng, second, size))
    third = chosen(rng.random(size) < 0.35, pick(rng, second, size), pa.array([""] * size))
    brand = joined(brand, third)
    rows = shipped("trades.tsv")
    ending = taken(["有限公司", "有限责任公司"], weighted(rng, (0.85, 0.15), size))
    county = taken(known.county_name, known.county[town])
    company = joined("重庆", brand, taken([row["word"] for row in rows], trade), ending)
    shop = joined(county, brand, taken([row["shop"] for row in rows], trade))
    other = joined(
        "重庆",
        pick(rng, first, size),
        pick(rng, second, size),
        taken([row["word"] for row in rows], trade),
        ending,
    )
    renamed = (rng.random(size) < FORMER_NAME) & (kind == COMPANY)
    return {"name": chosen(kind == COMPANY, company, shop), "former_names": nulled(other, ~renamed)}


def _business(rng: np.random.Generator, kind: Ints, trade: Ints) -> dict[str, Any]:
    rows, size = shipped("trades.tsv"), len(kind)
    usual = np.array([float(row["capital"]) for row in rows])[trade]
    steps = np.array([0.1, 0.2, 0.5, 1.0, 1.0, 2.0, 5.0])[rng.integers(0, 7, size)]
    capital = np.where(kind == COMPANY, usual * steps, np.maximum(np.round(usual * 0.05 * steps), 1))
    staff = np.where(kind == COMPANY, rng.lognormal(2.0, 1.1, size), rng.lognormal(0.6, 0.5, size))
    return {
        "registered_capital": pa.array(capital).cast(pa.decimal128(18, 6)),
        "capital_currency": pa.array(["CNY"] * size),
        "business_scope": taken([row["scope"] for row in rows], trade),
        "industry_code": taken([row["code"] for row in rows], trade),
        "staff_count": pa.array(np.maximum(staff, 1).astype(np.int64)),
    }


def _life(rng: np.random.Generator, kind: Ints, founded: Days, *, day_zero: bool) -> dict[str, Any]:
    size = len(kind)
    status = weighted(rng, STATUS_SHARES if day_zero else (1.0,), size)
    lived = (DAY_ZERO - founded).astype(np.int64) * (0.3 + 0.69 * rng.random(size))
    ended = founded + lived.astype("timedelta64[D]")
    months = founded.astype("datetime64[M]")
    until = (months + 240).astype("datetime64[D]") + (founded - months)
    limited = (kind == COMPANY) & (rng.random(size) < 0.4)
    return {
        "established_on": date_column(founded),
        "operating_from": date_column(founded),
        "operating_to": date_column(until, ~limited),
        "status": taken((ACTIVE, SUSPENDED, REVOKED, DEREGISTERED), status),
        "status_date": date_column(ended, status == 0),
    }
