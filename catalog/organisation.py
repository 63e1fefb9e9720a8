"""Organisations (机构) of every level in their hierarchy, and the offices (处室) within them.

An organisation serves a division, whose code says its level: city, district, town or village. It stands under one that
serves the same division or a wider one.
"""

import re
from dataclasses import dataclass

from schemas.divisions import Level
from schemas.errors import ConfigurationError, MisplacedOrganisation

DIVISION = re.compile(r"^[1-9]\d(?:0000|(?!00)\d\d(?:00|(?!00)\d\d(?:\d{3}(?:\d{3})?)?))$")
OFFICE_CODE = re.compile(r"^[0-9A-Za-z_-]{1,32}$")
_LEVELS = {9: Level.TOWN, 12: Level.VILLAGE}


@dataclass(frozen=True)
class Organisation:
    """A department; ``code`` is its unified social credit code (GB 32100) or another stable code.

    ``division`` is the code of the division it serves (GB/T 2260, 6, 9 or 12 digits), ``parent`` the code of the
    organisation it stands under.
    """

    code: str
    name: str
    division: str
    parent: str | None = None

    def __post_init__(self) -> None:
        if not self.code or not self.name:
            raise ConfigurationError("An organisation needs a code and a name.")
        if not DIVISION.match(self.division):
            raise ConfigurationError(
                f"Organisation {self.code} serves {self.division!r}, which is no division code.",
                hint="Give 6, 9 or 12 digits (GB/T 2260), e.g. 500103.",
            )

    @property
    def level(self) -> Level:
        """The level of the division it serves."""
        return level_of(self.division)

    def check_under(self, parent: "Organisation") -> None:
        """Raise ``MisplacedOrganisation`` unless it may stand under that one."""
        if not lies_within(self.division, parent.division):
            raise MisplacedOrganisation(
                f"Organisation {self.code} serves division {self.division}, which does not lie within {parent.division}, "
                f"the division of {parent.code}.",
                hint="Name as its parent one of the same division or a wider one.",
                organisation=self.code,
                parent=parent.code,
            )


@dataclass(frozen=True)
class Office:
    """A part of an organisation that answers for resources."""

    organisation: str
    code: str
    name: str

    def __post_init__(self) -> None:
        if not OFFICE_CODE.match(self.code):
            raise ConfigurationError(
                f"Office code {self.code!r} is not 1–32 of A–Z, a–z, 0–9, dash, underscore."
            )
        if not self.name:
            raise ConfigurationError(f"Office {self.code} of {self.organisation} needs a name.")


def level_of(division: str) -> Level:
    """Return the level that the form of a division code says (GB/T 2260)."""
    if len(division) > 6:
        return _LEVELS[len(division)]
    if division.endswith("0000"):
        return Level.PROVINCE
    return Level.CITY if division.endswith("00") else Level.COUNTY


def lies_within(division: str, wider: str) -> bool:
    """Tell whether the codes say that a division is another, or a part of it."""
    significant = wider if len(wider) > 6 else re.sub(r"(00)+$", "", wider)
    return division.startswith(significant)
