"""Digests by e-mail: a message a day at most to each contact, to it alone, so that nobody sees another's address or waits for it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import orjson

from catalog.contact import Bearer, Contact, heard
from hub.duties.channel import tried
from hub.duties.digest import Digest
from hub.duties.duty import Finding
from hub.duties.mail_server import MailServer
from hub.webhooks import Failure
from schemas.errors import NotificationFailed


@dataclass
class Mail:
    """The channel: contacts by id, organisations' names by code. Findings name contacts by id, and so do errors."""

    server: MailServer
    contacts: Mapping[str, Contact]
    names: Mapping[str, str]
    zone: ZoneInfo
    wait: Callable[[float], None] = time.sleep
    name: str = "smtp"
    once_a_day: bool = True
    _away: NotificationFailed | None = None

    def recipients(self, found: Sequence[Finding]) -> Mapping[str, Sequence[Finding]]:
        """Return the contacts whom something concerns."""
        hearing: dict[tuple[Bearer, str | None], list[str]] = {}
        for id_, contact in self.contacts.items():
            for whose in contact.hears:
                hearing.setdefault(whose, []).append(id_)
        by: dict[str, list[Finding]] = {}
        for one in found:
            for id_ in hearing.get(heard(one.duty.bearer, one.lack.organisation), ()):
                by.setdefault(id_, []).append(one)
        return by

    def written(self, recipient: str, findings: Sequence[Finding], at: datetime) -> str:
        """Return subject and text as JSON; the address is added when it is sent."""
        organisation = self.contacts[recipient].organisation
        digest = Digest(self.names.get(organisation, organisation), findings, at, self.zone)
        return orjson.dumps({"subject": digest.subject, "text": digest.text}).decode()

    def send(self, recipient: str, id_: str, at: datetime, body: str) -> None:
        """Send it, tried anew where it may help; a server that cannot be reached is not tried for each contact again."""
        contact = self.contacts.get(recipient)
        if contact is None:
            raise NotificationFailed(f"Contact {recipient} is not there any more.")
        if self._away is not None:
            raise self._away
        message = self._message(contact, id_, at, **orjson.loads(body))
        try:
            tried(self.server.reached, self.wait, "The mail server")
        except NotificationFailed as error:
            self._away = error
            raise
        tried(lambda: self._once(message, contact), self.wait, "The mail server")

    def _once(self, message: EmailMessage, contact: Contact) -> Failure | None:
        return self.server.reached() or self.server.hand_over(message, contact.address)

    def _message(self, contact: Contact, id_: str, at: datetime, subject: str, text: str) -> EmailMessage:
        """Put a message together; its id is what a repeat is known by. The policy refuses line breaks in headers."""
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = self.server.sender, contact.address
        message["Subject"], message["Date"] = subject, format_datetime(at)
        message["Message-ID"] = f"<{id_}@{self.server.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte="base64")
        return message
