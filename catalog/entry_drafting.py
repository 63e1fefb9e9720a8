"""The department's part of an entry's way: write, assess, submit, change, or give up."""

from dataclasses import replace

from sqlalchemy import insert, select

from catalog.actor import Actor
from catalog.entry import CatalogueEntry, entry_of
from catalog.entry_codes import issue_code
from catalog.entry_steps import EntrySteps, Row, drafted, numbered, shown
from catalog.entry_tables import ENTRY_TABLE
from catalog.entry_workflow import ENTRY, UNDERWAY, matter_of
from catalog.lists.negative import faults_in
from catalog.tables import ORGANISATION
from catalog.workflow import Matter, Side
from schemas.code_sets import code_set
from schemas.errors import (
    AlreadyRegistered,
    DefinitionError,
    ForbiddenTransition,
    MalformedEdition,
    NotRegistered,
    UnknownCodeSet,
    UnknownEntry,
    WrongEntry,
)
from schemas.faults import Fault
from schemas.resource import resources_shipped

_OF_RESOURCE = ("name", "name_en", "summary", "items", "sharing", "condition", "update_cycle", "library")


class EntryDrafting(EntrySteps):
    """What publishers of the providing department do."""

    def draft(self, entry: CatalogueEntry, actor: Actor) -> Matter:
        """Begin an entry. ``WrongEntry``, ``NotRegistered`` for its provider, ``NotYourPart``, ``AlreadyRegistered``."""
        self._check_new(entry)
        first = numbered(entry, 1, None)
        made = self._matters.open(
            matter_of(first.id, 1), {Side.PROVIDER: first.provider_code}, actor, _said(first)
        )
        row = {"id": first.id, "state": made.state, "newest": 1, "provider": first.provider_code}
        self._connection.execute(insert(ENTRY_TABLE).values(**row, **shown(first)))
        return made

    def change(self, entry: CatalogueEntry, actor: Actor) -> Matter:
        """Begin the next version; the one in force stays so. ``ForbiddenTransition`` where a version is under way already."""
        row = self.reader.row(entry.id, held=True)
        if row["state"] in UNDERWAY:
            raise ForbiddenTransition(
                f"Version {row['newest']} of entry {entry.id} is {row['state']}.",
                hint="Edit it, or discard it first.",
                state=row["state"],
            )
        following = self._following(entry, row, row["newest"] + 1)
        id_ = matter_of(entry.id, following.version)
        made = self._matters.open(id_, {Side.PROVIDER: row["provider"]}, actor, _said(following))
        self._write(entry.id, state=made.state, newest=following.version, draft=following.as_dict())
        return made

    def edit(self, entry: CatalogueEntry, actor: Actor) -> Matter:
        """Write a version anew that is not submitted; what was assessed has to be assessed again."""
        row = self.reader.row(entry.id, held=True)
        written = self._following(entry, row, row["newest"])
        listed = shown(written) if row["in_force"] is None else {"draft": written.as_dict()}
        return self._step(row, "edit", actor, _said(written), **listed)

    def assess(self, entry: str, actor: Actor, secrecy: str, personal_information: str) -> Matter:
        """Sign for the department that both assessments were made, and say how they came out; ``OwnWork`` for who wrote it."""
        row = self.reader.row(entry, held=True)
        ENTRY.check_may(actor, "assess", self._newest(row))
        outcomes = {"secrecy": secrecy, "personal_information": personal_information}
        return self._step(row, "assess", actor, outcomes | _said(drafted(row)))

    def submit(self, entry: str, actor: Actor) -> Matter:
        """Hand a version to the authority: it gets its code, and review and publication are due in two working days."""
        row = self.reader.row(entry, held=True)
        ENTRY.check_may(actor, "submit", self._newest(row))
        written = drafted(row)
        code = row["code"] or issue_code(self._connection, entry, written.category.code)
        written = replace(written, code=code)
        self._check_shareable(written)
        facts = {"code": code, **_said(written), **self._reflected(row)}
        due = self._deadline("review_and_publish")
        return self._step(row, "submit", actor, facts, due, code=code, draft=written.as_dict())

    def discard(self, entry: str, actor: Actor, reason: str = "") -> Matter:
        """Give up a version that is not published; the one in force stays so."""
        row = self.reader.row(entry, held=True)
        done = self._step(row, "discard", actor, {"reason": reason}, draft=None)
        if row["in_force"] is not None:
            self._write(entry, state=self._matters.matter(matter_of(entry, row["in_force"])).state)
        return done

    def _check_new(self, entry: CatalogueEntry) -> None:
        _check(
            entry,
            [
                *_code_faults(entry, None),
                *_unlike_shipped(entry),
                *_unknown(entry),
                *faults_in(self._connection, entry),
            ],
        )
        known = select(ORGANISATION.c.code).where(ORGANISATION.c.code == entry.provider_code)
        if self._connection.execute(known).first() is None:
            raise NotRegistered(
                f"Organisation {entry.provider_code} is not registered.", hint="Run: hub organisation add"
            )
        try:
            stands = self.reader.row(entry.id)
        except UnknownEntry:
            return
        raise AlreadyRegistered(
            f"There is already an entry {entry.id}; its version {stands['newest']} is {stands['state']}.",
            hint="Run: hub catalogue change"
            if stands["state"] not in UNDERWAY
            else "Run: hub catalogue edit",
        )

    def _following(self, entry: CatalogueEntry, row: Row, version: int) -> CatalogueEntry:
        faults = list(_code_faults(entry, row["code"]))
        if entry.provider_code != row["provider"]:
            hint = "Withdraw the entry, and let the other department begin its own."
            faults.append(Fault("provider_code", f"is not {row['provider']}, whose entry it is", hint))
        if row["code"] and entry.category.code != row["category"]:
            faults.append(Fault("category", f"is not {row['category']}, which the code {row['code']} says"))
        _check(entry, [*faults, *_unknown(entry), *faults_in(self._connection, entry)])
        return numbered(entry, version, row["code"])


