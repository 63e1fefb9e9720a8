"""Messages to one address by HTTP, signed as Standard Webhooks has it: id, timestamp, and HMAC-SHA256 over both and the body."""

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import httpx
import orjson

from hub.duties.channel import AUTHORITY, Failure, tried
from hub.duties.duty import Finding
from infra.settings import Settings
from schemas.errors import ConfigurationError

_PREFIX = "whsec_"
_SECONDS = 10.0
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


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
        try:
            key = base64.b64decode(settings.webhook_secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) < 24:
            raise ConfigurationError(
                "HUB_WEBHOOK_SECRET is not whsec_ and base64 of 24 bytes or more.", hint="See docs/duties.md."
            )
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
        headers = {"Content-Type": "application/json", **self.signed(id_, int(at.timestamp()), taken)}
        with httpx.Client(trust_env=False, timeout=_SECONDS) as client:
            tried(lambda: self._once(client, headers, taken), self.wait, "The webhook")

    def signed(self, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the headers that say which message it is, when it was sent, and that it is the hub's."""
        signature = hmac.digest(self.key, f"{id_}.{timestamp}.".encode() + body, "sha256")
        told = base64.b64encode(signature).decode()
        return {"webhook-id": id_, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{told}"}

    def _once(self, client: httpx.Client, headers: dict[str, str], body: bytes) -> Failure | None:
        try:
            answer = client.post(self.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return Failure(type(error).__name__, again=True)
        if answer.is_success:
            return None
        again = answer.is_server_error or answer.status_code in _LATER
        return Failure(f"it answers {answer.status_code}", again)
