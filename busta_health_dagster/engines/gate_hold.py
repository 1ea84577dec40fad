"""What a gated schedule does with its slots: run, wait, run late once, or give up. Pure; instants are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["run", "hold", "give_up", "wait"]


@dataclass(frozen=True, slots=True)
class HoldState:
    """`done` is the newest slot that is settled (run, or given up); `held` the slot that waits, `since` the first slot of
    this wait: while it lasts, a newer slot takes the place of an older one. `given_up`: the slot that never ran, until
    a later one runs or waits.
    """

    done: int
    held: int | None = None
    since: int | None = None
    given_up: int | None = None


@dataclass(frozen=True, slots=True)
class HoldDecision:
    """What to do now, and the state to remember. `slot` is None where no slot is due; `held_s` is how late it is."""

    action: Action
    state: HoldState
    slot: int | None = None
    since: int | None = None
    held_s: int = 0


def decide(state: HoldState, newest_slot: int, now: int, *, usable: bool, hold_for_s: float) -> HoldDecision:
    """`newest_slot`: the newest slot of the schedule that is not later than `now`."""
    # Settled in a time to come: the clock was set back, or the schedule changed. Its slots count from here again; the key
    # of a run is its slot, so none runs twice.
    done = min(state.done, newest_slot)
    slot = newest_slot if newest_slot > done else state.held
    if slot is None:
        return HoldDecision("wait", HoldState(done, given_up=state.given_up))
    since = state.since if state.since is not None else slot
    if now - slot > hold_for_s:
        # Also of a sensor that was stopped meanwhile: a bet of the morning is not placed in the evening.
        return HoldDecision("give_up", HoldState(slot, given_up=slot), slot, since, now - since)
    if usable:
        held_s = now - since if state.held is not None else 0
        return HoldDecision("run", HoldState(slot), slot, since, held_s)
    return HoldDecision("hold", HoldState(done, slot, since), slot, since, now - since)
