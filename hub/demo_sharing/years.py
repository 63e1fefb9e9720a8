"""A calendar for the demo: deadlines are counted from the day it runs on, and the year after may not be announced yet."""

from datetime import UTC, datetime
from pathlib import Path

from schemas.working_days import calendar_of


def assumed_years(folder: Path) -> Path:
    """Write the years around today that have no official calendar, Monday to Friday worked; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    this = datetime.now(UTC).year
    for year in {this - 1, this, this + 1, this + 2} - calendar_of(None, "UTC").years:
        (folder / f"{year}.yaml").write_text(f"whole_year: {year}\n", encoding="utf-8")
    return folder
