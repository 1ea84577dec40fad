"""Bounds of every request to the API: how large its body, and how many per caller. Pure ASGI."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from busta_health_dagster.web.auth_middleware import Refusal, refuse

if TYPE_CHECKING:
    from typing import Any

    from busta_health_dagster.web.auth_middleware import Asgi, Receive, Scope, Send

BODY_BYTES = 64 * 1024
PER_SECOND = 50.0
BURST = 200.0
_CALLERS = 1000


class Limits:
    """A token bucket per caller (their name, or their address), and a cap on the body."""

    def __init__(self, app: Asgi, *, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._app = app
        self._per_second, self._burst = per_second, burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not self._admitted(scope):
            await refuse(
                scope,
                send,
                Refusal(429, "Too many requests", f"At most {self._per_second:.0f} a second; wait a moment."),
            )
            return
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > BODY_BYTES:
            await refuse(scope, send, _TOO_LARGE)
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > BODY_BYTES:
                await refuse(scope, send, _TOO_LARGE)
                return
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
        now = time.monotonic()
        left, at = self._buckets.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        admitted = left >= 1
        self._buckets[caller] = (left - 1 if admitted else left, now)
        while len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        return admitted


_TOO_LARGE = Refusal(413, "Too large", f"A body may have {BODY_BYTES // 1024} KiB.")
