"""Names of persons: a surname of the family, a given name of the generation and sex.

Lists and weights are own work from general knowledge; no person is named after another.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from hub.city.draw import Bools, Days, Ints, joined, nulled, shipped, taken, weighted
from hub.city.households import CHILD_1, CHILD_3, FATHER, HEAD, MALE, NOBODY, Households

TWO_CHARACTERS = {1900: 0.80, 1960: 0.72, 1980: 0.70, 2000: 0.90}
"""Share of given names with two characters, by the generation's first year of birth."""
MOTHERS_SURNAME = 0.06
FORMER_NAME = 0.02


def surnames(rng: np.random.Generator, homes: Households) -> Ints:
    """Draw everybody's surname (index into the shipped list): fathers pass it on, spouses keep their own."""
    drawn = weighted(rng, _surname_weights(), len(homes.household))
    family = weighted(rng, _surname_weights(), homes.size)
    drawn = np.where(np.isin(homes.role, (HEAD, FATHER)), family[homes.household], drawn)
    child = (homes.role >= CHILD_1) & (homes.role <= CHILD_3)
    from_mother = (rng.random(homes.size) < MOTHERS_SURNAME)[homes.household] | (homes.father == NOBODY)
    parent = np.where(from_mother & (homes.mother != NOBODY), homes.mother, homes.father)
    known = child & (parent != NOBODY)
    drawn[known] = drawn[parent[known]]
    return drawn


def surname_texts(indices: Ints) -> Any:
    """Return surnames as text."""
    return taken([row["surname"] for row in shipped("surnames.tsv")], indices)


def any_surnames(rng: np.random.Generator, size: int) -> Ints:
    """Draw surnames of people without family here."""
    return weighted(rng, _surname_weights(), size)


def _surname_weights() -> list[float]:
    return [float(row["weight"]) for row in shipped("surnames.tsv")]


def given_names(rng: np.random.Generator, sex: Ints, born: Days) -> Any:
    """Draw given names of one or two characters in the fashion of the sex and generation."""
    size = len(sex)
    year = born.astype("datetime64[Y]").astype(int) + 1970
    tables = shipped("given_names.tsv")
    first, second = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    offsets = np.cumsum([0] + [len(table["characters"]) for table in tables])
    alphabet = "".join(table["characters"] for table in tables)
    two = np.zeros(size, dtype=bool)
    for table, offset in zip(tables, offsets, strict=False):
        since, length = int(table["since"]), len(table["characters"])
        until = min((year_ for year_ in TWO_CHARACTERS if year_ > since), default=9999)
        here = (sex == int(table["sex"])) & (year >= since) & (year < until)
        favoured = 1.0 / (np.arange(length) + 8.0)
        first[here] = offset + weighted(rng, favoured, int(here.sum()))
        second[here] = offset + weighted(rng, favoured[::-1], int(here.sum()))
        two[here] = rng.random(int(here.sum())) < TWO_CHARACTERS[since]
    return joined(taken(list(alphabet), first), taken(["", *alphabet], np.where(two, second + 1, 0)))


def former_names(rng: np.random.Generator, surname: Any, sex: Ints, born: Days, adult: Bools) -> Any:
    """Draw former names for a few adults; null for everyone else."""
    has = adult & (rng.random(len(sex)) < FORMER_NAME)
    column = pa.nulls(len(sex), pa.string())
    if not has.any():
        return column
    rows = np.flatnonzero(has)
    drawn = joined(surname.take(pa.array(rows)), given_names(rng, sex[rows], born[rows]))
    where = np.full(len(sex), -1, dtype=np.int64)
    where[rows] = np.arange(len(rows))
    return nulled(drawn.take(pa.array(np.maximum(where, 0))), ~has)


__all__ = ["MALE", "any_surnames", "former_names", "given_names", "surname_texts", "surnames"]
