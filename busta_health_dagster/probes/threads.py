"""Blocking work in daemon threads that can be given up on.

A thread cannot be killed. One that outlives its deadline is abandoned: it goes on in the background, holds no one up,
not even the end of the process (an executor's threads would), and counts against two limits, so that a file system that
hangs for a week
costs a few threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.port import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_PER_KEY = 3


class Threads:
    """One per prober. `limit` counts abandoned threads of all sources; each source may have three."""

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._abandoned: dict[threading.Thread, str] = {}

    def stuck(self, key: str | None = None) -> int:
        """How many abandoned threads still run."""
        with self._lock:
            return sum(1 for owner in self._abandoned.values() if key in (None, owner))

    async def run(self, key: str, work: Callable[..., T], *args: Any) -> T:
        """`work(*args)` in a thread of its own; what it raises is raised here. Cancelling this call abandons the
        thread.

        Raises:
            Failed: three threads of this source are still stuck (`timeout`), or too many of all (unknown).
        """
        if (mine := self.stuck(key)) >= _PER_KEY:
            raise Failed("timeout", f"{mine} earlier observations still hang and cannot be ended; not observed again")
        if self.stuck() >= self._limit:
            text = f"{self._limit} threads of other sources hang; not observed. Restart the monitor to be rid of them"
            raise Failed("probe_error", text, status=Status.UNKNOWN)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def body() -> None:
            try:
                outcome, error = context.run(work, *args), None
            except BaseException as raised:  # noqa: BLE001  also SystemExit: a plug-in must not end anything but itself
                outcome, error = None, raised
            with self._lock:
                self._abandoned.pop(threading.current_thread(), None)
            with contextlib.suppress(RuntimeError):  # the loop is gone: no one waits any more
                loop.call_soon_threadsafe(_deliver, answer, outcome, error)

        thread = threading.Thread(target=body, name=f"busta-{key}", daemon=True)
        thread.start()
        try:
            return await answer
        except asyncio.CancelledError:
            with self._lock:
                if thread.is_alive():
                    self._abandoned[thread] = key
            raise


def _deliver(answer: asyncio.Future[Any], outcome: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(outcome)
    elif isinstance(error, StopIteration | SystemExit | KeyboardInterrupt | asyncio.CancelledError):
        answer.set_exception(RuntimeError(f"{type(error).__name__} raised in a probe"))  # a future cannot carry these
    else:
        answer.set_exception(error)
