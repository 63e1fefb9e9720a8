"""Signed calls: a system signs each call by itself, for this hub, for a short time, once (RFC 9421; docs/signatures.md).

Nothing that the hub acts on may be left unsigned, and where the call went is what the hub is called outside, whatever the caller's
``Host`` says: a signature made for another hub is none here.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote
from uuid import UUID

from starlette.types import Scope

from catalog.system import System
from catalog.system_key import SystemKey
from exchange_api.signature_algorithms import ALGORITHMS, fits, is_signed
from exchange_api.signature_base import ACTED_ON, TAG, RequestMessage, Target, signature_base, target_of
from exchange_api.signature_fields import Covered, inputs_in, signatures_in
from schemas.errors import ExpiredSignature, InvalidSignature

LONGEST_LIFE = 300  # seconds from a signature's creation to its end
SHORTEST_NONCE, LONGEST_NONCE = 16, 200  # characters
_TOLD = ("created", "expires", "nonce", "alg", "keyid", "tag")
_TARGETS = (frozenset({"@target-uri"}), frozenset({"@authority", "@path", "@query"}))


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A call whose signature is good: who made it, how its nonce is remembered and until when, seconds since 1970."""

    system: System
    nonce: UUID
    until: float
    message: RequestMessage


class Signatures:
    """Checks signatures for the hub that is reached under ``public_url``; clocks may differ by ``skew`` seconds."""

    def __init__(
        self, public_url: str, systems: Callable[[], Mapping[str, System]], skew: int, clock: Callable[[], float] = time.time
    ) -> None:  # fmt: skip
        self._systems, self._skew, self._clock = systems, skew, clock
        self._outside = target_of(public_url)

    def checked(self, scope: Scope) -> SignedCall:
        """Return who has signed a request, suspended or not; raise an ``InvalidSignature`` that tells what is wrong.

        That the nonce is unused, and the body the one its digest was made of, is yet to be seen.
        """
        message = _message(scope, self._outside)
        covered, signature = _chosen(message)
        told = _told(covered)
        _check_covers(message, covered)
        self._check_time(told["created"], told["expires"])
        system, key = self._key(str(told["keyid"]))
        if not is_signed(str(told["alg"]), key.public, signature, signature_base(message, covered)):
            hint = (
                f"Is {told['alg']} meant?"
                if fits(str(told["alg"]), key.public)
                else "alg is for keys of another kind."
            )
            raise InvalidSignature("The signature is not the key's over this very call.", hint=hint)
        digest = sha256(f"{system.id}\n{told['nonce']}".encode()).digest()
        return SignedCall(system, UUID(bytes=digest[:16]), int(told["expires"]) + self._skew, message)

    def message(self, scope: Scope) -> RequestMessage:
        """Return a request as it was made outside."""
        return _message(scope, self._outside)

    def _check_time(self, created: int | str, expires: int | str) -> None:
        now = self._clock()
        if not (
            isinstance(created, int) and isinstance(expires, int) and 0 <= expires - created <= LONGEST_LIFE
        ):
            raise InvalidSignature(
                f"The signature does not say that it expires within {LONGEST_LIFE} seconds of its creation.",
                hint="Set created and expires, in seconds since 1970.",
            )
        if expires <= now - self._skew:
            raise ExpiredSignature("The signature has expired.", hint="Sign each call when it is made.")
        if created > now + self._skew:
            raise ExpiredSignature(
                "The signature was created in the future.", hint="Set the system's clock by a time server."
            )

    def _key(self, keyid: str) -> tuple[System, SystemKey]:
        name, slash, kid = keyid.partition("/")
        system = self._systems().get(name)
        if system is not None and slash:
            now = self._clock()
            for key in system.known_keys:
                if kid in (key.kid, key.thumbprint) and key.holds(now):
                    return system, key
        raise InvalidSignature(
            "The signature's keyid names no registered key that is valid now.",
            hint="It is system/kid, where kid is the key's own or its thumbprint (RFC 7638).",
        )


def is_signed_call(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a request wants to be taken by its signature."""
    return b"signature-input" in headers or b"signature" in headers


def _message(scope: Scope, outside: Target) -> RequestMessage:
    fields: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        fields.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    raw = scope.get("raw_path")
    path = (
        raw.partition(b"?")[0].decode("latin-1") if raw else quote(scope["path"], safe="/:@!$&'()*+,;=-._~")
    )
    query = scope["query_string"].decode("latin-1")
    target = Target(outside.scheme, outside.authority, outside.path + path, query)
    return RequestMessage(scope["method"], target, fields)


def _chosen(message: RequestMessage) -> tuple[Covered, bytes]:
    """Return the one signature that is meant for a hub, by its tag; others, of proxies say, are not looked at."""
    inputs = inputs_in(", ".join(message.values("signature-input")))
    meant = [label for label, covered in inputs.items() if covered["tag"] == TAG]
    if len(meant) != 1:
        raise InvalidSignature(f"The call has {len(meant) or 'no'} signatures with the tag {TAG}, not one.")
    signature = signatures_in(", ".join(message.values("signature"))).get(meant[0])
    if signature is None:
        raise InvalidSignature("There is no signature under the label of what it covers.")
    return inputs[meant[0]], signature


def _told(covered: Covered) -> Mapping[str, int | str]:
    told = dict(covered.parameters)
    if missing := [name for name in _TOLD if name not in told]:
        raise InvalidSignature(f"The signature does not say: {', '.join(missing)}.")
    if told["alg"] not in ALGORITHMS:
        raise InvalidSignature(
            "The signature's alg is not taken.", hint=f"Use one of: {', '.join(ALGORITHMS)}."
        )
    if not SHORTEST_NONCE <= len(str(told["nonce"])) <= LONGEST_NONCE:
        raise InvalidSignature(
            f"The signature's nonce does not have {SHORTEST_NONCE} to {LONGEST_NONCE} characters.",
            hint="Make a new random one for each call.",
        )
    return told


def _check_covers(message: RequestMessage, covered: Covered) -> None:
    names = {component.name for component in covered.components if not component.parameters}
    if missing := list(_uncovered(message, names)):
        raise InvalidSignature(
            f"The signature does not cover: {', '.join(missing)}.",
            hint="See docs/signatures.md for what it has to.",
        )
    for name in names:
        if len(message.values(name)) > 1:
            raise InvalidSignature("A field that is signed stands in the call more than once.")


def _uncovered(message: RequestMessage, names: set[str]) -> Iterator[str]:
    if "@method" not in names:
        yield "@method"
    if not any(target <= names for target in _TARGETS):
        yield "@target-uri"
    yield from (name for name in ACTED_ON if name not in names and message.values(name))
