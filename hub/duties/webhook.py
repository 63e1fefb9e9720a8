"""Messages to one address by HTTP, signed as Standard Webhooks has it: id, timestamp, and HMAC-SHA256 over both and the body."""

import base64
import binascii
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import httpx

from infra.settings import Settings
from schemas.errors import ConfigurationError, NotificationFailed

_PREFIX = "whsec_"
_SECONDS = 10.0
_WAITS = (1.0, 4.0)
"""Seconds before each new try."""
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True)
class Webhook:
    """Where messages go, and the key they are signed with. Nobody is followed elsewhere: a redirect is a failure."""

    url: str
    key: bytes
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, settings: Settings) -> "Webhook":
        """Return the webhook of the settings; ``ConfigurationError`` where none is set, or its secret is none."""
        if settings.webhook_url is None or settings.webhook_secret is None:
            raise ConfigurationError(
                "Nobody is to be told of duties.", hint="Set HUB_WEBHOOK_URL and HUB_WEBHOOK_SECRET."
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

    def send(self, id_: str, at: datetime, body: bytes) -> None:
        """Send a message, tried anew where it may help; ``NotificationFailed`` where it was not taken."""
        headers = {"Content-Type": "application/json", **self.signed(id_, int(at.timestamp()), body)}
        with httpx.Client(trust_env=False, timeout=_SECONDS) as client:
            for pause in (*_WAITS, None):
                said, again = self._tried(client, headers, body)
                if said is None:
                    return
                if pause is None or not again:
                    raise NotificationFailed(
                        f"The webhook did not take a message: {said}.", hint="It is told with the next run."
                    )
                self.wait(pause)

    def signed(self, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the headers that say which message it is, when it was made, and that it is the hub's."""
        signature = hmac.digest(self.key, f"{id_}.{timestamp}.".encode() + body, "sha256")
        told = base64.b64encode(signature).decode()
        return {"webhook-id": id_, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{told}"}

    def _tried(self, client: httpx.Client, headers: dict[str, str], body: bytes) -> tuple[str | None, bool]:
        """Return what went wrong, None where nothing did, and whether another try may help."""
        try:
            answer = client.post(self.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return type(error).__name__, True
        if answer.is_success:
            return None, False
        return f"it answers {answer.status_code}", answer.is_server_error or answer.status_code in _LATER
