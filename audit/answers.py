"""Answers that are proven: one signature covers all that one commit answered, and each carries its way to what was signed.

The format is told in ``docs/signatures.md``, precisely enough to be written anew by others; this is it in Python. Nothing here needs
the database or the network: who has an answer and the hub's public key can check it alone, years later.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.merkle import leaf_hash, root_by
from schemas.errors import AnswerNotProven

SALT = 16  # bytes
BOUND = ("content-digest", "hub-purpose", "hub-legal-basis", "hub-case-code", "signature-input", "signature")
"""The fields of a request that its digest is made of, in this order, where it has them."""

_LEAF, _TREE = "exchange-hub/answer/1", "exchange-hub/answers/1"
_BINARY = r"=:([A-Za-z0-9+/=]*):"
_HEADER = re.compile(
    r'hub="([!#-\[\]-~]+)";key="([0-9]{1,5})";at=([0-9]{1,12});leaf=([0-9]{1,9});of=([0-9]{1,9})'
    rf";salt{_BINARY};request{_BINARY};path{_BINARY};signature{_BINARY}"
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What is proven of an answer: its ledger entry, the request it is to, and what was answered; digests are SHA-256."""

    entry: str
    request: str
    request_digest: bytes
    status: int
    media_type: str
    content_digest: bytes
    salt: bytes

    @property
    def hash(self) -> bytes:
        """The leaf's hash (RFC 6962); the salt keeps what is not known of the answer from being tried out."""
        digests = [base64.b64encode(one).decode() for one in (self.request_digest, self.content_digest)]
        lines = (_LEAF, self.entry, self.request, digests[0], str(self.status), self.media_type, digests[1])
        return leaf_hash(self.salt + "".join([f"{line}\n" for line in lines]).encode())


@dataclass(frozen=True, slots=True)
class Tree:
    """What is signed, once for all answers of a commit: whose they are, when, how many, and their root."""

    hub: str
    at: int
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """The bytes that the signature is over."""
        lines = (_TREE, self.hub, str(self.at), str(self.size), base64.b64encode(self.root).decode())
        return "".join([f"{line}\n" for line in lines]).encode()


@dataclass(frozen=True, slots=True)
class Proof:
    """What an answer carries: which leaf of which tree it is, its way to the root, and the signature by the key of that version."""

    hub: str
    key: str
    at: int
    leaf: int
    of: int
    salt: bytes
    request_digest: bytes
    path: Sequence[bytes]
    signature: bytes

    def header(self) -> str:
        """Return the value of ``Hub-Proof``."""
        salt, request, path, signature = (
            base64.b64encode(one).decode()
            for one in (self.salt, self.request_digest, b"".join(self.path), self.signature)
        )
        place = f'hub="{_quoted(self.hub)}";key="{self.key}";at={self.at};leaf={self.leaf};of={self.of}'
        return f"{place};salt=:{salt}:;request=:{request}:;path=:{path}:;signature=:{signature}:"

    @classmethod
    def of_header(cls, value: str) -> "Proof":
        """Read the value of ``Hub-Proof``, or raise ``AnswerNotProven``."""
        found = _HEADER.fullmatch(value.strip())
        if found is None:
            raise AnswerNotProven("The Hub-Proof is not of the documented form.")
        try:
            salt, request, path, signature = (
                base64.b64decode(one, validate=True) for one in found.groups()[5:]
            )
        except binascii.Error:
            raise AnswerNotProven("The Hub-Proof holds no base64.") from None
        siblings = [path[start : start + 32] for start in range(0, len(path), 32)]
        hub, key, at, leaf, of = found.groups()[:5]
        return cls(unquote(hub), key, int(at), int(leaf), int(of), salt, request, siblings, signature)


@lru_cache(maxsize=16)
def _quoted(hub: str) -> str:
    return quote(hub, safe=":/@!$&'()*+,;=-._~?#[]")


def request_digest(method: str, uri: str, fields: Mapping[str, str]) -> bytes:
    """Return the digest by which an answer names its request: method, whole URI, and those of the ``BOUND`` fields that it has."""
    lines = [f'"@method": {method}', f'"@target-uri": {uri}']
    lines += [f'"{name}": {fields[name]}' for name in BOUND if name in fields]
    return sha256("\n".join(lines).encode("latin-1")).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was received: its status, its fields by name in lower case, its body."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    def field(self, name: str) -> str:
        """Return a field, or raise ``AnswerNotProven``."""
        if name not in self.fields:
            raise AnswerNotProven(
                f"The answer has no {name}.", hint="Keep all headers of an answer with its body."
            )
        return self.fields[name]


def check_answer(answer: Answer, keys: Mapping[str, bytes], request: bytes | None = None) -> Proof:
    """Return the proof of an answer, or raise ``AnswerNotProven`` that says what does not fit.

    ``keys``: the hub's public Ed25519 keys by their ids, 32 bytes each. ``request``: the digest of the request it should be to.
    """
    proof = Proof.of_header(answer.field("hub-proof"))
    digest = sha256(answer.body).digest()
    if answer.field("content-digest") != f"sha-256=:{base64.b64encode(digest).decode()}:":
        raise AnswerNotProven("The body is not the one that was answered.")
    leaf = Leaf(
        answer.field("hub-entry"), answer.field("hub-request-id"), proof.request_digest, answer.status,
        answer.fields.get("content-type", ""), digest, proof.salt,
    )  # fmt: skip
    root = root_by(leaf.hash, proof.leaf, proof.of, proof.path)
    if root is None:
        raise AnswerNotProven("The path does not lead from a leaf of that place to a root.")
    if proof.key not in keys:
        raise AnswerNotProven(
            f"The answer is signed by key {proof.key}, which is not among those given.",
            hint="Get the hub's keys anew: /.well-known/answer-keys.json keeps all of them.",
        )
    try:
        Ed25519PublicKey.from_public_bytes(keys[proof.key]).verify(
            proof.signature, Tree(proof.hub, proof.at, proof.of, root).text
        )
    except (InvalidSignature, ValueError):
        raise AnswerNotProven(
            "The hub has not signed this answer: its status, media type, entry, request or body is another."
        ) from None
    if request is not None and request != proof.request_digest:
        raise AnswerNotProven("The answer is proven, and it is one to another request.")
    return proof
