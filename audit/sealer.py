"""Sealing: committed entries become numbered leaves under a signed checkpoint, and are counted, in one transaction.

An entry may only be numbered when none that precedes it can still appear. So the sealer takes the entries of
transactions that have all ended, in the order (transaction, id), and notes how far it came as its horizon. A
transaction that stays open delays sealing; it never loses or reorders an entry.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from audit.entry import LEAF_SQL
from audit.merkle import Frontier
from audit.notes import NoteSigner, checkpoint_text
from audit.segments import index_segments
from audit.use import ADD as _USE
from audit.use import NEW

MOST = 10_000
_LOCK = 0x6C6564676572  # advisory lock key, "ledger"

_LAST = text(
    "SELECT size, frontier, horizon::text AS horizon FROM ledger.checkpoint ORDER BY size DESC LIMIT 1"
)
_BOUNDS = text("""
    SELECT pg_snapshot_xmin(s)::text AS horizon, (CAST(:last AS text)::xid8 > pg_snapshot_xmax(s)) AS restored
    FROM pg_current_snapshot() AS s
""")
# A dump restored into another cluster brings transaction numbers of a future that is over already: the second branch.
_ENDED = text(f"""
    SELECT id, sha256('\\x00'::bytea || {LEAF_SQL}) AS hash, transaction::text AS transaction FROM ledger.entry AS e
    WHERE (e.transaction >= CAST(:low AS text)::xid8 AND e.transaction < CAST(:horizon AS text)::xid8
           OR e.transaction >= pg_snapshot_xmax(pg_current_snapshot()))
      AND NOT EXISTS (SELECT FROM ledger.leaf AS l WHERE l.entry = e.id)
    ORDER BY e.transaction, e.id LIMIT :most
""")
_LEAVES = text("""
    INSERT INTO ledger.leaf (number, entry, hash)
    SELECT :first + place - 1, entry, hash
    FROM unnest(CAST(:entries AS uuid[]), CAST(:hashes AS bytea[])) WITH ORDINALITY AS t (entry, hash, place)
""")
_CHECKPOINT = text("""
    INSERT INTO ledger.checkpoint (size, root, frontier, horizon, note)
    VALUES (:size, :root, :frontier, CAST(:horizon AS text)::xid8, :note)
""")
_STATISTICS = text(f"""
    INSERT INTO ledger.statistic
    SELECT :size, date_trunc('hour', at, 'UTC'), kind, action, actor, organisation, resource, purpose, legal_basis,
        outcome, problem, count(*), sum(keys), sum(records), sum(duration)
    FROM {NEW}
    GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
""")


@dataclass(frozen=True)
class Sealed:
    """How many entries one run sealed, and the size of the tree after it."""

    entries: int
    size: int


def seal(engine: Engine, signer: NoteSigner, *, wait: bool = True) -> Sealed:
    """Seal every entry that can be sealed now; where another process is at it, wait for it or leave it to that."""
    entries = size = 0
    while True:
        with engine.begin() as connection:
            added, size = _seal_some(connection, signer) if _is_ours(connection, wait=wait) else (0, 0)
        entries += added
        if added < MOST:
            return Sealed(entries, size)


def _is_ours(connection: Connection, *, wait: bool) -> bool:
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    return connection.execute(text(f"SELECT {function}(:key)"), {"key": _LOCK}).scalar_one() is not False


def _seal_some(connection: Connection, signer: NoteSigner) -> tuple[int, int]:
    last = connection.execute(_LAST).mappings().first()
    tree = Frontier(last["size"], tuple(last["frontier"])) if last else Frontier()
    low = last["horizon"] if last else "0"
    bounds = connection.execute(_BOUNDS, {"last": low}).mappings().one()
    span = {"low": "0" if bounds["restored"] else low, "horizon": bounds["horizon"], "most": MOST}
    rows = connection.execute(_ENDED, span).mappings().all()
    if not rows:
        return 0, tree.size
    hashes = [row["hash"] for row in rows]
    grown = tree.extended(hashes)
    connection.execute(
        _LEAVES, {"first": tree.size, "entries": [row["id"] for row in rows], "hashes": hashes}
    )
    reached = rows[-1]["transaction"] if len(rows) == MOST else bounds["horizon"]
    _checkpoint(connection, signer, grown, min(reached, bounds["horizon"], key=int))
    connection.execute(_STATISTICS, {"size": grown.size, "first": tree.size})
    connection.execute(_USE, {"first": tree.size})
    index_segments(connection)
    return len(rows), grown.size


def _checkpoint(connection: Connection, signer: NoteSigner, tree: Frontier, horizon: str) -> None:
    note = signer.signed(checkpoint_text(signer.name, tree.size, tree.root))
    values = {
        "size": tree.size,
        "root": tree.root,
        "frontier": list(tree.roots),
        "horizon": horizon,
        "note": note,
    }
    connection.execute(_CHECKPOINT, values)
