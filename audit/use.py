"""Which items are read, under which agreement, how often: counted by month (UTC) when entries are sealed.

The sealer adds to the counts in its own transaction, so that they are exact after a crash; they are made of the ledger and
can be made of it again. A reading of lineage is no use of the data and is not counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from schemas.errors import LedgerBroken

# The grouping by whole lists of items comes first: there are few of them, and many entries.
_READ = """
    SELECT resource, items, date_trunc('month', at AT TIME ZONE 'UTC')::date AS month, agreement, actor, count(*) AS calls,
        sum(records) AS records, max(at AT TIME ZONE 'UTC')::date AS last_day
    FROM {sealed}
    WHERE kind = 'call' AND agreement IS NOT NULL AND resource IS NOT NULL AND actor IS NOT NULL
      AND action NOT LIKE 'lineage%'
    GROUP BY 1, 2, 3, 4, 5
"""
# Leaf by leaf: a planner that expects many would read the whole ledger for the newest of them.
NEW = """
    (SELECT entry FROM ledger.leaf WHERE number >= :first OFFSET 0) AS leaf
    CROSS JOIN LATERAL (SELECT * FROM ledger.entry WHERE id = leaf.entry OFFSET 0) AS entry
"""
"""The entries of the leaves from ``:first`` on, to select from."""
_EVERY = "ledger.leaf JOIN ledger.entry ON entry.id = leaf.entry"
ADD = text(f"""
    INSERT INTO catalog.item_use AS known (resource, item, month, agreement, system, calls, records, last_day)
    SELECT resource, item, month, agreement, min(actor), sum(calls), sum(records), max(last_day)
    FROM ({_READ.format(sealed=NEW)}) AS read, unnest(items) AS item
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (resource, item, month, agreement)
    DO UPDATE SET calls = known.calls + excluded.calls, records = known.records + excluded.records,
        last_day = greatest(known.last_day, excluded.last_day)
""")
"""Adds the leaves from ``:first`` on."""

COUNTED = text(f"""
    SELECT (SELECT coalesce(sum(calls), 0)::bigint FROM catalog.item_use) AS counted,
        (SELECT coalesce(sum(calls * cardinality(items)), 0)::bigint FROM ({_READ.format(sealed=_EVERY)}) AS read) AS made
""")
"""What is counted, and what the sealed entries make: one statement, so one moment."""


@dataclass(frozen=True)
class Use:
    """How often an item was read; ``agreement`` and ``system`` are None where all are added up."""

    item: str
    agreement: str | None
    system: str | None
    calls: int
    records: int
    first_month: date
    last_day: date


def uses(
    connection: Connection, resource: str, items: Sequence[str], since: date, agreements: Sequence[str]
) -> list[Use]:
    """Return what was read of the items under each of the agreements since that month, of which any day may be named."""
    return _found(
        connection,
        resource,
        items,
        since,
        "agreement, system",
        "AND agreement = ANY(:agreements)",
        list(agreements),
    )


def totals(
    connection: Connection, resource: str, items: Sequence[str], since: date, system: str | None = None
) -> list[Use]:
    """Return what was read of each item since that month, by any system or by that one."""
    own = "AND system = ANY(:agreements)" if system else ""
    return _found(connection, resource, items, since, "NULL AS agreement, NULL AS system", own, [system])


def _found(
    connection: Connection,
    resource: str,
    items: Sequence[str],
    since: date,
    by: str,
    bound: str,
    named: list[str | None],
) -> list[Use]:
    query = text(
        f"SELECT item, {by}, sum(calls)::bigint, sum(records)::bigint, min(month), max(last_day) FROM catalog.item_use "
        f"WHERE resource = :resource AND item = ANY(:items) AND month >= :since {bound} GROUP BY 1, 2, 3 ORDER BY 1, 2"
    )
    told = {"resource": resource, "items": list(items), "since": since.replace(day=1)}
    return [Use(*row) for row in connection.execute(query, told | ({"agreements": named} if bound else {}))]


def check_counts(connection: Connection) -> None:
    """Make the counts again from every sealed entry; raises ``LedgerBroken`` where they are others."""
    found = connection.execute(COUNTED).one()
    if found.counted != found.made:
        raise LedgerBroken(f"The uses of items count {found.counted}, the sealed entries make {found.made}.")
