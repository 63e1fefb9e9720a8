"""Run the benchmarks named, or all, and print their ratios as a table and as JSON."""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import (
    batch,
    calls,
    connectors,
    export,
    feed,
    gate,
    idle,
    ingest,
    memory,
    search,
    sharing,
    terms,
    verify,
)
from benchmarks.ground import prepared
from benchmarks.ratios import Ratio, machine
from hub.commands.screen import console, table
from infra.settings import load_settings

ALL = {
    "connectors": connectors.measure,
    "gate": gate.measure,
    "ingest": ingest.measure,
    "idle": idle.measure,
    "calls": calls.measure,
    "batch": batch.measure,
    "export": export.measure,
    "feed": feed.measure,
    "terms": terms.measure,
    "verify": verify.measure,
    "search": search.measure,
    "sharing": sharing.measure,
    "memory": memory.measure,
}
ON_REQUEST = {"memory"}  # empties the library and takes long


def main() -> int:
    """Return 0 whether or not a goal was reached: a figure is reported as it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of {', '.join(ALL)}; default: all but memory"
    )
    parser.add_argument("--persons", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if unknown := set(options.names) - set(ALL):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    found: list[Ratio] = []
    with prepared(load_settings(), options.persons) as ground:
        for name in options.names or [name for name in ALL if name not in ON_REQUEST]:
            console.print(f"measuring {name} …", style="dim")
            found += ALL[name](ground, options.runs)
    console.print(_table(found))
    if options.json:
        document = {
            "machine": machine(),
            "persons": options.persons,
            "ratios": [ratio.as_dict() for ratio in found],
        }
        options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _table(found: list[Ratio]) -> object:
    rows = []
    for ratio in found:
        told = ratio.as_dict()
        spread = f"{min(ratio.pairs):.2f}–{max(ratio.pairs):.2f}"
        rows.append([ratio.benchmark, ratio.what, told["rate"], told["limit"], f"{ratio.median:.2f}", spread,
                     f"≥ {ratio.goal}", "yes" if told["reached"] else "no"])  # fmt: skip
    columns = [
        "benchmark",
        "ours ÷ limit or peer",
        "ours /s",
        "other /s",
        "ratio",
        "spread",
        "goal",
        "reached",
    ]
    return table("Medians of paired runs", columns, rows)


if __name__ == "__main__":
    sys.exit(main())
