"""The live stream: what changed, as Server-Sent Events with ids, replayed from Last-Event-ID.

One poll per second serves every viewer: fifty open pages must not become fifty pollers of the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from busta_health_dagster.pipeline.views.overview import Version, version_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store.events import LoggedEvent

EVERY_S = 1.0
KEEP_ALIVE_S = 15.0
QUEUE = 256
"""A viewer that is this far behind is cut off; its browser comes back with the last id it saw, and is replayed."""
REPLAY = 500
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `id` is None for what is not in the log: it is not replayed."""

    kind: str
    data: dict[str, Any]
    id: int | None = None

    def encode(self) -> bytes:
        body = json.dumps({"kind": self.kind, **self.data}, separators=(",", ":"))
        head = f"id: {self.id}\n" if self.id is not None else ""
        return f"{head}data: {body}\n\n".encode()


class Hub:
    """Polls while anyone is connected, and notifies all of them."""

    def __init__(self, app: App, every_s: float = EVERY_S) -> None:
        self._app = app
        self._every_s = every_s
        self._listeners: set[asyncio.Queue[Said | None]] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def listen(self, after: int | None) -> AsyncGenerator[Said | None]:
        """Messages from `after` (an id) or from now on; None every 15 s without one."""
        queue: asyncio.Queue[Said | None] = asyncio.Queue(QUEUE)
        seen = await asyncio.to_thread(version_of, self._app)
        missed = await asyncio.to_thread(self._since, after) if after is not None and after < seen.event else []
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(seen))
        newest = 0
        try:
            yield Said("hello", {"tick_at": seen.tick_at, "last_id": seen.event})
            for one in missed:
                newest = one.id or newest
                yield one
            while True:
                try:
                    said = await asyncio.wait_for(queue.get(), KEEP_ALIVE_S)
                except TimeoutError:
                    yield None
                    continue
                if said is None:
                    return
                if said.id is None or said.id > newest:
                    yield said
        finally:
            self._listeners.discard(queue)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self, seen: Version) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            new, seen = await asyncio.to_thread(self._observe, seen)
            for said in new:
                self._report(said)

    def _report(self, said: Said) -> None:
        for queue in list(self._listeners):
            try:
                queue.put_nowait(said)
            except asyncio.QueueFull:
                self._listeners.discard(queue)
                with contextlib.suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
                queue.put_nowait(None)

    def _observe(self, seen: Version) -> tuple[list[Said], Version]:
        now = version_of(self._app)
        said = self._since(seen.event) if now.event > seen.event else []
        if now.tick_at != seen.tick_at and not any(s.kind == "tick" for s in said):
            said.append(Said("tick", {"at": now.tick_at}))
        if said and said[-1].id is not None:
            now = Version(said[-1].id, now.tick_at, now.minute)
        return said, now

    def _since(self, after: int) -> list[Said]:
        with self._app.store.read() as uow:
            return _said(uow.events.since(after, REPLAY))


def _said(events: Sequence[LoggedEvent]) -> list[Said]:
    return [Said(e.kind, {"at": e.at, **e.payload}, e.id) for e in events]


_hubs: WeakValueDictionary[int, Hub] = WeakValueDictionary()


def hub_of(app: App) -> Hub:
    """The one hub of this application; it lives as long as someone holds it."""
    hub = _hubs.get(id(app))
    if hub is None:
        hub = _hubs[id(app)] = Hub(app)
    return hub


async def event_stream(app: App, last_event_id: str | None) -> AsyncIterator[bytes]:
    """The body of a `text/event-stream` answer. A Last-Event-ID that is no number of ours starts from now."""
    hub = hub_of(app)
    after = int(last_event_id) if last_event_id and last_event_id.isdecimal() else None
    yield b"retry: 3000\n\n"
    async with contextlib.aclosing(hub.listen(after)) as messages:
        async for said in messages:
            yield b": still here\n\n" if said is None else said.encode()
