"""What an OpenID provider says is checked: against one that lies, on a server of its own."""

import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from exchange_api import identity_provider
from exchange_api.identity_provider import IdentityProvider
from schemas.errors import AuthenticationFailed, IdentityProviderUnavailable, InvalidToken

KEY = ECKey.generate_key("P-256", {"kid": "k1"})
SECRET = "the secret of the client, long enough"


class Liar(BaseHTTPRequestHandler):
    """Says what the test puts into the server's ``say``."""

    def do_GET(self):
        status, told = self.server.say[self.path]
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def liar():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    server.issuer = f"http://127.0.0.1:{server.server_port}"
    at = {name: f"{server.issuer}/{name}" for name in ("authorize", "token", "jwks", "userinfo")}
    server.metadata = {
        "issuer": server.issuer, "authorization_endpoint": at["authorize"], "token_endpoint": at["token"], "jwks_uri": at["jwks"],
        "userinfo_endpoint": at["userinfo"],
    }  # fmt: skip
    server.say = {
        "/.well-known/openid-configuration": (200, server.metadata),
        "/jwks": (200, KeySet([KEY]).as_dict(private=False)),
        "/userinfo": (200, {"sub": "s-1", "preferred_username": "from.userinfo"}),
    }
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def token(liar, key=KEY, alg="ES256", **changed):
    now = int(time.time())
    claims = {
        "iss": liar.issuer,
        "aud": "hub",
        "sub": "s-1",
        "iat": now,
        "exp": now + 60,
        "nonce": "n",
        "preferred_username": "zhang",
    }
    told = {name: value for name, value in (claims | changed).items() if value is not None}
    return jwt.encode({"alg": alg, "kid": key.kid or "k1"}, told, key, algorithms=[alg])


def identity(liar, given):
    async def asked():
        asking = IdentityProvider(liar.issuer, "hub", SECRET, "preferred_username")
        liar.say["/token"] = (200, {"access_token": "a", "id_token": given})
        try:
            return await asking.identity("c", "v", "n", "http://hub/callback")
        finally:
            await asking.close()

    return asyncio.run(asked())


def test_a_token_that_holds_together_is_believed(liar):
    told = identity(liar, token(liar, acr="mfa", amr=["pwd", "otp"]))
    assert (told.name, told.methods) == ("zhang", {"mfa", "pwd", "otp"})
    assert identity(liar, token(liar, aud=["hub", "other"], azp="hub")).name == "zhang"


WRONG = [
    {"iss": "https://elsewhere.example"}, {"iss": None}, {"aud": "another"}, {"aud": None}, {"nonce": "another"}, {"nonce": None},
    {"exp": 1}, {"exp": None}, {"aud": ["hub", "other"]}, {"aud": ["hub", "other"], "azp": "other"}, {"nbf": int(time.time()) + 3600},
    {"sub": None},
]  # fmt: skip


@pytest.mark.parametrize("changed", WRONG, ids=range(len(WRONG)))
def test_a_token_for_something_else_is_refused(liar, changed):
    with pytest.raises(InvalidToken, match="not for this sign-in"):
        identity(liar, token(liar, **changed))


def test_a_token_that_no_key_of_the_provider_signed_is_refused(liar):
    head, body, _ = token(liar).split(".")
    unsigned = "eyJhbGciOiJub25lIn0"
    for given in (
        token(liar, ECKey.generate_key("P-256")), token(liar, OctKey.import_key(SECRET), "HS256"), f"{unsigned}.{body}.", f"{head}.{body}.x",
        "nonsense", "",
    ):  # fmt: skip
        with pytest.raises(InvalidToken, match="signed by none"):
            identity(liar, given)


def test_a_symmetric_key_that_is_published_signs_nothing(liar):
    shared = OctKey.import_key(SECRET, {"kid": "k1"})
    odd = [
        {"kty": "MLWE", "kid": "k3"},
        "nonsense",
        {"kty": "EC"},
        {**KEY.as_dict(private=False), "kid": "k4", "use": "enc"},
    ]
    liar.say["/jwks"] = (
        200,
        {
            "keys": [
                shared.as_dict(private=True),
                *odd,
                ECKey.generate_key("P-256", {"kid": "k5"}).as_dict(private=False),
            ]
        },
    )
    with pytest.raises(InvalidToken):
        identity(liar, token(liar, shared, "HS256"))


def test_a_new_key_is_looked_for(liar, monkeypatch):
    monkeypatch.setattr(identity_provider, "_LEAST", -1)
    newer = ECKey.generate_key("P-256", {"kid": "k2"})

    async def story():
        provider = IdentityProvider(liar.issuer, "hub", None, "preferred_username")
        names = []
        for key in (KEY, newer):
            liar.say["/jwks"] = (200, KeySet([key]).as_dict(private=False))
            liar.say["/token"] = (200, {"access_token": "a", "id_token": token(liar, key)})
            names.append((await provider.identity("c", "v", "n", "u")).name)
        await provider.close()
        return names

    assert asyncio.run(story()) == ["zhang", "zhang"]


def test_who_it_is_may_be_told_by_userinfo_of_the_same_subject(liar):
    assert identity(liar, token(liar, preferred_username=None)).name == "from.userinfo"
    with pytest.raises(InvalidToken, match="somebody else"):
        identity(liar, token(liar, preferred_username=None, sub="s-2"))
    liar.say["/userinfo"] = (200, {"sub": "s-1"})
    with pytest.raises(AuthenticationFailed, match="does not say who"):
        identity(liar, token(liar, preferred_username=None))


@pytest.mark.parametrize(
    ("path", "status", "told", "error"),
    [
        (
            "/.well-known/openid-configuration",
            200,
            {"issuer": "https://elsewhere.example"},
            IdentityProviderUnavailable,
        ),
        ("/.well-known/openid-configuration", 200, b"<html>", IdentityProviderUnavailable),
        ("/.well-known/openid-configuration", 500, {}, IdentityProviderUnavailable),
        ("/jwks", 200, {"keys": [{"kty": "EC"}]}, IdentityProviderUnavailable),
        ("/jwks", 200, {}, IdentityProviderUnavailable),
    ],
)
def test_a_provider_that_is_none_is_unavailable(liar, path, status, told, error):
    liar.say[path] = (status, told)
    with pytest.raises(error):
        identity(liar, token(liar))


def test_a_refused_code_is_refused(liar):
    async def asked():
        provider = IdentityProvider(liar.issuer, "hub", SECRET, "sub")
        liar.say["/token"] = (400, {"error": "invalid_grant"})
        try:
            await provider.identity("c", "v", "n", "u")
        finally:
            await provider.close()

    with pytest.raises(AuthenticationFailed, match="refuses"):
        asyncio.run(asked())


def test_the_secret_goes_where_the_provider_takes_it(liar):
    provider = IdentityProvider(liar.issuer, "hub", SECRET, "sub")
    form = {}
    assert (
        provider._credentials({"token_endpoint_auth_methods_supported": ["client_secret_post"]}, form) is None
    )
    assert form == {"client_secret": SECRET}
    assert provider._credentials({}, {}) is not None
    assert IdentityProvider(liar.issuer, "hub", None, "sub")._credentials({}, {}) is None
