"""Catalogue codes (信息资源代码) are issued by the hub: a sequence in each category, without gaps, no number twice."""

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from catalog.entry_tables import CODE_COUNTER
from schemas.resource import resources_shipped

_DIGITS = 6


def issue_code(connection: Connection, entry: str, category: str) -> str:
    """Return the code of an entry that has none, e.g. ``307001002/000017``.

    Who asks for the next code of the same category waits for this transaction: where it is rolled back the number is not used up.
    A resource that comes with the hub keeps the code it came with.
    """
    shipped = resources_shipped().get(entry)
    if shipped is not None:
        return shipped.catalogue_code
    return f"{category}/{next_number(connection, category):0{_DIGITS}}"


def next_number(connection: Connection, category: str) -> int:
    """Return the next number of a category, or of a list."""
    counting = insert(CODE_COUNTER).values(category=category, last=1)
    counted = counting.on_conflict_do_update(
        index_elements=[CODE_COUNTER.c.category], set_={"last": CODE_COUNTER.c.last + 1}
    )
    return int(connection.execute(counted.returning(CODE_COUNTER.c.last)).scalar_one())
