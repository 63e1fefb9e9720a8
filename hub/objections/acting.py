"""What is done with an objection after it is raised: each act with what has to be said with it, and what is shown of it to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from catalog.actor import Actor
from catalog.matters import Event
from catalog.objection import LONGEST_CLAIM, Objection
from catalog.objection_workflow import OBJECTION
from catalog.objections import Standing
from catalog.person import Role
from catalog.recorded import Recorder
from catalog.repository import Catalogue
from catalog.workflow import Matter, Side
from hub.objections.bureau import Bureau
from schemas.errors import ForbiddenTransition, MalformedObjection, NotSaid, UnknownMatter

MAY_BE_SAID: Mapping[str, tuple[str, ...]] = {
    "hand_over": ("organisation", "office", "reason"),
    "rate": ("score", "solved", "reason"),
}
"""What may be said with an act; with every other a ``reason``. What has to be is in the table of transitions."""
BY_SYSTEMS = ("withdraw", "dispute", "rate")
"""The acts of the user's side, which its systems may do as well."""


def act(
    bureau: Bureau,
    connection: Connection,
    record: Recorder,
    actor: Actor,
    id_: str,
    name: str,
    said: Mapping[str, Any],
) -> Matter:
    """Do what the table allows, with what has to be said; the caller commits.

    ``UnknownMatter`` too where the objection is not the actor's to see, ``NotSaid`` or ``MalformedObjection`` where
    what is said is too little or is not of its form.
    """
    objections = bureau.objections(connection, record)
    seen = objections.matters.matter(id_, held=True)
    check_may_see(actor, seen)
    facts = _checked(name, said)
    _check_fits(name, objections.objection(id_))
    changes: dict[str, Any] = {key: facts[key] for key in ("score", "solved") if key in facts}
    parties = None
    if name == "hand_over" and "organisation" in facts:
        to = Catalogue(connection, record).organisation(facts["organisation"])
        parties = {**seen.parties, Side.PROVIDER: to.code}
        changes["office"] = facts.get("office")
    return objections.act(id_, name, actor, facts, parties, **changes)


def possible(actor: Actor, objection: Objection, matter: Matter) -> list[str]:
    """Return what the actor may do with it now."""
    return [act for act in OBJECTION.possible(actor, matter) if _fits(act, objection)]


def _fits(name: str, objection: Objection) -> bool:
    """Tell whether an act is for what the objection is about: what came in is corrected where it came from."""
    return name != ("correct" if objection.subject is None else "amend")


def _check_fits(name: str, objection: Objection) -> None:
    if _fits(name, objection):
        return
    if objection.subject is None:
        said, hint = "concerns no record, so that no correction will come in", "Amend it, and say how."
    else:
        said, hint = (
            "is about a record, which is corrected where it comes from",
            "Correct it in your own system.",
        )
    raise ForbiddenTransition(f"The objection {objection.id} {said}.", hint=hint, matter=objection.id)


