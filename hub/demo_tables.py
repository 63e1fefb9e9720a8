"""The tables that ``hub demo`` prints; every figure in them is in the JSON, too."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from hub.accuracy import Accuracy
from hub.call_mix import Mix
from hub.city.build import CitySummary
from hub.city.live import LiveSummary
from hub.commands.screen import table
from hub.demo_forms import Cost
from hub.demo_sharing.story import Story
from hub.source_report import SourceReport
from infra.settings import Settings

COUNTED = ("pulled", "contributed", "unchanged", "quarantined", "created", "updated")


def city(built: CitySummary) -> RenderableType:
    """Show rows by source and flaws by kind."""
    title = f"{built.persons:,} persons, seed {built.seed}, built in {built.seconds:.0f} s"
    rows = table(title, ["source", "rows"], built.rows.items())
    return Group(
        rows, table("Flaws put in; the truth is kept beside them", ["flaw", "rows"], built.flaws.items())
    )


def events(lived: LiveSummary) -> RenderableType:
    """Show what happened in the city."""
    return table(f"{lived.days} days", ["event", "count"], lived.events.items())


def ingested(reports: Sequence[SourceReport]) -> RenderableType:
    """Show, per source, where every row went."""
    rows = [[r.source, *(getattr(r, name) for name in COUNTED), round(r.seconds, 1)] for r in reports]
    total = [sum(getattr(r, name) for r in reports) for name in COUNTED]
    rows.append(["all", *total, round(sum(r.seconds for r in reports), 1)])
    columns = ["source", *(name.replace("_", " ") for name in COUNTED), "seconds"]
    return table(
        "Rows: pulled = contributed + unchanged + quarantined; created, updated: golden records",
        columns,
        rows,
    )


def reasons(reports: Sequence[SourceReport]) -> RenderableType:
    """Show why rows were quarantined, most frequent first."""
    rows = [[r.source, reason, count] for r in reports for reason, count in r.reasons.most_common()]
    if not rows:
        return "No row was quarantined."
    return table("Quarantined, by reason (a row may have several)", ["source", "item: rule", "rows"], rows)


def quarantine(found: Mapping[str, Any]) -> RenderableType:
    """Show how well the gate did."""
    rows = [
        ["impossible identifiers caught", f"{found['caught']:,} of {found['impossible_identifiers']:,}",
         f"{found['recall']:.2%}", "≥ 99 %"],
        ["good rows caught wrongly", f"{found['good_rows_caught']:,} of {found['good_rows']:,}",
         f"{found['false_share']:.3%}", "≤ 0.1 %"],
    ]  # fmt: skip
    return table("The gate against the flaws put in", ["", "rows", "share", "goal"], rows)


def calls(mix: Mix) -> RenderableType:
    """Show calls by kind and outcome."""
    rows = [[kind, str(status), count] for (kind, status), count in sorted(mix.outcomes.items())]
    middle, slow = mix.milliseconds[mix.calls // 2], mix.milliseconds[mix.calls * 99 // 100]
    title = f"{mix.calls:,} calls in {mix.seconds:.1f} s; median {middle:.1f} ms, p99 {slow:.1f} ms"
    return table(title, ["call", "status", "calls"], rows)


def accuracy(measured: Sequence[Accuracy]) -> RenderableType:
    """Show, per library, how much of the truth is known, and known rightly."""
    rows = [[a.resource, a.records, a.found, f"{a.share:.2%}", a.unvouched] for a in measured]
    agreeing = sum(sum(a.agreeing.values()) for a in measured)
    share = agreeing / max(sum(sum(a.values.values()) for a in measured), 1)
    rows.append(["all", sum(a.records for a in measured), sum(a.found for a in measured), f"{share:.2%}", 0])
    columns = [
        "library",
        "true records",
        "golden records",
        "values that agree (goal ≥ 98 %)",
        "without provenance",
    ]
    return table("Golden records against the truth, read through the API", columns, rows)


def items(measured: Sequence[Accuracy]) -> RenderableType:
    """Show agreement item by item, the worst first."""
    rows = [
        [a.resource, name, a.values[name], f"{a.of(name):.2%}"]
        for a in measured
        for name in sorted(a.values, key=a.of)
    ]
    return table("Item by item", ["library", "item", "values", "agree"], rows)


def forms(costs: Sequence[Cost]) -> RenderableType:
    """Show what each form of reading told, and what it cost."""
    rows = [[cost.form, cost.records, cost.size, cost.milliseconds] for cost in costs]
    title = "One call at a time, each on the ledger before it is answered"
    return table(title, ["form", "records", "bytes", "milliseconds (median)"], rows)


def sharing(story: Story) -> RenderableType:
    """Show who did what, and what came of it."""
    return table("Sharing on terms", ["who", "does", "what comes of it"], story.steps)


def ledger(found: Mapping[str, Any]) -> RenderableType:
    """Show that every call is on record."""
    rows = [[f"entries: {kind}", count] for kind, count in found["entries"].items()]
    rows += [
        ["calls made", found["calls_made"]],
        ["calls on the ledger", found["calls_recorded"]],
        ["equal", found["equal"]],
    ]
    rows += [["leaves of the Merkle tree, proven", found["sealed"]], ["root", found["root"][:32] + "…"]]
    return table("Every call, refused ones too, is on the ledger", ["", ""], rows)


def where_next(settings: Settings, seconds: float) -> RenderableType:
    """Say what to try now."""
    return Group(
        f"Done in {seconds:.0f} s. Where to look next:",
        "  make serve                      leave the hub running on this data; its API: /openapi.json",
        f"  HUB_HOME={settings.home} .venv/bin/hub status",
        f"  HUB_HOME={settings.home} .venv/bin/hub audit tail",
        "  docs/ and ARCHITECTURE.md       how it works, and why",
    )
