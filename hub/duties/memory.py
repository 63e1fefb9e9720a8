"""What each channel has told whom: a message is claimed, sent with no transaction open, and noted as told.

Each step is one transaction with its ledger entry. Who tells holds a lock of the session, which ends with the process: what is found claimed
is then of a run that died, between sending and noting perhaps, and is sent once more under the same id.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import orjson
from sqlalchemy import Connection, text

from audit.recording import record_administration
from catalog.actor import HUB
from hub.duties.duty import Finding, Severity
from infra.database import Database, Role
from schemas.errors import NotificationBusy

STEPS = (5, 10, 20)
"""Working days late at which a finding is worse than it was."""
_KEY = 0x74656C6C  # "tell"
_LOCK = text("SELECT pg_try_advisory_lock(:key)").bindparams(key=_KEY)
_UNLOCK = text("SELECT pg_advisory_unlock(:key)").bindparams(key=_KEY)
_TOLD = text("""
    SELECT recipient, finding, severity, days_late, told_at, stands FROM catalog.notification
    WHERE channel = :channel AND told_at > :since
""")
_LEFT = text("""
    SELECT recipient, message, body, findings, claimed_at FROM catalog.notification_claim WHERE channel = :channel
    ORDER BY claimed_at, recipient
""")
_CLAIM = text("""
    INSERT INTO catalog.notification_claim (channel, recipient, message, body, findings, claimed_at)
    VALUES (:channel, :recipient, :message, :body, CAST(:findings AS jsonb), :at)
""")
_RELEASE = text("DELETE FROM catalog.notification_claim WHERE message = :message")
# What was claimed for a contact that is removed meanwhile is gone, and nothing is to be remembered of it.
_NOTE = text("""
    WITH claim AS (DELETE FROM catalog.notification_claim WHERE message = :message RETURNING channel, recipient, message, findings)
    INSERT INTO catalog.notification (channel, recipient, finding, severity, days_late, message, told_at)
    SELECT channel, recipient, told.key, told.value ->> 'severity', CAST(told.value ->> 'days_late' AS integer), message, :at
        FROM claim, jsonb_each(findings) AS told
    ON CONFLICT (channel, recipient, finding) DO UPDATE SET severity = excluded.severity, days_late = excluded.days_late,
        message = excluded.message, told_at = excluded.told_at, stands = true
""")
_DONE = "channel = :channel AND stands AND finding <> ALL(:standing)"
_ANY_DONE = text(f"SELECT count(*) FROM catalog.notification WHERE {_DONE}")
_SET_DONE = text(f"UPDATE catalog.notification SET stands = false WHERE {_DONE}")
_FORGET = text(
    "DELETE FROM catalog.notification WHERE channel = :channel AND recipient = :recipient AND told_at <= :since"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How bad a finding was when it was told."""

    severity: Severity
    days_late: int

    def is_worse_than(self, told: "Standing") -> bool:
        """Tell whether it is more severe, or late by another step."""
        severer = self.severity is not told.severity and self.severity.reaches(told.severity)
        return severer or self.step > told.step

    @property
    def step(self) -> int:
        """How many of the steps it is past."""
        return bisect_right(STEPS, self.days_late)


@dataclass(frozen=True, slots=True)
class Before:
    """That a finding was told: when, how bad it was, and whether it has stood ever since."""

    standing: Standing
    at: datetime
    stands: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that is to be sent, or was and is not noted."""

    channel: str
    recipient: str
    message: str
    body: str
    findings: Mapping[str, Standing]
    at: datetime

    @property
    def name(self) -> str:
        """Who is told by it, and by which channel."""
        return f"{self.channel}/{self.recipient}"


def named(finding: Finding) -> str:
    """Return what a finding is remembered by: what is due anew is another."""
    due = finding.lack.due
    return f"{finding.key}@{due.isoformat() if due else ''}"


def standing(finding: Finding) -> Standing:
    """Return how bad it is now."""
    return Standing(finding.duty.severity, finding.days_late)


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Tell alone, or raise ``NotificationBusy``; no transaction is open meanwhile."""
    engine = database.engine(Role.APPLICATION).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.execute(_LOCK).scalar_one():
            raise NotificationBusy(
                "Duties are being told just now.", hint="Let that run end; it tells the same."
            )
        try:
            yield
        finally:
            connection.execute(_UNLOCK)


