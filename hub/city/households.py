"""Households: who lives together, how old they are and who is whose husband, child and parent.

Shares of household types and gaps between generations are round figures of general knowledge, good enough that
ages, marriages and generations look right together; they are not a model of any place.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.city.draw import DAY_ZERO, DAYS_A_YEAR, Bools, Days, Ints, weighted

HEAD, SPOUSE, CHILD_1, CHILD_2, CHILD_3, FATHER, MOTHER = range(7)
"""Places in a household; father and mother are the head's."""
ROLES = 7
NOBODY = -1
MALE, FEMALE = 1, 2
SINGLE, MARRIED, WIDOWED, DIVORCED = 10, 20, 30, 40
"""Marital status, GB/T 2261.2."""

ALONE, COUPLE, FAMILY, ONE_PARENT, THREE_GENERATIONS = range(5)
SHARES = (0.19, 0.21, 0.33, 0.07, 0.20)
MEAN_SIZE = 2.75
OLDEST = 101.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Households:
    """One entry per person, in order of household; references are indices of persons or ``NOBODY``."""

    household: Ints
    role: Ints
    sex: Ints
    born: Days
    marital: Ints
    spouse: Ints
    father: Ints
    mother: Ints

    @property
    def size(self) -> int:
        """How many households there are."""
        return int(self.household[-1]) + 1


def make_households(rng: np.random.Generator, persons: int) -> Households:
    """Make households of exactly ``persons`` persons together."""
    count = int(persons / MEAN_SIZE * 1.25) + 50
    kind = weighted(rng, SHARES, count)
    age = _ages(rng, kind)
    present = _trimmed(~np.isnan(age), persons)
    age, kind = age[: len(present)], kind[: len(present)]
    sex = _sexes(rng, kind)
    marital = _marital(rng, kind, age, present)
    place = np.where(present, np.cumsum(present.ravel()).reshape(present.shape) - 1, NOBODY)
    household, role = np.nonzero(present)
    born = DAY_ZERO - 1 - (age[present] * DAYS_A_YEAR).astype("timedelta64[D]")
    father, mother = _parents(place, sex)
    return Households(
        household=household.astype(np.int64),
        role=role.astype(np.int64),
        sex=sex[present],
        born=born,
        marital=marital[present],
        spouse=_spouses(place)[present],
        father=father[present],
        mother=mother[present],
    )


def _trimmed(present: Bools, persons: int) -> Bools:
    """Cut the households off after ``persons`` persons; of the last one only the first members stay."""
    ends = np.cumsum(present.sum(axis=1))
    last = int(np.searchsorted(ends, persons))
    kept = present[: last + 1].copy()
    surplus = int(ends[last]) - persons
    if surplus:
        kept[last, np.flatnonzero(kept[last])[-surplus:]] = False
    return kept


def _ages(rng: np.random.Generator, kind: Ints) -> Floats:
    """Ages in years, shape (households, roles); NaN where the place is empty."""
    age = np.full((len(kind), ROLES), np.nan)
    age[:, HEAD] = _head_ages(rng, kind)
    coupled = (
        (kind == COUPLE) | (kind == FAMILY) | ((kind == THREE_GENERATIONS) & (rng.random(len(kind)) < 0.92))
    )
    gap = np.clip(rng.normal(-1.5, 3.0, len(kind)), -9, 9)
    age[coupled, SPOUSE] = np.maximum(age[:, HEAD] + gap, 22.0 + rng.random(len(kind)))[coupled]
    _add_children(rng, kind, age)
    _add_elders(rng, kind, age)
    return age


def _head_ages(rng: np.random.Generator, kind: Ints) -> Floats:
    size = len(kind)
    normal = {
        FAMILY: rng.normal(43, 9.5, size).clip(23, 66),
        ONE_PARENT: rng.normal(44, 9, size).clip(23, 66),
        THREE_GENERATIONS: rng.normal(40, 8, size).clip(24, 60),
        COUPLE: np.where(
            rng.random(size) < 0.2, rng.uniform(23, 36, size), rng.normal(63, 10, size).clip(40, 92)
        ),
        ALONE: np.where(
            rng.random(size) < 0.45,
            rng.normal(33, 8, size).clip(19, 60),
            rng.normal(66, 13, size).clip(30, 98),
        ),
    }
    return np.asarray(np.select([kind == key for key in normal], list(normal.values())))


