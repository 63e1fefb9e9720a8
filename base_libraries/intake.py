"""What a batch says, made ready for the library: whose row each is, the latest of each subject, digested.

Needs no database and shares nothing with ``Library``, so it goes ahead on another thread while a batch is stored.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from base_libraries.vault import Vault
from infra.keyring import Keyring
from schemas.resource import Resource

GONE = pa.schema(
    [
        pa.field("_subject", pa.binary()),
        pa.field("_row", pa.string()),
        pa.field("_observed_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""Rows that a department has no more: by subject where the key is known, else by the department's reference alone."""


@dataclass(frozen=True)
class Identified:
    """Rows in the clear, one a subject, with ``_subject``, ``_row``, ``_observed_at`` and what ``Vault.described`` adds.

    ``admitted`` is how many rows they were before the latest of each subject was taken; ``gone`` the rows of the batch
    that are no more, as ``GONE``.
    """

    rows: pa.Table
    admitted: int
    gone: pa.Table = field(default_factory=GONE.empty_table)


class Intake:
    """Makes batches of one resource ready; not to be shared between threads."""

    def __init__(self, resource: Resource, keyring: Keyring) -> None:
        self._key = resource.key.name
        self._columns = [*(item.name for item in resource.items), "_observed_at", "_row"]
        self._vault = Vault(resource, keyring)

    def identified(self, admitted: pa.Table, gone: pa.Table | None = None) -> Identified:
        """Take rows that have the items, ``_observed_at`` and ``_row``: of two about one subject the later counts.

        ``_row`` is null where the department has no reference of its own. ``gone`` are rows of the same columns.
        """
        rows = admitted.select(self._columns)
        rows = rows.append_column("_subject", self._vault.subjects(rows))
        described = self._vault.described(_latest(rows))
        left = GONE.empty_table() if gone is None else self._left(gone)
        return Identified(described, admitted.num_rows, left)

    def _left(self, gone: pa.Table) -> pa.Table:
        known = gone.filter(pc.is_valid(gone[self._key]))
        unknown = gone.filter(pc.is_null(gone[self._key])).select(["_row", "_observed_at"])
        subjects = known.select(["_row", "_observed_at"]).append_column(
            "_subject", self._vault.subjects(known)
        )
        nameless = unknown.append_column("_subject", pa.nulls(unknown.num_rows, pa.binary()))
        return pa.concat_tables([part.select(GONE.names).cast(GONE) for part in (subjects, nameless)])


def _latest(rows: pa.Table) -> pa.Table:
    """Keep, of several rows about one subject, the one observed last; of equally late ones the last in order.

    The answer is in the order of subjects, in which an index takes them in at least cost.
    """
    ordered = rows.append_column("_row_number", pa.array(np.arange(rows.num_rows)))
    ordered = ordered.sort_by(
        [("_subject", "ascending"), ("_observed_at", "ascending"), ("_row_number", "ascending")]
    )
    subjects = ordered["_subject"].combine_chunks()
    last = pc.not_equal(subjects[:-1], subjects[1:])
    ordered = ordered.drop_columns(["_row_number"])
    if pc.all(last).as_py() is not False:
        return ordered
    return ordered.filter(pa.concat_arrays([last, pa.array([True])]))
