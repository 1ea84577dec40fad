"""The cold state of one source: up to three weeks of clean polls, written once a day.

A bin is a slot of max(interval, 5 min): the last value in it counts. What was an outage, an incident or maintenance
is NaN, so that no fit can learn from it.
"""

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

from busta_health_dagster.engines.baseline.units import DAY_S, Array, M

BINS: Final = 6048
DOUBTFUL: Final = 64  # added to the event kind of a bin that fell into a level incident
MAGIC: Final = b"BHh1"
HEADER: Final = struct.Struct("<4sqii")


class HistoryUnreadable(ValueError):
    """The bytes are not a history of this version."""


@dataclass(slots=True)
class History:
    """`values` (3, n) float32 on the model's scale, `kinds` (n,) int8, `positions` (n,) uint8 (1/255); ends at bin
    `end`.
    """

    bin_s: int
    end: int
    values: Array
    kinds: Array
    positions: Array

    @classmethod
    def empty(cls, bin_s: int, end: int) -> "History":
        """A history without a past that ends (exclusive) at bin `end`."""
        return cls(bin_s, end, np.empty((M, 0), np.float32), np.empty(0, np.int8), np.empty(0, np.uint8))

    @property
    def horizon(self) -> int:
        """How many bins are kept: three weeks, or 504 polls of a rare source."""
        return int(min(BINS, max(21 * DAY_S // self.bin_s, 504)))

    def append(self, start: int, values: Array, kinds: Array, positions: Array) -> None:
        """Adds bins from `start` on; a hole between is NaN, what is older than the horizon falls off."""
        gap = start - self.end
        if gap < 0:
            values, kinds, positions, gap = values[:, -gap:], kinds[-gap:], positions[-gap:], 0
        gap = min(gap, self.horizon)
        self.values = np.concatenate([self.values, np.full((M, gap), np.nan, np.float32), values], axis=1)[
            :, -self.horizon :
        ]
        self.kinds = np.concatenate([self.kinds, np.full(gap, -1, np.int8), kinds])[-self.horizon :]
        self.positions = np.concatenate([self.positions, np.zeros(gap, np.uint8), positions])[-self.horizon :]
        self.end = start + len(kinds)

    def epochs(self) -> Array:
        """Start of each bin, epoch seconds."""
        return (self.end - len(self.kinds) + np.arange(len(self.kinds), dtype=np.int64)) * self.bin_s

    def to_bytes(self) -> bytes:
        """At most 85 KB: 14 bytes a bin."""
        head = HEADER.pack(MAGIC, self.end, self.bin_s, len(self.kinds))
        return head + self.values.tobytes() + self.kinds.tobytes() + self.positions.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "History":
        """The inverse of `to_bytes`, bit for bit."""
        if len(data) < HEADER.size:
            raise HistoryUnreadable(f"a history has at least {HEADER.size} bytes, this one {len(data)}")
        magic, end, bin_s, n = HEADER.unpack_from(data)
        if magic != MAGIC or len(data) != HEADER.size + n * (4 * M + 2):
            raise HistoryUnreadable(
                "these bytes are not a baseline history of this version; delete the row to start again"
            )
        body = memoryview(data)[HEADER.size :]
        values = np.frombuffer(body[: 4 * M * n], np.float32).reshape(M, n).copy()
        kinds = np.frombuffer(body[4 * M * n : 4 * M * n + n], np.int8).copy()
        return cls(bin_s, end, values, kinds, np.frombuffer(body[4 * M * n + n :], np.uint8).copy())
