"""Proving the ledger from its entries: every leaf, root, signature and count is made again and compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from audit.entry import LEAF_SQL
from audit.merkle import Frontier, leaf_hash
from audit.notes import NoteVerifier, checkpoint_text
from schemas.errors import LedgerBroken

_ROWS = 2_000  # read at a time
_SEALED = text(
    f"SELECT number, hash, id, {LEAF_SQL} AS leaf FROM ledger.leaf JOIN ledger.entry ON id = entry WHERE number < :size ORDER BY number"
)
_CHECKPOINTS = text("SELECT size, root, note FROM ledger.checkpoint ORDER BY size")
_COUNTS = text("""
    SELECT (SELECT count(*) FROM ledger.entry) AS entries,
        (SELECT coalesce(sum(entries), 0)::bigint FROM ledger.statistic WHERE checkpoint <= :size) AS counted
""")


@dataclass(frozen=True)
class Proof:
    """What was proven: all ``entries`` that are ``sealed`` fit the ``checkpoints``; the rest awaits the sealer."""

    entries: int
    sealed: int
    checkpoints: int
    root: bytes


def verify(connection: Connection, verifier: NoteVerifier) -> Proof:
    """Prove all that is sealed now, in bounded memory, or raise ``LedgerBroken`` at the first thing that does not fit."""
    checkpoints = {row["size"]: row for row in connection.execute(_CHECKPOINTS).mappings()}
    told = {
        "size": max(checkpoints, default=0)
    }  # up to here nothing changes any more, whatever runs beside us
    tree = Frontier()
    streamed = connection.execute(_SEALED.execution_options(yield_per=_ROWS), told).mappings()
    for row in streamed:
        tree = tree.extended([_checked_leaf(row, tree.size)])
        if tree.size in checkpoints:
            _check_checkpoint(checkpoints[tree.size], tree, verifier)
    counts = connection.execute(_COUNTS, told).mappings().one()
    if tree.size != told["size"]:
        raise LedgerBroken(f"Leaves are missing: {told['size']} were sealed, {tree.size} are here.")
    if counts["counted"] != tree.size:
        raise LedgerBroken(f"The statistics count {counts['counted']} entries, the tree has {tree.size}.")
    return Proof(counts["entries"], tree.size, len(checkpoints), tree.root)


def _checked_leaf(row: Mapping[Any, Any], number: int) -> bytes:
    if row["number"] != number:
        raise LedgerBroken(f"Leaf {number} is missing.")
    if leaf_hash(row["leaf"]) != row["hash"]:
        raise LedgerBroken(f"Entry {row['id']}, leaf {number}, was altered after it was sealed.")
    return row["hash"]


def _check_checkpoint(row: Mapping[Any, Any], tree: Frontier, verifier: NoteVerifier) -> None:
    told = verifier.opened(row["note"])
    if told != checkpoint_text(verifier.name, tree.size, tree.root) or row["root"] != tree.root:
        raise LedgerBroken(f"The checkpoint at {tree.size} leaves does not fit the entries.")
