"""``connectors``: rows per second of a pull, with references, shapes and digests ÷ the bare library reading the same columns."""

from collections.abc import Callable
from functools import partial
from time import perf_counter

from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from benchmarks.register import Form, forms
from connectors.pull import pull

GOAL = 0.6


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """One ratio a form of the register."""
    found = []
    for form in forms(ground):
        ratio = Ratio("connectors", form.title, "rows", GOAL)
        alternate(_timed(partial(_pulled, form)), [(ratio, _timed(form.bare))], runs)
        found.append(ratio)
    return found


def _pulled(form: Form) -> int:
    return sum(batch.number_of_rows for batch in pull(form.source))


def _timed(read: Callable[[], int]) -> Callable[[], float]:
    def run() -> float:
        began = perf_counter()
        rows = read()
        return rows / (perf_counter() - began)

    return run
