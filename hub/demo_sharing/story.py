"""The story: published, applied for, agreed, called, doubted, corrected, recalled. People act as at a terminal, systems over HTTP."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import orjson
import yaml
from sqlalchemy import Connection

from audit.recording import record_administration
from catalog.actor import Actor
from catalog.application import application_told
from catalog.applications import Applications
from catalog.entry import entry_from
from catalog.people import People
from catalog.repository import Catalogue
from catalog.system import System
from hub.calendar import calendar_in
from hub.caller import Caller, Statement, load_private_key, new_private_key, private_key_path
from hub.catalogue.acts import act as act_on_entry
from hub.catalogue.opening import entries_of
from hub.composition import Hub
from hub.demo_sharing import cast
from hub.objections.acting import act as act_on_objection
from hub.objections.bureau import Bureau
from hub.source_registry import register
from infra.database import Role
from schemas.errors import ConfigurationError, IncompleteApplication

GRANTS = 40
HEARD_SECONDS = 10.0
"""Within which every process of the server knows what was committed; a second is the rule."""


@dataclass
class Story:
    """What was told: a line an act (who, what, what came of it), the calls made, and the figures."""

    steps: list[tuple[str, str, str]] = field(default_factory=list)
    calls: int = 0
    figures: dict[str, Any] = field(default_factory=dict)

    def tell(self, who: str, did: str, came: str) -> None:
        """Add a line."""
        self.steps.append((who, did, came))


async def tell(hub: Hub, url: str, citizens: Sequence[str]) -> Story:
    """Let it happen on a hub that is served at ``url``; ``citizens`` are numbers of people who live in the city."""
    story = Story()
    _settle(hub)
    for entry in cast.ENTRIES:
        _publish(hub, story, entry)
    key = load_private_key(hub.settings.home, cast.DESK)
    async with Caller(url, cast.DESK, key, Statement(cast.PURPOSE, cast.LAW, cast.CASE)) as desk:
        await _push(hub, url, story, cast.RENT, _grants(citizens))
        await _push(hub, url, story, cast.FAMILY, _families(citizens))
        await _called(desk, story, 403)
        for resource in (cast.RENT, cast.FAMILY):
            _apply(hub, story, resource)
        read = await _called(desk, story, 200)
        await _doubted(hub, url, desk, story, read, citizens)
    return story


# ── published ────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _as(hub: Hub, person: str) -> Iterator[tuple[Connection, Actor]]:
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        yield connection, Actor.of_person(People(connection, record_administration).person(person))


def _settle(hub: Hub) -> None:
    """Register who takes part, and the departments' systems with new keys."""
    home = hub.settings.home
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        catalogue, people = (
            Catalogue(connection, record_administration),
            People(connection, record_administration),
        )
        for organisation in cast.ORGANISATIONS:
            catalogue.add_organisation(organisation, actor="demo")
        people.add_office(cast.OFFICE, actor="demo")
        for person in cast.PEOPLE:
            people.add_person(person, actor="demo")
        for entry in cast.ENTRIES:
            system = cast.system_of(entry["id"])
            private_key_path(home, system).unlink(missing_ok=True)
            public = new_private_key(home, system).as_dict(private=False)
            catalogue.add_system(
                System(system, entry["provider_code"], entry["name"], (public,)), actor="demo"
            )


def _publish(hub: Hub, story: Story, entry: Mapping[str, Any]) -> None:
    officer, head = cast.DEPARTMENTS[entry["id"]]
    acts: tuple[tuple[str, str, Mapping[str, str]], ...] = (
        (head, "assess", cast.ASSESSED),
        (officer, "submit", {}),
        ("authority", "approve", {}),
        ("authority", "publish", {}),
    )
    with _as(hub, officer) as (connection, actor):
        entries_of(hub.settings, connection, record_administration).draft(entry_from(entry), actor)
    for person, name, said in acts:
        with _as(hub, person) as (connection, actor):
            act_on_entry(
                entries_of(hub.settings, connection, record_administration), entry["id"], name, actor, said
            )
    with _as(hub, officer) as (connection, actor):
        code = entries_of(hub.settings, connection, record_administration).reader.standing(entry["id"]).code
        register(
            hub.settings, connection, yaml.safe_dump(cast.source(entry["id"]), allow_unicode=True), "demo"
        )
    story.tell(
        officer, f"publishes {entry['name']}", f"code {code}; assessed by {head}, reviewed by the authority"
    )
    story.figures.setdefault("published", {})[entry["id"]] = code


def _grants(citizens: Sequence[str], amount: str = "2500.00") -> list[dict[str, str]]:
    """Make the register's rows; the first has an amount that is wrong, until ``amount`` corrects it."""
    rows = [
        {"grant_number": f"ZJ2026{n:06d}", "holder_number": one, "amount": "250.00"}
        for n, one in enumerate(citizens[:GRANTS])
    ]
    rows[0]["amount"] = amount
    return rows


def _families(citizens: Sequence[str]) -> list[dict[str, str]]:
    return [
        {"certificate_number": f"DB2026{n:06d}", "holder_number": one, "family_size": "3"}
        for n, one in enumerate(citizens[:GRANTS])
    ]


async def _push(hub: Hub, url: str, story: Story, resource: str, rows: Sequence[Mapping[str, str]]) -> None:
    system, home = cast.system_of(resource), hub.settings.home
    file = _written(home / f"{system}.ndjson", rows)
    async with Caller(url, system, load_private_key(home, system)) as caller:
        answer = await _until(
            200, lambda: caller.push(f"{resource}_register", file, f"{resource}-{monotonic()}")
        )
    told = answer.json()
    story.tell(
        system,
        f"pushes {len(rows)} rows",
        f"{told['created']} new, {told['updated']} changed; no process was restarted",
    )


