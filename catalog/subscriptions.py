"""Writing and reading subscriptions; the caller commits, with the ledger's entry."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, DateTime, Table, Text, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from catalog.recorded import Recorded
from catalog.subscription import MOST_LIVE, Subscription, SubscriptionStatus, subscription_of
from catalog.tables import METADATA
from schemas.errors import TooManySubscriptions, UnknownSubscription

SUBSCRIPTION = Table(
    "subscription",
    METADATA,
    Column("id", Text, primary_key=True),
    *(Column(name, Text) for name in ("system", "agreement", "resource")),
    Column("items", ARRAY(Text)),
    *(Column(name, Text) for name in ("purpose", "legal_basis", "case_code", "status")),
    Column("made_at", DateTime(timezone=True)),
)
ONE = "SELECT * FROM catalog.subscription WHERE id = $1 AND system = $2"
"""One system's subscription, for asyncpg."""


class Subscriptions(Recorded):
    """Subscriptions of systems."""

    def add(self, subscription: Subscription, *, actor: str) -> None:
        """Take a subscription in; ``TooManySubscriptions`` where the system has as many as it may."""
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended('subscriptions.' || :system, 0))")
        self._connection.execute(lock, {"system": subscription.system})
        live = (SUBSCRIPTION.c.system == subscription.system) & (
            SUBSCRIPTION.c.status == SubscriptionStatus.ACTIVE.value
        )
        if self._connection.execute(select(func.count()).where(live)).scalar_one() >= MOST_LIVE:
            raise TooManySubscriptions(
                f"A system may have {MOST_LIVE} subscriptions.",
                hint="Cancel those that are not used: DELETE /v1/subscriptions/{id}.",
            )
        told = subscription.as_dict()
        self._add(
            SUBSCRIPTION, told | {"made_at": subscription.made_at}, subscription.id, actor, _facts(told)
        )

    def cancel(self, id_: str, system: str | None, *, actor: str) -> Subscription:
        """End a subscription, of that system where one is named; again does no harm. ``UnknownSubscription``."""
        found = self.one(id_, system)
        if found.is_active:
            ended = {"status": SubscriptionStatus.CANCELLED.value}
            self._set(SUBSCRIPTION, id_, ended, actor, "cancel", {"system": found.system})
        return self.one(id_, system)

    def one(self, id_: str, system: str | None = None) -> Subscription:
        """Return a subscription, of that system where one is named; ``UnknownSubscription``."""
        query = select(SUBSCRIPTION).where(SUBSCRIPTION.c.id == id_)
        if system is not None:
            query = query.where(SUBSCRIPTION.c.system == system)
        found = self._connection.execute(query).mappings().first()
        if found is None:
            raise unknown_subscription()
        return subscription_of(found)

    def listed(
        self, system: str | None = None, after: str = "", limit: int = 1_000
    ) -> Sequence[Subscription]:
        """Return subscriptions by id, of one system or of all."""
        query = select(SUBSCRIPTION).where(SUBSCRIPTION.c.id > after).order_by(SUBSCRIPTION.c.id).limit(limit)
        if system is not None:
            query = query.where(SUBSCRIPTION.c.system == system)
        return [subscription_of(row) for row in self._connection.execute(query).mappings()]


def unknown_subscription() -> UnknownSubscription:
    """Return the error of a subscription that is not there, or is another system's."""
    return UnknownSubscription(
        "Your system has no subscription of that id.", hint="GET /v1/subscriptions lists yours."
    )


def _facts(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in ("system", "agreement", "resource", "items")}
