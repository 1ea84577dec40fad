"""Checks that people ask for: in threads of their own, so that slow sources hold up no one who only reads; and one at a
time of each source, whose answer everyone who asked meanwhile shares.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import anyio

from busta_health_dagster.pipeline.tick.manual_check import write_down_check

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.sources import ObservationRow
    from busta_health_dagster.pipeline.facade import Monitor

_THREADS = 16


class ManualChecks:
    """One per application."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[ObservationRow]] = {}
        self._threads: anyio.CapacityLimiter | None = None

    async def check(self, monitor: Monitor, name: str) -> ObservationRow:
        """Check one source, or wait for the check of it that is at work. The audit log names the caller."""
        running = self._running.get(name)
        if running is None:
            running = asyncio.create_task(self._check(monitor, name))
            self._running[name] = running
            running.add_done_callback(lambda done: self._ended(name, done))
        else:
            await anyio.to_thread.run_sync(partial(write_down_check, monitor.app, [name], by=monitor.actor))
        return await asyncio.shield(running)  # anyone who hangs up ends their own waiting, not everyone's check

    async def _check(self, monitor: Monitor, name: str) -> ObservationRow:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_THREADS)
        return (await anyio.to_thread.run_sync(monitor.check, [name], limiter=self._threads))[0]

    def _ended(self, name: str, done: asyncio.Task[ObservationRow]) -> None:
        del self._running[name]
        if not done.cancelled():
            done.exception()  # anyone who waits gets the exception; if all of them hung up, no one does
