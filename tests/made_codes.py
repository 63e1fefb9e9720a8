"""Codes of firms that there are not, valid by their checks."""

from schemas.credit_codes import credit_check, organisation_check


def credit_code(number: int) -> str:
    """Return the credit code of the firm of that number."""
    organisation = f"{number:08d}"
    first17 = f"91500000{organisation}{organisation_check(organisation)}"
    return first17 + credit_check(first17)
