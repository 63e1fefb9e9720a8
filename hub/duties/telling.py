"""What stands undone is told once, in one message an organisation, and again after days if it stands still.

What could not be told is not noted as told, so that the next run tells it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import orjson
from sqlalchemy import Connection, text

from audit.recording import record_administration
from catalog.actor import HUB
from hub.composition import Hub
from hub.duties.duty import Finding
from hub.duties.watching import ground_in, watch
from hub.duties.webhook import Webhook
from infra.clock import Clock, now
from infra.database import Database, Role
from schemas.errors import NotificationFailed

AUTHORITY = "authority"
"""Who is told of findings of no organisation."""
_LOCK = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=0x74656C6C)  # "tell": no two at once
_TOLD = text(
    "SELECT finding FROM catalog.notification WHERE organisation IS NOT DISTINCT FROM :organisation AND told_at > :since"
)
_NOTE = text("""
    INSERT INTO catalog.notification (finding, organisation, message, told_at)
    SELECT finding, :organisation, :message, :at FROM unnest(CAST(:findings AS text[])) AS finding
    ON CONFLICT (finding) DO UPDATE SET message = excluded.message, told_at = excluded.told_at,
        organisation = excluded.organisation
""")


@dataclass
class Told:
    """How many findings were told, by organisation, and who could not be told and why."""

    told: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def tell(hub: Hub, webhook: Webhook, clock: Clock = now) -> Told:
    """Tell what newly stands undone; each organisation's message and its note are one transaction of its own."""
    at = clock()
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        found = watch(ground_in(hub, connection, lambda: at))
    by: dict[str | None, list[Finding]] = {}
    for one in found:
        by.setdefault(one.lack.organisation, []).append(one)
    done, since = Told(), at - timedelta(days=hub.settings.notify_again_days)
    for organisation, findings in by.items():
        try:
            number = _told(hub.database, webhook, organisation, findings, at, since)
        except NotificationFailed as error:
            done.failed[organisation or AUTHORITY] = str(error)
        else:
            if number:
                done.told[organisation or AUTHORITY] = number
    return done


def _told(
    database: Database, webhook: Webhook, organisation: str | None, findings: Sequence[Finding], at: datetime, since: datetime
) -> int:  # fmt: skip
    with database.engine(Role.APPLICATION).begin() as connection:
        connection.execute(_LOCK)
        fresh = _fresh(connection, organisation, findings, since)
        if fresh:
            body = _body(organisation, list(fresh.values()), at)
            message = _message(organisation, fresh, at)
            facts = {"message": message, "findings": len(fresh)}
            target = organisation or AUTHORITY
            record_administration(
                connection, actor=HUB.id, action="duties.notify", target=target, facts=facts
            )
            given = {"organisation": organisation, "message": message, "at": at, "findings": list(fresh)}
            connection.execute(_NOTE, given)
            webhook.send(message, at, body)  # last: what is not taken is not noted
    return len(fresh)


def _fresh(
    connection: Connection, organisation: str | None, findings: Sequence[Finding], since: datetime
) -> dict[str, Finding]:
    """Return what was not told since then; what is due anew is another finding."""
    told = set(connection.execute(_TOLD, {"organisation": organisation, "since": since}).scalars())
    named = {f"{one.key}@{one.lack.due.isoformat() if one.lack.due else ''}": one for one in findings}
    return {name: one for name, one in named.items() if name not in told}


def _message(organisation: str | None, fresh: Mapping[str, Finding], at: datetime) -> str:
    """Return a message's id: what was sent and not noted, as a hub died between, has it again on the same day."""
    named = "\n".join((organisation or AUTHORITY, at.date().isoformat(), *sorted(fresh)))
    return f"duties_{sha256(named.encode()).hexdigest()[:32]}"


def _body(organisation: str | None, findings: Sequence[Finding], at: datetime) -> bytes:
    data = {"organisation": organisation, "duties": [one.as_dict() for one in findings]}
    return orjson.dumps({"type": "duties.standing", "timestamp": at.isoformat(), "data": data})
