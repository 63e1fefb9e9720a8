"""Bodies of signed calls, held against their ``Content-Digest`` (RFC 9530) as they are read, however large they are.

The end of a body is given on when it is the one that was signed, and not before: nothing that needs the whole of it sees another.
"""

from collections.abc import Mapping
from hashlib import sha256, sha512

from starlette.requests import Request
from starlette.types import Message, Receive

from exchange_api.signature_fields import digests_in
from schemas.errors import BodyDamaged, InvalidSignature

_HASHES = {"sha-256": sha256, "sha-512": sha512}


def held_against_digest(request: Request) -> Request:
    """Return the request whose body is held against the digest stated; one without a digest may have no body."""
    given = request.headers.get("content-digest")
    stated = digests_in(given) if given is not None else {}
    known = {name: digest for name, digest in stated.items() if name in _HASHES}
    if given is not None and not known:
        raise InvalidSignature(
            "The Content-Digest is of no algorithm that the hub knows.", hint="Use sha-256 or sha-512."
        )
    return Request(request.scope, _checked(request.receive, known))


def _checked(receive: Receive, stated: Mapping[str, bytes]) -> Receive:
    hashes = {name: _HASHES[name]() for name in stated}

    async def received() -> Message:
        message = await receive()
        if message["type"] != "http.request":
            return message
        chunk = message.get("body", b"")
        if chunk and not hashes:
            raise InvalidSignature(
                "The call has a body and no Content-Digest that is signed.",
                hint="Send and sign one (RFC 9530).",
            )
        for one in hashes.values():
            one.update(chunk)
        if not message.get("more_body", False) and any(
            one.digest() != stated[name] for name, one in hashes.items()
        ):
            raise BodyDamaged("The body is not the one its Content-Digest was made of.")
        return message

    return received
