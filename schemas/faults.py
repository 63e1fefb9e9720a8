"""Faults: what is wrong with something somebody wrote, all of it told at once."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: ``element`` names where, ``item`` which of its information items, counted from 1, if it is one's."""

    element: str
    problem: str
    hint: str = ""
    item: int | None = None

    @property
    def place(self) -> str:
        """Where it is: ``sharing``, or ``items[3].type``."""
        return self.element if self.item is None else f"items[{self.item}].{self.element}"

    def __str__(self) -> str:
        return f"{self.place} {self.problem}." + (f" {self.hint}" if self.hint else "")

    def as_dict(self) -> dict[str, str]:
        """Describe the fault for machines."""
        told = {"element": self.place, "problem": self.problem}
        return told | ({"hint": self.hint} if self.hint else {})


def told(faults: Iterable[Fault]) -> str:
    """Tell faults in one paragraph, one after the other."""
    return " ".join(str(fault) for fault in faults)
