"""``connectors``: rows per second of a pull, with references, shapes and digests ÷ the bare library reading the same columns."""

from collections.abc import Callable
from functools import partial
from itertools import chain
from time import perf_counter

from benchmarks.ground import Ground
from benchmarks.layers import layers
from benchmarks.ratios import Ratio, alternate
from benchmarks.register import Form, forms
from connectors.pull import pull

GOAL = 0.6


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """One ratio a form of the register or of a layer, and one for each other reading that stands beside it."""
    found = []
    for form in chain(forms(ground), layers(ground)):
        readings = {form.title: form.bare, **form.besides}
        pairs = [(Ratio("connectors", title, "rows", GOAL), _timed(read)) for title, read in readings.items()]
        alternate(_timed(partial(_pulled, form)), pairs, runs)
        found += [ratio for ratio, _ in pairs]
    return found


def _pulled(form: Form) -> int:
    return sum(batch.number_of_rows for batch in pull(form.source))


def _timed(read: Callable[[], int]) -> Callable[[], float]:
    def run() -> float:
        began = perf_counter()
        rows = read()
        return rows / (perf_counter() - began)

    return run
