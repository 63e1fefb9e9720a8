"""Which of the calls that asked for a record were given what it said: by the agreement each was made under.

Part of the security boundary: values of the items that tell which records an agreement covers are compared here.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from audit.segments import Reading
from base_libraries.reading import GoldenReader
from base_libraries.spans import Span, values_in
from catalog.agreement import Agreement
from catalog.objection import WHOLE_RECORD
from catalog.readers import agreements_named


def given(
    connection: Connection,
    reader: GoldenReader,
    subject: bytes,
    item: str,
    within: Span,
    asked: Sequence[Reading],
) -> list[Reading]:
    """Return those calls whose answer depended on the item, ``WHOLE_RECORD``: on the record, in the versions of the span."""
    agreements = agreements_named(connection, {one.agreement for one in asked if one.agreement})
    covered = {
        id_: _covers(connection, reader, subject, agreement, within) for id_, agreement in agreements.items()
    }
    return [
        one for one in asked
        if _depended(one, item, agreements.get(one.agreement or ""), covered=covered.get(one.agreement or "", True))
    ]  # fmt: skip


def _covers(
    connection: Connection, reader: GoldenReader, subject: bytes, agreement: Agreement, within: Span
) -> bool:
    """Whether the record was, at any time of the span, one of those agreed."""
    if not agreement.rows.conditions:
        return True
    told = values_in(connection, reader, subject, agreement.rows.items, within)
    return any(agreement.rows.hold(record) for record in told)


def _depended(asked: Reading, item: str, agreement: Agreement | None, *, covered: bool) -> bool:
    """Records answered are given or not; a mere yes or no, or a match, also turns on the items that tell which records are agreed."""
    if asked.action in ("verify", "derive"):
        within = agreement.rows.items if agreement else ()
        return item in within or (covered and (item == WHOLE_RECORD or item in asked.items))
    if agreement is None or agreement.answer.discloses_values:
        return covered and asked.records > 0 and (item == WHOLE_RECORD or item in asked.items)
    turns_on = {*agreement.answer.items, *agreement.rows.items}
    return item in agreement.rows.items or (covered and (item == WHOLE_RECORD or item in turns_on))
