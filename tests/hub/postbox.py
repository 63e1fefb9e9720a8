"""A mail server for tests: keeps what it takes, answers as it is told to."""

import asyncio
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Postbox:
    """``answers`` holds by recipient, or for DATA, what is answered first; ``before`` and ``meanwhile`` are done before the one and the other."""

    def __init__(self):
        self.taken, self.tried, self.answers, self.waited = [], [], {}, []
        self.port = self.before = self.meanwhile = None

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - so aiosmtpd calls it
        self.tried.append(address)
        if self.before:
            await asyncio.to_thread(self.before)
        if answers := self.answers.get(address):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - so aiosmtpd calls it
        (to,) = envelope.rcpt_tos
        self.taken.append((to, message_from_bytes(envelope.content, policy=default)))
        if self.meanwhile:
            await asyncio.to_thread(self.meanwhile)
        answers = self.answers.get("DATA")
        return answers.pop(0) if answers else "250 OK"

    def ids(self):
        return [message["Message-ID"] for _, message in self.taken]

    def told(self, address):
        """Return the texts that an address got."""
        return [_text(message) for to, message in self.taken if to == address]


def _text(message):
    return message.get_content().replace("\r\n", "\n")


class _Anywhere(Controller):
    """Listens at a port that is free, and says which."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def allowing(user, password):
    """Return who lets one user in."""

    def _authenticate(_server, _session, _envelope, _mechanism, data):
        right = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=False)

    return _authenticate


@contextmanager
def open_postbox(**options):
    postbox = Postbox()
    controller = _Anywhere(postbox, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        postbox.port = controller.port
        yield postbox
    finally:
        controller.stop()
