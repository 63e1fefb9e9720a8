"""How a system has to say who it is under an agreement: by its token, or by signing each call."""

from enum import StrEnum
from typing import Any

from schemas.errors import ConfigurationError


class Authentication(StrEnum):
    """What is enough; a signed call is enough for either."""

    BEARER = "bearer"
    SIGNED = "signed"


def authentication_from(told: Any) -> Authentication:
    """Read it as it is written down, or raise ``ConfigurationError``."""
    if told not in tuple(Authentication):
        raise ConfigurationError(
            "The authentication of an agreement is none there is.", hint="It is bearer or signed."
        )
    return Authentication(told)
