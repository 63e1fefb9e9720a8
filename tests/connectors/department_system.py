"""A department's system, as the contract meets it: what each kind does in its own way."""

from collections.abc import Iterator

from servers import USER

from connectors.batch import Batch
from connectors.pull import pull

MAPPING = {"credit_code": "code", "name": "name"}
MISSING = MAPPING | {"representative_name": "absent"}
SECRET = "${env:STORE_SECRET}"


class System:
    """A department's system. ``whole``: one change brings all rows again; ``tells_gone``: a deletion is seen by a pull.

    ``repeats``: every pull brings all rows; ``may_repeat``: the system makes the pages, and may give one ``twice``.
    ``port`` of a source's definition is the server's, or that of a relay before it; None where there is no server.
    """

    resource = "legal_person"
    whole = tells_gone = repeats = may_repeat = False
    remote = True

    def __init__(self, define):
        self.define = define
        self.rows: dict[int, str] = {}

    def put(self, rows: dict[int, str]):
        """Have the department add rows, or change those it has."""
        raise NotImplementedError

    def delete(self, number: int):
        raise NotImplementedError

    def source(self, mapping=None, port=None, user=USER):
        raise NotImplementedError

    def pull(self, source, state, batch_rows) -> Iterator[Batch]:
        """Pull as the hub does."""
        return pull(source, state, batch_rows)

    def open_connections(self) -> int:
        """How many connections the system has of the hub."""
        return 0

    def truncate(self):
        """Have the department deliver what ends too early."""
        raise NotImplementedError

    def close(self):
        pass
