"""Timelines of incidents as data, relative to the start of the demo (the anchor: the slot in which it was started)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from busta_health_dagster.demo.faults import Effect, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Incident:
    """`[start_s, end_s)` in seconds from the anchor, on whole slots; negative is history. `end_s` None: does not end by
    itself.
    """

    source: str
    fault: Fault
    start_s: int
    end_s: int | None
    ms: float = 0.0
    share: float = 0.0
    status: int = 503
    cause: str = ""

    def covers(self, offset_s: float) -> bool:
        return self.start_s <= offset_s and (self.end_s is None or offset_s < self.end_s)

    def shifted(self, by_s: int) -> Incident:
        return replace(self, start_s=self.start_s + by_s, end_s=None if self.end_s is None else self.end_s + by_s)

    def clipped(self, end_s: int) -> Incident:
        """Over by `end_s` at the latest: how a calm scenario ends what the story left open."""
        return self if self.end_s is not None and self.end_s <= end_s else replace(self, end_s=end_s)


@dataclass(frozen=True, slots=True)
class PlannedMaintenance:
    """A maintenance window of the story; becomes an entry of maintenance.yaml."""

    name: str
    source: str
    start_s: int
    duration_s: int
    reason: str
    rrule: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`past` and `script` happen once; `loop` again and again from `loop_from_s`, every `loop_every_s`, relative to
    each round.
    """

    name: str
    about: str
    past: tuple[Incident, ...] = ()
    script: tuple[Incident, ...] = ()
    loop: tuple[Incident, ...] = ()
    loop_from_s: int = 0
    loop_every_s: int = HOUR
    planned: tuple[PlannedMaintenance, ...] = ()

    def incident(self, source: str, offset_s: float) -> Incident | None:
        """What is wrong with a source then; of several, the one that began last. Its times are on the timeline, not in
        the round.
        """
        current = [
            i for i in (*self.past, *self.script, *self._round(offset_s)) if i.source == source and i.covers(offset_s)
        ]
        return max(current, key=lambda i: i.start_s, default=None)

    def effect(self, source: str, now: float, anchor: float) -> Effect | None:
        """The fault as the source shows it at `now` (epoch seconds); None when it is up."""
        found = self.incident(source, now - anchor)
        if found is None:
            return None
        whole = Effect(found.fault, anchor + found.start_s, found.ms, found.share, found.status, found.cause)
        return whole.at(source, now)

    def between(self, source: str, start_s: float, end_s: float) -> Iterator[Incident]:
        """Every incident of a source that overlaps `[start_s, end_s)`, oldest first, rounds of the loop unrolled."""
        rounds: list[Incident] = []
        if self.loop and end_s > self.loop_from_s:
            first = max(0, int((start_s - self.loop_from_s) // self.loop_every_s))
            last = int((end_s - self.loop_from_s) // self.loop_every_s)
            rounds = [
                i.shifted(self.loop_from_s + n * self.loop_every_s) for n in range(first, last + 1) for i in self.loop
            ]
        mine = [i for i in (*self.past, *self.script, *rounds) if i.source == source]
        yield from sorted(
            (i for i in mine if i.start_s < end_s and (i.end_s is None or i.end_s > start_s)), key=lambda i: i.start_s
        )

    def _round(self, offset_s: float) -> Iterator[Incident]:
        if self.loop and offset_s >= self.loop_from_s:
            begun = self.loop_from_s + int((offset_s - self.loop_from_s) // self.loop_every_s) * self.loop_every_s
            for incident in self.loop:
                yield incident.shifted(begun)
