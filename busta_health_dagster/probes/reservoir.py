"""A sample in which every row has the same chance, however many come: what is wrong at the end of a file is found too.

Rows that belong together stay together: the two sides of a market stand in two rows, and a sample of single rows would take
every market for half a market. Neighbours whose first cell is the same are drawn as one cluster, up to `_LONGEST` rows.
"""

from __future__ import annotations

import heapq
import random
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 50
_APART = object()


class _Cluster(NamedTuple):
    """Kept clusters are a heap: the one with the largest random number is dropped first."""

    order: float
    first: int
    rows: list[Any]


class Reservoir:
    """Add rows one by one; `rows` are those that are kept, in their order: at most `size`."""

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._longest = size, max(1, min(_LONGEST, size // 10))
        self._random = random.Random(seed).random  # noqa: S311  a sample, no secret
        self._heap: list[_Cluster] = []
        self._kept = self._offered = 0
        self._open: list[Any] = []
        self._first: Any = _APART

    def add(self, row: Any, first: Any = _APART) -> list[Any]:
        """Take one row whose first cell is `first`, -> the rows that are not kept any longer."""
        gone: list[Any] = []
        if self._open and (first is _APART or first != self._first or len(self._open) >= self._longest):
            gone = self._close()
        self._open.append(row)
        self._first = first
        self._offered += 1
        return gone

    def _close(self) -> list[Any]:
        rows, self._open = self._open, []
        heapq.heappush(self._heap, _Cluster(-self._random(), self._offered - len(rows), rows))
        self._kept += len(rows)
        gone: list[Any] = []
        while self._kept > self._size:
            dropped = heapq.heappop(self._heap).rows
            self._kept -= len(dropped)
            gone += dropped
        return gone

    @property
    def rows(self) -> list[Any]:
        if self._open:
            self._close()
        return [row for cluster in sorted(self._heap, key=lambda c: c.first) for row in cluster.rows]


def first_cell(row: Any) -> Any:
    """What tells whether two neighbours belong together: the first value of a record, where that is a plain one."""
    if isinstance(row, dict) and row:
        value = next(iter(row.values()))
        return value if isinstance(value, str | int | float) else _APART
    return _APART


def drawn(rows: Sequence[Any], size: int, seed: int) -> list[Any]:
    """The sample of rows that are at hand, in their order."""
    if len(rows) <= size:
        return list(rows)
    reservoir = Reservoir(size, seed)
    for row in rows:
        reservoir.add(row, first_cell(row))
    return reservoir.rows
