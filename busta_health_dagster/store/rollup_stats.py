"""What happened to a source over a stretch of time, in numbers that add up: counts, sums and a histogram of response
times.

Tallies are added and subtracted. The rollups keep them as running totals, like an electricity meter: what happened
between two instants is the difference of two readings, however far apart they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from math import ceil, log2
from struct import pack, unpack_from
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.uptime_and_budget import Slice, SliceCounts
from busta_health_dagster.store.packed_numbers import put, take
from busta_health_dagster.store.packing import MAINTENANCE, SUSPECT, attempts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

BIN_STEPS = 9  # per doubling of 1 + ms: bins 8% wide, so a quantile is 4% exact (0.1 ms below 2 ms)

SEEN, PLANNED, FLAKY, SLICES, RESPONSE, ITEMS, ITEMS_N, QUALITY, QUALITY_N = 0, 4, 8, 9, 14, 15, 16, 17, 18
WIDTH = 19
_STORED = (SEEN + 1, RESPONSE, ITEMS, ITEMS_N, SEEN + 2, SEEN + 3, FLAKY, QUALITY, QUALITY_N, SEEN, 4, 5, 6, 7)
_OWN_SLICES = 1 << len(_STORED)
_FORMATS = {1: "B", 2: "H", 4: "I"}
_DENSE = 128


@dataclass(slots=True)
class RollupStats:
    """`counts[SEEN + status]` outside maintenance, `[PLANNED + status]` inside, `[SLICES + slice]` timeslices by
    verdict.

    RESPONSE sums tenths of milliseconds, QUALITY hundredths, ITEMS items. `bins` is the histogram of response times
    outside maintenance that are not suspect: bin -> count.
    """

    counts: list[int] = field(default_factory=lambda: [0] * WIDTH)
    bins: dict[int, int] = field(default_factory=dict)

    def see(self, verdict: int, response: int | None, items: int | None, quality: int | None, sign: int = 1) -> None:
        """Count one observation (or, with sign -1, take it out again). Its slice is counted apart: `slice_seen`."""
        counts, status = self.counts, verdict & 3
        if verdict & MAINTENANCE:
            counts[PLANNED + status] += sign
            return
        counts[SEEN + status] += sign
        if status == Status.UP and attempts_of(verdict) > 1:
            counts[FLAKY] += sign
        if response is not None and not verdict & SUSPECT:
            counts[RESPONSE] += sign * response
            at = bin_of(response)
            self.bins[at] = self.bins.get(at, 0) + sign
        if items is not None:
            counts[ITEMS] += sign * items
            counts[ITEMS_N] += sign
        if quality is not None:
            counts[QUALITY] += sign * quality
            counts[QUALITY_N] += sign

    def slice_seen(self, verdict: Slice | None, sign: int = 1) -> None:
        if verdict is not None:
            self.counts[SLICES + verdict] += sign

    def add(self, other: RollupStats, sign: int = 1) -> RollupStats:
        """Add (or, with sign -1, take away) in place."""
        if sign == 1:
            self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        else:
            self.counts = [a - b for a, b in zip(self.counts, other.counts, strict=True)]
        bins = self.bins
        for at, n in other.bins.items():
            total = bins.get(at, 0) + sign * n
            if total:
                bins[at] = total
            else:
                bins.pop(at, None)
        return self

    def copy(self) -> RollupStats:
        return RollupStats(self.counts.copy(), self.bins.copy())

    def minus(self, earlier: RollupStats) -> RollupStats:
        """A reading minus an earlier one of the same meter: what happened between them."""
        if not any(earlier.counts):
            return self
        counts = [a - b for a, b in zip(self.counts, earlier.counts, strict=True)]
        before = earlier.bins
        bins = {at: n - before.get(at, 0) for at, n in self.bins.items()}
        return RollupStats(counts, bins)

    def __bool__(self) -> bool:
        return any(self.counts) or any(self.bins.values())

    def slices(self) -> SliceCounts:
        unknown, up, degraded, down, excluded = self.counts[SLICES : SLICES + 5]
        return SliceCounts(up, degraded, down, unknown, excluded)

    def quantile(self, share: float) -> float | None:
        """Milliseconds (nearest rank, interpolated within its bin); None without a measurement."""
        total = sum(self.bins.values())
        if total <= 0:
            return None
        rank, below = max(ceil(share * total), 1), 0
        for at in sorted(self.bins):
            n = self.bins[at]
            if below + n >= rank:
                low, high = bin_edge(at), bin_edge(at + 1)
                return round(low + (high - low) * (rank - below - 0.5) / n, 1)
            below += n
        raise AssertionError(f"rank {rank} of {total} lies in no bin")


def bin_of(response: int) -> int:
    """Tenths of milliseconds -> bin."""
    return min(int(BIN_STEPS * log2(1 + max(response, 0) / 10)), 255)


def bin_edge(at: int) -> float:
    """Lower edge of a bin, milliseconds."""
    return float(2 ** (at / BIN_STEPS) - 1)


def evaluated(rows: Iterable[int]) -> Slice | None:
    """The verdict on a timeslice from the verdict codes of its observations; None when there are none.

    Down if at least half of those with a verdict are down, degraded if at least half are down or degraded.
    Observations in maintenance do not count; a slice of nothing else is excluded. (engines.sla decides the same from
    single observations.)
    """
    noise, planned = [0, 0, 0, 0], 0
    for verdict in rows:
        if verdict & MAINTENANCE:
            planned += 1
        else:
            noise[verdict & 3] += 1
    unknown, up, degraded, down = noise
    judgements = up + degraded + down
    if judgements:
        if 2 * down >= judgements:
            return Slice.DOWN
        return Slice.DEGRADED if 2 * (down + degraded) >= judgements else Slice.UP
    if unknown:
        return Slice.UNKNOWN
    return Slice.EXCLUDED if planned else None


def one_slot_slice(verdict: int) -> Slice:
    """A slice of a single observation (every interval of 5 minutes and more)."""
    return Slice.EXCLUDED if verdict & MAINTENANCE else Slice(verdict & 3)


def encode(noise: RollupStats) -> bytes:
    """A mask of the counters that are not zero, those as variable-length integers, then the histogram, dense or as
    pairs.
    """
    counts, mask, body = noise.counts, 0, bytearray()
    for bit, at in enumerate(_STORED):
        if counts[at]:
            mask |= 1 << bit
            put(body, counts[at])
    if counts[SLICES : SLICES + 5] != _plain_slices(counts):
        mask |= _OWN_SLICES
        for at in range(SLICES, SLICES + 5):
            put(body, counts[at])
    head = bytearray()
    put(head, mask)
    return bytes(head + body) + _encode_bins(noise.bins)


def _encode_bins(bins: dict[int, int]) -> bytes:
    kept = sorted(at for at, n in bins.items() if n)
    if not kept:
        return b""
    most = max(bins.values())
    width = 1 if most < 256 else 2 if most < 65536 else 4
    letter = _FORMATS[width]
    span = kept[-1] - kept[0] + 1
    if 1 + span * width <= len(kept) * (1 + width):
        dense = [bins.get(at, 0) for at in range(kept[0], kept[-1] + 1)]
        return pack(f"<BB{span}{letter}", _DENSE | width, kept[0], *dense)
    return pack(f"<B{len(kept)}B{len(kept)}{letter}", width, *kept, *(bins[at] for at in kept))


def decode(data: bytes) -> RollupStats:
    counts, at = _decode_counts(data)
    return RollupStats(counts, _decode_bins(data, at))


def decode_counts(data: bytes) -> RollupStats:
    """Without the histogram."""
    return RollupStats(_decode_counts(data)[0])


def _decode_counts(data: bytes) -> tuple[list[int], int]:
    """The counters, and where the histogram begins."""
    mask, at = take(data, 0)
    counts = [0] * WIDTH
    for index in _indexes(mask):
        value = data[at]
        at += 1
        if value > 127:
            value, at = take(data, at - 1)
        counts[index] = value
    if not mask & _OWN_SLICES:
        counts[SLICES : SLICES + 5] = _plain_slices(counts)
    return counts, at


def _decode_bins(data: bytes, at: int) -> dict[int, int]:
    if at == len(data):
        return {}
    kind = data[at]
    width = kind & 7
    if kind & _DENSE:
        n, first = (len(data) - at - 2) // width, data[at + 1]
        values = data[at + 2 :] if width == 1 else unpack_from(f"<{n}{_FORMATS[width]}", data, at + 2)
        return {first + i: value for i, value in enumerate(values) if value}
    n = (len(data) - at - 1) // (1 + width)
    edge = at + 1 + n
    values = data[edge:] if width == 1 else unpack_from(f"<{n}{_FORMATS[width]}", data, edge)
    return dict(zip(data[at + 1 : edge], values, strict=True))


@cache
def _indexes(mask: int) -> tuple[int, ...]:
    """Which counters a mask says are stored, in their order."""
    own = tuple(range(SLICES, SLICES + 5)) if mask & _OWN_SLICES else ()
    return tuple(at for bit, at in enumerate(_STORED) if mask >> bit & 1) + own


def _plain_slices(counts: list[int]) -> list[int]:
    """The slices where each holds one slot: then they are not stored."""
    return [*counts[SEEN : SEEN + 4], sum(counts[PLANNED : PLANNED + 4])]
