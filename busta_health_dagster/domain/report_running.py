"""How the monitoring itself went in a week, in numbers: noise, maintenance, deliveries, the monitor's own uptime."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoiseRow:
    """What one rule had to say. `self_resolved`: over within 10 minutes and before anybody acknowledged."""

    rule: str
    shadow: bool
    opened: int
    sent: int
    self_resolved: int
    never_acked: int
    flapping: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noise:
    """`alerts` opened, shadow ones not counted; `held_back` messages that flapping kept from being sent."""

    rows: tuple[NoiseRow, ...] = ()
    sent: int = 0
    alerts: int = 0
    held_back: int = 0
    suggestions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MaintenanceFacts:
    """One occurrence of a maintenance window. `used_s` and `slices` (over all its sources) lie inside the week."""

    window: str
    reason: str
    sources: tuple[str, ...]
    start: int
    end: int
    used_s: int = 0
    slices: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Maintenance:
    used: tuple[MaintenanceFacts, ...] = ()
    now: tuple[MaintenanceFacts, ...] = ()
    next: tuple[MaintenanceFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """Messages of one channel: all, delivered, delivered after a retry, not delivered yet, never."""

    channel: str
    messages: int
    delivered: int
    retried: int
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that never arrived; `fallback_s` is how much later another channel delivered it, where one did."""

    channel: str
    at: int
    reason: str
    alerts: tuple[int, ...] = ()
    fallback: str = ""
    fallback_s: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """`median_s`, `p95_s`: from stored to delivered."""

    channels: tuple[ChannelRow, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    median_s: float | None = None
    p95_s: float | None = None


@dataclass(frozen=True, slots=True)
class Monitor:
    """The monitor's own uptime: ticks that left an observation, of those that were due while it had sources.

    `gaps` are the longest stretches without any, [from, until). `blind` are the sources with the most slices without a
    verdict.
    """

    due: int = 0
    ran: int = 0
    before: float | None = None
    slices: int = 0
    without_verdict: int = 0
    gaps: tuple[tuple[int, int], ...] = ()
    blind: tuple[tuple[str, int], ...] = ()
    switch: str = ""

    @property
    def share(self) -> float | None:
        """Percent, not rounded."""
        return None if not self.due else 100 * self.ran / self.due
