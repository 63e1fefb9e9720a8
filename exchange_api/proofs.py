"""Proofs of answers (``audit.answers``), signed once for all that were committed together.

Entries that share a commit are answered in the same turn of the loop, and so their proofs are asked for together.
"""

import asyncio
import base64
import time
from hashlib import sha256
from os import urandom
from typing import Any

from nacl.bindings import crypto_sign

from audit.answer_keys import private_key, public_keys
from audit.answers import SALT, Leaf, Proof, Tree, request_digest
from audit.merkle import every_inclusion_proof
from exchange_api.attempt import Attempt
from exchange_api.signature_bodies import held_against_digest
from exchange_api.signatures import Signatures
from infra.keyring import Keyring

ASKED = b"hub-prove"
"""The header by which a call without a signature asks for a proof: ``?1``."""


class Proofs:
    """Proves the answers of one process."""

    def __init__(self, keyring: Keyring, hub_id: str, signatures: Signatures) -> None:
        self._keyring, self._hub, self._signatures = keyring, hub_id, signatures
        self._key = keyring.current
        private = private_key(keyring, self._key)
        self._secret = private.private_bytes_raw() + private.public_key().public_bytes_raw()
        self._waiting: list[tuple[Leaf, asyncio.Future[Proof]]] = []

    def bind_body(self, attempt: Attempt) -> None:
        """Hold the body of a request that an answer will be proven to against its digest, where it states one."""
        if (
            attempt.headers.get(ASKED) == b"?1"
            and not attempt.signed
            and b"content-digest" in attempt.headers
        ):
            attempt.request = held_against_digest(attempt.request)

    def leaf(self, attempt: Attempt, status: int, media_type: str, content: bytes) -> Leaf | None:
        """Return what is to be proven of an answer, and have its entry say so; None where no proof is asked for."""
        if not (attempt.signed or attempt.headers.get(ASKED) == b"?1"):
            return None
        message = attempt.message or self._signatures.message(attempt.request.scope)
        fields = {name: ", ".join(values) for name, values in message.fields.items()}
        request = request_digest(message.method, message.target.uri, fields)
        leaf = Leaf(
            attempt.entry_text, attempt.id, request, status, media_type, sha256(content).digest(), urandom(SALT)
        )  # fmt: skip
        attempt.facts = {**(attempt.facts or {}), "answer": base64.b64encode(leaf.hash).decode()}
        return leaf

    async def headers(self, leaf: Leaf) -> dict[str, str]:
        """Return the headers that prove an answer whose entry is on the ledger."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Proof] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._sign)  # whoever was committed with it comes along
        self._waiting.append((leaf, future))
        proof = await future
        digest = base64.b64encode(leaf.content_digest).decode()
        return {"Content-Digest": f"sha-256=:{digest}:", "Hub-Proof": proof.header()}

    def _sign(self) -> None:
        waiting, self._waiting = self._waiting, []
        root, paths = every_inclusion_proof([leaf.hash for leaf, _ in waiting])
        tree = Tree(self._hub, int(time.time()), len(waiting), root)
        signature = crypto_sign(tree.text, self._secret)[:64]
        for number, ((leaf, future), path) in enumerate(zip(waiting, paths, strict=True)):
            if not future.done():
                told = (str(self._key), tree.at, number, tree.size, leaf.salt, leaf.request_digest, path)
                future.set_result(Proof(self._hub, *told, signature))

    def public_keys(self) -> dict[str, Any]:
        """Return the JWK set of every key that answers were ever signed by."""
        return public_keys(self._keyring)
