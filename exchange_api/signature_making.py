"""Signing a call, as a system does."""

import base64
import secrets
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from exchange_api.signature_algorithms import sign
from exchange_api.signature_base import ACTED_ON, TAG, RequestMessage, signature_base, target_of
from exchange_api.signature_fields import Component, Covered

SECONDS = 60  # for which a signature holds


def content_digest(body: bytes) -> str:
    """Return the value of ``Content-Digest`` for a body (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    keyid: str,
    algorithm: str,
    key: Any,
) -> dict[str, str]:
    """Return the headers with a digest of the body, where there is one, and the call's signature.

    ``url`` is the whole of it, as it goes out. ``keyid`` is ``system/kid``; the private key is one for that algorithm.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    if body:
        sent["content-digest"] = content_digest(body)
    parts = urlsplit(url)
    message = RequestMessage(
        method, target_of(url, parts.path, parts.query), {n: (v,) for n, v in sent.items()}
    )
    names = ["@method", "@target-uri", *(name for name in ACTED_ON if name in sent)]
    now = int(time.time())
    told: dict[str, str | int | bool] = {
        "created": now,
        "expires": now + SECONDS,
        "nonce": secrets.token_urlsafe(16),
        "alg": algorithm,
        "keyid": keyid,
        "tag": TAG,
    }
    covered = Covered(tuple(map(Component, names)), tuple(told.items()))
    signature = base64.b64encode(sign(algorithm, key, signature_base(message, covered))).decode()
    return {**sent, "signature-input": f"hub={covered}", "signature": f"hub=:{signature}:"}
