"""A system that calls the hub over HTTP: what an approval system's own code would do, in a page.

Authenticates by OAuth 2.0 client credentials with ``private_key_jwt`` (RFC 7523) and renews its token before it ends.
"""

import asyncio
import base64
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
from joserfc import jwt
from joserfc.jwk import OKPKey

from schemas.errors import AuthenticationFailed, ConfigurationError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RENEW_BEFORE = 30.0  # seconds
PUSH_AGAIN_AFTER = 5.0  # seconds, where a connection broke
CHUNK = 1 << 20


@dataclass(frozen=True)
class Statement:
    """Why a call is made; mandatory on every call (Decree 809, article 20)."""

    purpose: str
    legal_basis: str
    case_code: str

    @property
    def headers(self) -> dict[str, str]:
        """As HTTP headers, percent-encoded UTF-8."""
        stated = {
            "Hub-Purpose": self.purpose,
            "Hub-Legal-Basis": self.legal_basis,
            "Hub-Case-Code": self.case_code,
        }
        return {name: quote(value, safe=" ,;:()") for name, value in stated.items()}


def private_key_path(home: Path, system: str) -> Path:
    """Return where this machine keeps the private key of a system that it registered."""
    return home / "systems" / f"{system}.jwk"


def new_private_key(home: Path, system: str) -> OKPKey:
    """Make an Ed25519 key for a system and keep it, readable by its owner only."""
    path = private_key_path(home, system)
    if path.exists():
        raise ConfigurationError(
            f"There is a key for {system} already: {path}.", hint="Remove it to make a new one."
        )
    key = OKPKey.generate_key("Ed25519", {"kid": uuid.uuid4().hex[:8]}, auto_kid=False)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(key.as_dict(private=True)))
    return key


def load_private_key(home: Path, system: str) -> OKPKey:
    """Read the private key of a system, or raise ``ConfigurationError``."""
    path = private_key_path(home, system)
    if not path.exists():
        raise ConfigurationError(
            f"This machine has no key for {system}.", hint=f"Run: hub client add {system} …"
        )
    return OKPKey.import_key(orjson.loads(path.read_bytes()))


class Caller:
    """One system's connection to one hub; an async context manager."""

    def __init__(
        self, url: str, system: str, key: OKPKey, statement: Statement | None = None, connections: int = 16
    ) -> None:
        self._system, self._key, self.statement = system, key, statement
        self.port = httpx.URL(url).port or 80
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._http = httpx.AsyncClient(base_url=url, limits=limits, timeout=60, trust_env=False)
        self._token, self._ends = "", 0.0

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._http.aclose()

    def assertion(self, audience: str, seconds: int = 60) -> str:
        """Sign who we are, for that token endpoint, to be used once."""
        now = int(time.time())
        claims = {"iss": self._system, "sub": self._system, "aud": audience, "jti": uuid.uuid4().hex}
        header = {"alg": "Ed25519", "kid": self._key.kid}
        return jwt.encode(
            header, claims | {"iat": now, "exp": now + seconds}, self._key, algorithms=["Ed25519"]
        )

    async def token(self) -> str:
        """Return a token that holds for some time yet, asking for a new one where needed."""
        if time.monotonic() > self._ends - RENEW_BEFORE:
            metadata = (await self._http.get("/.well-known/oauth-authorization-server")).json()
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.assertion(metadata["token_endpoint"]),
            }
            answer = await self._http.post("/oauth/token", data=form)
            if answer.status_code != httpx.codes.OK:
                raise AuthenticationFailed(
                    f"The hub gave no token: {answer.json().get('detail', answer.status_code)}."
                )
            self._token = answer.json()["access_token"]
            self._ends = time.monotonic() + answer.json()["expires_in"]
        return self._token

    async def record(
        self, resource: str, key: str, *, items: Sequence[str] = (), provenance: bool = False, **without: Any
    ) -> httpx.Response:
        """Ask for one record; ``headers`` in ``without`` replaces ours, to show what happens."""
        params: dict[str, str] = {"items": ",".join(items)} if items else {}
        if provenance:
            params["provenance"] = "true"
        headers = without.get("headers", await self.headers())
        return await self._http.get(
            f"/v1/resources/{resource}/records/{quote(key, safe='')}", params=params, headers=headers
        )

    async def query(
        self,
        resource: str,
        keys: Sequence[str],
        *,
        items: Sequence[str] = (),
        by: str | None = None,
        provenance: bool = False,
    ) -> httpx.Response:
        """Ask for up to 1,000 records."""
        body: dict[str, Any] = {"keys": list(keys), "provenance": provenance}
        if items:
            body["items"] = list(items)
        if by:
            body["by"] = by
        return await self._http.post(
            f"/v1/resources/{resource}/query", json=body, headers=await self.headers()
        )

    @asynccontextmanager
    async def streamed(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        body: Mapping[str, Any] | None,
        *,
        accept: str,
    ) -> AsyncIterator[httpx.Response]:
        """Ask, and yield the answer before it is read; a stream may take as long as it takes."""
        headers = await self.headers() | {"Accept": accept}
        timeout = httpx.Timeout(60, read=None)
        async with self._http.stream(
            method, path, params=params, json=body, headers=headers, timeout=timeout
        ) as answer:
            yield answer

    async def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """Ask another route, with a JSON body where there is one."""
        return await self._http.request(method, path, json=body, headers=await self.headers())

    async def headers(self) -> dict[str, str]:
        """Return the headers of a call: who we are, and why we ask."""
        stated = self.statement.headers if self.statement else {}
        return stated | {"Authorization": f"Bearer {await self.token()}"}

    async def push(
        self, source: str, file: Path, key: str, kind: str = "application/x-ndjson", tries: int = 5
    ) -> httpx.Response:
        """Push a file's rows under an idempotency key; ``kind`` is its media type.

        Sent again under the same key where the connection breaks or the hub asks to wait, at most ``tries`` times.
        """
        for left in reversed(range(tries)):
            try:
                answer = await self._pushed(source, file, key, kind)
            except httpx.TransportError:
                if not left:
                    raise
                wait = PUSH_AGAIN_AFTER
            else:
                if not left or "Retry-After" not in answer.headers:
                    break
                wait = float(answer.headers["Retry-After"])
            await asyncio.sleep(wait)
        return answer

    async def _pushed(self, source: str, file: Path, key: str, kind: str) -> httpx.Response:
        stated = await asyncio.to_thread(_stated, file)
        return await self._http.post(
            f"/v1/sources/{source}/batches",
            content=_chunks(file),
            headers=await self.headers() | stated | {"Idempotency-Key": key, "Content-Type": kind},
            timeout=None,  # the answer comes when the rows are stored
        )


def _stated(file: Path) -> dict[str, str]:
    with file.open("rb") as body:
        digest = base64.b64encode(hashlib.file_digest(body, "sha256").digest()).decode()
    return {"Content-Length": str(file.stat().st_size), "Content-Digest": f"sha-256=:{digest}:"}


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as body:
        while chunk := body.read(CHUNK):
            yield chunk
