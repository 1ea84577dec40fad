"""The door in front of everything: who asks, from where, and may they. Pure ASGI: Starlette's BaseHTTPMiddleware skips
websockets.

In order: the Host header is one of ours (a rebound DNS name is not); a write comes from our own origin; the caller is
known; a session's write carries its CSRF token. What a caller may do beyond reading is asked again where it is done.
Every answer leaves with headers that keep it out of foreign frames and its type as declared.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from busta_health_dagster.domain.access import Principal, Right, Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "busta_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = ("/livez", "/readyz", "/source-health/login", "/source-health/static/")
"""Answered without a caller: they say nothing about any source."""
_CSRF_FREE = ("/graphql",)
"""Dagster's UI does not know our token; its writes are JSON from our own origin, which a foreign page cannot send."""


_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
)
"""Added where an answer does not say it itself. Dagster's own policy names no frame-ancestors: X-Frame-Options does."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody stays outside: an HTTP status, a title, and what to do."""

    status: int
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Decides. `hosts` are accepted Host names without port; `by_token` and `by_cookie` ask the store.

    With `guarded` False (no token has ever existed) a caller on loopback is admin, and nobody else comes in.
    """

    hosts: frozenset[str]
    guarded: Callable[[], bool]
    by_token: Callable[[str], Principal | None]
    by_cookie: Callable[[str], Principal | None]
    proxies: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()
    by_proxy: Callable[[str], Principal] | None = None
    proxy_header: str = ""
    local: Principal = field(default_factory=lambda: Principal("local", Role.ADMIN, "loopback"))

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
        """A write from another origin is refused, also when nobody has to log in: a web page could send it to
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
        if self.by_proxy is not None and self._from_proxy(scope) and headers.get(self.proxy_header):
            return self.by_proxy(headers[self.proxy_header])
        cookie = session_cookie(headers)
        if cookie:
            return self.by_cookie(cookie)
        return self.local if is_loopback(_peer(scope)) and not self.guarded() else None

    def _from_proxy(self, scope: Scope) -> bool:
        address = _peer(scope)
        return address is not None and any(address in network for network in self.proxies)


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
    if not write or principal.via != "session" or path.startswith(_CSRF_FREE):
        return None
    sent = headers.get("x-csrf-token", "")
    if principal.csrf and hmac.compare_digest(sent.encode(), principal.csrf.encode()):
        return None
    return Refusal(403, "Missing CSRF token", "Send the session's token in X-CSRF-Token; reload the page if it is old.")


def right_asked(method: str, path: str) -> Right:
    """What a request asks for, by its method and path."""
    if path.startswith("/api/v1/tokens"):
        return Right.MANAGE
    if path.startswith("/api/v1/heartbeat/"):
        return Right.BEAT
    if method in SAFE or path == "/graphql" or path.startswith("/source-health/login"):
        return Right.READ  # GraphQL decides per operation, in the subclass that executes it
    return Right.ACT


class Door:
    """The middleware. Puts the Principal into `scope["state"]["principal"]`."""

    def __init__(self, app: Asgi, keeper: Doorkeeper, *, login: str = "/source-health/login") -> None:
        self._app = app
        self._keeper = keeper
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        path: str = scope["path"]
        socket = scope["type"] == "websocket"
        method = "GET" if socket else scope["method"]
        write = socket or method not in SAFE  # a websocket carries writes, so its origin is checked like one
        keeper = self._keeper
        refusal = keeper.host_refusal(headers) or keeper.origin_refusal(headers, write=write)
        if (
            refusal is None
            and path == "/graphql"
            and not socket
            and method in SAFE
            and any(name == "query" for name, _ in _parameters(scope))
        ):
            refusal = Refusal(
                405, "GraphQL by POST only", "A query in the address could be a mutation; send it as JSON by POST."
            )
        if refusal is None and not path.startswith(OPEN):
            principal = keeper.principal(scope, headers)
            if principal is None:
                await self._unknown(scope, headers, send)
                return
            refusal = csrf_refusal(principal, path, headers, write=write and not socket)
            asked = right_asked(method, path)
            if refusal is None and not principal.may(asked):
                refusal = Refusal(
                    403, "Not allowed", f"{principal.name} is {principal.role}; this asks for the right to {asked}."
                )
            scope.setdefault("state", {})["principal"] = principal
        if refusal is not None:
            await refuse(scope, send, refusal)
            return
        await self._app(scope, receive, send)

    async def _unknown(self, scope: Scope, headers: dict[str, str], send: Send) -> None:
        wants_page = scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")
        if wants_page and "authorization" not in headers:
            target = quote(scope["path"] + (f"?{scope['query_string'].decode()}" if scope.get("query_string") else ""))
            location = f"{self._login}?next={target}".encode()
            await send(
                {
                    "type": "http.response.start",
                    "status": 303,
                    "headers": [(b"location", location), (b"cache-control", b"no-store")],
                }
            )
            await send({"type": "http.response.body", "body": b""})
            return
        detail = "Send a token as `Authorization: Bearer ...`; an admin makes one with `busta tokens create`."
        await refuse(scope, send, Refusal(401, "Who are you?", detail))


def _parameters(scope: Scope) -> list[tuple[str, str]]:
    """Names and values as whoever answers would decode them: `%71uery` is `query`."""
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            said = {name.lower() for name, _ in given}
            message["headers"] = given + [(name, value) for name, value in _HEADERS if name not in said]
        await send(message)

    return sending


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """RFC 9457 for HTTP; a websocket is closed before it was accepted, which the client sees as 403."""
    if scope["type"] == "websocket":
        await send(
            {"type": "websocket.close", "code": 4401 if refusal.status == 401 else 4403, "reason": refusal.title}
        )
        return
    body = json.dumps(
        {"type": "about:blank", "title": refusal.title, "status": refusal.status, "detail": refusal.detail}
    ).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
    ]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="busta"'))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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
