"""The mail server that messages are handed to: where it is, how it is spoken to, and one connection that is kept while there is much to hand over."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import urlsplit

from hub.webhooks import Failure
from infra.settings import Settings

_SECONDS = 10.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass
class MailServer:
    """A server by ``scheme``: ``smtps`` is encrypted from the start, ``smtp+starttls`` before anything is said, ``smtp`` not at all."""

    scheme: str
    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    _open: smtplib.SMTP | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "MailServer | None":
        """Return the server of the settings, None where none is set."""
        if settings.smtp_url is None or settings.smtp_sender is None:  # never the one without the other
            return None
        told = urlsplit(settings.smtp_url)
        port = told.port or _PORTS[told.scheme]
        sender, user, password = settings.smtp_sender, settings.smtp_user, settings.smtp_password
        return cls(told.scheme, told.hostname or "", port, sender, user, password)

    @property
    def domain(self) -> str:
        """The sender's: the hub says it is of there, and messages' ids are."""
        return self.sender.rpartition("@")[2]

    def reached(self) -> Failure | None:
        """Connect and sign in unless that is done; return what went wrong."""
        if self._open is not None and self._open.sock is not None:
            return None
        try:
            self._open = self._signed_in(self._connected())
        except smtplib.SMTPResponseException as error:  # of signing in too; the server's words may quote
            return Failure(f"it answers {error.smtp_code} before a message", error.smtp_code < 500)
        except smtplib.SMTPNotSupportedError:
            return Failure("it does not offer STARTTLS, or signing in", again=False)
        except ssl.SSLCertVerificationError:
            return Failure("its certificate is not one that is trusted here", again=False)
        except (smtplib.SMTPException, OSError) as error:
            return Failure(type(error).__name__, again=True)
        return None

    def hand_over(self, message: EmailMessage, address: str) -> Failure | None:
        """Hand a message over for one address; return what went wrong, in codes alone, for a server's words may quote the address."""
        assert self._open is not None
        try:
            self._open.send_message(message, self.sender, [address])
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _),) = error.recipients.values()
            return Failure(f"it answers {code} to the recipient", code < 500)
        except smtplib.SMTPResponseException as error:
            return Failure(f"it answers {error.smtp_code}", error.smtp_code < 500)
        except (smtplib.SMTPException, OSError) as error:
            self._open.close()
            return Failure(type(error).__name__, again=True)
        return None

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connected(self) -> smtplib.SMTP:
        if self.scheme == "smtps":
            trusted = ssl.create_default_context()
            return smtplib.SMTP_SSL(
                self.host, self.port, local_hostname=self.domain, timeout=_SECONDS, context=trusted
            )
        return smtplib.SMTP(self.host, self.port, local_hostname=self.domain, timeout=_SECONDS)

    def _signed_in(self, opened: smtplib.SMTP) -> smtplib.SMTP:
        try:
            if self.scheme == "smtp+starttls":
                opened.starttls(context=ssl.create_default_context())
            if self.user is not None and self.password is not None:
                opened.login(self.user, self.password)
        except BaseException:
            opened.close()
            raise
        return opened
