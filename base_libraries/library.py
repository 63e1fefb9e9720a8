"""One base library: takes a batch in, decides what is now known, and publishes what changed.

Everything happens in the caller's transaction, under one lock a resource: so a batch is in the library whole or not
at all, and positions of the change feed are gapless in commit order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from base_libraries import consolidate
from base_libraries.feed import announcement
from base_libraries.intake import Identified
from base_libraries.storage import BOUNDS, Tables
from base_libraries.survivorship import Survivorship
from base_libraries.vault import Vault, utc_engine
from base_libraries.writer import Writer
from infra.keyring import Keyring

_HEAD = ("_subject", "_source", "_batch", "_observed_at")
TIMESTAMP = pa.timestamp("us", tz="UTC")
_WITHDRAWN = pa.schema([pa.field("_subject", pa.binary()), pa.field("_valid_to", TIMESTAMP)])


@dataclass(frozen=True)
class Contributed:
    """What a batch brought: ``rows`` are new or changed contributions in the clear, the rest said nothing new.

    ``withdrawn`` has ``_subject`` and ``_valid_to`` of those of which the source says nothing any more. ``others`` is what
    other sources say of the subjects touched, sealed; ``current`` their golden records until now; ``versions`` the last
    version of those that were closed before; ``position`` the last one of the change feed. They are read before the first
    row is written, which then travels while the rest is made.
    """

    rows: pa.Table
    withdrawn: pa.Table
    unchanged: int
    others: pa.Table
    current: pa.Table
    versions: pa.Table
    position: int


@dataclass(frozen=True)
class Published:
    """Golden records that came into being, that have a new version, and that are no more."""

    created: int
    updated: int
    closed: int


class Library:
    """The library of one resource; not to be shared between threads."""

    def __init__(self, policy: Survivorship, keyring: Keyring) -> None:
        self.resource = policy.resource
        self.tables = Tables(self.resource)
        self._policy = policy
        self._engine = utc_engine()
        self._vault = Vault(self.resource, keyring, self._engine)
        self._items = [item.name for item in self.resource.items]

    def lock(self, cursor: Any) -> None:
        """Wait until no other transaction writes this library."""
        cursor.execute(f"SELECT pg_advisory_xact_lock(hashtextextended('library.{self.resource.code}', 0))")

    # ── contributions ────────────────────────────────────────────────────────────────────────────────

    def contribute(self, writer: Writer, source: int, batch: int, identified: Identified) -> Contributed:
        """Store what a source says, where it is new, and take back what it says no more.

        A row that says what is known, or less than what is known (an older file come late), is unchanged.
        """
        withdrawn = self._withdraw(writer, source, identified.gone)
        latest = identified.rows
        _stage_subjects(writer, latest["_subject"])
        known = writer.fetch(
            f"SELECT c._subject, c._digest AS known_digest, c._observed_at AS known_at, c._row AS known_row "
            f"FROM {self.tables.contribution} c JOIN stage_subject USING (_subject) WHERE c._source = {int(source)}"
        )
        new, changed = _compare(latest, known)
        rows = pa.concat_tables([new, changed])
        rows = _with(rows, _source=pa.repeat(pa.scalar(source, pa.int16()), rows.num_rows))
        rows = _with(rows, _batch=pa.repeat(pa.scalar(batch, pa.int32()), rows.num_rows))
        if rows.num_rows < latest.num_rows or withdrawn.num_rows:
            _stage_subjects(writer, _both(rows["_subject"], withdrawn["_subject"]))
        others = self._others(writer, source)
        spoken_of = bool(changed.num_rows or others.num_rows or withdrawn.num_rows)
        current = self._current(writer, spoken_of)
        position, closed_before = self._last_position(writer)
        versions = self._last_versions(writer, closed_before)
        stored = self._stored("contribution", rows, rows["_batch"], self.tables.contribution_columns)
        writer.copy(self.tables.contribution, stored.slice(0, new.num_rows))
        self._replace(
            writer, self.tables.contribution, self.tables.contribution_columns, stored.slice(new.num_rows)
        )
        unchanged = identified.admitted + identified.gone.num_rows - rows.num_rows - withdrawn.num_rows
        return Contributed(rows, withdrawn, unchanged, others, current, versions, position)

    def standing(self, writer: Writer, source: int) -> int:
        """Return how many rows the source is known to have, of those it has a reference for."""
        found = writer.fetch(
            f"SELECT count(*) AS n FROM {self.tables.contribution} WHERE _source = {int(source)} AND _row IS NOT NULL"
        )
        return int(found["n"][0].as_py())

    def absent(self, writer: Writer, source: int, references: Iterable[pa.Array]) -> pa.Table:
        """Return ``_subject`` and ``_row`` of the source's contributions whose row is not among ``references``."""
        writer.stage("stage_reference", {"_row": "text"}, pa.table({"_row": pa.array([], pa.string())}))
        for part in references:
            writer.append("stage_reference", pa.table({"_row": part}))
        writer.execute("ANALYZE stage_reference")
        return writer.fetch(
            f"SELECT c._subject, c._row FROM {self.tables.contribution} c WHERE c._source = {int(source)} "
            f"AND c._row IS NOT NULL AND NOT EXISTS (SELECT FROM stage_reference r WHERE r._row = c._row)"
        )

    def _withdraw(self, writer: Writer, source: int, gone: pa.Table) -> pa.Table:
        """Delete the contributions whose rows are gone, unless the department has said more of the subject since."""
        if gone.num_rows == 0:
            return _WITHDRAWN.empty_table()
        writer.stage("stage_gone", {"_subject": "bytea", "_row": "text", "_observed_at": "timestamptz"}, gone)
        same = "(g._row = c._row OR (c._row IS NULL AND g._subject IS NOT NULL))"
        matches = (f"g._subject = c._subject AND {same}", "g._subject IS NULL AND g._row = c._row")
        parts = [
            writer.fetch(
                f"DELETE FROM {self.tables.contribution} c USING stage_gone g WHERE c._source = {int(source)} "
                f"AND {match} AND g._observed_at >= c._observed_at RETURNING c._subject, g._observed_at AS _valid_to"
            )
            for match in matches
        ]
        return pa.concat_tables([part.cast(_WITHDRAWN) for part in parts])

    def _others(self, writer: Writer, source: int) -> pa.Table:
        columns = [*_HEAD, "_sealed", *(item.name for item in self.resource.open_items)]
        selected = ", ".join(f'c."{name}"' for name in columns)
        return writer.fetch(
            f"SELECT {selected} FROM {self.tables.contribution} c JOIN stage_subject USING (_subject) "
            f"WHERE c._source <> {int(source)}"
        )

    def _current(self, writer: Writer, spoken_of: bool) -> pa.Table:
        """Return the golden records of the subjects staged: none, where nobody has spoken of any of them before."""
        return writer.fetch(
            f"SELECT g.* FROM {self.tables.golden} g JOIN stage_subject USING (_subject) "
            f"WHERE {'true' if spoken_of else 'false'}"
        )

    def _stored(
        self, kind: str, rows: pa.Table, versions: pa.ChunkedArray, columns: dict[str, str]
    ) -> pa.Table:
        extra = self._vault.lookups(rows) | {"_sealed": self._vault.seal(kind, rows, versions)}
        if self.tables.has_bounds:
            extra |= self._bounds(rows)
        return _with(rows, **extra).select(list(columns))

    def _bounds(self, rows: pa.Table) -> dict[str, pa.Array]:
        geometry = next(item.name for item in self.resource.items if item.geometry)
        shapes = shapely.from_wkb(np.array(rows[geometry].to_pylist(), dtype=object))
        bounds = shapely.bounds(shapes).reshape(-1, 4)
        return {name: pa.array(bounds[:, place], from_pandas=True) for place, name in enumerate(BOUNDS)}

    def _replace(self, writer: Writer, table: str, columns: dict[str, str], rows: pa.Table) -> None:
        if rows.num_rows == 0:
            return
        keys = [name for name in ("_subject", "_source") if name in columns]
        stage = f"stage_{table.removeprefix('library.')}"
        writer.stage(stage, columns, rows)
        sets = ", ".join(f'"{name}" = s."{name}"' for name in columns if name not in keys)
        match = " AND ".join(f"t.{name} = s.{name}" for name in keys)
        writer.execute(f"UPDATE {table} t SET {sets} FROM {stage} s WHERE {match}")

    # ── golden records ───────────────────────────────────────────────────────────────────────────────

    def consolidate(self, contributed: Contributed) -> pa.Table:
        """Return what is now known of the touched subjects: ``_subject, _valid_from, _provenance``, items, described."""
        rows, others = contributed.rows, contributed.others
        contested = pc.is_in(rows["_subject"], others["_subject"])
        lone = _where(rows, pc.invert(contested))
        known = _with(consolidate.alone(self._policy, lone), _clear=lone["_clear"], _digest=lone["_digest"])
        if others.num_rows == 0:
            return known
        said = rows.filter(contested).select([*_HEAD, *self._items])
        opened = self._typed(self._vault.open("contribution", others, "_batch")).select(said.column_names)
        weighed = consolidate.run(
            self._engine, self._policy, pa.concat_tables([said, opened.cast(said.schema)])
        )
        weighed = self._vault.described(self._typed(weighed)).select(known.column_names)
        return pa.concat_tables([known, weighed.cast(known.schema)])

    def publish(
        self, writer: Writer, known: pa.Table, contributed: Contributed, recorded_at: datetime
    ) -> Published:
        """Store what is newly known as new versions, keep what was known as history, and feed the changes."""
        created, updated, changed, vouched = self._sift(known, contributed)
        closed = self._close(writer, contributed, known, recorded_at)
        rows = _with(
            pa.concat_tables([created, updated]),
            _recorded_at=pa.repeat(
                pa.scalar(recorded_at.astimezone(UTC), TIMESTAMP), created.num_rows + updated.num_rows
            ),
        )
        stored = self._stored("golden", rows, rows["_version"], self.tables.golden_columns)
        writer.copy(self.tables.golden, stored.slice(0, created.num_rows))
        self._supersede(writer, stored.slice(created.num_rows))
        self._vouch(writer, vouched)
        self._feed(writer, rows, closed, contributed.position, created.num_rows, changed)
        return Published(created.num_rows, updated.num_rows, closed.num_rows)

    def _last_position(self, writer: Writer) -> tuple[int, bool]:
        """Return the last position of the feed, and whether any record was ever closed."""
        closes = f"EXISTS (SELECT FROM {self.tables.change} WHERE _operation = 'close')"
        found = writer.fetch(
            f"SELECT coalesce(max(_position), 0) AS p, {closes} AS closed FROM {self.tables.change}"
        )
        return int(found["p"][0].as_py()), bool(found["closed"][0].as_py())

    def _last_versions(self, writer: Writer, closed_before: bool) -> pa.Table:
        """Return the last version in history of the subjects staged: a record that comes back goes on from there."""
        return writer.fetch(
            f"SELECT h._subject, max(h._version) AS _version FROM {self.tables.history} h "
            f"JOIN stage_subject USING (_subject) WHERE {'true' if closed_before else 'false'} GROUP BY 1"
        )

    def _close(
        self, writer: Writer, contributed: Contributed, known: pa.Table, recorded_at: datetime
    ) -> pa.Table:
        """Move the records of which nobody says anything any more into history; answers them as the feed has them."""
        withdrawn, current = contributed.withdrawn, contributed.current
        lone = withdrawn.filter(pc.invert(pc.is_in(withdrawn["_subject"], known["_subject"])))
        place = pc.index_in(lone["_subject"], current["_subject"])
        lone, before = lone.filter(pc.is_valid(place)), current.take(place.drop_null())
        if lone.num_rows:
            writer.stage("stage_closed", {"_subject": "bytea", "_valid_to": "timestamptz"}, lone)
            names = ", ".join(f'"{name}"' for name in self.tables.golden_columns)
            writer.execute(
                f"WITH ended AS (DELETE FROM {self.tables.golden} g USING stage_closed s "
                f"WHERE g._subject = s._subject RETURNING g.*, s._valid_to) "
                f"INSERT INTO {self.tables.history} ({names}, _valid_to) SELECT {names}, _valid_to FROM ended"
            )
        stamped = pa.repeat(pa.scalar(recorded_at.astimezone(UTC), TIMESTAMP), lone.num_rows)
        return _with(before.select(["_subject", "_version"]), _recorded_at=stamped)

    def _sift(
        self, known: pa.Table, contributed: Contributed
    ) -> tuple[pa.Table, pa.Table, pa.Array, pa.Table]:
        """Split into new records, changed ones with the items changed, and those only vouched for anew.

        Under another version of the definition the same content has another digest: that alone is no change.
        """
        current = contributed.current
        place = pc.index_in(known["_subject"], current["_subject"])
        exists = pc.is_valid(place)
        created = _where(known, pc.invert(exists))
        created = _with(created, _version=_first_versions(created["_subject"], contributed.versions))
        met, before = _where(known, exists), current.take(place.drop_null())
        differs = pc.not_equal(met["_digest"], before["_digest"])
        updated, previous = met.filter(differs), before.filter(differs)
        changed = self._changed_items(updated, previous)
        vouched = met.filter(pc.invert(differs))
        if updated.num_rows and pc.min(pc.list_value_length(changed)).as_py() == 0:
            said = pc.greater(pc.list_value_length(changed), 0)
            vouched = pa.concat_tables([vouched, updated.filter(pc.invert(said))])
            updated, previous, changed = updated.filter(said), previous.filter(said), changed.filter(said)
        updated = _with(updated, _version=pc.add(previous["_version"], pa.scalar(1, pa.int32())))
        return created, updated, changed, vouched.select(["_subject", "_digest", "_provenance"])

    def _supersede(self, writer: Writer, rows: pa.Table) -> None:
        if rows.num_rows == 0:
            return
        columns = self.tables.golden_columns
        stage = f"stage_golden_{self.resource.code}"
        writer.stage(stage, columns, rows)
        names = ", ".join(f'"{name}"' for name in columns)
        olds = ", ".join(f'g."{name}"' for name in columns)
        writer.execute(
            f"INSERT INTO {self.tables.history} ({names}, _valid_to) SELECT {olds}, s._valid_from "
            f"FROM {self.tables.golden} g JOIN {stage} s USING (_subject)"
        )
        sets = ", ".join(f'"{name}" = s."{name}"' for name in columns if name != "_subject")
        writer.execute(
            f"UPDATE {self.tables.golden} g SET {sets} FROM {stage} s WHERE g._subject = s._subject"
        )

    def _vouch(self, writer: Writer, rows: pa.Table) -> None:
        """The same values, vouched for by other batches now: no new version, but the provenance stays true."""
        if rows.num_rows == 0:
            return
        columns = {"_subject": "bytea", "_digest": "bytea", "_provenance": "integer[]"}
        writer.stage("stage_vouch", columns, rows)
        writer.execute(
            f"UPDATE {self.tables.golden} g SET _digest = s._digest, _provenance = s._provenance FROM stage_vouch s "
            f"WHERE g._subject = s._subject AND (g._provenance, g._digest) IS DISTINCT FROM (s._provenance, s._digest)"
        )

    def _changed_items(self, updated: pa.Table, previous: pa.Table) -> pa.Array:
        selected = ["_subject", "_version", "_sealed", *(item.name for item in self.resource.open_items)]
        opened = self._typed(self._vault.open("golden", previous.select(selected), "_version"))
        differs = [_differs(updated[name], opened[name]) for name in self._items]
        matrix = np.column_stack(differs) if updated.num_rows else np.zeros((0, len(self._items)), bool)
        offsets = np.concatenate([[0], np.cumsum(matrix.sum(axis=1))]).astype(np.int32)
        names = pa.array(self._items).take(pa.array(np.nonzero(matrix)[1]))
        return pa.ListArray.from_arrays(pa.array(offsets), names)

    def _feed(
        self, writer: Writer, rows: pa.Table, closed: pa.Table, last: int, created: int, changed: pa.Array
    ) -> None:
        names = ["_subject", "_version", "_recorded_at"]
        feed = pa.concat_tables([rows.select(names), closed.select(names)])
        updated, nothing = rows.num_rows - created, pa.nulls(closed.num_rows, changed.type)
        feed = _with(
            feed,
            _position=pa.array(np.arange(last + 1, last + 1 + feed.num_rows)),
            _operation=pa.array(["insert"] * created + ["update"] * updated + ["close"] * closed.num_rows),
            _changed=pa.concat_arrays([pa.nulls(created, changed.type), changed, nothing]),
        )
        writer.copy(self.tables.change, feed)
        if feed.num_rows:
            writer.execute(announcement(self.resource))

    def _typed(self, table: pa.Table) -> pa.Table:
        for item in self.resource.items:
            place = table.column_names.index(item.name)
            if table.schema.field(place).type != item.arrow_type:
                table = table.set_column(place, item.name, table[item.name].cast(item.arrow_type))
        return table


