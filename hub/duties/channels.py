"""The channels that are set, opened for one run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from audit.recording import record_administration
from catalog.contacts import Contacts
from catalog.repository import Catalogue
from hub.composition import Hub
from hub.duties.channel import Channel
from hub.duties.mail import Mail
from hub.duties.mail_server import MailServer
from hub.duties.webhook import Webhook
from infra.database import Role
from infra.settings import Settings
from schemas.errors import ConfigurationError


def any_set(settings: Settings) -> bool:
    """Tell whether anybody is to be told of duties."""
    return settings.webhook_url is not None or settings.smtp_url is not None


@contextmanager
def channels_of(hub: Hub) -> Iterator[Sequence[Channel]]:
    """Give the webhook and the mail, each where it is set; ``ConfigurationError`` where none is, or a setting is wrong."""
    webhook, server = Webhook.of(hub.settings), MailServer.of(hub.settings)
    if webhook is None and server is None:
        raise ConfigurationError(
            "Nobody is to be told of duties.",
            hint="Set HUB_WEBHOOK_URL, or HUB_SMTP_URL and HUB_SMTP_SENDER.",
        )
    channels: list[Channel] = [] if webhook is None else [webhook]
    if server is None:
        yield channels
        return
    try:
        yield [*channels, _mail(hub, server)]
    finally:
        server.close()


def _mail(hub: Hub, server: MailServer) -> Mail:
    with hub.database.engine(Role.APPLICATION).connect() as connection:
        contacts = Contacts(connection, record_administration).all()
        organisations = Catalogue(connection, record_administration).organisations()
    names = {one.code: one.name for one in organisations}
    return Mail(server, {one.id: one for one in contacts}, names, ZoneInfo(hub.settings.time_zone))