def _add_children(rng: np.random.Generator, kind: Ints, age: Floats) -> None:
    size = len(kind)
    parental = np.fmin(age[:, HEAD], age[:, SPOUSE])
    wanted = np.where(
        np.isin(kind, (FAMILY, ONE_PARENT, THREE_GENERATIONS)), weighted(rng, (0.58, 0.36, 0.06), size) + 1, 0
    )
    next_age = parental - rng.normal(25.5, 3.2, size).clip(19.5, 40)
    for number, place in enumerate((CHILD_1, CHILD_2, CHILD_3)):
        leaves = (next_age > 27) & (rng.random(size) < 0.75)
        here = (wanted > number) & (next_age >= 0.01) & ~leaves
        age[here, place] = next_age[here]
        next_age = next_age - 1.2 - rng.exponential(2.8, size)


def _add_elders(rng: np.random.Generator, kind: Ints, age: Floats) -> None:
    size = len(kind)
    which = rng.random(size)
    father = age[:, HEAD] + rng.normal(27, 4, size).clip(20, 45)
    mother = age[:, HEAD] + rng.normal(25, 3.5, size).clip(19, 42)
    old = kind == THREE_GENERATIONS
    has_father = old & (which < 0.66) & (father < OLDEST)
    has_mother = old & ((which > 0.22) | ~has_father) & (mother < OLDEST)
    age[has_father, FATHER] = father[has_father]
    age[has_mother, MOTHER] = mother[has_mother]


def _sexes(rng: np.random.Generator, kind: Ints) -> Ints:
    male_head = np.where(
        np.isin(kind, (ALONE, ONE_PARENT)), rng.random(len(kind)) < 0.48, rng.random(len(kind)) < 0.8
    )
    sex = np.where(rng.random((len(kind), ROLES)) < 0.523, MALE, FEMALE)
    sex[:, HEAD] = np.where(male_head, MALE, FEMALE)
    sex[:, SPOUSE] = np.where(male_head, FEMALE, MALE)
    sex[:, FATHER], sex[:, MOTHER] = MALE, FEMALE
    return sex.astype(np.int64)


def _marital(rng: np.random.Generator, kind: Ints, age: Floats, present: Bools) -> Ints:
    marital = np.full(age.shape, SINGLE, dtype=np.int64)
    draw = rng.random(len(kind))
    head_age = age[:, HEAD]
    widowed = draw < np.clip((head_age - 45) / 55, 0.02, 0.85) * (head_age > 30)
    divorced = ~widowed & (draw > np.where(kind == ONE_PARENT, 0.1, np.clip(1.15 - head_age / 80, 0.35, 1.0)))
    without = np.where(widowed, WIDOWED, np.where(divorced, DIVORCED, SINGLE))
    married = present[:, SPOUSE]
    marital[:, HEAD] = np.where(
        married, MARRIED, np.where(np.isin(kind, (COUPLE, FAMILY)) & (head_age > 30), DIVORCED, without)
    )
    marital[:, SPOUSE] = MARRIED
    both = present[:, FATHER] & present[:, MOTHER]
    marital[:, FATHER] = marital[:, MOTHER] = np.where(both, MARRIED, WIDOWED)
    return marital


def _spouses(place: Ints) -> Ints:
    spouse = np.full(place.shape, NOBODY, dtype=np.int64)
    for one, other in ((HEAD, SPOUSE), (FATHER, MOTHER)):
        both = (place[:, one] != NOBODY) & (place[:, other] != NOBODY)
        spouse[both, one] = place[both, other]
        spouse[both, other] = place[both, one]
    return spouse


def _parents(place: Ints, sex: Ints) -> tuple[Ints, Ints]:
    father = np.full(place.shape, NOBODY, dtype=np.int64)
    mother = np.full(place.shape, NOBODY, dtype=np.int64)
    male_head = sex[:, HEAD] == MALE
    for child in (CHILD_1, CHILD_2, CHILD_3):
        father[:, child] = np.where(male_head, place[:, HEAD], place[:, SPOUSE])
        mother[:, child] = np.where(male_head, place[:, SPOUSE], place[:, HEAD])
    father[:, HEAD], mother[:, HEAD] = place[:, FATHER], place[:, MOTHER]
    return father, mother
