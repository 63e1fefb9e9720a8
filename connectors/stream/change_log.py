"""A table's changes from PostgreSQL's log: all its rows once, then what happens to them, in order.

The slot is created before the rows are read, so nothing falls between; what comes twice is found unchanged. Peeking leaves the log as
it is: the slot is advanced only over what is stored. The state is the end of the last transaction that was stored whole,
and how many changes of the next one were. Values are text, as PostgreSQL writes them, in both parts alike.

A large value that an update left as it was is not repeated in the log. It is taken from the old row where the table's replica
identity is full, and else read again by the row's key: what it was when the change happened then may be newer, never older.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connectors.batch import Delivery
from connectors.missing import missing_columns
from connectors.references import row_references
from connectors.source import Source
from connectors.stream import refusals
from connectors.stream.pgoutput import UNCHANGED, Begin, Change, Commit, Decoder, Message, Row, Truncate
from connectors.stream.postgresql import Department, lsn_number, lsn_text
from schemas.errors import WrongFormat

_PAGE_OF_REFERENCES = 100_000


@dataclass(frozen=True)
class Place:
    """A place in the stream: ``end`` of the last whole transaction, and changes done of the next."""

    end: int
    done: int = 0

    def state(self) -> dict[str, Any]:
        """Write it, JSON-ready."""
        return {"after": None, "lsn": lsn_text(self.end), "done": self.done}


class ChangeLog:
    """One table's changes."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._department = Department(source)
        try:
            self._shape = self._checked()
        except BaseException:
            self.close()
            raise
        self._columns = tuple(name for name in source.columns if name in self._shape)

    def deliveries(self, state: dict[str, Any] | None, batch_rows: int) -> Iterator[Delivery]:
        """Yield all rows where there is no state yet, then the changes since."""
        department = self._department
        exists = department.has_slot()
        if state is None:
            if exists:
                department.advance(department.end_of_log())  # what is before is in the rows to be read
            else:
                department.create_slot()
            state = {"after": None, "lsn": None, "done": 0}
        elif not exists:
            raise refusals.lost(self._source, department.place, department.told)
        if state["lsn"] is None:
            yield from self._rows(state["after"], batch_rows)
            state = Place(department.confirmed()).state()
        yield from self._changes(Place(lsn_number(state["lsn"]), state["done"]), batch_rows)

    def glimpse(self, rows: int) -> Iterator[Delivery]:
        """Yield the table's first rows; the slot is neither created nor advanced."""
        found = self._department.page(self._columns, self._source.row_id, None, rows)
        told = [(dict(zip(self._columns, row, strict=True)), False) for row in found]
        if told:
            yield self._delivery(told, "rows from the start", {}, datetime.now(UTC))

    def references(self) -> Iterator[pa.Array]:
        """Yield the reference of every row that is there now."""
        names, after = self._source.row_id, None
        while rows := self._department.page(names, names, after, _PAGE_OF_REFERENCES):
            table = _table([dict(zip(names, row, strict=True)) for row in rows], names)
            yield row_references(table, names, pa.nulls(len(rows), pa.string()))
            after = rows[-1]

    def acknowledge(self, state: dict[str, Any]) -> None:
        """Advance the slot over the transactions that are stored whole."""
        if state["lsn"] is not None and self._department.has_slot():
            self._department.advance(lsn_number(state["lsn"]))

    def close(self) -> None:
        """Let the database go."""
        self._department.close()

    def _checked(self) -> Mapping[str, str]:
        source, department = self._source, self._department
        shape = department.columns()
        if not shape:
            raise refusals.refused(
                source,
                f"{department.place} has no table {department.told.table!r}",
                "Correct options.changes.table.",
            )
        if lacking := source.lacks(shape):
            where = f"table {department.told.table!r} at {department.place} has no column"
            raise missing_columns(source.code, where, lacking, shape, source.columns)
        if not set(source.row_id) <= department.identity():
            raise refusals.refused(
                source,
                f"the replica identity of {department.told.table!r} does not hold {', '.join(source.row_id)}",
                "Name the primary key in row_id, or ask the department for ALTER TABLE … REPLICA IDENTITY.",
            )
        department.require_publication([name for name in source.columns if name in shape])
        return shape

    # ── all rows ─────────────────────────────────────────────────────────────────────────────────────

    def _rows(self, after: Sequence[str] | None, batch_rows: int) -> Iterator[Delivery]:
        source, as_of = self._source, datetime.now(UTC)
        if self._department.nameless(source.row_id):
            raise WrongFormat(
                f"Source {source.code}: a row has no {' or '.join(source.row_id)}, so no change can name it.",
                hint="Name columns that are never null in row_id.",
                source=source.code,
            )
        start = Place(self._department.confirmed())
        while rows := self._department.page(self._columns, source.row_id, after, batch_rows):
            found = [dict(zip(self._columns, row, strict=True)) for row in rows]
            window = f"rows after {':'.join(after)}" if after else "rows from the start"
            after = [found[-1][name] for name in source.row_id]
            last = len(rows) < batch_rows
            state = start.state() if last else {"after": after, "lsn": None, "done": 0}
            yield self._delivery([(row, False) for row in found], window, state, as_of)
            if last:
                return

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────

    def _changes(self, place: Place, batch_rows: int) -> Iterator[Delivery]:
        end, start, as_of = self._department.end_of_log(), place, datetime.now(UTC)
        held: list[tuple[Row, bool]] = []
        messages = _Counted(self._department.peeked(end))
        for following, rows in self._happenings(messages, place):
            if held and len(held) + len(rows) > batch_rows:
                if delivery := self._collapsed(held, place, as_of):
                    yield delivery
                held = []
            held += rows
            place = following
        if (
            messages.count < self._department.told.most_changes
        ):  # all is read, so the log may be let go up to its end
            place = Place(max(place.end, end)) if not place.done else place
        delivery = self._collapsed(held, place, as_of) if held else None
        if delivery:
            yield delivery
        elif place != start and not held:
            self._pass_over(start, place)

    def _pass_over(self, start: Place, place: Place) -> None:
        """Let go what says nothing of the table, where all before it is stored: other tables fill the log as well."""
        if self._department.confirmed() >= start.end and not start.done:
            self._department.advance(place.end)

    def _happenings(
        self, messages: Iterator[bytes], start: Place
    ) -> Iterator[tuple[Place, list[tuple[Row, bool]]]]:
        """Yield what happened to the table behind ``start``, each with the place behind it; a commit with no rows."""
        decoder, at, passed, done, skip = Decoder(), start.end, False, 0, start.done
        for data in messages:
            message = self._decoded(decoder, data)
            if isinstance(message, Begin):
                passed, done = message.lsn < start.end, 0
            elif isinstance(message, Commit) and not passed:
                at, skip = message.end, 0
                yield Place(at), []
            elif isinstance(message, Truncate) and not passed and self._department.table in message.tables:
                raise refusals.truncated(self._source, self._department.place, self._department.told)
            elif isinstance(message, Change) and not passed and message.table == self._department.table:
                done += 1
                if done > skip:
                    yield Place(at, done), self._rows_of(message)

    def _decoded(self, decoder: Decoder, data: bytes) -> Message | None:
        try:
            return decoder.decoded(data)
        except ValueError:  # its words may quote the row
            raise WrongFormat(
                f"Source {self._source.code}: the log of {self._department.place} has a message that cannot be read.",
                hint="Check whether its PostgreSQL is one that the hub knows.",
                source=self._source.code,
            ) from None

    def _rows_of(self, change: Change) -> list[tuple[Row, bool]]:
        """Return what the change makes of rows: a row whose key changed is gone under the old one."""
        old, new = change.old, change.new
        if new is None:
            return [(old or {}, True)]
        if old is not None:
            new = {
                name: old.get(name, UNCHANGED) if value is UNCHANGED else value for name, value in new.items()
            }
            if any(old.get(name) != new[name] for name in self._source.row_id):
                return [(old, True), (new, False)]
        return [(new, False)]

    def _collapsed(self, rows: list[tuple[Row, bool]], place: Place, as_of: datetime) -> Delivery | None:
        """Make a batch of changes: of several of one row the last counts."""
        latest: dict[tuple[Any, ...], tuple[Row, bool]] = {}
        for row, gone in rows:
            key = tuple(row.get(name) for name in self._source.row_id)
            former = latest.pop(key, None)
            latest[key] = _completed(row, former[0] if former and not former[1] else {}), gone
        self._read_again(latest)
        if not latest:
            return None
        return self._delivery(
            list(latest.values()), f"changes up to {lsn_text(place.end)}", place.state(), as_of
        )

    def _read_again(self, latest: dict[tuple[Any, ...], tuple[Row, bool]]) -> None:
        """Fill in large values that the log left out; a row that is no more will be told of by a later change."""
        keys = [
            key
            for key, (row, gone) in latest.items()
            if not gone and any(row.get(name) is UNCHANGED for name in self._columns)
        ]
        if not keys:
            return
        found = self._department.rows_now(self._columns, self._source.row_id, keys)
        now = [dict(zip(self._columns, row, strict=True)) for row in found]
        rows = {tuple(row[name] for name in self._source.row_id): row for row in now}
        for key in keys:
            row, _ = latest.pop(key)
            if key in rows:
                latest[key] = _completed(row, rows[key]), False

    def _delivery(
        self, rows: list[tuple[Row, bool]], window: str, state: dict[str, Any], as_of: datetime
    ) -> Delivery:
        table = _table([row for row, _ in rows], self._columns)
        references = row_references(table, self._source.row_id, pa.array([""] * len(rows), pa.string()))
        table = table.append_column("_row", references)
        table = table.append_column("_gone", pa.array([gone for _, gone in rows], pa.bool_()))
        return Delivery(table, window, state, as_of, self._shape)


class _Counted(Iterator[bytes]):
    """Messages, counted."""

    def __init__(self, messages: Iterator[bytes]) -> None:
        self._messages, self.count = messages, 0

    def __next__(self) -> bytes:
        message = next(self._messages)
        self.count += 1
        return message


def _completed(row: Row, former: Row) -> Row:
    """Fill in what the change left as it was, from a row as it was before or after."""
    return {name: former.get(name, UNCHANGED) if value is UNCHANGED else value for name, value in row.items()}


def _table(rows: Sequence[Row], columns: Sequence[str]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in columns})