class Memory:
    """What one channel has told since a moment, and its claims."""

    def __init__(self, database: Database, channel: str, since: datetime) -> None:
        self._database, self._channel, self._since = database, channel, since

    def told(self) -> Mapping[str, Mapping[str, Before]]:
        """Return what was told, by recipient and finding."""
        found: dict[str, dict[str, Before]] = {}
        with self._database.engine(Role.APPLICATION).connect() as connection:
            for row in connection.execute(_TOLD, {"channel": self._channel, "since": self._since}):
                was = Standing(Severity(row.severity), row.days_late)
                found.setdefault(row.recipient, {})[row.finding] = Before(was, row.told_at, row.stands)
        return found

    def done(self, standing: Sequence[str]) -> None:
        """Note what stands no more: when it is undone anew, that is told."""
        given = {"channel": self._channel, "standing": list(standing)}
        with self._database.engine(Role.APPLICATION).begin() as connection:
            if number := connection.execute(_ANY_DONE, given).scalar_one():
                record_administration(
                    connection,
                    actor=HUB.id,
                    action="duties.done",
                    target=self._channel,
                    facts={"findings": number},
                )
                connection.execute(_SET_DONE, given)

    def left(self) -> list[Claim]:
        """Return what runs that died have claimed, the oldest first."""
        with self._database.engine(Role.APPLICATION).connect() as connection:
            rows = connection.execute(_LEFT, {"channel": self._channel}).all()
        return [
            Claim(self._channel, row.recipient, row.message, row.body, _read(row.findings), row.claimed_at)
            for row in rows
        ]

    def claim(self, recipient: str, body: str, findings: Mapping[str, Standing], at: datetime) -> Claim:
        """Say that a message is to be sent. The same told on the same day has the same id, also when it was not taken before."""
        as_told = sorted(f"{name}:{one.severity}:{one.step}" for name, one in findings.items())
        words = "\n".join((self._channel, recipient, at.date().isoformat(), *as_told))
        message = f"duties_{sha256(words.encode()).hexdigest()[:32]}"
        made = Claim(self._channel, recipient, message, body, findings, at)
        written = {
            name: {"severity": one.severity, "days_late": one.days_late} for name, one in findings.items()
        }
        values = {
            "channel": self._channel,
            "recipient": recipient,
            "message": message,
            "body": body,
            "at": at,
        }
        with self._recorded("duties.claim", made) as connection:
            connection.execute(_CLAIM, values | {"findings": orjson.dumps(written).decode()})
        return made

    def note(self, claim: Claim, at: datetime) -> None:
        """Remember that it was taken, and forget what is old enough to be told again."""
        of = {"channel": claim.channel, "recipient": claim.recipient, "since": self._since}
        with self._recorded("duties.notify", claim) as connection:
            connection.execute(_FORGET, of)
            connection.execute(_NOTE, {"message": claim.message, "at": at})

    def release(self, claim: Claim) -> None:
        """Remember nothing: it was not taken, and is told with the next run."""
        with self._recorded("duties.not_taken", claim) as connection:
            connection.execute(_RELEASE, {"message": claim.message})

    @contextmanager
    def _recorded(self, action: str, claim: Claim) -> Iterator[Connection]:
        facts = {"channel": claim.channel, "message": claim.message, "findings": len(claim.findings)}
        with self._database.engine(Role.APPLICATION).begin() as connection:
            record_administration(
                connection, actor=HUB.id, action=action, target=claim.recipient, facts=facts
            )
            yield connection


def _read(findings: Mapping[str, Mapping[str, object]]) -> Mapping[str, Standing]:
    return {
        name: Standing(Severity(str(one["severity"])), int(str(one["days_late"])))
        for name, one in findings.items()
    }
