"""Who is asking: session cookie, token or trusted proxy; and the checks of host, origin and CSRF token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from busta_health_dagster.domain.access import Principal, Role
from busta_health_dagster.web.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


COOKIE = "busta_session"


_CSRF_FREE = "/graphql"
"""Dagster's UI does not know our token; its writes are JSON from our own origin, which a foreign page cannot send."""


_ONCE = ("host", "origin", "authorization", "x-csrf-token", "sec-fetch-site")
"""Headers that decide: two of them mean that someone in between may have read the other one."""


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Decides. `hosts` are accepted Host names without port; `by_token` and `by_cookie` ask the store.

    With `guarded` False (no token has ever existed) a caller on loopback is admin, and no one else comes in.
    """

    hosts: frozenset[str]
    guarded: Callable[[], bool]
    by_token: Callable[[str], Principal | None]
    by_cookie: Callable[[str], Principal | None]
    proxies: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()
    by_proxy: Callable[[str], Principal] | None = None
    proxy_header: str = ""
    local: Principal = field(default_factory=lambda: Principal("local", Role.ADMIN, "loopback"))
    closed: Callable[[], bool] = lambda: False
    """Is it known already that `guarded` says yes? It never becomes no again."""
    opens: Callable[[str], bool] = lambda _path: False
    """Does settings.yaml open this address to everyone?"""
    audit: Callable[[str, str, str], None] = lambda _actor, _subject, _detail: None

    def doubled(self, scope: Scope) -> Refusal | None:
        """Two of a header that decides something."""
        seen = Counter(name.decode("latin-1").lower() for name, _ in scope["headers"])
        twice = [name for name in (*_ONCE, self.proxy_header) if seen[name] > 1]
        if not twice:
            return None
        return Refusal(400, "Doubled header", f"The request has {seen[twice[0]]} {twice[0]} headers; send one.")

    def host_refusal(self, headers: dict[str, str]) -> Refusal | None:
        name = host_name(headers.get("host", ""))
        if name in self.hosts:
            return None
        return Refusal(
            421,
            "Unknown host",
            f"This server does not answer for {name or 'a request without Host'}; add it to web.allowed_hosts.",
        )

    def origin_refusal(self, headers: dict[str, str], *, write: bool) -> Refusal | None:
        """A write from another origin is refused, also when no one has to log in: a web page could send it to
        localhost.
        """
        if not write:
            return None
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
        if origin is not None:
            parts = urlsplit(origin)
            foreign = foreign or parts.netloc.lower() != headers.get("host", "").lower()
        if not foreign:
            return None
        return Refusal(
            403,
            "Foreign origin",
            "Writes are accepted from this server's own pages and from scripts without an Origin.",
        )

    def principal(self, scope: Scope, headers: dict[str, str]) -> Principal | None:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and value:
            return self.by_token(value.strip())
        if scheme.lower() == "basic" and value:
            return self.by_token(_password(value))
        if self.by_proxy is not None and self._from_proxy(scope) and headers.get(self.proxy_header):
            return self.by_proxy(headers[self.proxy_header])
        cookie = session_cookie(headers)
        if cookie:
            return self.by_cookie(cookie)
        return self.local if is_loopback(_peer(scope)) and not self.guarded() else None

    def says_who(self, scope: Scope, headers: dict[str, str]) -> bool:
        """Does the request carry anything that could name its caller?"""
        proxied = self._from_proxy(scope) and headers.get(self.proxy_header)
        return bool(headers.get("authorization") or proxied or session_cookie(headers))

    def mark(self, scope: Scope, headers: dict[str, str]) -> str:
        """What a caller is remembered by: everything `principal` checks, and nothing that can be read back."""
        proxied = headers.get(self.proxy_header, "") if self._from_proxy(scope) else ""
        parts = (
            headers.get("authorization", ""),
            proxied,
            session_cookie(headers) or "",
            str(is_loopback(_peer(scope))),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _from_proxy(self, scope: Scope) -> bool:
        address = _peer(scope)
        return address is not None and any(address in network for network in self.proxies)


def _password(credentials: str) -> str:
    """Of basic authentication, for tools that know no other: the password is the token, the user's name says nothing."""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _peer(scope: Scope) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Who is really at the other end of the connection; None when that is no address."""
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0]) if client else None
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    return address is not None and address.is_loopback


def csrf_refusal(principal: Principal, path: str, headers: dict[str, str], *, write: bool) -> Refusal | None:
    """A session's write must carry the session's token; scripts with a bearer token have no cookie to abuse."""
    if not write or principal.via != "session" or path == _CSRF_FREE:
        return None
    sent = headers.get("x-csrf-token", "")
    if principal.csrf and hmac.compare_digest(sent.encode(), principal.csrf.encode()):
        return None
    return Refusal(403, "Missing CSRF token", "Send the session's token in X-CSRF-Token; reload the page if it is old.")


def query_parameters(scope: Scope) -> list[tuple[str, str]]:
    """Names and values as the server would decode them: `%71uery` is `query`."""
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def host_name(header: str) -> str:
    """`[::1]:3000` -> `::1`, `Example.com:80` -> `example.com`."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


def session_cookie(headers: dict[str, str]) -> str | None:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    found = jar.get(COOKIE)
    return found.value if found else None
