"""Does the machine keep up? Which slots the schedule asked a tick for, and in which of them a tick began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

REMEMBERED = 60
"""Slots that are kept, and counted at most."""
LATELY = 12
MISSED_TOO_OFTEN = 3
"""Of the newest `LATELY` slots: so many missed ones are overload, and it is over with at most one."""


@dataclass(frozen=True, slots=True)
class SlotsAsked:
    """Slots of a grid of `tick_s`, oldest first. Up to `counted`, missed ones are in the counter already."""

    tick_s: int
    slots: tuple[int, ...] = ()
    counted: int = 0


@dataclass(frozen=True, slots=True)
class SlotCount:
    """Slots that are over: how many there were, and in how many a tick began; `lately` of the newest few, those missed."""

    expected: int
    observed: int
    missed_lately: int
    since: int

    @property
    def overloaded(self) -> bool:
        return self.missed_lately >= MISSED_TOO_OFTEN

    @property
    def keeps_up(self) -> bool:
        return self.missed_lately <= 1

    @property
    def text(self) -> str:
        return f"{self.observed} of {self.expected} slots observed"


def ask(known: SlotsAsked | None, slot: int, tick_s: int, stale_ticks: int) -> SlotsAsked:
    """The schedule asks for a tick. A small gap before it are slots that the daemon did not get to; after a long one the
    monitor was down, and the count begins again.
    """
    if known is None or known.tick_s != tick_s or not known.slots or slot - known.slots[-1] > stale_ticks * tick_s:
        return SlotsAsked(tick_s, (slot,), slot - 1)
    new = range(known.slots[-1] + tick_s, slot + 1, tick_s)
    return SlotsAsked(tick_s, (*known.slots, *new)[-REMEMBERED:], known.counted)


def newly_missed(asked: SlotsAsked, begun: Collection[int], now: float) -> tuple[SlotsAsked, int]:
    """Missed slots that no counter has yet, and what to remember of that."""
    over = [slot for slot in asked.slots if slot > asked.counted and slot + asked.tick_s <= now]
    if not over:
        return asked, 0
    return SlotsAsked(asked.tick_s, asked.slots, over[-1]), sum(slot not in begun for slot in over)


def count(asked: SlotsAsked, begun: Collection[int], now: float) -> SlotCount | None:
    """None before the first slot is over."""
    over: Sequence[int] = [slot for slot in asked.slots if slot + asked.tick_s <= now]
    if not over:
        return None
    missed = [slot not in begun for slot in over]
    return SlotCount(len(over), len(over) - sum(missed), sum(missed[-LATELY:]), over[0])
