"""What a batch says, made ready for the library: whose row each is, the latest of each subject, digested.

Needs no database and shares nothing with ``Library``, so it goes ahead on another thread while a batch is stored.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from base_libraries.vault import Vault
from infra.keyring import Keyring
from schemas.resource import Resource


@dataclass(frozen=True)
class Identified:
    """Rows in the clear, one a subject, with ``_subject``, ``_observed_at`` and what ``Vault.described`` adds.

    ``admitted`` is how many rows they were before the latest of each subject was taken.
    """

    rows: pa.Table
    admitted: int


class Intake:
    """Makes batches of one resource ready; not to be shared between threads."""

    def __init__(self, resource: Resource, keyring: Keyring) -> None:
        self._columns = [*(item.name for item in resource.items), "_observed_at"]
        self._vault = Vault(resource, keyring)

    def identified(self, admitted: pa.Table) -> Identified:
        """Take rows that have the items and ``_observed_at``: of two about one subject the later counts."""
        rows = admitted.select(self._columns)
        rows = rows.append_column("_subject", self._vault.subjects(rows))
        return Identified(self._vault.described(_latest(rows)), admitted.num_rows)


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
