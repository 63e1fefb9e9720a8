"""Raising an objection: who may doubt what, on which proof, and whose it is to answer.

Part of the security boundary: the key is in the clear here, until it is sealed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from audit.reading import entry as entry_of
from base_libraries.reading import GoldenReader
from base_libraries.spans import Standing, standing
from catalog.actor import Actor
from catalog.agreement import Agreement
from catalog.objection import Claim, Objection, ObjectionKind, check_short
from catalog.objection_workflow import OBJECTION
from catalog.readers import agreements_in_force
from catalog.recorded import Recorder
from catalog.workflow import Matter, Side
from hub.objections.bureau import Bureau
from hub.objections.routing import route
from infra.clock import now
from schemas.errors import AccessDenied, ItemNotAgreed, MalformedObjection, RecordNotFound, UnknownAnswer
from schemas.identifiers import check

READ = (
    "record",
    "query",
    "records",
    "verify",
    "derive",
    "subscription.snapshot",
    "subscription.changes",
    "subscription.push",
    "ogc.items",
    "ogc.feature",
)
"""What the ledger calls the readings of records."""


@dataclass(frozen=True)
class Raised:
    """What somebody raises: on a record where the ``claim`` has a key, on its ``items``, on the ``answer`` of a ledger entry."""

    kind: ObjectionKind
    resource: str
    claim: Claim
    items: tuple[str, ...] = ()
    answer: UUID | None = None
    case_code: str = ""

    def __post_init__(self) -> None:
        check_short(self.case_code, "case code")


def entry_named(text: str) -> UUID:
    """Read the id of a ledger entry, or raise ``MalformedObjection``."""
    try:
        return UUID(text)
    except ValueError:
        raise MalformedObjection(
            "The answer is not named by a ledger entry.", hint="The answer's header Hub-Entry names it."
        ) from None


def raise_objection(
    bureau: Bureau,
    connection: Connection,
    record: Recorder,
    actor: Actor,
    raised: Raised,
    *,
    system: str | None,
) -> tuple[Objection, Matter]:
    """Open an objection; ``system`` is that which raises it, None for a person. The caller commits.

    ``AccessDenied`` or ``ItemNotAgreed`` where the actor's side has neither an agreement on it nor the answer, ``UnknownAnswer`` where the
    entry is none of its organisation's, ``RecordNotFound`` for a key without a record, ``AlreadyDoubted``, ``SeveralDepartments``.
    """
    OBJECTION.check_may_open(actor, _user(actor))
    resource = bureau.resource(raised.resource)
    items = tuple(resource.item(name).name for name in raised.items)
    agreements = agreements_in_force(connection, resource.code, actor.organisation or "", system, now())
    grounds = _Grounds(agreements, _answer(connection, actor, raised))
    grounds.check_cover(items)
    reader = bureau.reader(resource.code)
    subject, version = _doubted(connection, reader, raised, grounds)
    way = route(bureau, connection, reader, subject, items)
    objections = bureau.objections(connection, record)
    made = Objection(
        objections.next_id(), raised.kind, resource.code, items, subject, raised.answer, raised.case_code, version, way.source,
    )  # fmt: skip
    parties = _user(actor) | ({Side.PROVIDER: way.organisation} if way.organisation else {})
    return made, objections.open(made, raised.claim, parties, actor)


def _user(actor: Actor) -> dict[Side, str]:
    return {Side.USER: actor.organisation} if actor.organisation else {}


def _answer(connection: Connection, actor: Actor, raised: Raised) -> Mapping[str, Any] | None:
    if raised.answer is None:
        return None
    found = entry_of(connection, raised.answer)
    if (
        found is None
        or found["action"] not in READ
        or found["resource"] != raised.resource
        or actor.organisation is None
        or found["organisation"] != actor.organisation
    ):
        raise UnknownAnswer(
            "Your organisation was given no answer of that ledger entry on that resource.",
            hint="The answer's header Hub-Entry names it.",
        )
    return found


@dataclass(frozen=True)
class _Grounds:
    """What an actor's side doubts by: agreements in force, and the answer it was given."""

    agreements: Sequence[Agreement]
    answer: Mapping[str, Any] | None

    def check_cover(self, items: Sequence[str]) -> None:
        """Raise ``AccessDenied`` where there are none, ``ItemNotAgreed`` for items that none covers."""
        if not self.agreements and self.answer is None:
            raise AccessDenied(
                "Nobody of your side has an agreement on this resource.",
                hint="Name the answer that you doubt by its ledger entry, or apply for an agreement.",
            )
        seen = {item for one in self.agreements for item in one.items} | self._answered()
        if beyond := sorted(set(items) - seen):
            raise ItemNotAgreed(f"No agreement and no answer of yours covers: {', '.join(beyond)}.")

    def reach(self, items: Sequence[str], record: Mapping[str, Any]) -> bool:
        """Whether the record is one that an agreement covering the items lets be read."""
        return any(one.covered.issuperset(items) and one.rows.hold(record) for one in self.agreements)

    def row_items(self) -> tuple[str, ...]:
        """The items by which agreements tell which records are theirs."""
        return tuple(dict.fromkeys(item for one in self.agreements for item in one.rows.items))

    def _answered(self) -> set[str]:
        return set((self.answer or {}).get("items") or ())


def _doubted(
    connection: Connection, reader: GoldenReader, raised: Raised, grounds: _Grounds
) -> tuple[bytes | None, int | None]:
    """Return subject and version of the record meant, neither where none is; what may not be read is not there."""
    if raised.claim.key is None:
        return None, None
    subject = subject_of(reader, raised.claim.key)
    found = standing(connection, reader, subject, grounds.row_items())
    named = found is not None and grounds.answer is not None and _names(grounds.answer, found)
    if found is None or not (named or grounds.reach(raised.items, found.values)):
        raise RecordNotFound(f"Resource {reader.resource.code} has no record of that key.")
    if grounds.answer is not None and not named:
        raise MalformedObjection("The answer named is not one about the record of that key.")
    return subject, found.version


def subject_of(reader: GoldenReader, key: str) -> bytes:
    """Return the blind index of a key in its canonical form; ``InvalidIdentifier``, which quotes no key, where it is malformed."""
    identifier = reader.resource.key.identifier
    if identifier:
        key = key.upper()
        check(identifier, key)
    return reader.subject(key)


def _names(answer: Mapping[str, Any], found: Standing) -> bool:
    named = bytes(answer["subjects"] or b"")
    return any(named[place : place + 16] in found.indexes for place in range(0, len(named), 16))
