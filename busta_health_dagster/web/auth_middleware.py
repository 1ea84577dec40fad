"""The door in front of everything: who asks, from where, and may they. Pure ASGI: Starlette's BaseHTTPMiddleware skips
websockets.

In order: the Host header is one of ours (a rebound DNS name is not); a write comes from our own origin; the caller is
known; a session's write carries its CSRF token. What a caller may do beyond reading is asked again where it is done.
Every answer leaves with headers that keep it out of foreign frames and its type as declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request

from busta_health_dagster.domain.access import Principal, Right
from busta_health_dagster.domain.action_link import LINK_PATH
from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.web.api.limits import Limits
from busta_health_dagster.web.authenticator import Authenticator, csrf_refusal, query_parameters
from busta_health_dagster.web.callers import Callers
from busta_health_dagster.web.refusals import Refusal, RefusalLog, refuse
from busta_health_dagster.web.streams import ASKED_EVERY_S, Streams, attended, is_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from starlette.responses import Response

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = frozenset({"/livez", "/readyz", "/source-health/login"})
"""Answered without a caller, and the files of the pages with them: they say nothing about any source."""
_OPEN_FOLDERS = ("/source-health/static/", LINK_PATH)
"""And the links of messages, each of which carries its own permission."""


_ACTING = ("/notebook", "/download_debug")
"""Reading by its method, but of Dagster's own files on the disk: a run's whole log with its configuration."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
)
"""Added where an answer does not say it itself. Dagster's own policy names no frame-ancestors: X-Frame-Options does."""


_FRAMED = b"frame-ancestors 'self' "
"""The begin of a list: someone besides ourselves may show it in a frame."""


def is_open(path: str) -> bool:
    return path in OPEN or path.startswith(_OPEN_FOLDERS)


def _within(path: str, *folders: str) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def right_asked(method: str, path: str) -> Right:
    """What a request asks for, by its method and path."""
    if _within(path, "/api/v1/tokens", "/api/v1/audit", "/source-health/audit"):
        return Right.MANAGE
    if path.startswith("/api/v1/heartbeat/"):
        return Right.HEARTBEAT
    if _within(path, *_ACTING):
        return Right.ACT
    if method in SAFE or path in {"/graphql", "/source-health/logout"}:
        return (
            Right.READ
        )  # GraphQL decides per operation, in the subclass that executes it; anyone who reads may log out
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
            and any(name == "query" for name, _ in query_parameters(scope))
        ):
            refusal = Refusal(
                405, "GraphQL by POST only", "A query in the address could be a mutation; send it as JSON by POST."
            )
        principal: Principal | None = None
        if refusal is None and not is_open(path) and not keeper.opens(path):
            try:
                principal = await self._caller(scope, headers)
            except StoreError as error:
                await store_away(scope, receive, send, error)
                return
            if principal is None:
                await self._unknown(scope, headers, receive, send)
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
            await self._refused(scope, receive, send, actor, refusal)
        elif principal is not None and is_stream(scope):
            await self._stream(scope, receive, send, headers, principal)
        else:
            await self._app(scope, receive, send)

    async def _caller(self, scope: Scope, headers: dict[str, str], *, fresh_s: float = 0.0) -> Principal | None:
        keeper = self._keeper
        if keeper.closed() and not keeper.says_who(scope, headers):
            return None  # no one has to be asked about someone who does not say who they are
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

    async def _refused(self, scope: Scope, receive: Receive, send: Send, actor: str, refusal: Refusal) -> None:
        if refusal.status in {401, 403}:
            self._log.note(scope, actor, refusal)
        if refusal.status == 403 and _wants_page(scope):
            await forbidden(Request(scope), refusal)(scope, receive, send)
        else:
            await refuse(scope, send, refusal)

    async def _unknown(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        if _wants_page(scope) and "authorization" not in headers:
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
        await self._refused(scope, receive, send, "unknown", Refusal(401, "Who are you?", detail))


def _wants_page(scope: Scope) -> bool:
    """Does a person ask, with a browser?"""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and b"text/html" in dict(scope["headers"]).get(b"accept", b"")
    )


async def store_away(scope: Scope, receive: Receive, send: Send, error: StoreError) -> None:
    """No one can say who asks: the store is named with its remedy, and no one is called unknown."""
    if scope["type"] == "http" and b"text/html" in dict(scope["headers"]).get(b"accept", b""):
        await failure(Request(scope), error)(scope, receive, send)
    else:
        await refuse(scope, send, Refusal(503, "The store cannot answer", str(error)))


def failure(request: Request, error: StoreError) -> Response:
    """The page that stands where the store is missing; it tries again by itself."""
    from busta_health_dagster.web.pages.rendering import html  # the pages know the door

    return html(request, "failure.html", {"problem": str(error)}, status=503, headers={"retry-after": "15"})


def forbidden(request: Request, refusal: Refusal) -> Response:
    """The page that stands where a caller may not be."""
    from busta_health_dagster.web.pages.rendering import html  # the pages know the door

    return html(request, "refused.html", {"title": refusal.title, "says": refusal.detail}, status=refusal.status)


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            said = {name.lower() for name, _ in given}
            if any(name.lower() == b"content-security-policy" and _FRAMED in value for name, value in given):
                said.add(b"x-frame-options")  # it knows no list of origins, and would refuse those of the policy
            message["headers"] = given + [(name, value) for name, value in _HEADERS if name not in said]
        await send(message)

    return sending