def _said(entry: CatalogueEntry) -> dict[str, str]:
    return {"digest": entry.digest}


def _check(entry: CatalogueEntry, faults: list[Fault]) -> None:
    if faults:
        raise WrongEntry(entry.id, faults)


def _code_faults(entry: CatalogueEntry, issued: str | None) -> list[Fault]:
    """Codes are issued: none may be written but the one that the entry, or the resource that comes with the hub, has."""
    shipped = resources_shipped().get(entry.id)
    own = issued or (shipped.catalogue_code if shipped else None)
    if entry.code not in (None, own):
        return [Fault("code", f"is {entry.code}, but codes are issued by the catalogue", "Leave it out.")]
    if shipped and shipped.catalogue_code.partition("/")[0] != entry.category.code:
        return [Fault("category", f"is not that of {shipped.catalogue_code}, the code {entry.id} comes with")]
    return []


def _unlike_shipped(entry: CatalogueEntry) -> list[Fault]:
    """The first entry of a resource that comes with the hub says what that does, for it is queryable already; only its provider is told anew."""
    shipped = resources_shipped().get(entry.id)
    if shipped is None:
        return []
    own = entry_of(shipped, entry.provider_code)
    hint = "Begin with: hub catalogue draft --from-resource; what is to be otherwise is the next version's."
    return [
        Fault(element, f"is not that of the resource {entry.id}, which comes with the hub", hint)
        for element in _OF_RESOURCE
        if getattr(entry, element) != getattr(own, element)
    ]


def _unknown(entry: CatalogueEntry) -> list[Fault]:
    """Ask for every imported edition of a code set that items name."""
    faults = []
    for number, item in enumerate(entry.items, 1):
        if item.code_set and ":" in item.code_set:
            try:
                code_set(item.code_set)
            except (DefinitionError, UnknownCodeSet, MalformedEdition) as error:
                faults.append(
                    Fault("code_set", f"cannot be found: {error.detail.rstrip('.')}", error.hint, number)
                )
    return faults
