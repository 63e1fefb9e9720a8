"""The token endpoint: OAuth 2.0 client credentials (RFC 6749, 4.4) with ``private_key_jwt``, and its metadata."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from catalog.directory import Directory
from exchange_api.assertions import ALGORITHMS, ASSERTION_TYPE, check_assertion, use_once
from exchange_api.calls import Stated
from exchange_api.door import Attempt, Door
from exchange_api.tokens import STATEMENT, Tokens, authorization_detail
from infra.lanes import Lanes
from schemas.errors import HubError, MalformedRequest

_LARGEST_FORM = 16 * 1024  # bytes
_MOST_FIELDS = 20


class TokenEndpoint:
    """Gives a token for an assertion. A refusal is on the ledger; a token given shows in the calls made with it."""

    def __init__(
        self, tokens: Tokens, directory: Directory, door: Door, lanes: Lanes, url: str, hub_id: str
    ) -> None:
        self._tokens, self._directory, self._door, self._lanes = tokens, directory, door, lanes
        # What the caller's Host header says is not believed: it would let an assertion made for another hub pass.
        self._url, self._hub_id = url.rstrip("/"), hub_id

    @property
    def audiences(self) -> tuple[str, str]:
        """What an assertion may name as its audience: the token endpoint or the issuer."""
        return f"{self._url}/oauth/token", self._hub_id

    async def token(self, request: Request) -> Response:
        """Answer ``POST /oauth/token``."""
        attempt = Attempt(request, "token")
        attempt.identify()
        try:
            form = await _form_of(request)
            assertion = check_assertion(_assertion_in(form), self._directory.snapshot.systems, self.audiences)
            attempt.system = assertion.system
            assertion.check_active()
            if form.get("client_id", assertion.system.id) != assertion.system.id:
                raise MalformedRequest("client_id is not the assertion's sub.")
            stated = _stated_in(form)
            await use_once(assertion, self._lanes)
        except HubError as error:
            return await self._door.refused(attempt, error)
        given = {
            "access_token": self._tokens.issue(assertion.system.id, stated),
            "token_type": "Bearer",
            "expires_in": self._tokens.seconds,
        }
        if stated is not None:
            given["authorization_details"] = [authorization_detail(stated)]
        return Response(
            orjson.dumps(given), media_type="application/json", headers={"Cache-Control": "no-store"}
        )

    def metadata(self) -> dict[str, Any]:
        """Describe the endpoint (RFC 8414)."""
        return {
            "issuer": self._hub_id,
            "token_endpoint": f"{self._url}/oauth/token",
            "jwks_uri": f"{self._url}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "authorization_details_types_supported": [STATEMENT],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        }


async def _form_of(request: Request) -> Mapping[str, str]:
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > _LARGEST_FORM:
            raise MalformedRequest("The form is too large.")
    try:
        pairs = parse_qsl(read.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise MalformedRequest(
            "The body is not a form.", hint="Send application/x-www-form-urlencoded."
        ) from None
    if len(dict(pairs)) != len(pairs):
        raise MalformedRequest("A field of the form is given twice.")
    return dict(pairs)


def _stated_in(form: Mapping[str, str]) -> Stated | None:
    """Read why the system will call, where it says so (RFC 9396): one detail, of the type that the hub knows."""
    if "authorization_details" not in form:
        return None
    try:
        details = orjson.loads(form["authorization_details"])
    except orjson.JSONDecodeError:
        raise MalformedRequest("authorization_details is not JSON.") from None
    if not (isinstance(details, list) and len(details) == 1 and isinstance(details[0], dict)):
        raise MalformedRequest("authorization_details must be a list of one object.")
    if (
        details[0].keys() != {"type", "purpose", "legal_basis", "case_code"}
        or details[0]["type"] != STATEMENT
    ):
        raise MalformedRequest(
            "The authorization detail is not one that the hub knows.",
            hint=f'It has "type": "{STATEMENT}", purpose, legal_basis and case_code.',
        )
    return Stated.of(details[0])


def _assertion_in(form: Mapping[str, str]) -> str:
    if form.get("grant_type") != "client_credentials":
        raise MalformedRequest("grant_type must be client_credentials.")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise MalformedRequest(f"client_assertion_type must be {ASSERTION_TYPE}.")
    if not form.get("client_assertion"):
        raise MalformedRequest("The form has no client_assertion.")
    return form["client_assertion"]
