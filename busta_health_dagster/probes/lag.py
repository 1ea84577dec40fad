"""Overload guard: how late our own loop runs. A response time measured while we were late says nothing about the
source.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left

_EVERY_S = 0.05


class LagMonitor:
    """A timer that notes when it fires late. Times are the loop's own."""

    def __init__(self, threshold_s: float) -> None:
        self._threshold_s = threshold_s
        self._loop = asyncio.get_running_loop()
        self._late: list[float] = []  # ends of the periods in which the loop stood still, ascending
        self._began: list[float] = []
        self._due = self._loop.time() + _EVERY_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if now - self._due > self._threshold_s:
            self._began.append(self._due)
            self._late.append(now)
        self._due = now + _EVERY_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def lagged(self, since: float, until: float) -> bool:
        """Did the loop stand still for longer than the threshold at any time in between?"""
        if until - self._due > self._threshold_s:  # it stands still right now, and the timer has not fired yet
            return True
        first = bisect_left(self._late, since)
        return first < len(self._late) and self._began[first] < until

    def stop(self) -> None:
        self._timer.cancel()
