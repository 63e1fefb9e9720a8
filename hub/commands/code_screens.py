"""How ``hub codes`` shows what it found."""

from collections import Counter
from typing import Any

from hub.commands.screen import console, print_json, table

_SHOWN = 20


def show_editions(found: list[dict[str, Any]]) -> None:
    """Show code sets with their editions."""
    columns = ("name", "edition", "title", "as_of", "entries", "standard")
    console.print(table("Code sets", columns, ([told[name] for name in columns] for told in found)))


def show_codes(told: dict[str, Any]) -> None:
    """Show a page of codes."""
    columns = ("code", "name", "level", "parent", "valid_from", "valid_to")
    title = f"{told['title']}, edition {told['edition']}, on {told['on']}"
    console.print(table(title, columns, ([row[name] for name in columns] for row in told["codes"])))
    if told["next"]:
        console.print(f"There is more: --after {told['next']}")


def show_import(report: Any, *, as_json: bool) -> None:
    """Show what an import did, and what of the table leads nowhere."""
    from hub.code_answers import edition_told

    doubts = {name: list(getattr(report, name)) for name in ("reused", "parents_unnamed", "heirs_unknown")}
    told = {
        "stored": report.stored,
        "files": list(report.files),
        "levels": report.levels,
        "doubled": report.doubled,
    }
    told |= {"events": report.events, **doubts}
    if as_json:
        print_json(edition_told(report.edition) | told)
        return
    done = "is stored" if report.stored else "was there already, with the same content"
    console.print(f"Code set {report.edition.name}, edition {report.edition.edition}, {done}.")
    console.print(
        table("Files", ("file", "layout", "rows", "codes"), (list(file.values()) for file in report.files))
    )
    console.print(table("Codes by level", ("level", "codes"), report.levels.items()))
    figures = [("events told", report.events), ("rows that came twice", report.doubled)]
    figures += [(name.replace("_", " "), len(codes)) for name, codes in doubts.items()]
    console.print(table("Of note (--json lists them)", ("what", "codes"), figures))


def show_changes(report: Any, *, as_json: bool) -> None:
    """Show which events a file of changes told, and which of its rows are none."""
    from hub.code_answers import edition_told, event_told

    kinds = Counter(told.event.change.value for told in report.events)
    told = {
        "file": report.file,
        "rows": report.rows,
        "rows_in_events": report.rows_told,
        "events": dict(kinds),
    }
    told |= {
        "refused": [{"place": row.place, "why": row.why} for row in report.refused],
        "stored": report.stored,
    }
    if as_json:
        edition = {"edition": edition_told(report.edition)} if report.edition else {}
        each = [event_told(one.event) | {"rows": list(one.places)} for one in report.events]
        print_json(told | edition | {"told": each})
        return
    console.print(
        f"{report.file}: {report.rows:,} rows = {report.rows_told:,} in {len(report.events):,} events "
        f"+ {len(report.refused):,} that are none."
    )
    console.print(table("Events", ("change", "events"), kinds.most_common()))
    if report.refused:
        rows = [(row.place, row.why) for row in report.refused]
        console.print(table("Rows that are no event", ("row", "why"), rows))
    if report.edition:
        done = "stored" if report.stored else "was there already"
        console.print(f"Code set {report.edition.name}, edition {report.edition.edition}: {done}.")


def show_meaning(told: dict[str, Any]) -> None:
    """Show what a code meant, or became."""
    columns = ("code", "name", "level", "parent", "valid_from", "valid_to")
    meaning = told["meaning"]
    title = f"{told['code']} on {told['on']}"
    console.print(table(title, columns, [[meaning[name] for name in columns]]))
    if told["state"] == "in_force":
        return
    if told["became"]:
        rows = ([row[name] for name in columns] for row in told["became"])
        console.print(table("It had ended by then, and become", columns, rows))
    if told["lost"]:
        console.print(f"No table tells what followed {', '.join(told['lost'])}.")


def show_history(told: dict[str, Any]) -> None:
    """Show the meanings of a code and its events."""
    columns = ("name", "level", "parent", "valid_from", "valid_to")
    rows = ([row[name] for name in columns] for row in told["meanings"])
    console.print(table(f"What {told['code']} meant", columns, rows))
    console.print(_events("What happened to it", told["events"]))


def show_events(told: list[dict[str, Any]], limit: int) -> None:
    """Show a page of events."""
    console.print(_events("Events", told))
    if len(told) == limit:
        console.print(f"There may be more: --after {told[-1]['number']}")


def _events(title: str, told: list[dict[str, Any]]) -> Any:
    rows = (
        [e["day"], e["change"], " ".join(e["before"]), " ".join(e["after"]), e.get("approval", "")]
        for e in told
    )
    return table(title, ("day", "change", "before", "after", "by"), rows)


def show_crosswalk(told: dict[str, Any]) -> None:
    """Show how many rows of each outcome a crosswalk has, and a page of them."""
    outcomes = list(dict.fromkeys(outcome for counts in told["counts"].values() for outcome in counts))
    rows = (
        [level, *(counts.get(outcome, 0) for outcome in outcomes)] for level, counts in told["counts"].items()
    )
    console.print(table(f"{told['from']} against {told['to']}", ("level", *outcomes), rows))
    if "written" in told:
        console.print(f"{told['written']:,} rows are in {told['out']}.", soft_wrap=True)
        return
    columns = ("number", "outcome", "left", "left_name", "right", "right_name", "evidence")
    console.print(table("Rows", columns, ([row[name] for name in columns] for row in told["matches"])))
    if told["next"]:
        console.print(f"There is more: --after {told['next']}, or all with --out FILE.xlsx")


def show_named(told: list[dict[str, Any]], limit: int) -> None:
    """Show the codes that bear a name."""
    columns = ("set", "edition", "code", "name", "level", "parent", "valid_from", "valid_to")
    console.print(table("Codes of that name", columns, ([row[name] for name in columns] for row in told)))
    if len(told) == limit:
        console.print("There may be more: --limit, or a longer name.")
