"""What the negative list (负面清单) keeps from being shared, wherever it is to be: in entries, and in applications."""

from collections.abc import Mapping

from sqlalchemy import Connection, or_, select

from catalog.item_names import bare
from catalog.lists.forms import NEGATIVE


def touched(connection: Connection, provider: str, items: Mapping[str, str]) -> dict[str, str]:
    """Return which items of a provider, name → title, may not be shared, each with the line and its legal basis."""
    table = NEGATIVE.table.c
    found: dict[str, str] = {}
    concerned = select(table.id, table["items"].label("items_"), table.legal_basis).where(
        or_(table.organisation.is_(None), table.organisation == provider)
    )
    for line in connection.execute(concerned.order_by(table.id)):
        kept = {bare(one) for one in line.items_}
        for name, title in items.items():
            if bare(title) in kept or name in kept:
                found.setdefault(name, f"{line.id}: {line.legal_basis}")
    return found
