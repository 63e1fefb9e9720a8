"""What is due, told to programs at one address by webhook."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from hub.duties.channel import AUTHORITY, tried
from hub.duties.duty import Finding
from hub.webhooks import EVERYWHERE, Failure, key_of, post, signed
from infra.settings import Settings
from schemas.errors import ConfigurationError


@dataclass(frozen=True)
class Webhook:
    """Where messages go, and the key they are signed with. Nobody is followed elsewhere: a redirect is a failure."""

    url: str
    key: bytes
    wait: Callable[[float], None] = time.sleep
    name: str = "webhook"
    once_a_day: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Webhook | None":
        """Return the webhook of the settings, None where none is set; ``ConfigurationError`` where its secret is none."""
        if settings.webhook_url is None:
            return None
        if settings.webhook_secret is None:
            raise ConfigurationError(
                "HUB_WEBHOOK_SECRET is missing beside HUB_WEBHOOK_URL.", hint="See docs/duties.md."
            )
        key = key_of(settings.webhook_secret, "HUB_WEBHOOK_SECRET", "See docs/duties.md.")
        return cls(settings.webhook_url, key)

    def recipients(self, found: Sequence[Finding]) -> Mapping[str, Sequence[Finding]]:
        """Return the organisations, and the authority for what has none."""
        by: dict[str, list[Finding]] = {}
        for one in found:
            by.setdefault(one.lack.organisation or AUTHORITY, []).append(one)
        return by

    def written(self, recipient: str, findings: Sequence[Finding], at: datetime) -> str:
        """Return the JSON document of an organisation's findings."""
        organisation = None if recipient == AUTHORITY else recipient
        data = {"organisation": organisation, "duties": [one.as_dict() for one in findings]}
        return orjson.dumps({"type": "duties.standing", "timestamp": at.isoformat(), "data": data}).decode()

    def send(self, recipient: str, id_: str, at: datetime, body: str) -> None:
        """Send a message, tried anew where it may help; ``NotificationFailed`` where it was not taken."""
        del recipient  # all have one address
        taken = body.encode()
        headers = self.signed(id_, int(at.timestamp()), taken)
        tried(lambda: self._once(headers, taken), self.wait, "The webhook")

    def signed(self, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the headers that say which message it is, when it was sent, and that it is the hub's."""
        return signed(self.key, id_, timestamp, body)

    def _once(self, headers: dict[str, str], body: bytes) -> Failure | None:
        return asyncio.run(post(self.url, headers, body, EVERYWHERE))  # whoever set the address may reach it
