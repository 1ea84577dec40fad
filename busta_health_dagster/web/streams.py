"""Answers that do not end by themselves: the live stream and Dagster's websocket. Counted, and ended with their caller's
right to them: a session that was closed or a token that was revoked receives nothing more within five seconds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from busta_health_dagster.web.refusals import Refusal, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping
    from typing import Any

    from busta_health_dagster.web.auth_middleware import Asgi, Receive, Scope, Send

ASKED_EVERY_S = 2.0
"""How often it is asked whether the caller is still who they were."""
PER_CALLER = 32
IN_ALL = 256
_PATHS = frozenset({"/source-health/events", "/api/v1/events"})


def is_stream(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["path"] in _PATHS


class Streams:
    """How many are open, by caller."""

    def __init__(self, *, per_caller: int = PER_CALLER, in_all: int = IN_ALL) -> None:
        self._per_caller, self._in_all = per_caller, in_all
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_more(self, caller: str) -> Iterator[Refusal | None]:
        """Count one for as long as it is open; a refusal when there are too many."""
        if self._open.total() >= self._in_all:
            yield Refusal(503, "Too many streams", f"{self._in_all} live streams are open; close a page, or poll.")
            return
        if self._open[caller] >= self._per_caller:
            yield Refusal(
                429, "Too many streams", f"You have {self._per_caller} live streams open; close one, or poll."
            )
            return
        self._open[caller] += 1
        try:
            yield None
        finally:
            self._open[caller] -= 1
            self._open += Counter()  # drops who has none left


async def attended(
    app: Asgi,
    scope: Scope,
    receive: Receive,
    send: Send,
    still: Callable[[], Awaitable[bool]],
    *,
    every_s: float = ASKED_EVERY_S,
) -> None:
    """Run `app` for as long as `still()` says so, then end its answer."""
    started = False

    async def sending(message: MutableMapping[str, Any]) -> None:
        nonlocal started
        started = started or message["type"] == "http.response.start"
        await send(message)

    task = asyncio.ensure_future(app(scope, receive, sending))
    allowed = True
    try:
        while allowed and not task.done():
            await asyncio.wait({task}, timeout=every_s)
            allowed = task.done() or await still()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if allowed:
        await task  # what it raised is raised here
    elif started:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        await refuse(scope, send, Refusal(401, "Signed out", "This session has ended, or its token was revoked."))
