"""Messages to programs by HTTP, the one way they are sent: signed as Standard Webhooks has it, bounded in time and size, never followed.

Whoever names an address must not reach into our own network by it: its name is resolved once, the addresses are judged, and the
connection goes to the one that was judged. Of an answer only the status counts; its body is not read.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

import httpx

from connectors.neighbour_web import Address, Network, checked_url, may_be_reached
from hub.server import PLAIN
from schemas.errors import AddressForbidden, ConfigurationError

PREFIX = "whsec_"
SECONDS = 10.0  # for a message as a whole: until its answer's head is there
_LEAST_KEY = 24  # bytes
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_PORTS = {"http": 80, "https": 443}
EVERYWHERE: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""Networks of an address that an operator has set."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message was not taken, in words that quote nothing of the other side, and whether another try may help.

    ``gone``: the other side says that it never will.
    """

    said: str
    again: bool
    gone: bool = False


def new_secret() -> str:
    """Make a secret to sign with, as both sides keep it."""
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def key_of(secret: str, what: str, hint: str) -> bytes:
    """Return the key of a secret; ``ConfigurationError`` where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _LEAST_KEY:
        raise ConfigurationError(
            f"{what} is not {PREFIX} and base64 of {_LEAST_KEY} bytes or more.", hint=hint
        )
    return key


def signed(key: bytes, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that say which message it is, when it was sent, and that it is the hub's."""
    signature = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, "sha256")
    told = base64.b64encode(signature).decode()
    return {"webhook-id": id_, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{told}"}


async def post(
    url: str, headers: dict[str, str], body: bytes, networks: tuple[Network, ...], seconds: float = SECONDS
) -> Failure | None:
    """Send a message once; returns why it was not taken, None where it was.

    Plain HTTP goes to ``networks`` alone; HTTPS, whose certificate is checked by name, to them and to public addresses.
    """
    try:
        there = checked_url(url)
        return await asyncio.wait_for(_posted(there, headers, body, networks), seconds)
    except AddressForbidden as error:
        return Failure(error.detail.rstrip("."), again=True)  # by then its name may lead elsewhere
    except (httpx.HTTPError, OSError, UnicodeError) as error:
        return Failure(type(error).__name__, again=True)


async def _posted(
    url: httpx.URL, headers: dict[str, str], body: bytes, networks: tuple[Network, ...]
) -> Failure | None:
    address = await _address(url, networks)
    told = {"Content-Type": "application/json", **headers, "Host": url.netloc.decode("ascii")}
    there, name = url.copy_with(host=str(address)), {"sni_hostname": url.host}
    async with (
        httpx.AsyncClient(trust_env=False, verify=_trusting(url), timeout=SECONDS) as client,
        client.stream("POST", there, content=body, headers=told, extensions=name) as answer,
    ):
        return _judged(answer)


def _trusting(url: httpx.URL) -> ssl.SSLContext:
    return _authorities() if url.scheme == "https" else PLAIN


@cache
def _authorities() -> ssl.SSLContext:
    """Whom to trust is loaded once: it takes longer than a message."""
    return httpx.create_ssl_context()


def _judged(answer: httpx.Response) -> Failure | None:
    if answer.is_success:
        return None
    again = answer.is_server_error or answer.status_code in _LATER
    gone = answer.status_code == HTTPStatus.GONE
    return Failure(f"it answers {answer.status_code}", again, gone)


async def _address(url: httpx.URL, networks: tuple[Network, ...]) -> Address:
    """Return the address to connect to, the first of those that a name has; all of them have to be allowed."""
    loop, port = asyncio.get_running_loop(), url.port or _PORTS[url.scheme]
    found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(told[4][0]).partition("%")[0]) for told in found]
    for address in addresses:
        if not may_be_reached(address, networks):
            raise AddressForbidden(f"{url.host} is at an address that is not public.")
        inside = any(address in one for one in networks if one.version == address.version)
        if url.scheme != "https" and not inside:
            raise AddressForbidden(f"{url.host} would be told unencrypted.")
    return addresses[0]
