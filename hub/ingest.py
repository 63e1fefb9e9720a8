"""A record's way in: pull → standardise → gate → contribute → consolidate → publish, one transaction a batch.

The command line and the Airflow tasks both call ``ingest_source``. A crash anywhere leaves the last committed batch and
its watermark; a rerun goes on from there and reaches the same state. ``pulled = contributed + unchanged + quarantined``.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any

import pyarrow as pa
from adbc_driver_manager import Error

from audit.entry import Entry, Kind
from audit.recording import insert_statement
from base_libraries import batches, definitions, shapes
from base_libraries.batches import BatchRecord
from base_libraries.intake import Identified, Intake
from base_libraries.library import Library
from base_libraries.quarantine import Quarantine
from base_libraries.writer import Writer
from connectors.pull import Batch, Window, pull, pull_window, standing
from connectors.source import Source
from connectors.standardise import PROBLEMS, TRAVELLING, Standardised, standardise
from hub import departures
from hub.composition import Hub
from hub.drift import Found, Watch, kept_out
from hub.lineage.definitions import told_by
from hub.objections.bureau import Bureau
from hub.objections.closing import look
from hub.openlineage.told import Parent
from hub.pauses import check_not_paused
from hub.runs import recorded
from hub.source_report import SourceReport
from hub.writing import check_still_written, written_as
from infra.database import Role, roll_back
from infra.prefetch import prefetched
from quality.gate import Verdict, gate
from schemas.errors import BatchRefused, ResourceMoved, SourceBusy
from schemas.resource import Resource

STAGES = ("pull", "standardise", "gate", "contribute", "consolidate", "publish", "record", "commit")


@dataclass(frozen=True)
class Step:
    """Progress: a stage of a batch has ended; ``rows`` is what the batch pulled."""

    source: str
    stage: str
    batch: int
    rows: int


Progress = Callable[[Step], None]


def ingest_source(
    hub: Hub,
    code: str,
    *,
    progress: Progress = lambda step: None,
    batch_rows: int | None = None,
    window: Window | None = None,
    parent: Parent | None = None,
) -> SourceReport:
    """Bring everything new of one source into its library, or read a window of the past again.

    ``parent`` is the run that ordered this one, for a lineage backend. A window moves no watermark and finds no deletions. Raises ``SourcePaused`` where the source is paused, ``ResourceWithdrawn`` where its resource is, ``SourceBusy``
    when another run has it, and ``InvalidWindow`` where it cannot be read by window.
    """
    source = hub.source(code)
    check_not_paused(hub, code)
    hub.resources[source.resource].check_in_use()
    started = perf_counter()
    report = SourceReport(code, source.resource)
    with (
        hub.database.bulk(Role.APPLICATION) as connection,
        connection.cursor() as cursor,
        _taken(cursor, source),
        recorded(hub, source, report, window, parent),
    ):
        settles_as = "repaired" if source.row_id else None
        rows = batch_rows or hub.settings.batch_rows

        def begun() -> tuple[_Run, Generator[Batch, None, None]]:
            run = _Run(hub, source, cursor, progress, settles_as)
            state = batches.watermark(cursor, code)
            connection.commit()
            return run, _unmoved(pull_window(source, window, rows), state) if window else pull(
                source, state, rows
            )

        run = _stored(begun, connection, cursor, report)
        if window is None and (gone := run.departed(cursor)) is not None:
            report.add(run.store(connection, cursor, gone), gone.verdict)
    report.seconds = perf_counter() - started
    return report


def ingest_offered(
    hub: Hub, code: str, offered: Callable[[Any], Generator[Batch, None, None]], settles_as: str | None
) -> SourceReport:
    """Take in batches that are not pulled: pushed, or repaired by hand. The source's watermark stays where it is.

    ``offered`` is asked, with the cursor, once no other run has the source. ``settles_as`` is as of ``Quarantine``.
    """
    source = hub.source(code)
    hub.resources[source.resource].check_in_use()
    started = perf_counter()
    report = SourceReport(code, source.resource)
    with (
        hub.database.bulk(Role.APPLICATION) as connection,
        connection.cursor() as cursor,
        _taken(cursor, source),
        recorded(hub, source, report),
    ):

        def begun() -> tuple[_Run, Generator[Batch, None, None]]:
            run = _Run(hub, source, cursor, lambda step: None, settles_as)
            state = batches.watermark(cursor, code)
            pulled = _unmoved(offered(cursor), state)
            connection.commit()
            return run, pulled

        _stored(begun, connection, cursor, report)
    report.seconds = perf_counter() - started
    return report


def _stored(
    begun: Callable[[], tuple["_Run", Generator[Batch, None, None]]],
    connection: Any,
    cursor: Any,
    report: SourceReport,
) -> "_Run":
    """Store all that is pulled; begins anew, behind the last batch stored, where the resource is written otherwise meanwhile."""
    while True:
        run, pulled = begun()
        try:
            with closing(prefetched(run.judged(pulled))) as ahead:
                for judged in ahead:
                    report.add(run.store(connection, cursor, judged), judged.verdict)
        except ResourceMoved:
            cursor.execute("DISCARD TEMP")  # the tables that rows are staged in are of the other version
            continue
        return run


def _unmoved(
    pulled: Generator[Batch, None, None], state: dict[str, Any] | None
) -> Generator[Batch, None, None]:
    """Let the watermark stay where it is."""
    with closing(pulled):
        for batch in pulled:
            yield replace(batch, watermark=state or {})


@contextmanager
def _taken(cursor: Any, source: Source) -> Iterator[None]:
    if not batches.lock_source(cursor, source.code):
        raise SourceBusy(
            f"Source {source.code} is being ingested by another process.",
            hint="Wait for it to end; a second run would find nothing new.",
            source=source.code,
        )
    try:
        yield
    except BaseException:
        with suppress(Error):  # the end of a session that is broken gives the source back as well
            batches.unlock_source(cursor, source.code)
        raise
    batches.unlock_source(cursor, source.code)


@dataclass(frozen=True)
class Judged:
    """A batch on its way into the library; ``place`` is its place in the run, from 1, ``originals`` what is quarantined."""

    place: int
    batch: Batch
    verdict: Verdict
    originals: pa.Array
    identified: Identified
    drift: Found | None = None


class _Run:
    """One run over one source."""

    def __init__(
        self, hub: Hub, source: Source, cursor: Any, progress: Progress, settles_as: str | None
    ) -> None:
        self._source = source
        self._defined = told_by(hub, source)
        self._watch = Watch(source, shapes.past(cursor, source.code))
        self._written = written_as(hub, cursor, source.resource)
        self._resource: Resource = self._written.resource
        self._intake = Intake(self._resource, hub.keyring)
        self._library = Library(hub.survivorship(self._resource), hub.keyring)
        self._quarantine = Quarantine(source.code, source.resource, hub.keyring, settles_as)
        self._progress = progress
        self._closing = partial(look, Bureau.of(hub), hub.database, source.resource)

    def judged(self, pulled: Generator[Batch, None, None]) -> Generator[Judged, None, None]:
        """Standardise, judge and identify each batch: while one is being stored the next is judged."""
        with closing(self._watch.over(pulled)) as watched:
            for place, batch in enumerate(watched, start=1):
                self._step("pull", place, batch)
                found = self._watch.look(batch)
                there, gone = departures.parted(batch)
                standard = self._standard(there, found)
                self._step("standardise", place, batch)
                verdict = self._verdict(batch, standard)
                self._step("gate", place, batch)
                originals = standard.originals(verdict.quarantined["_place"])
                yield Judged(
                    place, batch, verdict, originals, self._identified(verdict.admitted, gone), found
                )

    def _standard(self, batch: Batch, found: Found) -> Standardised:
        standard = standardise(self._source, self._resource, batch)
        return kept_out(self._source, standard, found) if found.outcome == "quarantined" else standard

    def departed(self, cursor: Any) -> Judged | None:
        """Find the rows that are gone by comparing keys, where that is due."""
        last = batches.last_comparison(cursor, self._source.code)
        if not departures.is_due(self._source, last, datetime.now(UTC)):
            return None
        batch, gone = departures.compared(cursor, self._library, self._source, standing(self._source))
        nothing = pa.schema([*self._resource.arrow_schema, *TRAVELLING]).empty_table()
        verdict = gate(self._source.code, self._resource, nothing, PROBLEMS.empty_table())
        return Judged(
            0, batch, verdict, pa.array([], pa.string()), replace(self._intake.identified(nothing), gone=gone)
        )

    def _identified(self, admitted: pa.Table, gone: Batch | None) -> Identified:
        """Say whose row each is; a file's row number is no reference by which a row is known tomorrow."""
        if not self._source.row_id:
            unnamed = pa.nulls(admitted.num_rows, pa.string())
            admitted = admitted.set_column(admitted.column_names.index("_row"), "_row", unnamed)
        left = None if gone is None else standardise(self._source, self._resource, gone).table
        return self._intake.identified(admitted, left)

    def _verdict(self, batch: Batch, standard: Standardised) -> Verdict:
        source = self._source
        try:
            return gate(
                source.code,
                self._resource,
                standard.table,
                standard.problems,
                source.quality,
                delivered=source.mapping,
            )
        except BatchRefused as refusal:
            refusal.name_batch(batch.digest, batch.window)
            raise

    def store(self, connection: Any, cursor: Any, judged: Judged) -> BatchRecord:
        """Store one judged batch, its quarantine, watermark and ledger entry in one transaction; then see what it corrects."""
        try:
            record = self._write(cursor, judged)
            connection.commit()
        except BaseException:
            roll_back(connection)
            raise
        self._step("commit", judged.place, judged.batch)
        self._closing()
        return record

    def _write(self, cursor: Any, judged: Judged) -> BatchRecord:
        place, batch, verdict = judged.place, judged.batch, judged.verdict
        now = datetime.now(UTC)
        self._library.lock(cursor)
        check_still_written(cursor, self._written)
        number = batches.next_number(cursor)
        with Writer(cursor) as writer:
            contributed = self._library.contribute(writer, self._source.ordinal, number, judged.identified)
            self._step("contribute", place, batch)
            known = self._library.consolidate(contributed)
            self._step("consolidate", place, batch)
            published = self._library.publish(writer, known, contributed, now)
        self._step("publish", place, batch)
        record = BatchRecord(
            number, self._source.code, self._resource.code, batch.digest, batch.window,
            batch.number_of_rows, contributed.rows.num_rows + contributed.withdrawn.num_rows, contributed.unchanged,
            verdict.quarantined.num_rows, published.created, published.updated, verdict.report.records(), now,
            contributed.withdrawn.num_rows, published.closed,
        )  # fmt: skip
        batches.record(cursor, record, batch.watermark)
        if self._defined:
            definitions.keep(cursor, self._defined, number)
            self._defined = ()  # once a run: where the batch does not commit, the run ends
        self._quarantine.keep(cursor, verdict.quarantined, judged.originals, number, now)
        self._quarantine.settle(cursor, verdict.admitted["_row"], number, now)
        if (drift := judged.drift) is not None and drift.outcome is not None:
            changed = [change.record() for change in drift.changes]
            shapes.record(cursor, record.source, drift.shape, changed, drift.outcome, number)
        cursor.execute(*insert_statement(self._entry(record)))
        self._step("record", place, batch)
        return record

    def _entry(self, record: BatchRecord) -> Entry:
        return Entry(
            kind=Kind.INGEST,
            action="ingest.batch",
            outcome="done",
            actor=f"source:{record.source}",
            resource=record.resource,
            records=record.contributed,
            at=record.recorded_at,
            facts={"batch": record.number, "digest": record.digest, "pulled": record.pulled}
            | ({"withdrawn": record.withdrawn} if record.withdrawn else {}),
        )

    def _step(self, stage: str, number: int, batch: Batch) -> None:
        self._progress(Step(self._source.code, stage, number, batch.number_of_rows))
