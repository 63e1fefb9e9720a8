"""Whether an agreement has become narrower: it allows no call that another does not (Decree 809, article 25).

Told term by term; where it cannot be told, it is not narrower, and takes an application.
"""

from collections.abc import Callable

from catalog.agreement import Agreement
from catalog.answer_form import Form
from catalog.conditions import Condition, OneOf, Within


def is_narrower(changed: Agreement, agreement: Agreement) -> bool:
    """Tell whether an agreement covers nothing that another does not."""
    return (
        changed.covered <= agreement.covered
        and changed.purposes <= agreement.purposes
        and changed.legal_bases <= agreement.legal_bases
        and changed.masked >= agreement.masked & changed.covered
        and changed.valid_to <= agreement.valid_to
        and changed.max_keys <= agreement.max_keys
        and all(holds(changed, agreement) for holds in _TERMS)
    )


def _rows(changed: Agreement, agreement: Agreement) -> bool:
    kept = all(
        any(_implies(new, old) for new in changed.rows.conditions) for old in agreement.rows.conditions
    )
    return kept and changed.rows.own_cases >= agreement.rows.own_cases


def _implies(new: Condition, old: Condition) -> bool:
    match new, old:
        case Within(item, division), Within(same, _) if item == same:
            return old.holds({item: division})
        case OneOf(item, values), OneOf(same, others) if item == same:
            return set(values) <= set(others)
    return new == old


def _hours(changed: Agreement, agreement: Agreement) -> bool:
    """Tell whether hours were newly agreed, or whole windows left out."""
    return not agreement.hours or (bool(changed.hours) and set(changed.hours) <= set(agreement.hours))


def _quota(changed: Agreement, agreement: Agreement) -> bool:
    old, new = agreement.quota_per_day, changed.quota_per_day
    return old is None or (new is not None and new <= old)


def _rate(changed: Agreement, agreement: Agreement) -> bool:
    old, new = agreement.rate, changed.rate
    return old is None or (new is not None and new.per_second <= old.per_second and new.burst <= old.burst)


def _answer(changed: Agreement, agreement: Agreement) -> bool:
    old, new = agreement.answer, changed.answer
    if old.form is new.form is Form.QUESTION:
        return set(new.questions) <= set(old.questions)
    return new == old or (old.discloses_values and new.form is not Form.QUESTION)


def _claims(changed: Agreement, agreement: Agreement) -> bool:
    return changed.claims.is_within(agreement.claims)


def _authentication(changed: Agreement, agreement: Agreement) -> bool:
    return changed.asks_signature >= agreement.asks_signature


def _bulk(changed: Agreement, agreement: Agreement) -> bool:
    return agreement.bulk >= changed.bulk


_TERMS: tuple[Callable[[Agreement, Agreement], bool], ...] = (
    _rows,
    _hours,
    _quota,
    _rate,
    _answer,
    _claims,
    _authentication,
    _bulk,
)
