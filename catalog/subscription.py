"""The subscription: a system is given a resource whole and is told of its changes, under one agreement and for one stated purpose.

It gives no right of its own: the agreement's terms are judged anew at every delivery (Decree 809, articles 20 and 25).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

MOST_LIVE = 100  # subscriptions of a system


class SubscriptionStatus(StrEnum):
    """Whether anything is delivered; what is cancelled stays, with its deliveries on the ledger."""

    ACTIVE = "active"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One system's subscription to one resource; without ``items`` it is of all that the agreement covers at each delivery."""

    id: str
    system: str
    agreement: str
    resource: str
    items: tuple[str, ...]
    purpose: str
    legal_basis: str
    case_code: str
    made_at: datetime
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE

    @property
    def is_active(self) -> bool:
        """Whether anything is delivered."""
        return self.status is SubscriptionStatus.ACTIVE

    def as_dict(self) -> dict[str, Any]:
        """Describe it, JSON-ready."""
        names = ("id", "system", "agreement", "resource", "purpose", "legal_basis", "case_code")
        told = {name: getattr(self, name) for name in names}
        return told | {
            "items": list(self.items),
            "status": self.status.value,
            "made_at": self.made_at.isoformat(),
        }


def subscription_of(row: Mapping[Any, Any]) -> Subscription:
    """Make a subscription from its row."""
    names = (
        "id",
        "system",
        "agreement",
        "resource",
        "purpose",
        "legal_basis",
        "case_code",
        "made_at",
    )
    told = {name: row[name] for name in names}
    return Subscription(**told, items=tuple(row["items"]), status=SubscriptionStatus(row["status"]))
