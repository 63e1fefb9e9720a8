"""Reasons that people give with an act on an objection, sealed as its claim is: they speak of a record, and so of a person.

Part of the security boundary.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from infra.keyring import Keyring
from infra.sealing import Sealer

_SAID, _SEALED = "reason", "sealed_reason"


class SealedReasons:
    """Seals the reason among what is said with an act, bound to its matter and event, and opens it for who may see it."""

    def __init__(self, keyring: Keyring) -> None:
        self._sealer = Sealer(keyring, "objection-reason")

    def kept(self, id_: str, position: int, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what is stored of an event's facts."""
        if _SAID not in facts:
            return facts
        (sealed,) = self._sealer.seal([facts[_SAID].encode()], [id_.encode()], [position])
        rest = {name: value for name, value in facts.items() if name != _SAID}
        return {**rest, _SEALED: b64encode(sealed).decode()}

    def told(self, id_: str, position: int, stored: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what was said; events that were stored before reasons were sealed are as they are."""
        if _SEALED not in stored:
            return stored
        sealed = b64decode(stored[_SEALED])
        (opened,) = self._sealer.open([sealed], [id_.encode()], [position])
        rest = {name: value for name, value in stored.items() if name != _SEALED}
        return {_SAID: opened.decode(), **rest}
