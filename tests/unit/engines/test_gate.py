"""May anything be built from this source now: one verdict behind every door."""

from __future__ import annotations

from dataclasses import replace

import pytest

from busta_health_dagster.domain.gate import GateOverride, GatePolicy
from busta_health_dagster.domain.observation import SourceState, Status
from busta_health_dagster.domain.source import QualitySpec, Source
from busta_health_dagster.engines.gate import usable_verdict
from busta_health_dagster.engines.gate_hold import HoldState, decide

NOW = 1_000_000
BLOCK = GatePolicy(unknown="block")
SOURCE = Source("odds_api", "odds", "http", quality=QualitySpec(suite="odds"))
UP = SourceState("odds_api", Status.UP, NOW - 900, NOW - 60, NOW - 60, "ok", "answered 200", data_age_s=30.0)


def ask(state, policy=BLOCK, **known):
    verdict = usable_verdict(SOURCE, state, **({"stale": False, "now": NOW, "policy": policy} | known))
    return verdict.usable, verdict.reason


@pytest.mark.parametrize("status", [Status.UP, Status.DEGRADED])
def test_what_is_up_or_degraded_is_usable(status) -> None:
    assert ask(replace(UP, status=status)) == (True, f"odds_api is {status.word}")


def test_what_is_down_is_not_and_the_reason_is_the_sources_own() -> None:
    down = replace(UP, status=Status.DOWN, detail="answered 503, 2xx wanted")
    assert ask(down) == (False, "odds_api is down: answered 503, 2xx wanted")
    assert not ask(down, GatePolicy(unknown="allow"))[0], "down is known"


@pytest.mark.parametrize(
    ("state", "stale", "why"),
    [
        (None, False, "odds_api was never observed"),
        (replace(UP, observed_at=NOW - 3600), True, "odds_api was last observed 1 h ago"),
        (replace(UP, status=Status.UNKNOWN, detail="our own network"), False, "odds_api is unknown: our own network"),
    ],
    ids=["never", "stale", "unknown"],
)
def test_what_cannot_be_told_blocks_unless_the_policy_allows_it(state, stale, why) -> None:
    assert ask(state, stale=stale) == (False, why)
    assert ask(state, GatePolicy(unknown="allow"), stale=stale) == (True, f"{why}; gate.unknown: allow")


def test_a_validation_that_came_to_no_score_says_why() -> None:
    asked = GatePolicy(min_quality=90.0, unknown="block")
    unscored = replace(UP, quality=None, quality_at=NOW - 60)
    why = "there is no module 'bets'"
    assert ask(unscored, asked, no_score=why) == (
        False,
        "odds_api has no quality score: there is no module 'bets' (at least 90 asked)",
    )


def test_quality_below_what_is_asked_is_not_usable() -> None:
    asked = GatePolicy(min_quality=90.0, unknown="block")
    assert ask(replace(UP, quality=90.0, quality_at=NOW - 60), asked)[0]
    bad = replace(UP, quality=89.94, quality_at=NOW - 60)
    assert ask(bad, asked) == (False, "odds_api has quality 89.9 (at least 90 asked)")
    assert ask(UP, asked) == (False, "odds_api has no quality score yet (at least 90 asked)")
    old = replace(UP, quality=99.0, quality_at=NOW - 5 * 3600)
    assert ask(old, asked) == (False, "the quality score of odds_api is 5 h old")


def test_data_grow_older_after_the_observation() -> None:
    asked = GatePolicy(max_data_age_s=90, unknown="block")
    assert ask(UP, asked)[0], "30 s old a minute ago"
    assert ask(UP, GatePolicy(max_data_age_s=89, unknown="block")) == (
        False,
        "the data of odds_api are 1 min 30 s old (at most 1m29s asked)",
    )
    assert ask(replace(UP, data_age_s=None), asked) == (False, "the age of the data of odds_api cannot be told")


def test_a_person_opens_and_closes_it_for_a_while() -> None:
    opened = GateOverride("odds_api", True, NOW - 60, NOW + 600, "checked by hand", "ann")
    down = replace(UP, status=Status.DOWN)
    usable, reason = ask(down, override=opened)
    assert usable
    assert reason.endswith("checked by hand (ann)")
    assert not ask(UP, override=replace(opened, usable=False))[0]
    assert not ask(down, override=replace(opened, until=NOW))[0], "it is over by itself"


