"""Being told instead of asking: where a subscription is pushed to, and how that stands; for the systems whose they are."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from catalog.subscription import Subscription
from catalog.subscription_push import (
    dead_letters,
    moments_told,
    pushes,
    remove_push,
    replay_push,
    resume_push,
    set_push,
)
from catalog.subscriptions import Subscriptions
from connectors.neighbour_web import Network, checked_url
from exchange_api.attempt import Attempt
from exchange_api.bodies import Fields
from exchange_api.delivery import MOST_TOLD, Deliveries
from exchange_api.delivery_push import sealed_secret
from exchange_api.subscription_cursor import Use
from exchange_api.subscription_desk import subscription_named
from exchange_api.transactions import Transaction, Transactions
from hub.webhooks import new_secret
from infra.keyring import Keyring
from schemas.errors import AddressForbidden, MalformedRequest, NotPushed

_FORMS = {"changes": False, "notice": True}
_LONGEST_URL = 2000
Made = TypeVar("Made")


class PushDesk:
    """The readings of ``/v1/subscriptions/{id}/push``; each takes an attempt of a system."""

    def __init__(
        self,
        deliveries: Deliveries,
        transactions: Transactions,
        keyring: Keyring,
        networks: tuple[Network, ...],
    ) -> None:
        self._deliveries, self._transactions, self._keyring = deliveries, transactions, keyring
        self._networks = networks

    async def set_(self, attempt: Attempt) -> dict[str, Any]:
        """Push a subscription to an address from a cursor on; answers with a new secret, this once."""
        id_, fields = subscription_named(attempt), await Fields.of(attempt.request, "url", "after", "tells")
        url, tells = (
            _url(fields.text("url"), plain=bool(self._networks)),
            fields.text_or_none("tells") or "changes",
        )
        if tells not in _FORMS:
            raise MalformedRequest(f"Field tells must be one of: {', '.join(_FORMS)}.")
        opened = await self._deliveries.opened(attempt, id_, MOST_TOLD)
        cursor = self._deliveries.cursor(opened, Use.CHANGES, fields.text("after"))
        secret = new_secret()
        told = {
            "subscription": id_, "url": url, "thin": _FORMS[tells], "secret": sealed_secret(self._keyring, id_, secret),
            "position": cursor.position, "sight": cursor.sight,
        }  # fmt: skip

        def work(now: Transaction, _found: Subscription) -> dict[str, Any]:
            set_push(now.connection, told)
            return _standing(now, id_)

        facts = {"host": urlsplit(url).hostname, "tells": tells}
        return {**await self._written(attempt, "push", work, facts), "secret": secret}

    async def show(self, attempt: Attempt) -> dict[str, Any]:
        """Tell how far a subscription has been pushed, why it waits or stands, and what was not taken."""

        def work(now: Transaction, found: Subscription) -> dict[str, Any]:
            return _standing(now, found.id)

        return await self._written(attempt, None, work)

    async def remove(self, attempt: Attempt) -> dict[str, Any]:
        """Push it no more; it can be read as before."""

        def work(now: Transaction, found: Subscription) -> dict[str, Any]:
            if not remove_push(now.connection, found.id):
                raise _not_pushed()
            return {"subscription": found.id, "removed": True}

        return await self._written(attempt, "push.remove", work)

    async def resume(self, attempt: Attempt) -> dict[str, Any]:
        """Go on with a push that stopped: with the message that was not taken, behind it, or back at a dead letter."""
        fields = await Fields.of(attempt.request, "from", "message")
        where, message = fields.text_or_none("from") or "here", fields.text_or_none("message")
        if where not in ("here", "behind") or (message and where != "here"):
            raise MalformedRequest("Field from must be here or behind, and here where a message is named.")

        def work(now: Transaction, found: Subscription) -> dict[str, Any]:
            done = (
                replay_push(now.connection, found.id, message)
                if message
                else resume_push(now.connection, found.id, skip=where == "behind")
            )
            if not done:
                raise _not_pushed()
            return _standing(now, found.id)

        return await self._written(attempt, "push.resume", work, {"from": message or where})

    async def _written(
        self,
        attempt: Attempt,
        action: str | None,
        work: Callable[[Transaction, Subscription], Made],
        facts: dict[str, Any] | None = None,
    ) -> Made:
        """Do it in one transaction with its entry, for the subscription's own system alone."""
        id_, system = subscription_named(attempt), attempt.actor.id

        def inside(now: Transaction) -> Made:
            found = Subscriptions(now.connection, now.record).one(id_, system)
            attempt.resource = found.resource
            if action is not None:
                now.record(
                    now.connection,
                    actor=system,
                    action=f"subscription.{action}",
                    target=id_,
                    facts=facts or {},
                )
            return work(now, found)

        return await self._transactions.committed(attempt, inside)


def _standing(now: Transaction, id_: str) -> dict[str, Any]:
    found = pushes(now.connection, id_)
    if not found:
        raise _not_pushed()
    named = ("subscription", "url", "status", "attempts", "reason", "next_at", "taken_at")
    told = {name: moments_told(found[0])[name] for name in named}
    letters = [
        {n: v for n, v in moments_told(one).items() if n != "subscription"}
        for one in dead_letters(now.connection, id_)
    ]
    return told | {"tells": "notice" if found[0]["thin"] else "changes", "dead_letters": letters}


def _not_pushed() -> NotPushed:
    return NotPushed(
        "It is not pushed, or has no such dead letter.",
        hint="PUT …/push says where to; GET …/push lists dead letters.",
    )


def _url(text: str, *, plain: bool) -> str:
    """Check where messages are to go; where a name leads is judged whenever one is sent."""
    try:
        url = checked_url(text)
    except AddressForbidden as error:
        raise MalformedRequest(
            error.detail, hint="Give an https:// address, without user and password."
        ) from None
    if len(text) > _LONGEST_URL or (url.scheme != "https" and not plain):
        raise MalformedRequest(
            "The address is too long, or not one of HTTPS.", hint="Give an https:// address."
        )
    return str(url)
