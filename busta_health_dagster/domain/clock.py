"""Time is an argument. What must read it at the edge takes a Clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """`now()` is epoch seconds (UTC) for what is stored; `monotonic()` measures durations and never jumps."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
