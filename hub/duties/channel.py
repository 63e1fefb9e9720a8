"""What a channel is by which people are told of duties, and how sending is tried anew where it may help."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from hub.duties.duty import Finding
from hub.webhooks import Failure
from schemas.errors import NotificationFailed

AUTHORITY = "authority"
"""Who is told of findings of no organisation."""
WAITS = (1.0, 4.0)
"""Seconds before each new try."""


class Channel(Protocol):
    """A way to tell. A recipient is named by what may stand in logs: no address."""

    @property
    def name(self) -> str:
        """What it is called in what is remembered."""
        ...

    @property
    def once_a_day(self) -> bool:
        """Whether a recipient gets one message a day at most."""
        ...

    def recipients(self, found: Sequence[Finding]) -> Mapping[str, Sequence[Finding]]:
        """Return who is to be told, each with all that concerns them."""
        ...

    def written(self, recipient: str, findings: Sequence[Finding], at: datetime) -> str:
        """Return the message to a recipient, as it is kept until it is taken."""
        ...

    def send(self, recipient: str, id_: str, at: datetime, body: str) -> None:
        """Send a message that was written; ``NotificationFailed`` where it was not taken."""
        ...


def tried(once: Callable[[], Failure | None], wait: Callable[[float], None], who: str) -> None:
    """Try until it goes well, waiting in between; ``NotificationFailed`` where no try did or will."""
    for pause in (*WAITS, None):
        failure = once()
        if failure is None:
            return
        if pause is None or not failure.again:
            raise NotificationFailed(
                f"{who} did not take a message: {failure.said}.", hint="It is told with the next run."
            )
        wait(pause)
