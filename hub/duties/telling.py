"""What stands undone is told once to whom it concerns, by every channel that is set; again after days, and when it became worse.

What could not be told is not noted as told, so that the next run tells it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.composition import Hub
from hub.duties.channel import Channel
from hub.duties.duty import Finding
from hub.duties.memory import Before, Claim, Memory, alone, named, standing
from hub.duties.watching import ground_in, watch
from infra.clock import Clock, now
from infra.database import Role
from schemas.errors import NotificationFailed


@dataclass
class Told:
    """How many findings were told, by channel and recipient, and who could not be told and why."""

    told: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be told to one recipient."""

    channel: str
    recipient: str
    findings: Sequence[Finding]

    @property
    def name(self) -> str:
        """Who is told by it, and by which channel."""
        return f"{self.channel}/{self.recipient}"


@dataclass(frozen=True)
class _Teller:
    """Tells by one channel, at one moment of the clock."""

    hub: Hub
    channel: Channel
    clock: Clock
    at: datetime

    @property
    def memory(self) -> Memory:
        since = self.at - timedelta(days=self.hub.settings.notify_again_days)
        return Memory(self.hub.database, self.channel.name, since)

    def tell(self, found: Sequence[Finding], done: Told) -> None:
        for left in self.memory.left():
            self._send(left, done)
        self.memory.done([named(one) for one in found])
        for parcel in self.parcels(found):
            if parcel.name in done.failed:
                continue
            body = self.channel.written(parcel.recipient, parcel.findings, self.at)
            findings = {named(one): standing(one) for one in parcel.findings}
            self._send(self.memory.claim(parcel.recipient, body, findings, self.at), done)

    def parcels(self, found: Sequence[Finding]) -> list[Parcel]:
        told = self.memory.told()
        parcels = []
        for recipient, findings in self.channel.recipients(found).items():
            known = told.get(recipient, {})
            fresh = [one for one in findings if _is_fresh(one, known)]
            if fresh and not (self.channel.once_a_day and self._was_told_today(known)):
                parcels.append(Parcel(self.channel.name, recipient, fresh))
        return parcels

    def _was_told_today(self, known: Mapping[str, Before]) -> bool:
        zone = ZoneInfo(self.hub.settings.time_zone)
        today = self.at.astimezone(zone).date()
        return any(before.at.astimezone(zone).date() == today for before in known.values())

    def _send(self, claim: Claim, done: Told) -> None:
        try:
            self.channel.send(claim.recipient, claim.message, self.clock(), claim.body)
        except NotificationFailed as error:
            self.memory.release(claim)
            done.failed[claim.name] = str(error)
        else:
            self.memory.note(claim, self.at)
            done.told[claim.name] = done.told.get(claim.name, 0) + len(claim.findings)


def tell(hub: Hub, channels: Sequence[Channel], clock: Clock = now) -> Told:
    """Tell what newly stands undone; ``NotificationBusy`` where another run tells. No transaction is open while anything is sent."""
    done = Told()
    with alone(hub.database):
        at = clock()
        found = _found(hub, at)
        for channel in channels:
            _Teller(hub, channel, clock, at).tell(found, done)
    return done


def planned(hub: Hub, channels: Sequence[Channel], clock: Clock = now) -> list[Parcel]:
    """Return what would be told to whom, and tell nobody. What a run that died has claimed is new still."""
    at = clock()
    found = _found(hub, at)
    return [one for channel in channels for one in _Teller(hub, channel, clock, at).parcels(found)]


def _found(hub: Hub, at: datetime) -> Sequence[Finding]:
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        return watch(ground_in(hub, connection, lambda: at))


def _is_fresh(finding: Finding, known: Mapping[str, Before]) -> bool:
    before = known.get(named(finding))
    return before is None or not before.stands or standing(finding).is_worse_than(before.standing)
