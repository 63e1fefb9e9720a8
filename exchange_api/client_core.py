"""What a client of the hub does, without doing it: each act is a generator that yields what to send, or how long to wait.

The two shells of ``exchange_api.client`` drive the same acts, one waiting and one with ``await``. Nothing here knows the server, the
database or an HTTP library.
"""

import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from audit.answer_keys import keys_in
from audit.answers import Answer, check_answer, request_digest
from exchange_api.signature_making import signed
from schemas.errors import AnswerNotProven, AuthenticationFailed, CallRefused

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
LONGEST_WAIT = 60.0  # seconds that a Retry-After is heeded for
RENEW_BEFORE = 30.0  # seconds before a token ends
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AGAIN = frozenset({429, 503})
_ALGORITHMS: Mapping[type, tuple[str, str]] = {  # of signatures, and of assertions
    OKPKey: ("ed25519", "Ed25519"), ECKey: ("ecdsa-p256-sha256", "ES256"), RSAKey: ("rsa-pss-sha512", "PS256"),
}  # fmt: skip
Key = OKPKey | ECKey | RSAKey


@dataclass(frozen=True)
class Reason:
    """Why a call is made; mandatory on every reading of records (Decree 809, article 20)."""

    purpose: str
    legal_basis: str
    case_code: str

    @property
    def headers(self) -> dict[str, str]:
        """As HTTP headers, percent-encoded UTF-8."""
        told = {
            "hub-purpose": self.purpose,
            "hub-legal-basis": self.legal_basis,
            "hub-case-code": self.case_code,
        }
        return {name: quote(value, safe=" ,;:()") for name, value in told.items()}


