"""An OpenID provider (身份提供方) as the hub asks it: discovery, keys, code for tokens, and what its ID token says.

Checked by OpenID Connect Core 3.1.3.7: signature by a published key, issuer, audience, times, nonce. Nothing is believed that came by the browser.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from infra.settings import Settings
from schemas.errors import AuthenticationFailed, IdentityProviderUnavailable, InvalidToken

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
SCOPE = "openid profile"
_SECONDS = 5.0  # how long the provider may take to answer
_LEEWAY = 30  # seconds by which clocks may differ
_FRESH = 3600.0  # seconds for which its metadata and keys are kept
_LEAST = 10.0  # seconds between two looks for a key that was not known
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is, and by which methods (``acr``, ``amr``) they showed it."""

    name: str
    methods: frozenset[str]


class IdentityProvider:
    """The provider of the settings, for the life of a process."""

    def __init__(self, issuer: str, client_id: str, secret: str | None, claim: str) -> None:
        self.issuer, self.client_id = issuer, client_id
        self._secret, self._claim = secret, claim
        self._http = httpx.AsyncClient(timeout=_SECONDS, trust_env=False)
        self._metadata: Mapping[str, Any] = {}
        self._keys: KeySet = KeySet([])
        self._metadata_at = self._keys_at = -_FRESH

    @classmethod
    def of(cls, settings: Settings) -> "IdentityProvider | None":
        """Make the provider that the settings name; None where they name none."""
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            return None
        secret = settings.oidc_client_secret
        return cls(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_claim)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def metadata(self) -> Mapping[str, Any]:
        """Return what it publishes of itself (OpenID Connect Discovery), or raise ``IdentityProviderUnavailable``."""
        if time.monotonic() - self._metadata_at > _FRESH:
            told = await self._asked("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if told.get("issuer") != self.issuer or not all(
                isinstance(told.get(name), str) for name in _NEEDED
            ):
                raise IdentityProviderUnavailable(
                    "The identity provider's metadata is not that of HUB_OIDC_ISSUER.",
                    hint="Tell the hub's operators.",
                )
            self._metadata, self._metadata_at = told, time.monotonic()
        return self._metadata

    async def identity(self, code: str, verifier: str, nonce: str, redirect_uri: str) -> Identity:
        """Redeem a code; ``AuthenticationFailed`` where the provider refuses it or what it says does not hold together."""
        metadata = await self.metadata()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": verifier, "client_id": self.client_id}
        tokens = await self._asked(
            "POST", metadata["token_endpoint"], form, self._credentials(metadata, form)
        )
        claims = await self._claims(str(tokens.get("id_token")), nonce, tokens.get("access_token"))
        name = claims.get(self._claim) or await self._from_userinfo(metadata, tokens, claims["sub"])
        if not isinstance(name, str) or not name:
            raise AuthenticationFailed(
                f"The identity provider does not say who you are: it tells no {self._claim}.",
                hint="Tell the hub's operators; HUB_OIDC_CLAIM names what to read.",
            )
        methods = {claims.get("acr"), *(claims.get("amr") or ())}
        return Identity(name, frozenset(method for method in methods if isinstance(method, str)))

    def _credentials(self, metadata: Mapping[str, Any], form: dict[str, str]) -> httpx.BasicAuth | None:
        """Return how the hub proves who it is; a secret goes into the form where the provider takes it there alone."""
        if self._secret is None:
            return None
        taken = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in taken:
            return httpx.BasicAuth(self.client_id, self._secret)
        form["client_secret"] = self._secret
        return None

    async def _claims(self, token: str, nonce: str, access_token: Any) -> CodeIDToken:
        decoded = await self._decoded(token)
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
        }
        told = {"nonce": nonce, "client_id": self.client_id, "access_token": access_token}
        claims = CodeIDToken(decoded.claims, decoded.header, options, told)
        try:
            claims.validate(leeway=_LEEWAY)
        except JoseError as error:
            raise InvalidToken(
                f"The identity provider's token is not for this sign-in ({error.error})."
            ) from None
        return claims

    async def _decoded(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, await self._known_keys(_FRESH), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):  # it may have been signed by a key that is newer than those known
            keys = await self._known_keys(_LEAST)
        try:
            return jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            raise InvalidToken("The identity provider's token is signed by none of its keys.") from None

    async def _known_keys(self, oldest: float) -> KeySet:
        if time.monotonic() - self._keys_at > oldest:
            told = (await self._asked("GET", (await self.metadata())["jwks_uri"])).get("keys")
            self._keys = KeySet(_signing_keys(told if isinstance(told, list) else []))
            self._keys_at = time.monotonic()
        return self._keys

    async def _from_userinfo(self, metadata: Mapping[str, Any], tokens: Mapping[str, Any], sub: str) -> Any:
        if not isinstance(metadata.get("userinfo_endpoint"), str):
            return None
        headers = {"Authorization": f"Bearer {tokens.get('access_token')}"}
        told = await self._asked("GET", metadata["userinfo_endpoint"], headers=headers)
        if told.get("sub") != sub:  # OpenID Connect Core 5.3.2: else it is about somebody else
            raise InvalidToken("The identity provider's userinfo is of somebody else.")
        return told.get(self._claim)

    async def _asked(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        auth: httpx.BasicAuth | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        try:
            answer = await self._http.request(method, url, data=form, auth=auth, headers=headers)
            told = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise IdentityProviderUnavailable(
                "The identity provider does not answer.",
                hint="Try again; if it stays, tell the hub's operators.",
            ) from None
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or not isinstance(told, dict):
            raise IdentityProviderUnavailable("The identity provider failed.", hint="Try again.")
        if answer.is_error:
            raise AuthenticationFailed("The identity provider refuses this sign-in.", hint="Begin it again.")
        return told


def _signing_keys(published: Sequence[Any]) -> list[Any]:
    """Read the keys that may sign; what is of a kind that the hub does not know is left out, and so is a shared secret."""
    keys: list[Any] = []
    for jwk in published:
        if (
            isinstance(jwk, dict)
            and jwk.get("kty") in ("RSA", "EC", "OKP")
            and jwk.get("use", "sig") == "sig"
        ):
            with suppress(JoseError, ValueError, KeyError, TypeError):
                keys.append(import_key(jwk))
    if not keys:
        raise IdentityProviderUnavailable("The identity provider publishes no key that the hub knows.")
    return keys
