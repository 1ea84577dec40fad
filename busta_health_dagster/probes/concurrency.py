"""Limits on how much happens at once: in all, per source type, per host. Lower tiers go first wherever there is a
queue.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.port import ProbeLimits, ProbeType


class Limit:
    """A semaphore whose queue is ordered: by tier, then by who came first."""

    def __init__(self, free: int) -> None:
        self._free = max(1, free)
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = 0

    async def enter(self, tier: int) -> None:
        if self._free > 0:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        heapq.heappush(self._queue, (tier, self._arrivals, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # the turn came in the same moment: pass it on
            raise

    def leave(self) -> None:
        while self._queue:
            _, _, turn = heapq.heappop(self._queue)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class ConcurrencyLimits:
    """The gates of one `check()`. Always entered in one order (type, host, all), so that they cannot deadlock."""

    def __init__(self, limits: ProbeLimits) -> None:
        self._all = Limit(limits.concurrency)
        self._types: dict[str, Limit] = {}
        self._hosts: dict[str, Limit] = {}

    async def enter(self, source: Source, kind: ProbeType) -> list[Limit]:
        """Every gate this source has to pass, entered; give them back with `leave`."""
        entered: list[Limit] = []
        try:
            for gate in self._of(source, kind):
                await gate.enter(source.tier)
                entered.append(gate)
        except BaseException:
            self.leave(entered)
            raise
        return entered

    @staticmethod
    def leave(entered: list[Limit]) -> None:
        for gate in reversed(entered):
            gate.leave()

    def _of(self, source: Source, kind: ProbeType) -> list[Limit]:
        gates = []
        if source.concurrency is not None:
            gates.append(_gate(self._types, source.type, source.concurrency))
        elif kind.concurrency is not None:  # a default counts per type and kind: a type may mix files and feeds
            gates.append(_gate(self._types, f"{source.type}/{kind.kind}", kind.concurrency))
        per_host = source.concurrency_per_host or kind.concurrency_per_host
        host = kind.host(source.config) if per_host is not None and kind.host is not None else None
        if per_host is not None and host is not None:
            gates.append(_gate(self._hosts, host, per_host))
        gates.append(self._all)
        return gates


def _gate(gates: dict[str, Limit], key: str, size: int) -> Limit:
    found = gates.get(key)
    if found is None:
        found = gates[key] = Limit(size)
    return found
