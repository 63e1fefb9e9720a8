"""One request on its way through the door, and the ledger entry it ends as."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

from starlette.requests import Request

from audit.entry import Entry, Kind, new_entry_id
from catalog.actor import Actor
from catalog.agreement import Agreement
from catalog.claims import Tried
from catalog.person import Person
from catalog.session import SignedIn
from catalog.spending import Draw
from catalog.system import System
from exchange_api.answers import Portion
from exchange_api.calls import Call, Stated, headers_of
from exchange_api.signature_base import RequestMessage
from schemas.errors import AccessDenied, MalformedRequest

_UUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(slots=True)
class Attempt:
    """What is known so far of one request; grows on its way through the door and ends as a ledger entry."""

    request: Request
    action: str
    started: int = field(default_factory=time.perf_counter_ns)
    entry_id: UUID = field(default_factory=new_entry_id)
    headers: dict[bytes, bytes] = field(default_factory=dict)
    entry_text: str = ""
    id: str = ""
    system: System | None = None
    signed: bool = False
    message: RequestMessage | None = None
    signed_in: SignedIn | None = None
    resource: str | None = None
    stated: Stated | None = None
    call: Call | None = None
    keys: int = 0
    agreement: Agreement | None = None
    subjects: list[bytes] = field(default_factory=list)
    items: tuple[str, ...] | None = None
    records: int = 0
    etag: str = ""
    unchanged: bool = False
    status: HTTPStatus = HTTPStatus.OK
    sent: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] | None = None
    draw: Draw | None = None
    tried: Tried | None = None
    limits: Mapping[str, str] = field(default_factory=dict)

    def identify(self) -> None:
        """Read the headers and take over the caller's id where it is a UUID, which cannot hold a personal value."""
        self.headers = headers_of(self.request.scope)
        given = self.headers.get(b"hub-request-id")
        self.entry_text = str(self.entry_id)
        self.id = given.decode().lower() if given and _UUID.fullmatch(given) else self.entry_text

    def take_stated(self, stated: Stated | None) -> None:
        """Take over what the caller's token states of why it calls; ``MalformedRequest`` where the headers say otherwise."""
        if stated is None:
            return
        told = stated.as_headers()
        if any(
            unquote_to_bytes(self.headers.get(name, said)) != unquote_to_bytes(said)
            for name, said in told.items()
        ):
            raise MalformedRequest(
                "The headers state other reasons than the token was given for.",
                hint="Leave Hub-Purpose, Hub-Legal-Basis and Hub-Case-Code out, or ask for another token.",
            )
        self.headers = {**self.headers, **told}

    def asked(self, call: Call) -> Call:
        """Return the call with how it was made, on which agreements may turn."""
        return replace(call, signed=True) if self.signed else call

    @property
    def organisation(self) -> str:
        """The organisation of the system that asks; none where none does."""
        return self.system.organisation if self.system else ""

    def count_outside(self, records: int) -> None:
        """Put on the ledger how many records were found that are outside the agreed rows; the caller is not told."""
        if records:
            known = self.facts or {}
            self.facts = {**known, "outside": known.get("outside", 0) + records}

    @property
    def person(self) -> Person | None:
        """Who is signed in, where it is a person that asks."""
        return self.signed_in.person if self.signed_in else None

    @property
    def actor(self) -> Actor:
        """Who acts, person or system; ``AccessDenied`` where nobody is known."""
        if self.signed_in is not None:
            return Actor.of_person(self.signed_in.person)
        if self.system is not None:
            return Actor.of_system(self.system)
        raise AccessDenied("Nobody is known to act.")

    def has_fresh(self, etag: str) -> bool:
        """Tell whether the caller holds this version of the answer (RFC 9110, 13.1.2); the answer then has no body."""
        self.etag = etag
        given = self.headers.get(b"if-none-match", b"").decode("latin-1")
        held = {part.strip().removeprefix("W/") for part in given.split(",")}
        self.unchanged = bool(held & {etag, "*"})
        return self.unchanged

    def entry(self, kind: Kind, outcome: str, problem_code: str | None = None) -> Entry:
        """Return the ledger entry that it ends as."""
        stated, agreement, who = self.stated, self.agreement, self.system or self.person
        return Entry(
            id=self.entry_id,
            kind=kind,
            action=self.action,
            outcome=outcome,
            problem=problem_code,
            actor=who.id if who else None,
            organisation=who.organisation if who else None,
            agreement=agreement.id if agreement else None,
            resource=self.resource,
            keys=len(self.subjects) or self.keys,
            subjects=b"".join(self.subjects) or None,
            items=self.items,
            purpose=stated.purpose if stated else None,
            legal_basis=stated.legal_basis if stated else None,
            case_code=stated.case_code if stated else None,
            records=self.records if kind is Kind.CALL else 0,
            duration=(time.perf_counter_ns() - self.started) // 1000,
            request=self.id,
            facts=self.facts,
        )

    def of_portion(self, portion: Portion, number: int, at: datetime) -> "Attempt":
        """Return what goes on the ledger for a portion of a stream, numbered from 0: as this one, but with its own records.

        It spends what it holds, one at least; the rate counts the call, not its portions.
        """
        facts = {**(self.facts or {}), "stream": str(self.entry_id), "portion": number}
        one = replace(
            self,
            started=time.perf_counter_ns(),
            entry_id=new_entry_id() if number else self.entry_id,
            subjects=list(portion.subjects),
            keys=0,
            records=portion.records,
            facts=facts | ({"outside": portion.outside} if portion.outside else {}),
        )
        if self.agreement is not None and self.agreement.is_spent and self.call is not None:
            call = replace(self.call, portion=max(1, portion.records))
            one.draw = Draw(self.agreement, call, at, goes_on=number > 0)
        return one

    def of_end(self, told: Mapping[str, Any]) -> "Attempt":
        """Return what goes on the ledger when a stream has ended: what was sent of it in all, and why it ended."""
        return replace(
            self,
            entry_id=new_entry_id(),
            subjects=[],
            keys=0,
            items=None,
            records=0,
            draw=None,
            facts={"stream": str(self.entry_id), **told},
        )
