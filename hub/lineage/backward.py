"""One item of one record, followed back: to columns, batch, row and rules, and to why the other departments' words lost.

Reading a record's lineage is a reading of the record: whoever calls ``trace`` sees to it that it is on the ledger before the
answer is shown. ``inspect`` does so for an administrator; the guarded door does so for systems. Values are absent, or masked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from audit.entry import Entry, Kind
from audit.recording import append_sync
from base_libraries.definitions import Told, in_force
from base_libraries.origins import LATEST, Came, ItemOrigin, Moment, Origins, Word, origins
from base_libraries.reading import GoldenReader
from connectors.source import Source
from hub.composition import Hub
from hub.lineage.definitions import told_of
from infra.database import Role
from schemas.errors import RecordNotFound, UnknownResource
from schemas.identifiers import check
from schemas.resource import Item, Resource

PURPOSE = "数据校核"
LEGAL_BASIS = "政务数据共享条例 第二十六条"  # Decree 809, article 26: who doubts a record has it verified


@dataclass(frozen=True)
class Question:
    """Which items (none: all) of which version; ``values`` shows them masked.

    ``inside`` also tells what is a department's own affair: where its system is, its references of rows, a batch's window.
    """

    items: tuple[str, ...] = ()
    moment: Moment = LATEST
    values: bool = False
    inside: bool = True


@dataclass(frozen=True)
class Reason:
    """Why an operator looks: as it is put on the ledger."""

    actor: str
    purpose: str = PURPOSE
    legal_basis: str = LEGAL_BASIS
    case_code: str | None = None


def inspect(hub: Hub, code: str, key: str, question: Question, reason: Reason) -> dict[str, Any]:
    """Answer an operator, the act on the ledger first; raises ``RecordNotFound``, which is on it too."""
    resource = resource_of(hub.resources, code)
    reader = GoldenReader(resource, hub.keyring)
    subject = reader.subject(_canonical(resource.key, key))
    with hub.database.engine(Role.APPLICATION).begin() as connection:
        answer = trace(connection, reader, subject, question, lambda: hub.sources)
        append_sync(connection, _entry(resource, subject, question, reason, found=answer is not None))
    if answer is None:
        raise no_such_version(resource)
    return answer


def resource_of(resources: Mapping[str, Resource], code: str) -> Resource:
    """Return the resource of that code, or raise ``UnknownResource``."""
    if code not in resources:
        raise UnknownResource(f"There is no resource {code!r}.", hint=f"Defined are: {', '.join(resources)}.")
    return resources[code]


def no_such_version(resource: Resource) -> RecordNotFound:
    """Return the error for a key, or a version of it, that the library does not have."""
    return RecordNotFound(f"Resource {resource.code} has no record of that key, or no such version of it.")


def _canonical(item: Item, key: str) -> str:
    if item.identifier:
        key = key.upper()
        check(item.identifier, key)
    return key


def _entry(resource: Resource, subject: bytes, question: Question, reason: Reason, *, found: bool) -> Entry:
    moment = question.moment
    facts = {
        "version": moment.version,
        "as_of": moment.as_of and moment.as_of.isoformat(),
        "values": question.values,
    }
    return Entry(
        kind=Kind.ADMINISTRATION, action="lineage.record", outcome="done" if found else "not_found", actor=reason.actor,
        resource=resource.code, keys=1, subjects=subject, items=question.items or _all(resource), purpose=reason.purpose,
        legal_basis=reason.legal_basis, case_code=reason.case_code, records=int(found), facts=facts,
    )  # fmt: skip


def _all(resource: Resource) -> tuple[str, ...]:
    return tuple(item.name for item in resource.items)


def trace(
    connection: Connection,
    reader: GoldenReader,
    subject: bytes,
    question: Question,
    sources: Callable[[], Mapping[str, Source]],
) -> dict[str, Any] | None:
    """Return the lineage of a record's items, None where there is no such version; four queries by key.

    ``sources`` gives the definitions of today, for batches that came before definitions were kept.
    """
    resource = reader.resource
    names = question.items or _all(resource)
    found = origins(connection, reader, subject, names, question.moment, values=question.values)
    if found is None:
        return None
    kept = in_force(connection, resource.code, sorted({*found.batches, found.decided_by}))
    telling = _Telling(resource, question, found, kept, sources)
    return {
        "resource": resource.code,
        "version": found.version,
        "valid_from": found.valid_from.isoformat(),
        "recorded_at": found.recorded_at.isoformat(),
        "valid_to": found.valid_to and found.valid_to.isoformat(),
        "items": [telling.item(origin) for origin in found.items],
    }


class _Telling:
    """Puts what is stored of a record and what is kept of its sources into words."""

    def __init__(
        self,
        resource: Resource,
        question: Question,
        found: Origins,
        kept: Mapping[int, Mapping[int, Told]],
        sources: Callable[[], Mapping[str, Source]],
    ) -> None:
        self._resource, self._question, self._found, self._kept = resource, question, found, kept
        self._sources = sources

    def item(self, origin: ItemOrigin) -> dict[str, Any]:
        """Tell of one item."""
        told: dict[str, Any] = {"item": origin.item.name, "title": origin.item.title}
        if self._question.values:
            told["value"] = origin.value
        came = self._found.batches.get(origin.batch or 0)
        winner = next((word for word in origin.words if self._code(word) == (came and came.source)), None)
        if came is None or origin.rule is None:
            told["origin"] = None
        else:
            told["origin"] = self._origin(origin, came, winner)
        told["others"] = [
            self._other(origin, word, winner)
            for word in origin.words
            if word is not winner
            and self._rank(word, origin.item) is not None  # who does not speak of it did not lose
        ]
        return told

    def _origin(self, origin: ItemOrigin, came: Came, winner: Word | None) -> dict[str, Any]:
        fed, as_of = self._fed(came)
        item = fed.told["items"].get(origin.item.name) if fed else None
        told: dict[str, Any] = {
            "source": came.source,
            "department": fed and fed.told["department"],
            "connector": fed and fed.told["connector"],
            "columns": item["columns"] if item else [],
            "transformation": item and {"kind": item["kind"], "steps": item["steps"]},
            "mapping_of": as_of,
            "batch": _batch(came),
            "quality": list(_rules(came, origin.item.name)),
            "rule": _word(origin.rule.name if origin.rule else ""),
            "rank": self._rank(winner, origin.item) if winner else None,
        }
        if self._question.inside:
            told["row"] = winner.row if winner and winner.batch == came.number else None
            told["dataset"] = fed and fed.dataset
            told["batch"]["window"] = came.window
        return told

    def _other(self, origin: ItemOrigin, word: Word, winner: Word | None) -> dict[str, Any]:
        told: dict[str, Any] = {
            "source": self._code(word), "batch": word.batch, "observed_at": word.observed_at.isoformat(), "says": word.says,
            "rank": self._rank(word, origin.item), "lost_by": self._lost_by(origin, word, winner),
        }  # fmt: skip
        if self._question.inside:
            told["row"] = word.row
        if self._question.values:
            told["value"] = word.value
        return told

    def _lost_by(self, origin: ItemOrigin, word: Word, winner: Word | None) -> str:
        """Decide as consolidation does: by rank, then by the later second, then by ordinal."""
        if word.since:
            return "said only since"
        rank = self._rank(word, origin.item)
        if word.says == "nothing":
            return "says nothing"
        if winner is None or winner.since:
            return "authority or recency"  # what the winner then said has been replaced
        over = self._rank(winner, origin.item)
        if rank != over:
            return "authority"
        seconds = (int(word.observed_at.timestamp()), int(winner.observed_at.timestamp()))
        return "recency" if seconds[0] != seconds[1] else "tie-break"

    def _code(self, word: Word) -> str:
        came = self._found.batches.get(word.batch)
        return came.source if came else f"source {word.source}"

    def _rank(self, word: Word, item: Item) -> int | None:
        told = self._kept.get(self._found.decided_by, {}).get(word.source) or self._today(word.source)
        found = told.told["items"].get(item.name) if told else None
        return found["rank"] if found else None

    def _fed(self, came: Came) -> tuple[Told | None, str]:
        """Return how the batch's source fed the resource, and whether that is known of the batch or only of today."""
        for told in self._kept.get(came.number, {}).values():
            if told.source == came.source:
                return told, "batch"
        source = self._sources().get(came.source)
        return (told_of(source, self._resource, located=True) if source else None), "today"

    def _today(self, ordinal: int) -> Told | None:
        found = (source for source in self._sources().values() if source.ordinal == ordinal)
        source = next(found, None)
        return told_of(source, self._resource, located=False) if source else None


def _batch(came: Came) -> dict[str, Any]:
    return {"number": came.number, "digest": came.digest, "recorded_at": came.recorded_at.isoformat()}


def _rules(came: Came, item: str) -> Iterator[dict[str, Any]]:
    """Tell the rules on the item: a row that is let in has passed every error; of a warning only the batch's count is known."""
    for record in came.report if isinstance(came.report, Sequence) else ():
        if record["item"] == item:
            passed = record["severity"] != "warning" or record["failing"] == 0
            told = {name: record.get(name) for name in ("rule", "dimension", "severity", "failing", "rows")}
            yield told | {"passed": passed or None}


def _word(name: str) -> str:
    return name.lower().replace("_", "-")
