"""How the hub proves itself to a department's interface: a header, a parameter, or a token that expires."""

import base64
from collections.abc import Callable
from typing import Any, Protocol

import httpx

from connectors.rest.options import Authentication

_RENEWED_BEFORE = 30.0  # seconds before a token expires, so that it lasts through the request
_LIFE = 300.0  # seconds, of a token that does not say


class Credentials(Protocol):
    """What is added to each request."""

    @property
    def names(self) -> frozenset[str]:
        """The URL parameters that are secret."""

    def apply(self, request: httpx.Request) -> None:
        """Add them."""

    def renew(self) -> bool:
        """After a refusal: forget a token that may have been withdrawn; False where another try is of no use."""


class Fixed:
    """A header or parameter that stays as it is; none of both without credentials."""

    def __init__(
        self, headers: dict[str, str] | None = None, parameters: dict[str, str] | None = None
    ) -> None:
        self._headers, self._parameters = headers or {}, parameters or {}
        self.names = frozenset(self._parameters)

    def apply(self, request: httpx.Request) -> None:
        """Add header and parameter."""
        request.headers.update(self._headers)
        if self._parameters:
            request.url = request.url.copy_merge_params(self._parameters)

    def renew(self) -> bool:
        """Nothing can be renewed."""
        return False


class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749, section 4.4), the token renewed before it expires."""

    names: frozenset[str] = frozenset()

    def __init__(
        self, told: Authentication, ask: Callable[[httpx.Request], Any], clock: Callable[[], float]
    ) -> None:
        self._told, self._ask, self._clock = told, ask, clock
        self._token, self._until = "", 0.0

    def apply(self, request: httpx.Request) -> None:
        """Add the token, asking for one first where there is none or it is about to expire."""
        if not self._token or self._clock() >= self._until:
            self._fetch()
        request.headers["Authorization"] = f"Bearer {self._token}"

    def renew(self) -> bool:
        """Forget the token."""
        self._token = ""
        return True

    def _fetch(self) -> None:
        told = self._told
        form = {"grant_type": "client_credentials"} | ({"scope": told.scope} if told.scope else {})
        headers = {"Authorization": _basic(str(told.client_id), str(told.client_secret))}
        answer = self._ask(httpx.Request("POST", str(told.token_url), data=form, headers=headers))
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            answer = {}
        self._token = answer.get("access_token", "")
        life = _seconds(answer.get("expires_in"))
        self._until = self._clock() + max(life - _RENEWED_BEFORE, life / 2)


def credentials(
    told: Authentication | None, ask: Callable[[httpx.Request], Any], clock: Callable[[], float]
) -> Credentials:
    """Make what ``options.authentication`` tells; ``ask`` sends a request for a token and returns the JSON answer."""
    if told is None:
        return Fixed()
    if told.by == "bearer":
        return Fixed({"Authorization": f"Bearer {told.token}"})
    if told.by == "basic":
        return Fixed({"Authorization": _basic(str(told.user), str(told.password))})
    if told.by == "api_key":
        pair = {str(told.name): str(told.key)}
        return Fixed(pair) if told.place == "header" else Fixed(parameters=pair)
    return ClientCredentials(told, ask, clock)


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _seconds(value: Any) -> float:
    try:
        return max(float(value), 0.0)
    except (TypeError, ValueError):
        return _LIFE
