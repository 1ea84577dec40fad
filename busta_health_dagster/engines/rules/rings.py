"""The fixed-size memories inside a source's window; each push is O(1)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from busta_health_dagster.engines.alerting.flapping import STATES, is_flapping, push_state, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BURN_SLOTS = 864
BURN_WINDOWS = (3, 6, 12, 72, BURN_SLOTS)


class Series:
    """(slot, value) pairs of the last `over_s` seconds."""

    __slots__ = ("over_s", "values")

    def __init__(self, over_s: int) -> None:
        self.over_s = over_s
        self.values: deque[tuple[int, float]] = deque()

    def push(self, slot: int, value: float) -> None:
        self.values.append((slot, value))
        oldest = slot - self.over_s
        while self.values[0][0] <= oldest:
            self.values.popleft()

    def since(self, slot: int) -> list[tuple[int, float]]:
        """Pairs later than `slot`."""
        return [pair for pair in self.values if pair[0] > slot]

    def to_state(self) -> list[list[float]]:
        return [[at, value] for at, value in self.values]


class RateRing:
    """Failed and observed slots of the last `over_s` seconds, counted as they come and go."""

    __slots__ = ("bad", "over_s", "slots")

    def __init__(self, over_s: int) -> None:
        self.over_s = over_s
        self.slots: deque[tuple[int, bool]] = deque()
        self.bad = 0

    @property
    def observed(self) -> int:
        return len(self.slots)

    def push(self, slot: int, failed: bool) -> None:
        slots = self.slots
        slots.append((slot, failed))
        self.bad += failed
        oldest = slot - self.over_s
        while slots[0][0] <= oldest:
            self.bad -= slots.popleft()[1]

    def to_state(self, interval_s: int) -> list[Any]:
        """[first slot, one character per interval: 0 good, 1 failed, - nothing]."""
        if not self.slots:
            return [0, ""]
        first = self.slots[0][0]
        marks = ["-"] * ((self.slots[-1][0] - first) // interval_s + 1)
        for slot, failed in self.slots:
            marks[(slot - first) // interval_s] = "1" if failed else "0"
        return [first, "".join(marks)]

    def restore(self, state: Sequence[Any], interval_s: int) -> None:
        first, marks = state
        self.slots = deque((first + i * interval_s, m == "1") for i, m in enumerate(marks) if m != "-")
        self.bad = marks.count("1")


class BurnRing:
    """The last 864 slots outside maintenance as half-points of badness (2 bad, 1 half, 0 good or unknown), with
    running sums.
    """

    __slots__ = ("head", "ring", "seen", "sums")

    def __init__(self) -> None:
        self.ring = bytearray(BURN_SLOTS)
        self.head = 0
        self.seen = 0
        self.sums = [0] * len(BURN_WINDOWS)

    def push(self, weight: int) -> None:
        head, ring, sums = self.head, self.ring, self.sums
        if weight or sums[-1]:
            for i, size in enumerate(BURN_WINDOWS):
                sums[i] += weight - ring[head - size]  # a negative index wraps: the ring's length is the largest window
        ring[head] = weight
        self.head = (head + 1) % BURN_SLOTS
        if self.seen < BURN_SLOTS:
            self.seen += 1

    def skip(self, slots: int) -> None:
        """Slots no one checked: they push old ones out, and are neither good nor bad."""
        for _ in range(min(slots, BURN_SLOTS)):
            self.push(0)

    def bad(self, window: int) -> float:
        """Bad slots (halves possible) among the last `window`."""
        return self.sums[BURN_WINDOWS.index(window)] / 2

    def to_state(self) -> list[Any]:
        """[slots seen, positions back from the newest, their weights]: bad slots are rare."""
        back = [(i, self.ring[self.head - 1 - i]) for i in range(self.seen) if self.ring[self.head - 1 - i]]
        return [self.seen, [i for i, _ in back], [w for _, w in back]]

    def restore(self, state: Sequence[Any]) -> None:
        seen, positions, weights = state
        self.ring = bytearray(BURN_SLOTS)
        self.head, self.seen = 0, seen
        for i, weight in zip(positions, weights, strict=True):
            self.ring[-1 - i] = weight
        self.sums = [sum(self.ring[-size:]) for size in BURN_WINDOWS]


class FlapBits:
    """The last 21 states of the source, for the pattern `flapping`, with its two thresholds."""

    __slots__ = ("active", "bits", "seen")

    def __init__(self) -> None:
        self.bits = self.seen = 0
        self.active = False

    @property
    def ratio(self) -> float:
        return ratio(self.bits)

    def push(self, bad: bool) -> None:
        # A source that starts bad has not changed: the states before it are taken to be the same.
        if not self.seen and bad:
            self.bits = (1 << STATES) - 1
        self.bits = push_state(self.bits, bad)
        self.seen = min(self.seen + 1, STATES)
        self.active = is_flapping(self.bits, self.active)

    def to_state(self) -> Mapping[str, int]:
        return {"bits": self.bits, "seen": self.seen, "active": int(self.active)}

    def restore(self, state: Mapping[str, int]) -> None:
        self.bits, self.seen, self.active = state["bits"], state["seen"], bool(state["active"])
