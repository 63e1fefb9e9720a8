"""Passwords (口令): which are taken, as NIST SP 800-63B asks (5.1.1.2), and how they are kept: argon2id, RFC 9106.

A chosen one is long, and not made of what everybody's are made of; nothing else is asked of it. Part of the security boundary:
passwords pass through here, and none is logged or quoted.
"""

import re
import secrets
import unicodedata
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from schemas.errors import WeakPassword

SHORTEST, LONGEST = 12, 256  # characters
_LEAST_UNCOMMON = 6  # characters that are left without what is common
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that are read for one another
_COMMON = Path(__file__).with_name("common_passwords.txt")
_LOOKALIKES = str.maketrans("0134578@$!", "oleastbasi")
_YEAR = re.compile(r"(?:19|20)\d\d")
_REPEATED = re.compile(r"(.{1,6}?)\1{2,}")


class Passwords:
    """Hashes and compares passwords; a comparison with nobody's takes as long as one with somebody's."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def hashed(self, password: str) -> str:
        """Return what is stored of a password, its salt and the parameters among it."""
        return self._hasher.hash(_normal(password))

    def fits(self, stored: str | None, password: str) -> bool:
        """Tell whether it is the password that was stored; None stands for nobody's, which none is."""
        try:
            return self._hasher.verify(stored or self._nobodys, _normal(password)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Tell whether it was stored under other parameters than those of today."""
        return self._hasher.check_needs_rehash(stored)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())


def new_password() -> str:
    """Make a password that nobody can guess: 20 letters and digits, in groups, of 99 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def check_chosen(password: str, person: str) -> None:
    """Raise ``WeakPassword`` where a password is too short, or made of what is common or the person's own id."""
    chosen = _normal(password)
    if not SHORTEST <= len(chosen) <= LONGEST:
        raise WeakPassword(f"A password has {SHORTEST} to {LONGEST} characters.", hint="Take a few words.")
    own = frozenset(part for part in re.split(r"[._-]", person) if len(part) > 2)
    folded = chosen.casefold()
    if min(_uncommon(text, own) for text in (folded, folded.translate(_LOOKALIKES))) < _LEAST_UNCOMMON:
        raise WeakPassword(
            "The password is made of what the commonest are made of, or of your own id.",
            hint="Take a few words that have nothing to do with each other.",
        )


def _uncommon(text: str, own: frozenset[str]) -> int:
    """Count the characters that are left without common words, years, sequences and repetitions."""
    for word in sorted(common_words() | own, key=len, reverse=True):
        text = text.replace(word, "\0")
    text = _REPEATED.sub("\0", _YEAR.sub("\0", text))
    kept = [
        here
        for place, here in enumerate(text)
        if here != "\0"
        and not any(_in_sequence(text[max(0, first) : first + 3]) for first in range(place - 2, place + 1))
    ]
    return len(kept)


def _in_sequence(three: str) -> bool:
    """Tell whether three characters follow one another, as 456 or cba."""
    if len(three) < 3:
        return False
    steps = {ord(b) - ord(a) for a, b in pairwise(three)}
    return steps in ({1}, {-1})


@cache
def common_words() -> frozenset[str]:
    """Return what passwords are commonly made of."""
    lines = _COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _normal(password: str) -> str:
    """Bring what different keyboards make of one password to one form (NIST SP 800-63B, 5.1.1.2: NFKC)."""
    return unicodedata.normalize("NFKC", password)
