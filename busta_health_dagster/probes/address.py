"""Which addresses a source may not lie on, unless it says `allow_private: true`. Asked about the connected address,
never the name.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from busta_health_dagster.probes.special_addresses import GLOBAL_UNICAST, SPECIAL, TEREDO, WRAPPING


class AddressRefused(Exception):
    """The name leads to an address that may hold secrets or machines of ours."""

    def __init__(self, host: str, address: str, why: str) -> None:
        self.sentence = f"{host} leads to {address}, which is {why}" if host != address else f"{address} is {why}"
        super().__init__(self.sentence)


@lru_cache(maxsize=4096)
def refusal(address: str) -> str | None:
    """Why this IP address is refused; None when it is an ordinary public one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = _embedded(ip)
        if wrapped is not None:  # evaluated by what it wraps
            inner, wrapping = wrapped
            why = _special(inner)
            return None if why is None else f"{wrapping} of {inner}, {why}"
    return _special(ip)


def _embedded(ip: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, str] | None:
    for network, behind, wrapping in WRAPPING:
        if ip in network:
            return ipaddress.IPv4Address((int(ip) >> behind) & 0xFFFFFFFF), wrapping
    if ip in TEREDO:
        return ipaddress.IPv4Address(~int(ip) & 0xFFFFFFFF), "the Teredo form"
    return None


def _special(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str | None:
    for network, why in SPECIAL:
        if ip.version == network.version and ip in network:
            return why
    if ip.version == 6 and ip not in GLOBAL_UNICAST:
        return "a reserved address"
    return None
