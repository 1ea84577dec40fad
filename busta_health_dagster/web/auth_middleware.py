"""The door in front of everything: who asks, from where, and may they. Pure ASGI: Starlette's BaseHTTPMiddleware skips
websockets.

In order: the Host header is one of ours (a rebound DNS name is not); a write comes from our own origin; the caller is
known; a session's write carries its CSRF token. What a caller may do beyond reading is asked again where it is done.
Every answer leaves with headers that keep it out of foreign frames and its type as declared.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import Request

from busta_health_dagster.domain.access import Principal, Right, Role
from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.web.api.limits import Limits
from busta_health_dagster.web.callers import Callers
from busta_health_dagster.web.refusals import Refusal, RefusalLog, refuse
from busta_health_dagster.web.streams import ASKED_EVERY_S, Streams, attended, is_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from starlette.responses import Response

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "busta_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = frozenset({"/livez", "/readyz", "/source-health/login"})
"""Answered without a caller, and the files of the pages with them: they say nothing about any source."""
_OPEN_FOLDER = "/source-health/static/"
_CSRF_FREE = "/graphql"
"""Dagster's UI does not know our token; its writes are JSON from our own origin, which a foreign page cannot send."""


_ACTING = ("/notebook", "/download_debug")
"""Reading by its method, but of Dagster's own files on the disk: a run's whole log with its configuration."""
_ONCE = ("host", "origin", "authorization", "x-csrf-token", "sec-fetch-site")
"""Headers that decide: two of them mean that somebody in between may have read the other one."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
)
"""Added where an answer does not say it itself. Dagster's own policy names no frame-ancestors: X-Frame-Options does."""


@dataclass(frozen=True, slots=True)
class Authenticator:
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
    closed: Callable[[], bool] = lambda: False
    """Is it known already that `guarded` says yes? It never becomes no again."""
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

    def says_who(self, scope: Scope, headers: dict[str, str]) -> bool:
        """Does the request carry anything that could name its caller?"""
        proxied = self._from_proxy(scope) and headers.get(self.proxy_header)
        return bool(headers.get("authorization") or proxied or session_cookie(headers))

    def mark(self, scope: Scope, headers: dict[str, str]) -> str:
        """What a caller is remembered by: everything `principal` looks at, and nothing that can be read back."""
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


def is_open(path: str) -> bool:
    return path in OPEN or path.startswith(_OPEN_FOLDER)


def _within(path: str, *folders: str) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def right_asked(method: str, path: str) -> Right:
    """What a request asks for, by its method and path."""
    if _within(path, "/api/v1/tokens"):
        return Right.MANAGE
    if path.startswith("/api/v1/heartbeat/"):
        return Right.HEARTBEAT
    if _within(path, *_ACTING):
        return Right.ACT
    if method in SAFE or path in {"/graphql", "/source-health/logout"}:
        return Right.READ  # GraphQL decides per operation, in the subclass that executes it; whoever reads may log out
    return Right.ACT


class AuthMiddleware:
    """The middleware. Puts the Principal into `scope["state"]["principal"]`."""

    def __init__(
        self,
        app: Asgi,
        keeper: Authenticator,
        *,
        login: str = "/source-health/login",
        streams: Streams | None = None,
        asked_every_s: float = ASKED_EVERY_S,
    ) -> None:
        self._app = Limits(app)
        self._keeper = keeper
        self._login = login
        self._callers = Callers()
        self._streams = streams or Streams()
        self._asked_every_s = asked_every_s
        self._log = RefusalLog(keeper.audit)

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
        keeper, actor = self._keeper, "unknown"
        refusal = keeper.doubled(scope) or keeper.host_refusal(headers) or keeper.origin_refusal(headers, write=write)
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
        principal: Principal | None = None
        if refusal is None and not is_open(path):
            try:
                principal = await self._caller(scope, headers)
            except StoreError as error:
                await store_away(scope, receive, send, error)
                return
            if principal is None:
                await self._unknown(scope, headers, send)
                return
            actor = principal.name
            refusal = csrf_refusal(principal, path, headers, write=write and not socket)
            asked = right_asked(method, path)
            if refusal is None and not principal.may(asked):
                refusal = Refusal(
                    403, "Not allowed", f"{principal.name} is {principal.role}; this asks for the right to {asked}."
                )
            scope.setdefault("state", {})["principal"] = principal
        if refusal is not None:
            await self._refused(scope, send, actor, refusal)
        elif principal is not None and is_stream(scope):
            await self._stream(scope, receive, send, headers, principal)
        else:
            await self._app(scope, receive, send)

    async def _caller(self, scope: Scope, headers: dict[str, str], *, fresh_s: float = 0.0) -> Principal | None:
        keeper = self._keeper
        if keeper.closed() and not keeper.says_who(scope, headers):
            return None  # nobody has to be asked about somebody who does not say who they are
        mark = keeper.mark(scope, headers)
        return await self._callers.ask(mark, lambda: keeper.principal(scope, headers), fresh_s=fresh_s)

    async def _stream(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str], principal: Principal
    ) -> None:
        async def still() -> bool:
            try:
                now = await self._caller(scope, headers, fresh_s=self._asked_every_s / 2)
            except StoreError:
                return False
            return now is not None and (now.name, now.role) == (principal.name, principal.role)

        with self._streams.one_more(f"{principal.via}:{principal.name}") as refusal:
            if refusal is not None:
                await refuse(scope, send, refusal)
                return
            await attended(self._app, scope, receive, send, still, every_s=self._asked_every_s)

    async def _refused(self, scope: Scope, send: Send, actor: str, refusal: Refusal) -> None:
        if refusal.status in {401, 403}:
            self._log.note(scope, actor, refusal)
        await refuse(scope, send, refusal)

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
        await self._refused(scope, send, "unknown", Refusal(401, "Who are you?", detail))


async def store_away(scope: Scope, receive: Receive, send: Send, error: StoreError) -> None:
    """Nobody can say who asks: the store is named with its remedy, and nobody is called unknown."""
    if scope["type"] == "http" and b"text/html" in dict(scope["headers"]).get(b"accept", b""):
        await failure(Request(scope), error)(scope, receive, send)
    else:
        await refuse(scope, send, Refusal(503, "The store cannot answer", str(error)))


def failure(request: Request, error: StoreError) -> Response:
    """The page that stands where the store is missing; it tries again by itself."""
    from busta_health_dagster.web.pages.rendering import html  # the pages know the door

    return html(request, "failure.html", {"problem": str(error)}, status=503, headers={"retry-after": "15"})


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
