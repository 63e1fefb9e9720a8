"""Writing what was harvested: page by page, each with the place to go on at and its ledger entry, in one transaction.

The same content again changes nothing but when it was seen, so that a page may be read as often as one likes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from catalog.dcat.dataset import Dataset, dataset_from
from catalog.dcat.reading import Skipped
from catalog.harvest import Counts, Harvest, Kind, Run, RunState
from catalog.harvest_tables import HARVEST, HARVEST_RUN, HARVEST_SKIP, HARVESTED
from catalog.recorded import Recorded, Recorder
from infra.clock import Clock, now
from schemas.errors import NotRegistered

TWICE = "it is told twice in this catalogue"
_COUNTS = ("created", "updated", "unchanged", "skipped")


@dataclass(frozen=True)
class PageTaken:
    """What a page held for us: datasets, what was skipped with reasons, and where to go on, None where it was the last."""

    address: str
    datasets: Sequence[Dataset]
    skipped: Sequence[Skipped]
    following: str | None


class Harvests(Recorded):
    """Neighbours' catalogues, on a connection whose transaction the caller commits."""

    def __init__(self, connection: Connection, record: Recorder, clock: Clock = now) -> None:
        super().__init__(connection, record)
        self._clock = clock

    def add(self, harvest: Harvest, *, actor: str) -> None:
        """Register a catalogue; ``AlreadyRegistered`` where its code or address is."""
        values = {"code": harvest.code, "url": harvest.url, "kind": harvest.kind, "added_at": self._clock()}
        self._add(HARVEST, values, harvest.code, actor, {"kind": harvest.kind})

    def remove(self, code: str, *, actor: str) -> int:
        """Forget a catalogue and what was harvested of it; returns how many datasets. Its runs stay on the ledger. ``NotRegistered``."""
        self.harvest(code)
        mine = HARVESTED.c.harvest == code
        held = select(func.count()).select_from(HARVESTED).where(mine)
        number = int(self._connection.execute(held).scalar_one())
        self._told(code, "remove", actor, {"datasets": number})
        for table in (HARVESTED, HARVEST_SKIP, HARVEST_RUN):
            self._connection.execute(delete(table).where(table.c.harvest == code))
        self._connection.execute(delete(HARVEST).where(HARVEST.c.code == code))
        return number

    def name(self, code: str, kind: Kind, catalogue: str, title: str, *, actor: str) -> None:
        """Keep what a catalogue is and what it calls itself, as its first page says."""
        values = {"kind": kind.value, "catalogue": catalogue, "title": title}
        self._set(HARVEST, code, values, actor, "name", {"kind": kind.value})

    def begin(self, harvest: Harvest, *, actor: str) -> Run:
        """Begin a run, or return the one that was not brought to its end."""
        last = self.last_run(harvest.code)
        if last is not None and last.state is RunState.RUNNING:
            return last
        number = last.number + 1 if last else 1
        self._told(harvest.code, "begin", actor, {"run": number})
        began = {"state": RunState.RUNNING.value, "cursor": harvest.url, "began_at": self._clock()}
        self._connection.execute(insert(HARVEST_RUN).values(harvest=harvest.code, number=number, **began))
        return self._run(harvest.code, number)

    def take(self, run: Run, page: PageTaken, *, actor: str) -> Run:
        """Store a page of a run; returns the run as it stands then."""
        counts, skipped = self._stored(run, page)
        self._told(run.harvest, "page", actor, {"run": run.number, "page": run.pages + 1, **asdict(counts)})
        self._skip(run, skipped)
        columns = HARVEST_RUN.c
        added = {name: columns[name] + getattr(counts, name) for name in _COUNTS}
        visited = func.array_append(columns.visited, address_digest(page.address))
        self._change(run, cursor=page.following, visited=visited, pages=columns.pages + 1, **added)
        return self._run(run.harvest, run.number)

    def end(self, run: Run, *, actor: str) -> Run:
        """End a run that has read every page: what it has not seen has vanished."""
        at = self._clock()
        mine = (
            (HARVESTED.c.harvest == run.harvest)
            & (HARVESTED.c.run < run.number)
            & HARVESTED.c.vanished_at.is_(None)
        )
        gone = int(
            self._connection.execute(select(func.count()).select_from(HARVESTED).where(mine)).scalar_one()
        )
        self._told(run.harvest, "end", actor, {"run": run.number, "vanished": gone})
        self._connection.execute(update(HARVESTED).where(mine).values(vanished_at=at))
        self._change(run, state=RunState.DONE.value, vanished=gone, ended_at=at)
        return self._run(run.harvest, run.number)

    def stop(self, run: Run, state: RunState, problem: str, *, actor: str) -> None:
        """End a run before its end: nothing has vanished by it, and the next one begins anew."""
        self._told(run.harvest, state.value, actor, {"run": run.number, "problem": problem})
        self._change(run, state=state.value, problem=problem, ended_at=self._clock())

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────

    def harvest(self, code: str) -> Harvest:
        """Return a registered catalogue, or raise ``NotRegistered``."""
        found = self._connection.execute(select(HARVEST).where(HARVEST.c.code == code)).mappings().first()
        if found is None:
            raise NotRegistered(f"There is no harvest {code}.", hint="Run: hub harvest list")
        return _harvest_of(found)

    def every(self) -> Sequence[Harvest]:
        """Return every registered catalogue, by code."""
        rows = self._connection.execute(select(HARVEST).order_by(HARVEST.c.code)).mappings()
        return [_harvest_of(row) for row in rows]

    def last_run(self, code: str) -> Run | None:
        """Return the newest run over a catalogue, ended or not; None where there was none."""
        newest = select(func.max(HARVEST_RUN.c.number)).where(HARVEST_RUN.c.harvest == code)
        number = self._connection.execute(newest).scalar()
        return None if number is None else self._run(code, number)

    def skipped(self, run: Run, limit: int = 100) -> Sequence[Skipped]:
        """Return what a run has skipped, in the order of the catalogue."""
        where = (HARVEST_SKIP.c.harvest == run.harvest) & (HARVEST_SKIP.c.run == run.number)
        query = select(HARVEST_SKIP.c.foreign_id, HARVEST_SKIP.c.reason).where(where)
        return [
            Skipped(*row)
            for row in self._connection.execute(query.order_by(HARVEST_SKIP.c.position).limit(limit))
        ]

    def entries(
        self, code: str, *, after: str = "", limit: int | None = 100, vanished: bool = False
    ) -> Sequence[Dataset]:
        """Return datasets behind a foreign id: those that are there, or those that have ``vanished``."""
        there = HARVESTED.c.vanished_at.is_not(None) if vanished else HARVESTED.c.vanished_at.is_(None)
        query = select(HARVESTED.c.content).where(
            HARVESTED.c.harvest == code, HARVESTED.c.foreign_id > after, there
        )
        rows = self._connection.execute(query.order_by(HARVESTED.c.foreign_id).limit(limit)).scalars()
        return [dataset_from(row) for row in rows]

    # ── storing ──────────────────────────────────────────────────────────────────────────────────────

    def _stored(self, run: Run, page: PageTaken) -> tuple[Counts, list[Skipped]]:
        known = self._known(run.harvest, [one.foreign_id for one in page.datasets])
        skipped, rows, tally = list(page.skipped), {}, dict.fromkeys(_COUNTS, 0)
        for one in page.datasets:
            before = known.get(one.foreign_id)
            if one.foreign_id in rows or (before is not None and before["run"] == run.number):
                skipped.append(Skipped(one.foreign_id, TWICE))
                continue
            tally[_outcome(before, one.digest)] += 1
            rows[one.foreign_id] = {"digest": one.digest, "content": one.as_dict()}
        self._write(run, rows)
        return Counts(**tally | {"skipped": len(skipped)}), skipped

    def _known(self, code: str, ids: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        columns = (HARVESTED.c.foreign_id, HARVESTED.c.digest, HARVESTED.c.run, HARVESTED.c.vanished_at)
        query = select(*columns).where(HARVESTED.c.harvest == code, HARVESTED.c.foreign_id.in_(ids))
        return {row["foreign_id"]: row for row in self._connection.execute(query).mappings()}

    def _write(self, run: Run, rows: Mapping[str, Mapping[str, Any]]) -> None:
        if not rows:
            return
        at = self._clock()
        base = {
            "harvest": run.harvest,
            "run": run.number,
            "first_seen_at": at,
            "seen_at": at,
            "vanished_at": None,
        }
        written = upsert(HARVESTED).values([{**base, "foreign_id": id_, **row} for id_, row in rows.items()])
        changed = {
            name: written.excluded[name] for name in ("digest", "content", "run", "seen_at", "vanished_at")
        }
        self._connection.execute(
            written.on_conflict_do_update(index_elements=["harvest", "foreign_id"], set_=changed)
        )

    def _skip(self, run: Run, skipped: Sequence[Skipped]) -> None:
        if skipped:
            rows = [
                {"harvest": run.harvest, "run": run.number, "position": place, **asdict(one)}
                for place, one in enumerate(skipped, run.counts.skipped + 1)
            ]
            self._connection.execute(insert(HARVEST_SKIP), rows)

    def _told(self, code: str, action: str, actor: str, facts: Mapping[str, Any]) -> None:
        self._record(self._connection, actor=actor, action=f"harvest.{action}", target=code, facts=facts)

    def _change(self, run: Run, **values: Any) -> None:
        self._connection.execute(update(HARVEST_RUN).where(_is(run.harvest, run.number)).values(**values))

    def _run(self, code: str, number: int) -> Run:
        row = self._connection.execute(select(HARVEST_RUN).where(_is(code, number))).mappings().one()
        names = ("harvest", "number", "cursor", "began_at", "ended_at", "pages", "vanished", "problem")
        counts = Counts(*(row[name] for name in _COUNTS))
        told = {name: row[name] for name in names}
        return Run(**told, state=RunState(row["state"]), counts=counts, visited=frozenset(row["visited"]))


def address_digest(address: str) -> str:
    """What a page's address is remembered by: short, whatever its length."""
    return sha256(address.encode()).hexdigest()[:16]


def _outcome(before: Mapping[Any, Any] | None, digest: str) -> str:
    if before is None:
        return "created"
    return "unchanged" if before["digest"] == digest and before["vanished_at"] is None else "updated"


def _is(code: str, number: int) -> Any:
    return (HARVEST_RUN.c.harvest == code) & (HARVEST_RUN.c.number == number)


def _harvest_of(row: Mapping[Any, Any]) -> Harvest:
    kind = Kind(row["kind"]) if row["kind"] else None
    return Harvest(row["code"], row["url"], kind, row["catalogue"], row["title"])
