"""What is seen when a system is looked at for the first time, before anything is defined."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connectors.batch import Shape


@dataclass(frozen=True)
class Look:
    """One table found: ``options`` that read it again, every column with its type, and the first rows, raw, of all columns.

    ``connector`` is the kind that the options are of, ``key`` the columns that the system itself tells rows apart by. The sample holds what the department's records hold: it is shown masked or not at all.
    """

    title: str
    options: Mapping[str, Any]
    shape: Shape
    sample: pa.Table
    connector: str = "file"
    key: tuple[str, ...] = ()
