"""Some random days by the engine and by the second opinion in tests/oracle; `make oracle` lives a thousand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.oracle import groups
from tests.oracle.days import disagreements, engines_own, random_day, second_opinion

DAYS = 40


@pytest.mark.parametrize("first", range(0, DAYS, 10))
def test_the_engine_and_the_second_opinion_agree_on_every_event_and_every_message(first: int) -> None:
    assert [line for seed in range(first, first + 10) for line in disagreements(seed)] == []


def test_the_two_agree_on_when_a_group_speaks_and_that_nothing_critical_waits_for_it() -> None:
    assert [line for seed in range(60) for line in groups.disagreements(seed)] == []


def test_a_day_that_is_lived_differently_is_noticed() -> None:
    plan, lines, deeds = random_day(0)
    other = replace(plan, good_wanted=plan.good_wanted + 1)
    assert second_opinion(other, lines, deeds).events != engines_own(plan, lines, deeds).events


def test_the_days_hold_what_they_are_meant_to_try() -> None:
    events = [engines_own(*random_day(seed)).events.values() for seed in range(DAYS // 2)]
    seen = {event for some in events for one in some for _, event in one}
    assert seen >= {"opened", "escalated", "renotified", "acked", "unacked", "snoozed", "suppressed", "released"}
    assert seen >= {"flapping_started", "flapping_ended", "resolved"}
    assert {random_day(seed)[0].mute is None for seed in range(DAYS)} == {True, False}
