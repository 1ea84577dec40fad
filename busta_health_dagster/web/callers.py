"""Who a caller is, asked of the store: off the event loop, within a bound, and remembered for a minute.

While the store is away, anyone who was inside a moment ago stays inside, so that the pages can say what is wrong with it.
Anyone who is not remembered is answered that the store cannot be asked: that is no reason to call them unknown.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import anyio

from busta_health_dagster.domain.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from busta_health_dagster.domain.access import Principal

REMEMBERED_S = 60.0
ANSWER_S = 5.0
"""How long the store may take to say who someone is."""
AWAY_S = 2.0
"""After a failure so long no one asks again: a hundred callers must not wait for the same dead store one by one."""
_THREADS = 8
_MOST = 1000


class Callers:
    """Asks `question()`, which blocks, and remembers its answer under `key`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[Hashable, tuple[float, Principal]] = OrderedDict()
        self._away: tuple[float, StoreError] | None = None
        self._threads: anyio.CapacityLimiter | None = None

    async def ask(
        self, key: Hashable, question: Callable[[], Principal | None], *, fresh_s: float = 0.0
    ) -> Principal | None:
        """Who it is; None: no one we know. An answer younger than `fresh_s` is given again without asking.

        Raises:
            StoreError: the store cannot answer, and has not said who this is for a minute.
        """
        known = self._known.get(key)
        if known is not None and self._clock() - known[0] < fresh_s:
            return known[1]
        try:
            found = await self._asked(question)
        except StoreError:
            if known is not None and self._clock() - known[0] <= REMEMBERED_S:
                return known[1]
            raise
        self._known.pop(key, None)
        if found is not None:
            self._known[key] = (self._clock(), found)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found

    async def _asked(self, question: Callable[[], Principal | None]) -> Principal | None:
        if self._away is not None and self._clock() < self._away[0]:
            raise self._away[1]
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_THREADS)
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await anyio.to_thread.run_sync(question, abandon_on_cancel=True, limiter=self._threads)
        except (StoreError, TimeoutError) as error:
            said = error if isinstance(error, StoreError) else StoreUnavailable(_SLOW)
            self._away = (self._clock() + AWAY_S, said)
            raise said from error
        self._away = None
        return found


_SLOW = (
    f"The store has not said within {ANSWER_S:.0f} s who is asking. Check that its database runs and answers "
    "(busta db status)."
)
