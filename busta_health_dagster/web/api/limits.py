"""Bounds of every request behind the door, which component answers it: how large its body is, how long it may take to arrive, and
how many come from one caller. Pure ASGI.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from busta_health_dagster.web.refusals import Refusal, refuse

if TYPE_CHECKING:
    from typing import Any

    from busta_health_dagster.web.auth_middleware import Asgi, Receive, Scope, Send

BODY_BYTES = 64 * 1024
DAGSTER_BODY_BYTES = 1024 * 1024
"""For Dagster's GraphQL and its endpoints: the launchpad sends a run's whole configuration."""
BODY_S = 20.0
PER_SECOND = 50.0
BURST = 200.0
_OURS = ("/api/", "/source-health/")
_FILES = ("/static/", "/source-health/static/")
_FILE = 0.1
"""What a file of a page costs: Dagster's UI loads a hundred of them at once."""
PUBLIC_PATHS = frozenset({"/status", "/status.json", "/status.rss"})
"""What settings.yaml may open to everyone."""
_CALLERS = 1000


class Limits:
    """A token bucket per caller (their name, or their address), and caps on the body's size and time."""

    def __init__(
        self, app: Asgi, *, per_second: float = PER_SECOND, burst: float = BURST, body_s: float = BODY_S
    ) -> None:
        self._app = app
        self._per_second, self._burst, self._body_s = per_second, burst, body_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/livez" and not self._admitted(scope):
            said = f"At most {self._per_second:.0f} a second; wait a moment."
            await refuse(scope, send, Refusal(429, "Too many requests", said))
            return
        headers = dict(scope["headers"])
        if scope["type"] == "websocket" or not headers.keys() & {b"content-length", b"transfer-encoding"}:
            await self._app(scope, receive, send)
            return
        cap = BODY_BYTES if scope["path"].startswith(_OURS) else DAGSTER_BODY_BYTES
        declared = headers.get(b"content-length", b"0")
        try:
            async with asyncio.timeout(self._body_s):
                body = None if declared.isdigit() and int(declared) > cap else await _whole(receive, cap)
        except TimeoutError:
            said = f"The body did not arrive within {self._body_s:.0f} s."
            await refuse(scope, send, Refusal(408, "Too slow", said), close=True)
            return
        if body is None:
            await refuse(scope, send, Refusal(413, "Too large", f"A body may have {cap // 1024} KiB."), close=True)
            return
        if isinstance(body, _Gone):
            return  # no one waits for an answer, and half a body must not be taken for a whole one
        read = False

        async def again() -> Any:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    def _admitted(self, scope: Scope) -> bool:
        principal = scope.get("state", {}).get("principal")
        client = scope.get("client") or ("", 0)
        caller = f"{principal.via}:{principal.name}" if principal is not None else str(client[0])
        if principal is None and scope["path"] in PUBLIC_PATHS:
            caller = f"public {caller}"  # behind a proxy all have one address: consumers must not use up what the login needs
        cost = _FILE if scope["path"].startswith(_FILES) else 1.0
        now = time.monotonic()
        left, at = self._buckets.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        admitted = left >= cost
        self._buckets[caller] = (left - cost if admitted else left, now)
        while len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        return admitted


class _Gone:
    """The caller has hung up before the end of the body."""


async def _whole(receive: Receive, cap: int) -> bytes | _Gone | None:
    """The body; None when it is larger than `cap`."""
    body, more = b"", True
    while more and len(body) <= cap:
        message = await receive()
        if message["type"] != "http.request":
            return _Gone()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body if len(body) <= cap else None
