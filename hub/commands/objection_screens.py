"""How ``hub objection`` and ``hub notice`` look on a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hub.commands.screen import console, here, last_day, table, tell

if TYPE_CHECKING:
    from catalog.workflow import Matter

_LISTED = ("objection", "state", "kind", "resource", "items", "user", "provider", "due_at")


def tell_act(id_: str, act: str, after: "Matter", as_json: bool) -> None:
    """Say what became of an objection."""
    due = after.due_at and after.due_at.isoformat()
    told = {"objection": id_, "act": act, "state": after.state, "duty": after.duty, "due_at": due}
    until = f", {after.duty} is due by {last_day(after.due_at, here())}" if after.due_at else ""
    tell(told, f"Objection {id_} is {after.state.replace('_', ' ')}{until}.", as_json)


def print_list(found: Sequence[Mapping[str, Any]]) -> None:
    """Print a list of objections."""
    zone = here()
    rows = [[_cell(name, told[name], zone) for name in _LISTED] for told in found]
    console.print(table("Objections", _LISTED, rows))


def _cell(name: str, value: Any, zone: ZoneInfo) -> Any:
    if name == "items":
        return ", ".join(value) or "–"
    return value and _local(str(value), zone) if name == "due_at" else value


def _local(told: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(told).astimezone(zone):%Y-%m-%d %H:%M}"


def print_objection(told: Mapping[str, Any]) -> None:
    """Print an objection with what was said; texts that people wrote are no markup."""
    for name, value in told.items():
        if name != "events":
            shown = ", ".join(value) if isinstance(value, list) else value
            console.print(f"{name:12}{'–' if shown in (None, '') else shown}")
    print_events(told["objection"], told["events"])


def print_events(id_: str, events: Sequence[Mapping[str, Any]]) -> None:
    """Print what was done with an objection."""
    zone = here()
    rows = [
        [event["position"], _local(event["at"], zone), event["act"], event["state"], event["actor"], event["organisation"],
         "; ".join(f"{name}: {value}" for name, value in event["facts"].items())]
        for event in events
    ]  # fmt: skip
    console.print(table(f"What was done with {id_}", ["", "at", "act", "state", "by", "of", "said"], rows))


def print_notices(found: Sequence[Mapping[str, Any]]) -> None:
    """Print recall notices, the call first: it is never folded, so that it can be copied."""
    names = ("entry", "number", "system", "case_code", "item", "objection", "acknowledged_by")
    rows = [[told[name] for name in names] for told in found]
    console.print(table("Recall notices", names, rows))
