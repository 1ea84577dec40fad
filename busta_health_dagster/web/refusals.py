"""How a request is turned away, and that it was: one shape for every door, one line in the audit log."""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from busta_health_dagster.domain.action_link import LINK_PATH
from busta_health_dagster.domain.errors import StoreError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from busta_health_dagster.web.auth_middleware import Scope, Send

_LOG = logging.getLogger(__name__)
PER_MINUTE = 10
_ADDRESSES = 1000


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why someone stays outside: an HTTP status, a title, and what to do."""

    status: int
    title: str
    detail: str


async def refuse(scope: Scope, send: Send, refusal: Refusal, *, close: bool = False) -> None:
    """RFC 9457 for HTTP; a websocket is closed, which the client sees as 403 where it was not accepted yet. `close`: the
    rest of the request is not waited for.
    """
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
    if refusal.status in {429, 503}:
        headers.append((b"retry-after", b"15" if refusal.status == 503 else b"1"))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class RefusalLog:
    """Writes refusals into the audit log, beside the answer: ten a minute from one address, the rest as a number, so that
    anyone who knocks all night does not fill the store.

    `write(actor, subject, detail)` blocks, and may raise StoreError.
    """

    def __init__(self, write: Callable[[str, str, str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()  # address -> its minute's begin, its number
        self._writing: set[asyncio.Task[None]] = set()
        self._one: anyio.CapacityLimiter | None = None

    def note(self, scope: Scope, actor: str, refusal: Refusal) -> None:
        import asyncio

        address = str((scope.get("client") or ("nowhere", 0))[0])
        since, n = self._seen.pop(address, (self._clock(), 0))
        left_out = 0
        if self._clock() - since > 60:
            left_out, since, n = max(0, n - PER_MINUTE), self._clock(), 0
        self._seen[address] = (since, n + 1)
        while len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
        if n >= PER_MINUTE:
            return
        more = f"; {left_out} more before were not written down" if left_out else ""
        path = f"{LINK_PATH}..." if scope["path"].startswith(LINK_PATH) else scope["path"]
        subject = f"{scope.get('method', 'WEBSOCKET')} {path}"[:200]
        detail = f"{refusal.status} {refusal.title}, from {address}{more}"
        task = asyncio.get_running_loop().create_task(self._written(actor, subject, detail))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _written(self, actor: str, subject: str, detail: str) -> None:
        if self._one is None:
            self._one = anyio.CapacityLimiter(1)
        try:
            await anyio.to_thread.run_sync(
                self._write, actor, subject, detail, abandon_on_cancel=True, limiter=self._one
            )
        except StoreError as error:
            _LOG.warning("%s: %s (%s) could not be written into the audit log: %s", actor, subject, detail, error)
