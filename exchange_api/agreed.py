"""What of the rows found is answered under an agreement, and in which form: the one place where rows are judged.

Part of the security boundary: records pass through in the clear. A record outside the agreed rows leaves as if it were not there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil

from catalog.agreement import Agreement
from catalog.allowance import Spent
from catalog.conditions import OneOf as AgreedOneOf
from catalog.conditions import Within, significant
from catalog.hours import seconds_of_day_left
from exchange_api.attempt import Attempt
from exchange_api.library import Row, Shelf
from schemas.filters import Begins, Filter, OneOf
from schemas.resource import ItemType, Resource
from schemas.working_days import Calendar

DAY = 24 * 3600  # seconds


def within(agreement: Agreement, shelf: Shelf, rows: Sequence[Row]) -> Sequence[Row]:
    """Return those of the rows that are agreed; all, at no cost, where the agreement states no condition."""
    if not agreement.rows.conditions or not rows:
        return rows
    records = shelf.reader.records(rows, agreement.rows.items)
    return [row for row, record in zip(rows, records, strict=True) if agreement.rows.hold(record)]


def all_within(
    agreement: Agreement, shelf: Shelf, found: Mapping[bytes, Sequence[Row]]
) -> Mapping[bytes, Sequence[Row]]:
    """Return what was found for many keys without the rows that are not agreed; a key that is left with none is gone."""
    if not agreement.rows.conditions:
        return found
    kept = ((index, within(agreement, shelf, rows)) for index, rows in found.items())
    return {index: rows for index, rows in kept if rows}


def shown(attempt: Attempt, agreement: Agreement, shelf: Shelf, rows: Sequence[Row]) -> Sequence[Row]:
    """Return those of the rows that are agreed, and have the ledger count the others."""
    kept = within(agreement, shelf, rows)
    attempt.count_outside(len(rows) - len(kept))
    return kept


def all_shown(
    attempt: Attempt, agreement: Agreement, shelf: Shelf, found: Mapping[bytes, Sequence[Row]]
) -> Mapping[bytes, Sequence[Row]]:
    """Return what was found for many keys as ``all_within``, and have the ledger count the others."""
    kept = all_within(agreement, shelf, found)
    attempt.count_outside(_number(found) - _number(kept))
    return kept


def _number(found: Mapping[bytes, Sequence[Row]]) -> int:
    return sum(map(len, found.values()))


def verdict(agreement: Agreement, shelf: Shelf, rows: Sequence[Row]) -> bool | None:
    """Answer yes, no or not known of a key's rows, all of them agreed."""
    items = agreement.answer.items
    records = shelf.reader.records(rows, items) if items else [{}] * len(rows)
    return agreement.answer.told(records)


def limits(agreement: Agreement, at: datetime, spent: Spent, calendar: Calendar) -> dict[str, str]:
    """Return the RateLimit headers (draft-ietf-httpapi-ratelimit-headers-10) of what an agreement allows and what is left."""
    policies, left = [], []
    if (quota := agreement.quota_per_day) is not None:
        policies.append(f'"day";q={quota};qu="records";w={DAY}')
        remaining = max(quota - spent.on(calendar.day(at)), 0)
        left.append(f'"day";r={remaining};t={seconds_of_day_left(at, calendar)}')
    if (rate := agreement.rate) is not None:
        full_in = max(0.0, (spent.full_at - at).total_seconds()) if spent.full_at else 0.0
        policies.append(f'"rate";q={rate.burst};w={max(1, round(rate.burst / rate.per_second))}')
        left.append(f'"rate";r={rate.left(spent.full_at, at)};t={ceil(full_in)}')
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def agreed_rows(resource: Resource, agreement: Agreement) -> list[Filter]:
    """Return the agreed rows as far as the database can tell them: of texts and whole numbers in the clear."""
    found: list[Filter] = []
    for one in agreement.rows.conditions:
        item = resource.item(one.item)
        if item.sealed or item.type not in (ItemType.CHARACTER, ItemType.INTEGER):
            continue
        match one:
            case Within(_, division):
                found.append(Begins(item, significant(division)))
            case AgreedOneOf(_, values):
                found.append(OneOf(item, values))
    return found
