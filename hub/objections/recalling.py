"""Recall notices as those they are for see them."""

from typing import Any

from catalog.actor import Actor
from catalog.recall_notices import RecallNotice, RecallNotices
from schemas.errors import NotYourPart


def notices_for(
    notices: RecallNotices, actor: Actor, system: str | None, *, pending: bool, after: int, limit: int
) -> list[dict[str, Any]]:
    """Return notices to the actor's organisation, or to one system of it; ``NotYourPart`` where the actor acts in no role."""
    if not actor.roles or actor.organisation is None:
        raise NotYourPart(
            f"{actor.id} may not see notices.", hint="It is for people of the organisation that read."
        )
    found = notices.listed(
        organisation=actor.organisation, system=system, pending=pending, after=after, limit=limit
    )
    return [told_notice(one) for one in found]


def told_notice(one: RecallNotice) -> dict[str, Any]:
    """Tell of a notice, JSON-ready; ``item`` is null for the whole record."""
    moments = ("called_at", "wrong_from", "wrong_until", "made_at", "acknowledged_at")
    names = ("number", "system", "objection", "resource", "case_code", "corrected_version", "acknowledged_by")
    told: dict[str, Any] = {name: getattr(one, name) for name in names}
    times = {name: getattr(one, name) and getattr(one, name).isoformat() for name in moments}
    return told | {"entry": str(one.entry), "item": one.item or None} | times
