"""Agreements, keys and the calendar: what nobody uses, what ends soon, and what calls though it is suspended."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select, text

from catalog.repository import system_of
from catalog.tables import SYSTEM
from hub.duties.duty import Ground, Lack

_DAY = timedelta(days=1)
_TOLD_BEFORE = 20
"""Working days between the first word of a year that the calendar lacks and the first deadline that needs it."""
# One step down the index of uses by agreement for each agreement in force.
_UNUSED = text("""
    SELECT a.id, s.organisation, a.valid_from, (
        SELECT max(u.last_day) FROM catalog.item_use AS u WHERE u.agreement = a.id
    ) AS last_day
    FROM catalog.agreement AS a JOIN catalog.system AS s ON s.id = a.system
    WHERE a.status = 'in_force' AND a.valid_from <= :since AND a.valid_to > :at AND coalesce((
        SELECT u.last_day FROM catalog.item_use AS u WHERE u.agreement = a.id ORDER BY u.last_day DESC LIMIT 1
    ) < :day, true) ORDER BY a.id
""")
# A key without an end ends never; what the keys are is read of the few systems that are found.
_LAST_KEYS_ENDING = text("""
    SELECT id FROM catalog.system WHERE status = 'active'
        AND NOT EXISTS (SELECT FROM jsonb_array_elements(keys) AS key WHERE NOT key ? 'exp')
        AND (SELECT max(CAST(key ->> 'exp' AS numeric)) FROM jsonb_array_elements(keys) AS key) <= :until
""")
_ENDING = text("""
    SELECT a.id, s.organisation, a.valid_from, a.valid_to FROM catalog.agreement AS a JOIN catalog.system AS s ON s.id = a.system
    WHERE a.status = 'in_force' AND a.valid_to > :at AND a.valid_to <= :until ORDER BY a.valid_to, a.id
""")
_REFUSED = text("""
    WITH asked AS (
        SELECT actor, resource, max(hour) AS last, sum(entries) AS entries FROM ledger.statistic
        WHERE hour >= :since AND kind = 'refusal' AND actor IS NOT NULL GROUP BY actor, resource
    )
    SELECT s.id AS subject, s.organisation, max(asked.last) AS last, sum(asked.entries)::bigint AS entries
        FROM asked JOIN catalog.system AS s ON s.id = asked.actor WHERE s.status = 'suspended' GROUP BY s.id
    UNION ALL
    SELECT a.id, s.organisation, asked.last, asked.entries::bigint
        FROM asked JOIN catalog.agreement AS a ON a.system = asked.actor AND a.resource = asked.resource
            JOIN catalog.system AS s ON s.id = a.system WHERE a.status = 'suspended' AND s.status = 'active'
    ORDER BY 1
""")


def unused(ground: Ground) -> Iterator[Lack]:
    """Find the agreements in force under which nothing was read for long."""
    since = ground.unused_since
    given = {"at": ground.at, "since": since, "day": since.date()}
    for row in ground.connection.execute(_UNUSED, given):
        said = f"Last read on {row.last_day}." if row.last_day else "It was never read under it."
        yield Lack(row.id, row.organisation, row.valid_from, detail=said)


def ending(ground: Ground) -> Iterator[Lack]:
    """Find the agreements that end within the time that a new one may take."""
    horizon = ground.at + timedelta(days=3 * ground.renew_days + 15)  # the longest holidays included
    for row in ground.connection.execute(_ENDING, {"at": ground.at, "until": horizon}):
        if ground.rhythm.before(row.valid_to, ground.renew_days) <= ground.at:
            yield Lack(row.id, row.organisation, row.valid_from, row.valid_to)


def keys_ending(ground: Ground) -> Iterator[Lack]:
    """Find the active systems whose last key, or certificate, ends soon or has ended."""
    until = (ground.at + ground.key_days * _DAY).timestamp()
    ending = ground.connection.execute(_LAST_KEYS_ENDING, {"until": until}).scalars().all()
    systems = select(SYSTEM).where(SYSTEM.c.id.in_(ending)).order_by(SYSTEM.c.id)
    for system in map(system_of, ground.connection.execute(systems).mappings()):
        last = max(system.known_keys, key=lambda key: key.jwk["exp"])
        what = "certificate" if "x5c" in last.jwk else "key"
        yield Lack(system.id, system.organisation, due=last.ends_at, detail=f"Its last {what} ends.")


def refused_traffic(ground: Ground) -> Iterator[Lack]:
    """Find what is suspended and yet called within the last day; calls are counted when the ledger is sealed."""
    for row in ground.connection.execute(_REFUSED, {"since": ground.at - _DAY}):
        yield Lack(row.subject, row.organisation, row.last, detail=f"{row.entries} calls were refused.")


def calendar_ending(ground: Ground) -> Iterator[Lack]:
    """Find the year that the calendar lacks, before the first deadline needs it; from then on it is late."""
    year, needed = ground.calendar.first_lacking(ground.at)
    if ground.rhythm.before(needed, _TOLD_BEFORE) <= ground.at:
        said = f"What reaches into {year} is refused: the longest deadline from {ground.calendar.day(needed)} on."
        yield Lack(str(year), due=needed, detail=said)
