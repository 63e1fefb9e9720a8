"""Signing in by OpenID Connect: the authorization code flow with PKCE (RFC 7636), from the browser's way out to its way back.

The browser is given one random cookie. State, nonce and verifier are derived from it under the keyring, so that a way back that another
browser began, or none, is refused by every process, and nothing is kept meanwhile.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import Connection

from audit.recording import record_administration
from catalog.people import People
from catalog.person import EXCLUSIVE, PERSON_ID, Person, PersonStatus
from catalog.session import Method, SignedIn
from catalog.sessions import Sessions
from exchange_api.door import Attempt
from exchange_api.identity_provider import SCOPE, Identity, IdentityProvider
from exchange_api.session_desk import SessionDesk
from exchange_api.transactions import Transactions
from infra.clock import now
from infra.keyring import Keyring
from infra.settings import Settings
from schemas.errors import (
    AccessDenied,
    AuthenticationFailed,
    MalformedRequest,
    NotRegistered,
    SecondFactorRequired,
    SignInRefused,
)

COOKIE, PATH = "hub_sign_in", "/v1/session/oidc"
LONGEST = 600  # seconds from the way out to the way back
_MOST_PARAMETERS = 20


class OidcDesk:
    """The readings of ``/v1/session/oidc``."""

    def __init__(
        self,
        provider: IdentityProvider | None,
        settings: Settings,
        keyring: Keyring,
        transactions: Transactions,
        sessions: SessionDesk,
    ) -> None:
        self._given, self._transactions, self._sessions = provider, transactions, sessions
        self._key = keyring.derive("sign-in", 1)
        self._url = settings.public_url.rstrip("/") + PATH
        self._life = timedelta(seconds=settings.session_seconds)
        self._strong = frozenset(settings.oidc_second_factor.split())

    async def start(self, attempt: Attempt) -> dict[str, Any]:
        """Send the browser to the provider, with a cookie by which its way back is known."""
        provider = self._provider()
        endpoint = (await provider.metadata())["authorization_endpoint"]
        browser = f"{int(now().timestamp())}.{secrets.token_urlsafe(32)}"
        asked = {
            "response_type": "code", "client_id": provider.client_id, "redirect_uri": f"{self._url}/callback", "scope": SCOPE,
            "state": self._derived("state", browser), "nonce": self._derived("nonce", browser),
            "code_challenge": create_s256_code_challenge(self._derived("verifier", browser)), "code_challenge_method": "S256",
        }  # fmt: skip
        url = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
        attempt.status = HTTPStatus.FOUND
        attempt.sent = {"Location": url, "Set-Cookie": self._cookie(browser, LONGEST)}
        return {"location": url}

    async def callback(self, attempt: Attempt) -> dict[str, Any]:
        """Begin a session of whom the provider names, where they are registered and may act."""
        provider, asked = self._provider(), _parameters(attempt)
        browser = self._browser(attempt, asked)
        if asked.get("iss", provider.issuer) != provider.issuer:  # RFC 9207
            raise AuthenticationFailed("The answer is of another identity provider.", hint="Begin again.")
        if "error" in asked or not asked.get("code"):
            raise AuthenticationFailed("The identity provider did not sign you in.", hint="Begin again.")
        verifier, nonce = self._derived("verifier", browser), self._derived("nonce", browser)
        told = await provider.identity(asked["code"], verifier, nonce, f"{self._url}/callback")
        attempt.sent = {"Set-Cookie": self._cookie("", 0)}
        attempt.signed_in = await self._begun(attempt, told)
        return self._sessions.begun(attempt.signed_in)

    async def _begun(self, attempt: Attempt, told: Identity) -> SignedIn:
        strong = bool(told.methods & self._strong)
        record = partial(record_administration, request=attempt.id)

        def _begin(connection: Connection) -> SignedIn:
            person = _known(People(connection, record), told.name)
            attempt.facts = {"person": person.id}
            _check_may(person, strong)
            sessions = Sessions(connection, record)
            return SignedIn(sessions.begin(person.id, Method.OIDC, strong, now(), self._life), person)

        return await self._transactions.alone(_begin)

    def _browser(self, attempt: Attempt, asked: Mapping[str, str]) -> str:
        """Return the cookie of the browser that began; ``AuthenticationFailed`` where it did not, or too long ago."""
        browser = _cookie_of(attempt)
        began, _, _ = browser.partition(".")
        at = int(now().timestamp())
        fits = hmac.compare_digest(self._derived("state", browser).encode(), asked.get("state", "").encode())
        if not (fits and began.isdecimal() and at - LONGEST <= int(began[:12]) <= at):
            raise AuthenticationFailed(
                "This sign-in was not begun in this browser, or too long ago.",
                hint=f"Begin again: {PATH}/start.",
            )
        return browser

    def _derived(self, purpose: str, browser: str) -> str:
        digest = hmac.digest(self._key, f"{purpose}\n{browser}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _cookie(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self._url.startswith("https:") else ""
        return f"{COOKIE}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"

    def _provider(self) -> IdentityProvider:
        if self._given is None:
            raise NotRegistered("No identity provider is set up here.", hint="Sign in at POST /v1/session.")
        return self._given


def _known(people: People, name: str) -> Person:
    try:
        if PERSON_ID.match(name):
            return people.person(name)
    except NotRegistered:
        pass
    raise SignInRefused("You are not registered here.", hint="Ask the security administrator.")


def _check_may(person: Person, strong: bool) -> None:
    if person.status is not PersonStatus.ACTIVE:
        raise AccessDenied("You are suspended.", hint="Ask the security administrator.")
    if person.roles & EXCLUSIVE and not strong:
        raise SecondFactorRequired(
            "Administrators sign in with a second factor.",
            hint="Show it to the identity provider, and begin again.",
        )


def _cookie_of(attempt: Attempt) -> str:
    cookies = SimpleCookie()
    try:
        cookies.load(attempt.headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def _parameters(attempt: Attempt) -> dict[str, str]:
    """Read what the provider sent by the browser; it may say more than the hub knows."""
    query = attempt.request.scope["query_string"]
    try:
        pairs = parse_qsl(query.decode(), errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise MalformedRequest("The query string is malformed.") from None
    if len(dict(pairs)) != len(pairs):
        raise MalformedRequest("A query parameter is given twice.")
    return dict(pairs)