@dataclass(frozen=True)
class Request:
    """What is to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""


@dataclass(frozen=True)
class Pause:
    """How many seconds to wait before going on."""

    seconds: float


@dataclass(frozen=True)
class Response:
    """What came back; ``headers`` by name in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Return its JSON."""
        return orjson.loads(self.content)


class Lost(Exception):
    """A connection broke, or nothing was answered in time; a shell throws it into an act."""


Act = Generator[Request | Pause, Response, Any]


class Identity(Protocol):
    """How a call says who makes it."""

    def made(self, request: Request, core: "Core") -> Generator[Request | Pause, Response, Request]:
        """Return the request as it is to be sent."""
        ...


@dataclass(frozen=True)
class Signing:
    """A system that signs each call by its own private key."""

    system: str
    key: Key

    def made(self, request: Request, core: "Core") -> Generator[Request | Pause, Response, Request]:
        """Sign it; with a new nonce each time, so a call is signed anew when it is sent again."""
        algorithm = _ALGORITHMS[type(self.key)][0]
        keyid = f"{self.system}/{self.key.kid or self.key.thumbprint()}"
        headers = signed(
            request.method, request.url, request.headers, request.content or None, keyid, algorithm, self.key
        )
        yield from ()
        return Request(request.method, request.url, headers, request.content)


@dataclass
class Bearing:
    """A system that calls by an access token, which it gets by an assertion and renews before it ends."""

    system: str
    key: Key
    token: str = field(default="", repr=False)
    ends: float = 0.0

    def made(self, request: Request, core: "Core") -> Generator[Request | Pause, Response, Request]:
        """Add the token, asking for one where there is none that holds for some time yet."""
        if time.monotonic() > self.ends - RENEW_BEFORE:
            yield from self._renewed(core)
        told = {"authorization": f"Bearer {self.token}", "hub-prove": "?1"}
        return Request(request.method, request.url, {**request.headers, **told}, request.content)

    def _renewed(self, core: "Core") -> Generator[Request | Pause, Response, None]:
        described = yield Request("GET", f"{core.url}/.well-known/oauth-authorization-server", {})
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION}
        form["client_assertion"] = self._assertion(described.json()["token_endpoint"])
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = yield Request("POST", f"{core.url}/oauth/token", kind, urlencode(form).encode())
        if answer.status != 200:
            raise AuthenticationFailed(f"The hub gave no token: {answer.json().get('detail', answer.status)}")
        self.token = answer.json()["access_token"]
        self.ends = time.monotonic() + answer.json()["expires_in"]

    def _assertion(self, audience: str) -> str:
        now, algorithm = int(time.time()), _ALGORITHMS[type(self.key)][1]
        claims = {"iss": self.system, "sub": self.system, "aud": audience, "jti": uuid.uuid4().hex}
        header = {"alg": algorithm, **({"kid": self.key.kid} if self.key.kid else {})}
        return jwt.encode(header, claims | {"iat": now, "exp": now + 60}, self.key, algorithms=[algorithm])


class Core:
    """The acts of one system at one hub.

    ``keys``: the hub's public keys, as ``/.well-known/answer-keys.json`` tells them, by which each answer is proven; asked for once,
    and believed, where none are given.
    """

    def __init__(
        self, url: str, identity: Identity, reason: Reason, keys: Mapping[str, Any] | None = None, tries: int = 3
    ) -> None:  # fmt: skip
        self.url, self.identity, self.reason, self._tries = url.rstrip("/"), identity, reason, tries
        self._keys = keys_in(keys) if keys is not None else None

    def record(self, resource: str, key: str, items: Sequence[str]) -> Act:
        """Read one record."""
        path = f"/v1/resources/{quote(resource, safe='')}/records/{quote(key, safe='')}"
        return self.read("GET", path, {"items": ",".join(items)} if items else {})

    def query(self, resource: str, keys: Sequence[str], items: Sequence[str], accept: str) -> Act:
        """Read up to 1,000 records by key."""
        body = {"keys": list(keys), **({"items": list(items)} if items else {})}
        return self.read("POST", f"/v1/resources/{quote(resource, safe='')}/query", {}, body, accept)

    def page(
        self, resource: str, filter_: str | None, items: Sequence[str], limit: int, cursor: str | None, accept: str
    ) -> Act:  # fmt: skip
        """Read a page of the records that a filter chooses."""
        told = {"filter": filter_, "items": ",".join(items), "limit": str(limit), "cursor": cursor}
        asked = {name: value for name, value in told.items() if value}
        return self.read("GET", f"/v1/resources/{quote(resource, safe='')}/records", asked, None, accept)

    def read(
        self, method: str, path: str, asked: Mapping[str, str], body: Any = None, accept: str = JSON
    ) -> Act:  # fmt: skip
        """Call a route that reads, again where that is safe and may help, and return its proven answer."""
        query = f"?{urlencode(asked, quote_via=quote)}" if asked else ""
        content = b"" if body is None else orjson.dumps(body)
        headers = {**self.reason.headers, "accept": accept}
        if content:
            headers["content-type"] = JSON
        request = Request(method, f"{self.url}{path}{query}", headers, content)
        if self._keys is None:
            told = yield Request("GET", f"{self.url}/.well-known/answer-keys.json", {})
            self._keys = keys_in(told.json())
        return (yield from self._sent(request))

    def _sent(self, request: Request) -> Act:
        for left in reversed(range(self._tries)):
            made = yield from self.identity.made(request, self)
            try:
                answer = yield made
            except Lost:
                if not left:
                    raise
                yield Pause(1.0)
                continue
            self._check(made, answer)
            if answer.status < 400:
                return answer
            wait = float(answer.headers.get("retry-after", "inf")) if answer.status in _AGAIN else None
            if not left or wait is None or wait > LONGEST_WAIT:
                break
            yield Pause(wait)
        raise _refused(answer)

    def _check(self, made: Request, answer: Response) -> None:
        """Prove an answer; what did not come from the ledger, such as that this cannot be written, holds no data."""
        if answer.status >= 400 and "hub-proof" not in answer.headers:
            return
        if "hub-entry" not in answer.headers:
            raise AnswerNotProven("The answer names no ledger entry.")
        digest = request_digest(made.method, made.url, {n.lower(): v for n, v in made.headers.items()})
        check_answer(Answer(answer.status, answer.headers, answer.content), self._keys or {}, digest)


def _refused(answer: Response) -> CallRefused:
    """Return the hub's refusal as the error of it; a proxy's may be no problem document."""
    told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    return CallRefused(
        told.get("detail", f"The hub answered with status {answer.status}."),
        hint=told.get("hint", ""), status=answer.status, problem=told.get("code", ""),
    )  # fmt: skip
