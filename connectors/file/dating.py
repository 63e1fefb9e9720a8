"""The date that a file's name tells: a delivery that comes late says what was so when it was made, not when it came."""

import re
from datetime import datetime

import pyarrow as pa

from connectors.dates import to_timestamps
from connectors.file.formats import Wanted
from schemas.errors import WrongFormat


def told_by_name(name: str, source: Wanted) -> datetime | None:
    """Return the date (UTC; midnight in China where no time is told) that ``options.dated`` finds in a file's name.

    None where the option is not given; raises ``WrongFormat`` for a name that has no date, whose order nobody could know.
    """
    pattern = source.option("dated")
    if not pattern:
        return None
    found = re.search(pattern, name)
    told = "".join(part for part in found.groups() if part) if found else ""
    (stamp,) = to_timestamps(pa.array([told])).to_pylist()
    if not isinstance(stamp, datetime):
        raise WrongFormat(
            f"Source {source.code}, file {name}: its name tells no date as options.dated expects it.",
            hint="Correct options.dated, or leave the file out by options.path.",
            source=source.code,
            file=name,
        )
    return stamp
