import hmac
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from catalog.session import Method, Session
from catalog.system import System
from exchange_api.assertions import ALGORITHMS, check_assertion
from exchange_api.tokens import Tokens
from infra.keyring import FileKeyring
from schemas.errors import AuthenticationFailed, ExpiredToken, InvalidToken, WrongAudience

HUB, ENDPOINT = "urn:hub:test", "https://hub.example/oauth/token"
KEYS = {
    "EdDSA": OKPKey.generate_key("Ed25519"),
    "ES256": ECKey.generate_key("P-256"),
    "RS256": RSAKey.generate_key(2048),
}
KEYS |= {"Ed25519": KEYS["EdDSA"], "PS256": KEYS["RS256"]}
SYSTEM = System(
    "permits", "org", "t", tuple(KEYS[alg].as_dict(private=False) for alg in ("EdDSA", "ES256", "RS256"))
)
SYSTEMS = {"permits": SYSTEM}


def assertion(alg, key, **changed):
    now = int(time.time())
    claims = {"iss": "permits", "sub": "permits", "aud": [ENDPOINT], "jti": "1", "exp": now + 60} | changed
    return jwt.encode({"alg": alg}, claims, key, algorithms=[alg])


def test_each_kind_of_key_may_sign():
    assert KEYS.keys() == set(ALGORITHMS)
    for alg, key in KEYS.items():
        assert check_assertion(assertion(alg, key), SYSTEMS, (ENDPOINT, HUB)).system is SYSTEM


def test_symmetric_and_unsigned_assertions_are_refused():
    head, body, _ = assertion("RS256", KEYS["RS256"]).split(".")
    for alg in ("HS256", "none"):  # the public key as a shared secret, and no signature at all
        head = urlsafe_b64encode(f'{{"alg":"{alg}"}}'.encode()).decode().rstrip("=")
        signed = hmac.digest(KEYS["RS256"].as_pem(private=False), f"{head}.{body}".encode(), "sha256")
        text = f"{head}.{body}.{urlsafe_b64encode(signed).decode().rstrip('=') if alg == 'HS256' else ''}"
        with pytest.raises(AuthenticationFailed, match="algorithm"):
            check_assertion(text, SYSTEMS, (ENDPOINT, HUB))


def test_the_same_id_of_two_systems_is_two_assertions():
    other = System("other", "org", "t", SYSTEM.keys)
    mine = check_assertion(assertion("ES256", KEYS["ES256"]), SYSTEMS, (ENDPOINT,))
    theirs = check_assertion(
        assertion("ES256", KEYS["ES256"], iss="other", sub="other"), {"other": other}, (ENDPOINT,)
    )
    assert mine.digest != theirs.digest


def test_a_token_is_believed_by_every_process_that_shares_the_keyring(settings):
    issuing, checking = (Tokens(FileKeyring(settings.keyring), HUB, 60) for _ in range(2))
    token = issuing.issue("permits").encode()
    assert checking.holder_of(token).id == "permits"
    assert checking.holder_of(token).id == "permits"


def test_a_token_outlives_a_rotation(keyring):
    tokens = Tokens(keyring, HUB, 60)
    token = tokens.issue("permits").encode()
    keyring.rotate()
    assert Tokens(keyring, HUB, 60).holder_of(token).id == "permits"
    assert len(tokens.public_keys()["keys"]) == 2


def test_a_remembered_token_still_expires(keyring, monkeypatch):
    tokens = Tokens(keyring, HUB, 60)
    token = tokens.issue("permits").encode()
    assert tokens.holder_of(token).id == "permits"
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(ExpiredToken):
        tokens.holder_of(token)


def test_neither_kind_of_token_passes_for_the_other(keyring):
    tokens = Tokens(keyring, HUB, 60)
    session = Session(uuid4(), "permits", Method.PASSWORD, False, datetime.now(UTC) + timedelta(minutes=1))
    assert tokens.holder_of(tokens.issue_session(session).encode()).session == session.id
    assert tokens.holder_of(tokens.issue("permits").encode()).session is None
    key = OKPKey.import_key(
        Ed25519PrivateKey.from_private_bytes(keyring.derive("access-token", 1)), {"kid": "1"}
    )
    claims = {"iss": HUB, "aud": HUB, "sub": "permits", "sid": session.id.hex, "exp": int(time.time()) + 60}
    for kind in ("JWT", "", None):
        header = {"alg": "Ed25519", "kid": "1"} | ({} if kind is None else {"typ": kind})
        with pytest.raises(InvalidToken, match="not one of this hub's"):
            tokens.holder_of(jwt.encode(header, claims, key, algorithms=["Ed25519"]).encode())


def test_a_session_token_ends_with_its_session(keyring):
    tokens = Tokens(keyring, HUB, 60)
    ended = Session(uuid4(), "someone", Method.OIDC, True, datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(ExpiredToken, match="Sign in again"):
        tokens.holder_of(tokens.issue_session(ended).encode())


def test_tokens_that_are_not_ours(keyring, tmp_path):
    tokens = Tokens(keyring, HUB, 60)
    with pytest.raises(WrongAudience):
        tokens.holder_of(Tokens(keyring, "urn:hub:other", 60).issue("permits").encode())
    with pytest.raises(InvalidToken, match="forged"):
        tokens.holder_of(Tokens(FileKeyring(tmp_path / "k.json"), HUB, 60).issue("permits").encode())
    claims = {"iss": HUB, "aud": HUB, "sub": "permits", "exp": int(time.time()) + 60}
    for header in ({"alg": "HS256", "kid": "1", "typ": "at+jwt"}, {"alg": "HS256"}):
        with pytest.raises(InvalidToken):
            tokens.holder_of(
                jwt.encode(header, claims, OctKey.generate_key(256), algorithms=["HS256"]).encode()
            )
    for nonsense in (b"", b"a.b.c", b"x" * 5000, b"e30.W10.x", b"\xff.\xff.\xff"):
        with pytest.raises(InvalidToken):
            tokens.holder_of(nonsense)
