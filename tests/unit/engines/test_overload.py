"""Does the machine keep up: slots asked for, slots in which a tick began, and what was missed."""

from __future__ import annotations

import pytest

from busta_health_dagster.engines.overload import REMEMBERED, SlotsAsked, ask, count, newly_missed

TICK, STALE = 60, 3
T0 = 1_795_420_800


def asked(slots: int, first: int = 0) -> SlotsAsked:
    found = None
    for n in range(first, first + slots):
        found = ask(found, T0 + n * TICK, TICK, STALE)
    assert found is not None
    return found


def begun(*numbers: int) -> set[int]:
    return {T0 + n * TICK for n in numbers}


def test_seventeen_of_thirty_one_slots_are_observed_and_that_is_overload() -> None:
    found = count(asked(31), begun(*range(17)), T0 + 31 * TICK)
    assert found is not None
    assert found.text == "17 of 31 slots observed"
    assert found.overloaded
    assert not found.keeps_up
    assert found.since == T0


@pytest.mark.parametrize(
    ("missed", "overloaded", "keeps_up"),
    [((), False, True), ((29,), False, True), ((28, 29), False, False), ((20, 25, 29), True, False)],
)
def test_three_missed_of_the_last_twelve_are_overload_and_one_is_not(
    missed: tuple[int, ...], overloaded: bool, keeps_up: bool
) -> None:
    found = count(asked(30), begun(*(n for n in range(30) if n not in missed)), T0 + 30 * TICK)
    assert found is not None
    assert (found.overloaded, found.keeps_up) == (overloaded, keeps_up)


def test_what_was_missed_long_ago_is_counted_and_is_no_overload_now() -> None:
    found = count(asked(30), begun(*range(10, 30)), T0 + 30 * TICK)
    assert found is not None
    assert (found.expected, found.observed, found.overloaded) == (30, 20, False)


def test_the_present_slot_may_still_be_observed() -> None:
    assert count(asked(1), set(), T0 + TICK - 1) is None
    found = count(asked(2), begun(0), T0 + TICK)
    assert found is not None
    assert (found.expected, found.observed) == (1, 1)


def test_each_missed_slot_is_counted_once() -> None:
    known, missed = newly_missed(asked(5), begun(0, 3), T0 + 4 * TICK)
    assert missed == 2
    known, missed = newly_missed(known, begun(0, 3), T0 + 4 * TICK + 1)
    assert missed == 0
    assert newly_missed(ask(known, T0 + 5 * TICK, TICK, STALE), begun(0, 3), T0 + 5 * TICK)[1] == 1


def test_a_slot_that_the_daemon_did_not_get_to_was_due_all_the_same() -> None:
    found = ask(asked(2), T0 + 4 * TICK, TICK, STALE)
    assert [(slot - T0) // TICK for slot in found.slots] == [0, 1, 2, 3, 4]


def test_a_monitor_that_was_down_or_ticks_at_another_pace_begins_again() -> None:
    down = ask(asked(5), T0 + 600 * TICK, TICK, STALE)
    assert down.slots == (T0 + 600 * TICK,)
    assert newly_missed(down, set(), T0 + 600 * TICK)[1] == 0
    assert ask(asked(5), T0 + 300, 300, STALE).slots == (T0 + 300,)


def test_only_the_newest_are_remembered() -> None:
    assert len(asked(REMEMBERED + 10).slots) == REMEMBERED
