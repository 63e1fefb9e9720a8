"""``idle``: runs over a source with nothing new, per second ÷ one run in two seconds, which is the limit; each source in turn."""

from time import perf_counter

from benchmarks.ground import Ground
from benchmarks.ratios import Ratio, alternate
from hub.ingest import ingest_source

LONGEST = 2.0  # seconds a run with nothing new may take


def measure(ground: Ground, runs: int) -> list[Ratio]:
    """One ratio a source; the first run brings in what there is."""
    found = []
    for code in ground.hub.sources:
        ratio = Ratio("idle", f"{code}, nothing new ÷ a run in {LONGEST:.0f} s", "runs", 1.0)
        ingest_source(ground.hub, code)

        def run(code: str = code) -> float:
            began = perf_counter()
            if ingest_source(ground.hub, code).batches:
                raise RuntimeError(f"{code} had something new.")
            return 1 / (perf_counter() - began)

        alternate(run, [(ratio, lambda: 1 / LONGEST)], runs)
        found.append(ratio)
    return found