def _written(file: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    file.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return file


# ── agreed ───────────────────────────────────────────────────────────────────────────────────────────


def _apply(hub: Hub, story: Story, resource: str) -> None:
    calendar, (officer, head) = calendar_in(hub.settings), cast.DEPARTMENTS[resource]
    until = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
    with _as(hub, "desk.officer") as (connection, actor):
        applications = Applications(connection, record_administration, calendar)
        id_ = applications.draft(application_told({"resource": resource}, calendar.zone), actor).matter.id
    with _as(hub, "desk.officer") as (connection, actor):
        faults = _submitted_bare(Applications(connection, record_administration, calendar), id_, actor)
    story.tell(
        "desk.officer",
        f"applies for {resource}, and says nothing else",
        f"{faults} things missing, all told at once",
    )
    acts: list[tuple[str, str, dict[str, Any]]] = [
        ("desk.officer", "edit", {"elements": cast.application(resource, until)}),
        ("desk.officer", "submit", {}),
        ("desk.head", "support", {}),
        *([(officer, "examine", {"opinion": "符合共享条件"})] if resource == cast.RENT else []),
        (head, "approve", {}),
        (officer, "deliver", {}),
    ]
    for person, name, said in acts:
        with _as(hub, person) as (connection, actor):
            Applications(connection, record_administration, calendar).do(id_, name, actor, said)
    way = " → ".join(name for _, name, _ in acts)
    story.tell("desk, provider", way, f"agreement {id_} is in force until {until}")
    story.figures.setdefault("agreements", {})[resource] = {"id": id_, "told_missing": faults}


def _submitted_bare(applications: Applications, id_: str, actor: Actor) -> int:
    """Submit what lacks nearly everything; returns how much the hub says is missing."""
    try:
        applications.do(id_, "submit", actor)
    except IncompleteApplication as refused:
        return len(refused.faults)
    raise ConfigurationError("An application that states nothing was taken as complete.")


async def _called(desk: Caller, story: Story, status: int) -> httpx.Response:
    """Read the record that is wrong; both outcomes are calls on the ledger."""
    answers: list[int] = []

    async def _read() -> httpx.Response:
        answer = await desk.record(cast.RENT, _grants(("",))[0]["grant_number"], items=("amount",))
        answers.append(answer.status_code)
        return answer

    answer = await _until(status, _read)
    story.calls += len(answers)
    came = answer.json()["title"] if status != httpx.codes.OK else f"amount {answer.json()['data']['amount']}"
    story.tell(cast.DESK, f"calls for a record of {cast.RENT}", f"{status}: {came}")
    return answer


# ── doubted ──────────────────────────────────────────────────────────────────────────────────────────


async def _doubted(
    hub: Hub, url: str, desk: Caller, story: Story, read: httpx.Response, citizens: Sequence[str]
) -> None:
    key = _grants(("",))[0]["grant_number"]
    claim = {"kind": "quality", "resource": cast.RENT, "key": key, "items": ["amount"], "answer": read.headers["Hub-Entry"],
             "case_code": cast.CASE, "claim": "与发放凭证不符"}  # fmt: skip
    raised = (await desk.send("POST", "/v1/objections", claim)).json()
    id_ = raised["objection"]
    story.tell(
        cast.DESK, "objects to the amount it was given", f"{id_}, to be answered by {raised['due_at'][:10]}"
    )
    marked = await _marked(desk, key)
    story.calls += marked
    story.tell(cast.DESK, "reads on", "the value is served with its doubt marked")
    for name, said in (("accept", {}), ("correct", {"reason": "已在登记系统更正"})):
        with _as(hub, "housing.officer") as (connection, actor):
            act_on_objection(Bureau.of(hub), connection, record_administration, actor, id_, name, said)
    await _push(hub, url, story, cast.RENT, _grants(citizens, "250.00"))
    handled = (await desk.send("GET", f"/v1/objections/{id_}")).json()
    notices = [
        one for one in (await desk.send("GET", "/v1/notices")).json()["notices"] if one["objection"] == id_
    ]
    story.tell(
        "the hub",
        "sees the correction come in",
        f"objection {handled['state']}: {handled['outcome']}; {len(notices)} recall notices",
    )
    for notice in notices:
        await desk.send("POST", f"/v1/notices/{notice['number']}/acknowledge")
    await desk.send("POST", f"/v1/objections/{id_}/rate", {"score": 5, "solved": True})
    rated = (await desk.send("GET", f"/v1/objections/{id_}")).json()
    story.tell(
        cast.DESK,
        "puts its case right and rates the answer",
        f"{rated['state']}, score {rated['score']} of 5",
    )
    story.figures["objection"] = {
        "id": id_, "state": rated["state"], "outcome": handled["outcome"], "notices": len(notices),
        "recalled_call": read.headers["Hub-Entry"] in {notice["entry"] for notice in notices},
    }  # fmt: skip


async def _marked(desk: Caller, key: str) -> int:
    """Read until the doubt is marked; returns how many calls that took."""
    calls, ends = 0, monotonic() + HEARD_SECONDS
    while monotonic() < ends:
        calls += 1
        if (await desk.record(cast.RENT, key, items=("amount",))).json().get("doubts"):
            return calls
    raise ConfigurationError("The doubt was not marked.", hint="See the server's log.")


async def _until(status: int, ask: Any) -> httpx.Response:
    """Ask until the process that answers has heard of what was committed."""
    ends = monotonic() + HEARD_SECONDS
    while (answer := await ask()).status_code != status:
        if monotonic() > ends:
            raise ConfigurationError(
                f"The server answers {answer.status_code}: {answer.json().get('detail', '')}"
            )
    return answer
