"""What is read behind the door: one record, many records, and the catalogue's own descriptions.

Part of the security boundary: these functions hold records in the clear and hand them to the door's answer only.
"""

import asyncio
from collections.abc import Container, Mapping, Sequence
from typing import Any

from catalog.agreement import Agreement
from catalog.explanation import explain
from exchange_api.agreed import all_shown, all_within, shown, verdict
from exchange_api.answers import Body
from exchange_api.calls import Call, body_of, query_call, record_call, stated_in
from exchange_api.door import Attempt, Door
from exchange_api.doubt_marks import mark
from exchange_api.formats import Format, format_for
from exchange_api.library import Library, Row, Shelf
from exchange_api.moments import Moment
from exchange_api.tabular import Layout
from schemas.errors import RecordNotFound, UnknownResource
from schemas.resource import Resource

_MANY = 1_000  # records, which take some hundredths of a second to open
Found = Mapping[bytes, Sequence[Row]]


def shelf_of(library: Library, attempt: Attempt) -> Shelf:
    """Return the shelf of the resource that the path names, or raise ``UnknownResource``."""
    shelf = library.shelves.get(attempt.request.path_params["code"])
    if shelf is None:  # the name is not repeated: it may be anything, and the refusal is kept for years
        known = ", ".join(library.shelves)
        raise UnknownResource("There is no such resource.", hint=f"There are: {known}.")
    attempt.resource = shelf.resource.code
    return shelf


def open_shelf_of(library: Library, attempt: Attempt) -> Shelf:
    """Return the shelf as ``shelf_of``, or raise ``ResourceWithdrawn`` where nothing is read of it any more."""
    shelf = shelf_of(library, attempt)
    shelf.resource.check_in_use()
    return shelf


def indexes_of(shelf: Shelf, call: Call) -> list[bytes]:
    """Return the blind indexes of a call's keys, as the key or as the lookup item they are."""
    if call.by is None:
        return [shelf.reader.subject(key) for key in call.keys]
    return [shelf.reader.lookup(call.by, key) for key in call.keys]


async def rows_of(library: Library, shelf: Shelf, call: Call, indexes: Sequence[bytes]) -> Found:
    """Return the rows of a call's keys by blind index."""
    if call.by is None:
        return await library.by_keys(shelf, indexes)
    return await library.by_lookup(shelf, call.by, indexes)


def formed(
    attempt: Attempt, form: Format, shelf: Shelf, whole: Mapping[str, Any], told: Sequence[Mapping[str, Any]]
) -> Any:
    """Return an answer in the form that was accepted: ``whole`` as JSON, else what is told of its records, one by one."""
    attempt.sent = {**attempt.sent, "Vary": "Accept"}
    if form.encoder is None:
        return whole
    return Body(form.media_type, form.whole(layout_of(attempt, shelf), told))


def layout_of(attempt: Attempt, shelf: Shelf, *, keyed: bool = True) -> Layout:
    """Return the columns of the answer to a call under its agreement."""
    agreement, call = attempt.agreement, attempt.call
    return Layout(
        shelf.resource,
        attempt.items or (),
        agreement.masked if agreement else frozenset(),
        keyed=keyed,
        provenance=call is not None and call.provenance,
        verdicts=agreement is not None and not agreement.answer.discloses_values,
    )


