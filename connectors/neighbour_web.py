"""Fetching a document that a neighbour publishes, from wherever its address leads, with care.

Whoever names the address must not reach into our own network by it: a name is resolved once, its addresses are judged, and the
connection goes to the one that was judged, a redirect's too. Size and time are bounded; nothing is unpacked; no credentials are sent.
"""

import ipaddress
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from schemas.errors import AddressForbidden, CatalogueUnreachable, WrongCatalogue

MOST_BYTES = 10 * 1024 * 1024
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EACH_ITS_OWN = httpx.Limits(
    max_keepalive_connections=0
)  # a connection is proved to be of one host, whatever its address
_PORTS = {"http": 80, "https": 443}
_EMBEDDING = (
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("2002::/16"),
    ipaddress.ip_network("2001::/32"),
)
"""IPv6 addresses that stand for an IPv4 address, which nobody would judge."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document: where it came from in the end, what it says it is, its bytes."""

    url: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Web:
    """Fetches by HTTP. ``networks`` are those that may be reached though they are not public; times in seconds."""

    networks: tuple[Network, ...] = ()
    seconds: float = 60.0
    most_bytes: int = MOST_BYTES

    def get(self, url: str, accept: str) -> Fetched:
        """Fetch one document; raises ``AddressForbidden``, ``CatalogueUnreachable`` or ``WrongCatalogue``."""
        deadline = time.monotonic() + self.seconds
        here = checked_url(url)
        with httpx.Client(trust_env=False, limits=_EACH_ITS_OWN) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                with self._asked(client, here, accept, deadline) as answer:
                    if answer.status_code not in _REDIRECTS:
                        return self._read(here, answer, deadline)
                    here = _redirected(here, answer.headers.get("location", ""))
        raise CatalogueUnreachable(f"{here.host} redirects more than {_MOST_REDIRECTS} times.")

    @contextmanager
    def _asked(
        self, client: httpx.Client, url: httpx.URL, accept: str, deadline: float
    ) -> Iterator[httpx.Response]:
        address = self._address(url)
        headers = {"Host": url.netloc.decode("ascii"), "Accept": accept, "Accept-Encoding": "identity"}
        left = deadline - time.monotonic()
        if left <= 0:
            raise _late(url)
        there, told = url.copy_with(host=str(address)), {"sni_hostname": url.host}
        try:
            with client.stream(
                "GET", there, headers=headers, extensions=told, timeout=min(left, 30.0)
            ) as answer:
                yield answer
        except httpx.HTTPError as error:
            raise CatalogueUnreachable(
                f"{url.host} does not answer as it should ({type(error).__name__}).",
                hint="What was harvested stays; try again later.",
            ) from error

    def _read(self, url: httpx.URL, answer: httpx.Response, deadline: float) -> Fetched:
        if answer.status_code != HTTPStatus.OK:
            raise CatalogueUnreachable(f"{url.host} answers {answer.status_code}.", status=answer.status_code)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise WrongCatalogue(f"{url.host} sends packed what was asked for as it is.")
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > self.most_bytes:
                raise WrongCatalogue(f"A page of {url.host} is larger than {self.most_bytes:,} bytes.")
            if time.monotonic() > deadline:
                raise _late(url)
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Fetched(str(url), media_type, bytes(body))

    def _address(self, url: httpx.URL) -> Address:
        try:
            found = socket.getaddrinfo(url.host, url.port or _PORTS[url.scheme], type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise CatalogueUnreachable(f"{url.host} has no address.") from error
        addresses = [ipaddress.ip_address(str(told[4][0]).partition("%")[0]) for told in found]
        for address in addresses:
            if not may_be_reached(address, self.networks):
                raise AddressForbidden(
                    f"{url.host} is at {address}, which is not public.",
                    hint="HUB_HARVEST_NETWORKS names networks that may be harvested all the same.",
                )
        return addresses[0]


def may_be_reached(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address is public, or in one of the networks."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in networks if network.version == address.version):
        return True
    embeds = any(address in network for network in _EMBEDDING if network.version == address.version)
    return address.is_global and not address.is_multicast and not embeds


def checked_url(text: str) -> httpx.URL:
    """Return an address of HTTP that says where to go and nothing else, or raise ``AddressForbidden``."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise AddressForbidden("The address is malformed.") from error
    if url.scheme not in _PORTS or not url.host:
        raise AddressForbidden("The address is not one of HTTP.", hint="It begins with https:// or http://.")
    if url.userinfo:
        raise AddressForbidden("The address holds a user or a password; a public catalogue needs none.")
    return url.copy_with(fragment=None)


def _redirected(here: httpx.URL, location: str) -> httpx.URL:
    if not location:
        raise CatalogueUnreachable(f"{here.host} redirects to nowhere.")
    there = checked_url(str(here.join(location)))
    if here.scheme == "https" and there.scheme != "https":
        raise AddressForbidden(f"{here.host} redirects from HTTPS to {there.scheme.upper()}.")
    return there


def _late(url: httpx.URL) -> CatalogueUnreachable:
    return CatalogueUnreachable(f"{url.host} takes too long to send a page.")
