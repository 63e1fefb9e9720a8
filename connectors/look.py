"""What is seen when a system is looked at for the first time, before anything is defined."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from connectors.batch import Shape
from connectors.options import Options
from connectors.secrets import filled

SAMPLED_ROWS = 1_000


@dataclass(frozen=True)
class Look:
    """One table found: ``options`` that read it again, every column with its type, and the first rows, raw, of all columns.

    ``connector`` is the kind that the options are of, ``key`` the columns that the system itself tells rows apart by, ``labels``
    what it says of columns beside their names, ``doubts`` what could not be told of the options, for a person to decide.
    The sample holds what the department's records hold: it is shown masked or not at all.
    """

    title: str
    options: Mapping[str, Any]
    shape: Shape
    sample: pa.Table
    connector: str = "file"
    key: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Glance:
    """Reads whatever columns there are, by options that are checked; stands where a source would."""

    options: Options
    columns: tuple[str, ...] = ()
    code: str = "draft"

    def lacks(self, found: Collection[str]) -> list[str]:
        """Return the columns that are not among ``found``."""
        return [name for name in self.columns if name not in found]

    def option(self, name: str) -> Any:
        """Return an option with its secrets filled in."""
        return filled(getattr(self.options, name), f"Option {name}")
