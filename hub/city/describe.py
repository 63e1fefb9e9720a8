"""The tables of ``docs/city.md``, made from what the code does, so that the page stays true."""

from collections.abc import Mapping

from hub.city.flaws import default_rates
from hub.city.other_rows import DISTRICT, MARKET_REGULATION, PARCEL, PENALTY_COLUMNS, PERMIT_COLUMNS, TOWN
from hub.city.person_rows import DEATH, MARRIAGE, PUBLIC_SECURITY, SOCIAL_SECURITY

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "public_security": PUBLIC_SECURITY,
    "social_security": SOCIAL_SECURITY,
    "civil_affairs_marriage": MARRIAGE,
    "civil_affairs_death": DEATH,
    "market_regulation": MARKET_REGULATION,
    "credit_permit": PERMIT_COLUMNS,
    "credit_penalty": PENALTY_COLUMNS,
    "natural_resources_district": DISTRICT,
    "natural_resources_town": TOWN,
    "natural_resources_parcel": PARCEL,
}
"""Item → raw column of every source."""


def column_table(source: str) -> str:
    """Return a Markdown table of one source's columns and the items they hold."""
    lines = ["| Column | Item |", "|---|---|"]
    lines += [f"| `{raw}` | {item} |" for item, raw in COLUMNS[source].items()]
    return "\n".join(lines)


def rate_table() -> str:
    """Return a Markdown table of every default flaw rate."""
    lines = ["| Source | Item | Flaw | Rate |", "|---|---|---|---|"]
    for (source, item, kind), rate in default_rates().of.items():
        lines.append(f"| {source} | {item or '(row)'} | {kind} | {rate * 100:.2f} % |")
    return "\n".join(lines)
