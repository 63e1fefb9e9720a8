"""Changes of agreements that somebody wants: what is narrower is done at once, whatever else becomes an application."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from catalog.actor import Actor
from catalog.agreement import Agreement
from catalog.agreement_lives import Scope
from catalog.agreement_workflow import AGREEMENT_LIFE
from catalog.application import Application
from catalog.applications import Applications
from catalog.narrowing import is_narrower
from schemas.errors import ConfigurationError


@dataclass(frozen=True)
class Change:
    """What came of a wish: a narrower agreement, or the number of the application that asks for it."""

    agreement: str
    application: str | None = None


def change(
    applications: Applications,
    id_: str,
    scope: Scope,
    actor: Actor,
    needed_for: Mapping[str, str] | None = None,
) -> Change:
    """Narrow an agreement at once, or draft the application that renews or amends it (Decree 809, articles 20 and 25).

    Raises what ``Applications.draft`` and ``AgreementLives.do`` do; ``ForbiddenTransition`` where the agreement is not in force.
    """
    lives = applications.agreements
    matter, agreement = lives.matter(id_), lives.agreement(id_)
    AGREEMENT_LIFE.check_may(actor, "narrow", matter)
    wanted = scope.applied(agreement)
    if wanted == agreement:
        raise ConfigurationError(f"Nothing of agreement {id_} would change.")
    if is_narrower(wanted, agreement):
        lives.do(id_, "narrow", actor, {}, scope)
        return Change(id_)
    origin = applications.origin(id_)
    drafted = applications.draft(_asking(origin, wanted, needed_for or {}), actor)
    return Change(id_, drafted.matter.id)


def _asking(origin: Application, wanted: Agreement, needed_for: Mapping[str, str]) -> Application:
    """Return what was applied for last, with what is wanted now."""
    reasons = {**origin.needed_for, **needed_for}
    return replace(
        origin,
        items=wanted.items,
        masked=wanted.masked,
        needed_for={item: why for item, why in reasons.items() if item in wanted.covered},
        purposes=wanted.purposes,
        legal_bases=wanted.legal_bases,
        valid_to=wanted.valid_to,
        keys_per_call=wanted.max_keys,
        terms=wanted.terms,
        changes=wanted.id,
    )
