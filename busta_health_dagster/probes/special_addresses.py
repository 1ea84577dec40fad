"""Networks that are no ordinary part of the internet, with what to call them.

From IANA's special-purpose address registries for IPv4 and IPv6 (as of 2025-10), with multicast, the reserved class E,
the withdrawn site-local addresses and Azure's metadata helper. A table of our own, because `is_global` of the standard
library answers otherwise from one version of Python to the next.
"""

from __future__ import annotations

import ipaddress
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PRIVATE, _RESERVED, _EXAMPLE = "a private address", "a reserved address", "an address for documentation"
_LINK = "a link-local address (cloud metadata lies there)"

_TABLE: Final = (
    ("0.0.0.0/32", "the unspecified address"),
    ("0.0.0.0/8", "an address of this network itself"),
    ("10.0.0.0/8", _PRIVATE),
    ("100.64.0.0/10", "a shared address of a provider's network"),
    ("127.0.0.0/8", "a loopback address"),
    ("168.63.129.16/32", "a cloud metadata address"),
    ("169.254.0.0/16", _LINK),
    ("172.16.0.0/12", _PRIVATE),
    ("192.0.0.0/24", "an address for protocol assignments"),
    ("192.0.2.0/24", _EXAMPLE),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("192.168.0.0/16", _PRIVATE),
    ("198.18.0.0/15", "an address for benchmarks"),
    ("198.51.100.0/24", _EXAMPLE),
    ("203.0.113.0/24", _EXAMPLE),
    ("224.0.0.0/4", "a multicast address"),
    ("255.255.255.255/32", "the broadcast address"),
    ("240.0.0.0/4", _RESERVED),
    ("::/128", "the unspecified address"),
    ("::1/128", "a loopback address"),
    ("::/96", "an IPv4-compatible address"),
    ("::/8", _RESERVED),
    ("64:ff9b:1::/48", "a local NAT64 address"),
    ("100::/63", "an address to which nothing leads"),
    ("2001::/23", "an address for protocol assignments"),
    ("2001:db8::/32", _EXAMPLE),
    ("3fff::/20", _EXAMPLE),
    ("5f00::/16", "an address of segment routing"),
    ("fc00::/7", _PRIVATE),
    ("fe80::/10", _LINK),
    ("fec0::/10", "a site-local address"),
    ("ff00::/8", "a multicast address"),
)
"""The first that holds an address names it: the narrower ones stand before those around them."""
SPECIAL: Final[tuple[tuple[Network, str], ...]] = tuple((ipaddress.ip_network(net), why) for net, why in _TABLE)
GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that is handed out of IPv6; what lies outside and is not named above is reserved."""
WRAPPING: Final = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0, "the mapped form"),
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0, "the translated form"),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0, "the NAT64 form"),
    (ipaddress.IPv6Network("2002::/16"), 80, "the 6to4 form"),
)
"""IPv6 around an IPv4 address: (network, how many bits stand behind the inner address, what it is called)."""
TEREDO: Final = ipaddress.IPv6Network("2001::/32")