def test_a_consumer_asks_for_more_and_never_for_less() -> None:
    own = GatePolicy(90.0, 600, "block")
    assert own.tightened(GatePolicy(95.0, 300)) == GatePolicy(95.0, 300, "block")
    assert own.tightened(GatePolicy(10.0, 9000, "allow")) == own
    assert GatePolicy(unknown="allow").tightened(GatePolicy(unknown="block")).unknown == "block"


HALF_HOUR = 1800


def test_a_slot_runs_at_once_while_the_sources_are_usable_and_once() -> None:
    first = decide(HoldState(0), 100, 110, usable=True, hold_for_s=HALF_HOUR)
    assert (first.action, first.slot, first.held_s) == ("run", 100, 0)
    assert decide(first.state, 100, 140, usable=True, hold_for_s=HALF_HOUR).action == "wait"


def test_a_slot_is_held_released_once_and_says_how_late_it_is() -> None:
    held = decide(HoldState(0), 100, 110, usable=False, hold_for_s=HALF_HOUR)
    assert (held.action, held.slot, held.since) == ("hold", 100, 100)
    held = decide(held.state, 100, 140, usable=False, hold_for_s=HALF_HOUR)
    released = decide(held.state, 100, 281, usable=True, hold_for_s=HALF_HOUR)
    assert (released.action, released.slot, released.held_s) == ("run", 100, 181)
    assert decide(released.state, 100, 300, usable=True, hold_for_s=HALF_HOUR).action == "wait"


def test_a_newer_slot_takes_the_place_of_one_that_waits() -> None:
    held = decide(HoldState(0), 100, 110, usable=False, hold_for_s=HALF_HOUR)
    both = decide(held.state, 400, 410, usable=False, hold_for_s=HALF_HOUR)
    assert (both.slot, both.since) == (400, 100)
    released = decide(both.state, 400, 500, usable=True, hold_for_s=HALF_HOUR)
    assert (released.slot, released.held_s) == (400, 400)
    assert decide(released.state, 400, 510, usable=True, hold_for_s=HALF_HOUR).action == "wait"


def test_a_slot_is_given_up_after_its_time_also_by_a_sensor_that_slept() -> None:
    held = decide(HoldState(0), 100, 110, usable=False, hold_for_s=HALF_HOUR)
    over = decide(held.state, 100, 100 + HALF_HOUR + 1, usable=True, hold_for_s=HALF_HOUR)
    assert (over.action, over.slot) == ("give_up", 100)
    assert decide(over.state, 100, 5000, usable=True, hold_for_s=HALF_HOUR).action == "wait"
    assert decide(HoldState(0), 100, 9000, usable=True, hold_for_s=HALF_HOUR).action == "give_up"


def test_a_slot_that_was_given_up_is_remembered_until_a_later_one_runs_or_waits() -> None:
    over = decide(HoldState(0), 100, 9000, usable=True, hold_for_s=HALF_HOUR)
    waits = decide(over.state, 100, 9030, usable=True, hold_for_s=HALF_HOUR)
    assert (over.state.given_up, waits.state.given_up) == (100, 100)
    assert decide(waits.state, 9050, 9060, usable=True, hold_for_s=HALF_HOUR).state.given_up is None
    assert decide(waits.state, 9050, 9060, usable=False, hold_for_s=HALF_HOUR).state.given_up is None


def test_a_clock_that_was_set_back_skips_no_slot() -> None:
    ahead = HoldState(86_400)
    now_waits = decide(ahead, 600, 630, usable=True, hold_for_s=HALF_HOUR)
    assert (now_waits.action, now_waits.state.done) == ("wait", 600)
    following = decide(now_waits.state, 1200, 1201, usable=True, hold_for_s=HALF_HOUR)
    assert (following.action, following.slot) == ("run", 1200)


def test_a_clock_that_was_set_back_neither_opens_what_a_person_closed_nor_believes_what_is_to_come() -> None:
    closed = GateOverride("odds_api", False, NOW + 600, NOW + 7200, "wrong prices", "ann")
    assert not ask(UP, override=closed)[0]
    assert ask(UP, override=replace(closed, usable=True)) == (True, "odds_api is up"), (
        "opened in a time to come: not yet"
    )
    assert ask(replace(UP, observed_at=NOW + 3300), stale=True) == (
        False,
        "odds_api was last observed 55 min ahead of this machine's clock, which was set back",
    )