class Readings:
    """The readings of the ``/v1`` routes; each takes an authenticated attempt and returns what the door sends."""

    def __init__(self, library: Library, door: Door) -> None:
        self._library = library
        self._door = door

    async def record(self, attempt: Attempt) -> Any:
        """Answer one record by key, or yes or no of it; ``RecordNotFound`` when the library has none that is agreed."""
        shelf, form = open_shelf_of(self._library, attempt), format_for(attempt.headers)
        attempt.stated = stated_in(attempt.headers)
        key = attempt.request.path_params["key"]
        attempt.keys = 1
        call = record_call(shelf.resource, key, attempt.request.scope, attempt.stated, attempt.organisation)
        attempt.facts = _moment_fact(call)
        agreement, rows = await self.by_key(attempt, shelf, call)
        if rows and call.moment is not None:
            (subject,) = attempt.subjects
            rows = (await self._then(agreement, shelf, call.moment, {subject: rows})).get(subject, ())
        if not agreement.answer.discloses_values:
            told: dict[str, Any] = {
                "resource": shelf.resource.code,
                "answer": verdict(agreement, shelf, rows),
            }
            self._mark(shelf, [told] * len(rows), rows, attempt.items or ())
            return formed(attempt, form, shelf, told, [{"key": call.keys[0], **told}])
        if not rows:
            raise RecordNotFound(f"Resource {shelf.resource.code} has no record of that key.")
        attempt.records = 1
        (record,) = await self.told(attempt, shelf, rows, call, agreement)
        whole = {"resource": shelf.resource.code, **record}
        return formed(attempt, form, shelf, whole, [{"key": call.keys[0], **record}])

    async def by_key(self, attempt: Attempt, shelf: Shelf, call: Call) -> tuple[Agreement, Sequence[Row]]:
        """Return the agreement that allows a call for one key, and the record of it, none where there is none that is agreed."""
        attempt.subjects = [shelf.reader.subject(call.keys[0])]
        agreement = self._door.agreed(attempt, shelf.resource.code, call)
        row = await shelf.by_key.ask(attempt.subjects[0])
        return agreement, shown(attempt, agreement, shelf, [] if row is None else [row])

    async def query(self, attempt: Attempt) -> Any:
        """Answer up to 1,000 keys; those without a record are listed as missing."""
        shelf, form = open_shelf_of(self._library, attempt), format_for(attempt.headers)
        body = await body_of(attempt.request)
        attempt.stated = stated_in(attempt.headers, body)
        attempt.keys = len(body["keys"]) if isinstance(body.get("keys"), list) else 0
        call = query_call(shelf.resource, body, attempt.stated, attempt.organisation)
        attempt.subjects = indexes_of(shelf, call)
        attempt.facts = _moment_fact(call)
        agreement = self._door.agreed(attempt, shelf.resource.code, call)
        every = await rows_of(self._library, shelf, call, attempt.subjects)
        found = all_shown(attempt, agreement, shelf, every)
        if found and call.moment is not None:
            found = await self._then(agreement, shelf, call.moment, found)
        pairs = list(zip(call.keys, attempt.subjects, strict=True))
        if agreement.answer.discloses_values:
            told = await self._records(attempt, shelf, call, pairs, found)
            missing = [{"key": key} for key in told["missing"]]
            return formed(
                attempt, form, shelf, {"resource": shelf.resource.code, **told}, [*told["records"], *missing]
            )
        answers: list[dict[str, Any]] = [
            {"key": key, "answer": verdict(agreement, shelf, found.get(index, ()))} for key, index in pairs
        ]
        for (_, index), one in zip(pairs, answers, strict=True):
            rows = found.get(index, ())
            self._mark(shelf, [one] * len(rows), rows, attempt.items or ())
        return formed(attempt, form, shelf, {"resource": shelf.resource.code, "answers": answers}, answers)

    async def _then(self, agreement: Agreement, shelf: Shelf, moment: Moment, found: Found) -> Found:
        """Return the versions as of a moment of what was found, agreed as they are now and as they were then."""
        subjects = [row["_subject"] for rows in found.values() for row in rows]
        versions = await self._library.versions(shelf, subjects, moment)
        past = {
            index: [versions[row["_subject"]] for row in rows if row["_subject"] in versions]
            for index, rows in found.items()
        }
        return all_within(agreement, shelf, {index: rows for index, rows in past.items() if rows})

    async def _records(
        self, attempt: Attempt, shelf: Shelf, call: Call, pairs: Sequence[tuple[str, bytes]], found: Found
    ) -> dict[str, Any]:
        keys, rows = [], []
        for key, index in pairs:
            for row in found.get(index, ()):
                keys.append(key)
                rows.append(row)
        told = await self.told(attempt, shelf, rows, call, attempt.agreement)
        attempt.records = len(rows)
        return {
            "records": [{"key": key, **record} for key, record in zip(keys, told, strict=True)],
            "missing": [key for key, index in pairs if index not in found],
        }

    async def explain(self, attempt: Attempt) -> Any:
        """Say which term of which of the caller's agreements would allow or refuse the same query; read nothing."""
        shelf = open_shelf_of(self._library, attempt)
        body = await body_of(attempt.request)
        attempt.stated = stated_in(attempt.headers, body)
        call = query_call(shelf.resource, body, attempt.stated, attempt.organisation)
        call, attempt.items = attempt.asked(call), call.items
        its = self._door.agreements(attempt, shelf.resource.code)
        at, around = await self._door.circumstances(its)
        return explain(its, call, at, around).as_dict()

    async def resources(self, attempt: Attempt) -> Any:
        """List the catalogue: what there is, and what of it the caller's agreements cover."""
        return {
            "resources": [
                self._described(attempt, shelf.resource) for shelf in self._library.shelves.values()
            ]
        }

    async def resource(self, attempt: Attempt) -> Any:
        """Describe one resource with the JSON Schema of its records."""
        resource = shelf_of(self._library, attempt).resource
        return self._described(attempt, resource) | {"schema": resource.json_schema()}

    def _described(self, attempt: Attempt, resource: Resource) -> dict[str, Any]:
        agreed = {item for one in self._door.agreements(attempt, resource.code) for item in one.items}
        return {
            "code": resource.code,
            "version": resource.version,
            "withdrawn": resource.withdrawn,
            "catalogue_code": resource.catalogue_code,
            "title": resource.title,
            "title_en": resource.title_en,
            "provider": resource.provider,
            "sharing": resource.sharing.value,
            "condition": resource.condition,
            "key": resource.key.name,
            "lookups": [item.name for item in resource.lookup_items],
            "agreed_items": [item.name for item in resource.items if item.name in agreed],
        }

    async def told(
        self,
        attempt: Attempt,
        shelf: Shelf,
        rows: Sequence[Row],
        call: Call,
        agreement: Agreement | None,
        without: Container[str] = (),
    ) -> list[dict[str, Any]]:
        """Tell the named items of rows with version, origin and doubts; many are opened beside the loop.

        Items ``without`` which they are told are told by the caller, from the rows.
        """
        items = attempt.items or ()
        if without:
            items = tuple(name for name in items if name not in without)
        if len(rows) > _MANY:
            records = await asyncio.to_thread(shelf.reader.records, rows, items)
        else:
            records = shelf.reader.records(rows, items)
        for name in agreement.masked & set(items) if agreement else ():
            for record in records:
                record[name] = shelf.masks[name](record[name])
        told: list[dict[str, Any]] = [
            {"version": row["_version"], "valid_from": row["_valid_from"], "data": record}
            for row, record in zip(rows, records, strict=True)
        ]
        if call.provenance:
            for one, row in zip(told, rows, strict=True):
                one["provenance"] = await self._library.provenance(shelf, row, items)
        self._mark(shelf, told, rows, items)
        return told

    def _mark(
        self, shelf: Shelf, told: Sequence[dict[str, Any]], rows: Sequence[Row], items: Sequence[str]
    ) -> None:
        """Mark what is told of doubted rows; one look where nothing of the resource is in doubt."""
        if (doubted := self._door.doubts(shelf.resource.code)) is not None:
            mark(told, rows, items, doubted)


def _moment_fact(call: Call) -> dict[str, Any] | None:
    """Return what the ledger says of a call for an earlier moment: no recall can tell from when alone what it read."""
    return None if call.moment is None else {call.moment.by: call.moment.at.isoformat()}
