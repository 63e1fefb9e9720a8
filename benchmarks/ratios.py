"""Measuring in turn, and saying what came out."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

Side = Callable[[], float]
"""Does the work once and returns units per second."""


@dataclass
class Ratio:
    """One side ÷ the other, pair by pair; ``unit`` is what both rates count per second."""

    benchmark: str
    what: str
    unit: str
    goal: float
    rates: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    @property
    def pairs(self) -> list[float]:
        """The ratio of each pair of runs."""
        return [rate / limit for rate, limit in zip(self.rates, self.limits, strict=True)]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return median(self.pairs)

    def as_dict(self) -> dict[str, object]:
        """Return the figures for JSON."""
        return {
            "benchmark": self.benchmark, "what": self.what, "unit": self.unit, "goal": self.goal,
            "ratio": round(self.median, 3), "ratios": [round(pair, 3) for pair in self.pairs],
            "rate": _rounded(median(self.rates)), "limit": _rounded(median(self.limits)), "runs": len(self.rates),
            "reached": self.median >= self.goal,
        }  # fmt: skip


def _rounded(rate: float) -> float:
    return round(rate) if rate >= 100 else round(rate, 2)


def alternate(ours: Side, others: Mapping[Ratio, Side] | list[tuple[Ratio, Side]], runs: int) -> None:
    """Run ours and each other side in turn, ``runs`` times after one warm-up each, and fill the ratios."""
    pairs = list(others.items()) if isinstance(others, Mapping) else others
    for counted in [False] + [True] * runs:
        rate = ours()
        for ratio, other in pairs:
            limit = other()
            if counted:
                ratio.rates.append(rate)
                ratio.limits.append(limit)


def machine() -> dict[str, object]:
    """Say what it ran on."""
    import os

    return {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
