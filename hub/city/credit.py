"""Credit records: administrative permits and penalties of companies and persons (双公示)."""

from typing import Any

import numpy as np
import pyarrow as pa

from hub.city.addresses import towns
from hub.city.draw import (
    DAY_ZERO,
    DAYS_A_YEAR,
    Days,
    Ints,
    chosen,
    date_column,
    digits,
    joined,
    nulled,
    numpy_days,
    shipped,
    stream,
    taken,
    true_records,
    weighted,
    written,
)
from hub.city.numbers import credit_codes, organisation_codes

PERMIT, PENALTY = "permit", "penalty"
KINDS = {PERMIT: "01", PENALTY: "02"}
IN_FORCE, REVOKED, REPAIRED = "1", "2", "3"
NUMBER_PREFIX = {PERMIT: "XK", PENALTY: "CF"}
PER_COMPANY = {PERMIT: 0.5, PENALTY: 0.15}
PER_PERSON = {PERMIT: 0.01, PENALTY: 0.003}
SHOWN_YEARS, SHOWN_MONTHS_MINOR = 3, 3
"""How long a penalty is shown to the public; minor ones three months."""
YEARS_KEPT = 4.0
AUTHORITIES = tuple(
    dict.fromkeys(row["authority"] for row in (*shipped("permits.tsv"), *shipped("offences.tsv")))
)


def make_credit(
    seed: int, kind: str, persons: Any, companies: Any, company_town: Ints, person_town: Ints
) -> Any:
    """Make all records of one kind about companies, and some about persons of full age."""
    rng = stream(seed, "credit subjects", kind)
    firms = rng.integers(0, len(company_town), int(len(company_town) * PER_COMPANY[kind]))
    adult = np.flatnonzero(numpy_days(persons["date_of_birth"]) < DAY_ZERO - int(24 * DAYS_A_YEAR))
    people = rng.choice(adult, min(int(len(person_town) * PER_PERSON[kind]), len(adult)))
    codes = pa.concat_arrays([_at(companies, "credit_code", firms), _at(persons, "citizen_number", people)])
    names = pa.concat_arrays([_at(companies, "name", firms), _at(persons, "name", people)])
    founded = numpy_days(companies["established_on"])[firms]
    earliest = np.r_[np.maximum(founded + 5, DAY_ZERO - 1461), np.full(len(people), DAY_ZERO - 1461)]
    span = (DAY_ZERO - 8 - earliest).astype(np.int64)
    decided = earliest + (rng.random(len(earliest)) * np.maximum(span, 1)).astype("timedelta64[D]")
    decided = np.minimum(decided, DAY_ZERO - 3)
    county = towns().county[np.r_[company_town[firms], person_town[people]]]
    return credit_records(seed, "day zero", kind, (codes, names), county, decided)


def credit_records(
    seed: int,
    purpose: str,
    kind: str,
    subjects: tuple[Any, Any],
    county: Ints,
    decided: Days,
    first_serial: int = 0,
) -> Any:
    """Make records about subjects (codes, names) decided on these days in these counties; serials make them distinct."""
    rows, size = shipped("permits.tsv" if kind == PERMIT else "offences.tsv"), len(decided)
    what = weighted(stream(seed, "credit kinds", kind, purpose), [float(row["weight"]) for row in rows], size)
    office = np.array([AUTHORITIES.index(row["authority"]) for row in rows])[what]
    authority_codes = _authority_codes(county, office)
    number = _numbers(kind, office, decided, first_serial)
    columns = {
        "record_number": joined(NUMBER_PREFIX[kind], ":", number, ":", authority_codes),
        "kind": pa.array([KINDS[kind]] * size),
        "subject_code": subjects[0],
        "subject_name": subjects[1],
        "document_number": number,
        "decided_on": date_column(decided),
        "authority": joined("重庆市", taken(towns().county_name, county), taken(AUTHORITIES, office)),
        "authority_code": authority_codes,
    }
    terms = (_permit_terms if kind == PERMIT else _penalty_terms)(
        stream(seed, "credit terms", kind, purpose), what, decided
    )
    return true_records("credit_record", columns | terms)


