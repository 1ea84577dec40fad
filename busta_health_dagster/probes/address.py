"""Which addresses a source may not lie on, unless it says `allow_private: true`. Asked about the connected address,
never the name.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_WIRE_SERVER = ipaddress.IPv4Address("168.63.129.16")  # Azure's metadata helper lies in public space


class AddressRefused(Exception):
    """The name leads to an address that may hold secrets or machines of ours."""

    def __init__(self, host: str, address: str, why: str) -> None:
        self.sentence = f"{host} leads to {address}, which is {why}" if host != address else f"{address} is {why}"
        super().__init__(self.sentence)


@lru_cache(maxsize=4096)
def refusal(address: str) -> str | None:
    """Why this IP address is refused; None when it is an ordinary public one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    why = _refusal(ip)
    if why is None and isinstance(ip, ipaddress.IPv6Address):
        for inner, wrapping in _embedded(ip):
            if (inner_why := _refusal(inner)) is not None:
                return f"{wrapping} of {inner}, {inner_why}"
    return why


def _embedded(ip: ipaddress.IPv6Address) -> list[tuple[ipaddress.IPv4Address, str]]:
    low = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    found = []
    if ip.ipv4_mapped is not None:
        found.append((ip.ipv4_mapped, "the mapped form"))
    if ip.sixtofour is not None:
        found.append((ip.sixtofour, "the 6to4 form"))
    if ip.teredo is not None:
        found.append((ip.teredo[1], "the Teredo form"))
    if ip in _NAT64:
        found.append((low, "the NAT64 form"))
    return found


def _refusal(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str | None:
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64_LOCAL:
            return "a local NAT64 address"
        if ip.ipv4_mapped is not None or ip in _NAT64 or ip.sixtofour is not None or ip.teredo is not None:
            return None  # judged by what it wraps
        if ip in _COMPATIBLE and int(ip) > 1:
            return "an IPv4-compatible address"
    if ip == _WIRE_SERVER:
        return "a cloud metadata address"
    if ip.is_loopback:
        return "a loopback address"
    if ip.is_unspecified:
        return "the unspecified address"
    if ip.is_link_local:
        return "a link-local address (cloud metadata lies there)"
    if ip.is_multicast:
        return "a multicast address"
    if not ip.is_global:
        return "a private or reserved address"
    return None
