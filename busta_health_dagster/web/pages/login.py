"""Logging in with a token, and out. The form answers without a caller; a wrong token costs time, not information."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from busta_health_dagster.pipeline.app import access
from busta_health_dagster.web.authenticator import COOKIE
from busta_health_dagster.web.pages.rendering import SECURITY, html

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from busta_health_dagster.pipeline.app.app import App

HOME = "/source-health"
MOST_FAILURES = 10
WITHIN_S = 60.0
BODY_BYTES = 4096
_REMEMBERED = 4096


class Turnstile:
    """At most ten wrong tokens a minute from one address; the next has to wait, right or wrong."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: dict[str, deque[float]] = {}

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again; 0: now."""
        failed = self._failed.get(address)
        while failed and self._clock() - failed[0] > WITHIN_S:
            failed.popleft()
        return WITHIN_S - (self._clock() - failed[0]) if failed and len(failed) >= MOST_FAILURES else 0.0

    def failed(self, address: str) -> None:
        if address not in self._failed and len(self._failed) >= _REMEMBERED:
            self._failed.pop(next(iter(self._failed)))
        self._failed.setdefault(address, deque()).append(self._clock())

    def passed(self, address: str) -> None:
        self._failed.pop(address, None)


def next_page(wanted: str) -> str:
    """Where to go after the login: a path of ours, whatever the address asked for (no open redirect)."""
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return wanted if ours and "\\" not in wanted and wanted.isprintable() else HOME


class Login:
    """GET and POST of /source-health/login, POST of /source-health/logout."""

    def __init__(self, app: App, turnstile: Turnstile | None = None) -> None:
        self._app = app
        self._turnstile = turnstile or Turnstile()

    async def form(self, request: Request) -> Response:
        return self._page(request, next_page(request.query_params.get("next", HOME)))

    async def submit(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        wait = self._turnstile.wait_s(address)
        body = await limited(request)
        if body is None:
            return self._page(request, HOME, "That is too much for a token.", 413)
        sent = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
        target = next_page(sent.get("next", [HOME])[0])
        if wait > 0:
            said = f"Too many wrong tokens from your address. Try again in {wait:.0f} s."
            return self._page(request, target, said, 429, {"retry-after": f"{wait:.0f}"})
        token = sent.get("token", [""])[0].strip()
        opened = await run_in_threadpool(access.open_session, self._app, token)
        if opened is None:
            self._turnstile.failed(address)
            said = "That token is not known here, was revoked, or may only send heartbeats. An admin makes one: busta tokens create."
            return self._page(request, target, said, 403)
        self._turnstile.passed(address)
        response = RedirectResponse(target, 303, {**SECURITY, "cache-control": "no-store"})
        response.set_cookie(
            COOKIE,
            opened[0],
            max_age=access.SESSION_S,
            path="/",
            httponly=True,
            samesite="strict",
            secure=_is_https(self._app, request),
        )
        return response

    async def logout(self, request: Request) -> Response:
        cookie = request.cookies.get(COOKIE)
        if cookie:
            await run_in_threadpool(access.close_session, self._app, cookie, by=request.state.principal.name)
        response = Response(status_code=204, headers={"cache-control": "no-store"})
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    @staticmethod
    def _page(
        request: Request, target: str, problem: str = "", status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        context = {"next": target, "problem": problem}
        return html(
            request, "login.html", context, status=status, headers={"cache-control": "no-store", **(headers or {})}
        )


def _is_https(app: App, request: Request) -> bool:
    """Behind a proxy that ends TLS we see http; public_url says what the browser sees."""
    public = app.config.settings.web.public_url
    return request.url.scheme == "https" or bool(public and urlsplit(public).scheme == "https")


async def limited(request: Request) -> bytes | None:
    """The body of a small form; None when it is no small one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            return None
    return body