def _checked(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    if name not in OBJECTION.acts:
        raise MalformedObjection("There is no such act.", hint=f"Acts are: {', '.join(OBJECTION.acts)}.")
    facts = {key: value for key, value in said.items() if value not in (None, "")}
    known = MAY_BE_SAID.get(name, ("reason",))
    if facts.keys() - set(known):
        raise MalformedObjection(
            f"With {name.replace('_', ' ')} nothing of that may be said.",
            hint=f"Known are: {', '.join(known)}.",
        )
    for key, value in facts.items():
        _check_value(key, value)
    if name == "rate" and "solved" not in facts:
        raise NotSaid("To rate takes whether it is solved.", hint="Nothing was done.", act=name)
    return facts


def _check_value(key: str, value: Any) -> None:
    if key == "score":
        good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5
        wanted = "a number from 1 (very dissatisfied) to 5 (very satisfied)"
    elif key == "solved":
        good, wanted = isinstance(value, bool), "true or false"
    else:
        good = isinstance(value, str) and len(value) <= LONGEST_CLAIM and "\x00" not in value
        wanted = f"text of at most {LONGEST_CLAIM} characters"
    if not good:
        raise MalformedObjection(f"{key.capitalize()} must be {wanted}.")


# ── who sees what ────────────────────────────────────────────────────────────────────────────────────


def check_may_see(actor: Actor, matter: Matter) -> None:
    """Raise ``UnknownMatter``, as if there were none, unless the actor is of one of its sides or of the authority."""
    if Role.CATALOGUE_AUTHORITY in actor.roles:
        return
    if not actor.roles or actor.organisation not in matter.parties.values():
        raise UnknownMatter(f"There is no {OBJECTION.title} {matter.id}.")


@dataclass(frozen=True)
class Shown:
    """An objection as one of its sides sees it, and the subject to name on the ledger, for the key is in it."""

    told: dict[str, Any]
    subject: bytes | None


def shown(bureau: Bureau, connection: Connection, record: Recorder, actor: Actor, id_: str) -> Shown:
    """Return everything about an objection. Whoever calls puts it on the ledger before it is shown."""
    objections = bureau.objections(connection, record)
    matter = objections.matters.matter(id_)
    check_may_see(actor, matter)
    content, claim = objections.objection(id_), objections.claim(id_)
    told = told_of(content, matter) | {
        "key": claim.key,
        "claim": claim.says,
        "proof": claim.proof,
        "possible": possible(actor, content, matter),
        "events": [told_event(event) for event in objections.matters.events(id_)],
    }
    return Shown(told, content.subject)


def shown_on_record(
    bureau: Bureau, connection: Connection, record: Recorder, actor: Actor, id_: str
) -> dict[str, Any]:
    """Return everything about an objection, the look at it on the ledger in the same transaction."""
    found = shown(bureau, connection, record, actor, id_)
    record(connection, actor=actor.id, action="objection.show", target=id_, facts={})
    return found.told


def listed_for(
    bureau: Bureau, connection: Connection, record: Recorder, actor: Actor, states: Sequence[str], *, late: bool, after: str, limit: int
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the objections that the actor may see, by number: those of its organisation, or all for the authority."""
    if beyond := sorted(set(states) - set(OBJECTION.states)):
        raise MalformedObjection(
            f"There is no such state: {', '.join(beyond)}.",
            hint=f"States are: {', '.join(OBJECTION.states)}.",
        )
    if not actor.roles:
        return []
    everything = Role.CATALOGUE_AUTHORITY in actor.roles
    found = bureau.objections(connection, record).listed(
        organisation=None if everything else actor.organisation or "", states=states, after=after, limit=limit,
        due_before=bureau.clock() if late else None,
    )  # fmt: skip
    return [told_of(one.objection, one) for one in found]


def told_of(objection: Objection, held: Matter | Standing) -> dict[str, Any]:
    """Tell of an objection what holds no personal value."""
    parties = {str(side): party for side, party in held.parties.items()}
    return {
        "objection": objection.id, "state": held.state, "kind": objection.kind.value, "resource": objection.resource,
        "items": list(objection.items), "answer": objection.answer and str(objection.answer), "case_code": objection.case_code,
        "version": objection.version, "source": objection.source, "user": parties.get("user"), "provider": parties.get("provider"),
        "office": objection.office, "outcome": objection.outcome and objection.outcome.value, "score": objection.score,
        "solved": objection.solved, "duty": held.duty, "due_at": held.due_at and held.due_at.isoformat(),
    }  # fmt: skip


def told_event(event: Event) -> dict[str, Any]:
    """Tell of one act on it."""
    return {
        "position": event.position, "act": event.act, "state": event.state, "actor": event.actor,
        "organisation": event.organisation, "at": event.at.isoformat(), "facts": dict(event.facts),
    }  # fmt: skip