def _compare(latest: pa.Table, known: pa.Table) -> tuple[pa.Table, pa.Table]:
    place = pc.index_in(latest["_subject"], known["_subject"])
    exists = pc.is_valid(place)
    met, before = _where(latest, exists), known.take(place.drop_null())
    moved = pc.not_equal(pc.fill_null(met["_row"], ""), pc.fill_null(before["known_row"], ""))
    says_more = pc.and_(
        pc.or_(pc.not_equal(met["_digest"], before["known_digest"]), moved),
        pc.greater_equal(met["_observed_at"], before["known_at"].cast(TIMESTAMP)),
    )
    return _where(latest, pc.invert(exists)), _where(met, says_more)


def _differs(new: pa.ChunkedArray, old: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    equal = pc.fill_null(pc.equal(new, old), False)
    both_null = pc.and_(pc.is_null(new), pc.is_null(old))
    return ~np.asarray(pc.or_(equal, both_null))


def _where(table: pa.Table, chosen: pa.ChunkedArray) -> pa.Table:
    """Keep the rows chosen; where that is all or none, as in most batches, nothing is copied."""
    count = pc.sum(chosen).as_py() or 0
    return table.slice(0, count) if count in (0, table.num_rows) else table.filter(chosen)


def _with(table: pa.Table, **columns: pa.Array | pa.ChunkedArray) -> pa.Table:
    for name, column in columns.items():
        table = table.append_column(name, column)
    return table


def _both(some: pa.ChunkedArray, more: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return every subject of the two, once."""
    return pa.chunked_array([*some.chunks, *more.chunks], pa.binary()).unique()


def _first_versions(subjects: pa.ChunkedArray, versions: pa.Table) -> pa.Array:
    """Return 1, or one more than the last version of a record that was closed."""
    last = pc.take(versions["_version"], pc.index_in(subjects, versions["_subject"]))
    return pc.add(pc.fill_null(last.cast(pa.int32()), 0), pa.scalar(1, pa.int32()))


def _stage_subjects(writer: Writer, subjects: pa.ChunkedArray) -> None:
    writer.stage("stage_subject", {"_subject": "bytea"}, pa.table({"_subject": subjects}))
