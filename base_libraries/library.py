"""One base library: takes a batch in, decides what is now known, and publishes what changed.

Everything happens on the caller's ADBC cursor, in the caller's transaction, under one lock a resource: so a batch is
in the library whole or not at all, and positions of the change feed are gapless in commit order.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from base_libraries import consolidate
from base_libraries.storage import BOUNDS, Tables
from base_libraries.survivorship import Survivorship
from base_libraries.vault import Vault
from infra.keyring import Keyring

TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Contributed:
    """What a batch brought: ``rows`` are new or changed contributions in the clear, the rest said nothing new."""

    rows: pa.Table
    unchanged: int


@dataclass(frozen=True)
class Published:
    """Golden records that came into being, and those that have a new version."""

    created: int
    updated: int


class Library:
    """The library of one resource; not to be shared between threads."""

    def __init__(self, policy: Survivorship, keyring: Keyring) -> None:
        self.resource = policy.resource
        self.tables = Tables(self.resource)
        self._policy = policy
        self._engine = duckdb.connect()
        self._engine.execute("SET TimeZone = 'UTC'")
        self._vault = Vault(self.resource, keyring, self._engine)
        self._items = [item.name for item in self.resource.items]

    def lock(self, cursor: Any) -> None:
        """Wait until no other transaction writes this library."""
        cursor.execute(f"SELECT pg_advisory_xact_lock(hashtextextended('library.{self.resource.code}', 0))")

    # ── contributions ────────────────────────────────────────────────────────────────────────────────

    def contribute(self, cursor: Any, source: int, batch: int, admitted: pa.Table) -> Contributed:
        """Store what a source says, where it is new: ``admitted`` has the items and ``_observed_at``.

        Of two rows about one subject the later counts. A row that says what is known, or less than what is known
        (an older file come late), is unchanged.
        """
        latest = _latest(self._identified(admitted))
        _stage(cursor, "stage_subject", {"_subject": "bytea"}, latest.select(["_subject"]))
        known = _fetch(
            cursor,
            f"SELECT c._subject, c._digest AS known_digest, c._observed_at AS known_at "
            f"FROM {self.tables.contribution} c JOIN stage_subject USING (_subject) WHERE c._source = {int(source)}",
        )
        new, changed = _compare(latest, known)
        rows = pa.concat_tables([new, changed])
        rows = _with(rows, _source=pa.repeat(pa.scalar(source, pa.int16()), rows.num_rows))
        rows = _with(rows, _batch=pa.repeat(pa.scalar(batch, pa.int32()), rows.num_rows))
        stored = self._stored("contribution", rows, rows["_batch"], self.tables.contribution_columns)
        _copy(cursor, self.tables.contribution, stored.slice(0, new.num_rows))
        self._replace(
            cursor, self.tables.contribution, self.tables.contribution_columns, stored.slice(new.num_rows)
        )
        return Contributed(rows, admitted.num_rows - rows.num_rows)

    def _identified(self, admitted: pa.Table) -> pa.Table:
        rows = admitted.select([*self._items, "_observed_at"])
        return _with(rows, _subject=self._vault.subjects(rows), _digest=self._vault.digests(rows))

    def _stored(
        self, kind: str, rows: pa.Table, versions: pa.ChunkedArray, columns: dict[str, str]
    ) -> pa.Table:
        sealed = self._vault.seal(kind, rows, rows["_subject"], versions)
        extra = self._vault.lookups(rows) | {"_sealed": sealed}
        if self.tables.has_bounds:
            extra |= self._bounds(rows)
        return _with(rows, **extra).select(list(columns))

    def _bounds(self, rows: pa.Table) -> dict[str, pa.Array]:
        geometry = next(item.name for item in self.resource.items if item.geometry)
        shapes = shapely.from_wkb(np.array(rows[geometry].to_pylist(), dtype=object))
        bounds = shapely.bounds(shapes).reshape(-1, 4)
        return {name: pa.array(bounds[:, place], from_pandas=True) for place, name in enumerate(BOUNDS)}

    def _replace(self, cursor: Any, table: str, columns: dict[str, str], rows: pa.Table) -> None:
        if rows.num_rows == 0:
            return
        keys = [name for name in ("_subject", "_source") if name in columns]
        stage = f"stage_{table.removeprefix('library.')}"
        _stage(cursor, stage, columns, rows)
        sets = ", ".join(f'"{name}" = s."{name}"' for name in columns if name not in keys)
        match = " AND ".join(f"t.{name} = s.{name}" for name in keys)
        cursor.execute(f"UPDATE {table} t SET {sets} FROM {stage} s WHERE {match}")

    # ── golden records ───────────────────────────────────────────────────────────────────────────────

    def consolidate(self, cursor: Any, contributed: Contributed) -> pa.Table:
        """Return what is now known of the touched subjects: ``_subject, _valid_from, _provenance, _digest``, items."""
        rows = contributed.rows
        columns = ["_subject", "_source", "_batch", "_observed_at", *self._items]
        _stage(cursor, "stage_subject", {"_subject": "bytea"}, rows.select(["_subject"]))
        selected = ", ".join(f'c."{name}"' for name in self._contribution_selection())
        others = _fetch(
            cursor,
            f"SELECT {selected} FROM {self.tables.contribution} c JOIN stage_subject USING (_subject) "
            f"WHERE c._source <> {int(rows['_source'][0].as_py()) if rows.num_rows else 0}",
        )
        opened = self._typed(self._vault.open("contribution", others, "_batch")).select(columns)
        said = rows.select(columns)
        both = pa.concat_tables([said, opened.cast(said.schema)])
        known = self._typed(consolidate.run(self._engine, self._policy, both))
        return _with(known, _digest=self._vault.digests(known))

    def publish(self, cursor: Any, known: pa.Table, recorded_at: datetime) -> Published:
        """Store what is newly known as new versions, keep what was known as history, and feed the changes."""
        current = _fetch(
            cursor, f"SELECT g.* FROM {self.tables.golden} g JOIN stage_subject USING (_subject)"
        )
        created, updated, previous, vouched = self._sift(known, current)
        rows = _with(
            pa.concat_tables([created, updated]),
            _recorded_at=pa.repeat(
                pa.scalar(recorded_at.astimezone(UTC), TIMESTAMP), created.num_rows + updated.num_rows
            ),
        )
        stored = self._stored("golden", rows, rows["_version"], self.tables.golden_columns)
        _copy(cursor, self.tables.golden, stored.slice(0, created.num_rows))
        self._supersede(cursor, stored.slice(created.num_rows))
        self._vouch(cursor, vouched)
        self._feed(cursor, rows, created.num_rows, self._changed_items(updated, previous))
        return Published(created.num_rows, updated.num_rows)

    def _sift(self, known: pa.Table, current: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table, pa.Table]:
        """Split into new records, changed ones with their previous versions, and those only vouched for anew."""
        place = pc.index_in(known["_subject"], current["_subject"])
        exists = pc.is_valid(place)
        created = known.filter(pc.invert(exists))
        created = _with(created, _version=pa.repeat(pa.scalar(1, pa.int32()), created.num_rows))
        met, before = known.filter(exists), current.take(place.drop_null())
        differs = pc.not_equal(met["_digest"], before["_digest"])
        updated, previous = met.filter(differs), before.filter(differs)
        updated = _with(updated, _version=pc.add(previous["_version"], pa.scalar(1, pa.int32())))
        return created, updated, previous, met.filter(pc.invert(differs)).select(["_subject", "_provenance"])

    def _supersede(self, cursor: Any, rows: pa.Table) -> None:
        if rows.num_rows == 0:
            return
        columns = self.tables.golden_columns
        stage = f"stage_golden_{self.resource.code}"
        _stage(cursor, stage, columns, rows)
        names = ", ".join(f'"{name}"' for name in columns)
        olds = ", ".join(f'g."{name}"' for name in columns)
        cursor.execute(
            f"INSERT INTO {self.tables.history} ({names}, _valid_to) SELECT {olds}, s._valid_from "
            f"FROM {self.tables.golden} g JOIN {stage} s USING (_subject)"
        )
        sets = ", ".join(f'"{name}" = s."{name}"' for name in columns if name != "_subject")
        cursor.execute(
            f"UPDATE {self.tables.golden} g SET {sets} FROM {stage} s WHERE g._subject = s._subject"
        )

    def _vouch(self, cursor: Any, rows: pa.Table) -> None:
        """The same values, vouched for by other batches now: no new version, but the provenance stays true."""
        if rows.num_rows == 0:
            return
        _stage(cursor, "stage_vouch", {"_subject": "bytea", "_provenance": "integer[]"}, rows)
        cursor.execute(
            f"UPDATE {self.tables.golden} g SET _provenance = s._provenance FROM stage_vouch s "
            f"WHERE g._subject = s._subject AND g._provenance <> s._provenance"
        )

    def _changed_items(self, updated: pa.Table, previous: pa.Table) -> pa.Array:
        selected = ["_subject", "_version", "_sealed", *(item.name for item in self.resource.open_items)]
        opened = self._typed(self._vault.open("golden", previous.select(selected), "_version"))
        differs = [_differs(updated[name], opened[name]) for name in self._items]
        matrix = np.column_stack(differs) if updated.num_rows else np.zeros((0, len(self._items)), bool)
        offsets = np.concatenate([[0], np.cumsum(matrix.sum(axis=1))]).astype(np.int32)
        names = pa.array(self._items).take(pa.array(np.nonzero(matrix)[1]))
        return pa.ListArray.from_arrays(pa.array(offsets), names)

    def _feed(self, cursor: Any, rows: pa.Table, created: int, changed: pa.Array) -> None:
        if rows.num_rows == 0:
            return
        last = _fetch(cursor, f"SELECT coalesce(max(_position), 0) AS p FROM {self.tables.change}")["p"][
            0
        ].as_py()
        updated = rows.num_rows - created
        feed = rows.select(["_subject", "_version", "_recorded_at"])
        feed = _with(
            feed,
            _position=pa.array(np.arange(last + 1, last + 1 + rows.num_rows)),
            _operation=pa.array(["insert"] * created + ["update"] * updated),
            _changed=pa.concat_arrays([pa.nulls(created, changed.type), changed]),
        )
        _copy(cursor, self.tables.change, feed)

    def _contribution_selection(self) -> list[str]:
        head = ["_subject", "_source", "_batch", "_observed_at", "_sealed"]
        return head + [item.name for item in self.resource.open_items]

    def _typed(self, table: pa.Table) -> pa.Table:
        for item in self.resource.items:
            place = table.column_names.index(item.name)
            if table.schema.field(place).type != item.arrow_type:
                table = table.set_column(place, item.name, table[item.name].cast(item.arrow_type))
        return table


def _latest(rows: pa.Table) -> pa.Table:
    """Keep, of several rows about one subject, the one observed last; of equally late ones the last in order."""
    if pc.count_distinct(rows["_subject"]).as_py() == rows.num_rows:
        return rows
    ordered = _with(rows, _row_number=pa.array(np.arange(rows.num_rows)))
    ordered = ordered.sort_by(
        [("_subject", "ascending"), ("_observed_at", "ascending"), ("_row_number", "ascending")]
    )
    subjects = ordered["_subject"].combine_chunks()
    last = [*pc.not_equal(subjects[:-1], subjects[1:]).to_pylist(), True]
    return ordered.filter(pa.array(last)).drop_columns(["_row_number"])


def _compare(latest: pa.Table, known: pa.Table) -> tuple[pa.Table, pa.Table]:
    place = pc.index_in(latest["_subject"], known["_subject"])
    exists = pc.is_valid(place)
    met, before = latest.filter(exists), known.take(place.drop_null())
    says_more = pc.and_(
        pc.not_equal(met["_digest"], before["known_digest"]),
        pc.greater_equal(met["_observed_at"], before["known_at"].cast(TIMESTAMP)),
    )
    return latest.filter(pc.invert(exists)), met.filter(says_more)


def _differs(new: pa.ChunkedArray, old: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    equal = pc.fill_null(pc.equal(new, old), False)
    both_null = pc.and_(pc.is_null(new), pc.is_null(old))
    return ~np.asarray(pc.or_(equal, both_null))


def _with(table: pa.Table, **columns: pa.Array | pa.ChunkedArray) -> pa.Table:
    for name, column in columns.items():
        table = table.append_column(name, column)
    return table


def _fetch(cursor: Any, query: str) -> pa.Table:
    cursor.execute(query)
    return cursor.fetch_arrow_table().replace_schema_metadata(None)


def _copy(cursor: Any, table: str, rows: pa.Table) -> None:
    if rows.num_rows:
        schema, name = table.split(".")
        cursor.adbc_ingest(name, rows, mode="append", db_schema_name=schema)


def _stage(cursor: Any, name: str, columns: dict[str, str], rows: pa.Table) -> None:
    """Fill a temporary table of this session; it empties itself when the transaction ends."""
    described = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} ({described}) ON COMMIT DELETE ROWS")
    cursor.execute(f"TRUNCATE {name}")
    if rows.num_rows:
        cursor.adbc_ingest(name, rows, mode="append", temporary=True)
    cursor.execute(f"ANALYZE {name}")
