"""The address that a request comes from, behind proxies too."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from starlette.requests import Request

_OF_ONE_SITE = 64  # bits of an IPv6 address that its site cannot choose
Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]


def address_of(request: Request, proxies: Networks = ()) -> str:
    """Return the address of who asks, of IPv6 the network of their site.

    What a header says of it is believed of proxies in these networks alone: then it is the last address that is none of theirs.
    """
    peer = request.client.host if request.client else ""
    passed = ",".join(request.headers.getlist("x-forwarded-for"))
    come = [*(part.strip() for part in passed.split(",") if part.strip()), peer]
    while len(come) > 1 and _is_one_of(come[-1], proxies):
        come.pop()
    return _site(come[-1]) or _site(peer) or peer


def _is_one_of(address: str, networks: Networks) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def _site(told: str) -> str:
    try:
        address = ip_address(told)
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), _OF_ONE_SITE), strict=False))