def _numbers(kind: str, office: Ints, decided: Days, first_serial: int) -> Any:
    """Numbers of documents, such as 渝城市罚〔2024〕000003号."""
    serials = digits(np.arange(len(decided)) + first_serial + 1, 6)
    short = taken([name[:2] for name in AUTHORITIES], office)
    mark = "许" if kind == PERMIT else "罚"
    return joined("渝", short, mark, "〔", written(date_column(decided), "%Y"), "〕", serials, "号")


def _at(table: Any, name: str, rows: Ints) -> Any:
    return table[name].combine_chunks().take(pa.array(rows))


def _authority_codes(county: Ints, office: Ints) -> Any:
    """Credit codes of the deciding offices: one per county and office, kind 11 (an organ of state)."""
    known = towns()
    serials = np.arange(len(known.county_code) * len(AUTHORITIES), dtype=np.int64) + 31**5
    divisions = taken(
        known.county_code, serials * 0 + np.repeat(np.arange(len(known.county_code)), len(AUTHORITIES))
    )
    codes = credit_codes(
        taken(["11"], np.zeros(len(serials), dtype=np.int64)), divisions, organisation_codes(serials)
    )
    return codes.take(pa.array(county * len(AUTHORITIES) + office))


def _permit_terms(rng: np.random.Generator, what: Ints, decided: Days) -> dict[str, Any]:
    rows = shipped("permits.tsv")
    years = np.array([int(row["years"]) for row in rows])[what]
    ends = _months_later(decided, years * 12)
    revoked = rng.random(len(what)) < 0.01
    return {
        "document_name": taken([row["name"] for row in rows], what),
        "category": taken([row["category"] for row in rows], what),
        "content": taken([row["content"] for row in rows], what),
        "valid_from": date_column(decided),
        "valid_to": date_column(ends, years == 0),
        "published_until": date_column(ends, years == 0),
        "status": taken((IN_FORCE, REVOKED), revoked.astype(np.int64)),
    }


def _penalty_terms(rng: np.random.Generator, what: Ints, decided: Days) -> dict[str, Any]:
    rows, size = shipped("offences.tsv"), len(what)
    usual = np.array([float(row["fine"]) for row in rows])[what]
    fine = np.round(usual * np.array([0.5, 0.8, 1.0, 1.0, 1.5, 2.0])[rng.integers(0, 6, size)], 4)
    minor = np.array([row["minor"] == "1" for row in rows])[what]
    until = np.where(
        minor,
        _months_later(decided, np.full(size, SHOWN_MONTHS_MINOR)),
        _months_later(decided, np.full(size, SHOWN_YEARS * 12)),
    )
    draw = rng.random(size)
    old = decided < DAY_ZERO - 180
    status = np.where(draw < 0.01, 1, np.where((draw < 0.12) & old, 2, 0))
    text = {
        name: taken([row[name] for row in rows], what) for name in ("offence", "facts", "basis", "category")
    }
    amount = pa.array(fine).cast(pa.decimal128(18, 6))
    content = chosen(
        fine > 0,
        joined("罚款人民币", digits((fine * 10_000).round().astype(np.int64), 1), "元"),
        pa.array(["警告"] * size),
    )
    return {
        **text,
        "document_name": pa.array(["行政处罚决定书"] * size),
        "content": content,
        "amount": nulled(amount, fine == 0),
        "published_until": date_column(until),
        "status": taken((IN_FORCE, REVOKED, REPAIRED), status),
    }


def _months_later(days: Days, months: Ints) -> Days:
    """The same day so many months later; the 28th where the month may have no such day."""
    start = days.astype("datetime64[M]")
    return (start + months).astype("datetime64[D]") + np.minimum((days - start).astype(np.int64), 27)
