"""Confirmed before anyone is notified: what opens, when, and when a source is observed again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import CHANNELS, DOWN, NEWS, ODDS, POLICY, RATE, T0, TICK, Player, look, not_told, told
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting.confirmation import due, lasts
from busta_health_dagster.engines.alerting.inhibition import OpenAlerts
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules

SURE = replace(DOWN, confirm=True)
PENDING = Alert("odds_api/source-down", "odds_api", "source-down", run_since=T0, bad_run=1)


def test_a_blip_of_one_slot_tells_no_one_and_is_no_alert():
    p = Player(SURE)
    p.every("bgbgg")
    assert [e for e, _ in p.story] == ["pending", "cancelled", "pending", "cancelled"]
    assert told(p)[0] == (0, "pending", "to be confirmed: bad", ())
    assert not_told(p)[0] == (
        0,
        "pending",
        "all",
        "to be confirmed: the rule asks for 1 min 30 s of it, or the next slot",
    )


def test_recorded_history_is_confirmed_by_its_next_slot():
    p = Player(SURE)
    p.every("bb")
    assert told(p)[-1] == (TICK, "opened", "bad", ("slack-data",))
    assert p.alert is not None
    assert p.alert.first_bad_slot == T0, "the outage began when it was first seen"


def test_still_down_after_ninety_seconds_is_told_before_the_next_slot():
    p = Player(SURE)
    for word, at in (("bad", 0), ("bad", 30), ("bad", 91)):
        p.see(word, at)
    assert [(e, at) for at, e, _, _ in told(p)] == [("pending", 0), ("opened", 91)]


def test_up_after_thirty_seconds_ends_it():
    p = Player(SURE)
    p.see("bad", 0)
    p.see("good", 30)
    assert [e for e, _ in p.story] == ["pending", "cancelled"]


def test_where_slots_are_a_minute_apart_the_next_one_confirms():
    p = Player(SURE, source=replace(ODDS, interval_s=60))
    p.see("bad", 0)
    p.see("bad", 60)
    assert p.events[-1] == "opened"


def test_what_fails_again_within_the_grace_period_is_confirmed_too():
    p = Player(SURE)
    p.every("bbgg")
    p.see("bad", 4 * TICK)
    assert p.alert is not None
    assert p.alert.state is AlertState.RESOLVED
    assert due(p.alert, SURE, ODDS, T0 + 4 * TICK, T0 + 4 * TICK + 30)
    p.see("bad", 4 * TICK + 90)
    assert p.events[-1] == "opened" or p.events[-1] == "reopened"


def test_a_rule_that_does_not_ask_for_it_opens_at_once():
    p = Player(DOWN)
    p.see("bad", 0)
    assert p.events == ["opened"]


@pytest.mark.parametrize(
    ("observed", "now", "expected"),
    [
        (2, 29, False),
        (2, 30, True),
        (2, 89, True),
        (31, 60, False),
        (31, 90, True),
        (95, 120, False),  # it has lasted: the pass opens it
        (2, TICK, False),  # its next slot decides
    ],
)
def test_it_is_observed_again_after_thirty_and_ninety_seconds_once_each(observed, now, expected):
    assert due(PENDING, SURE, ODDS, T0 + observed, T0 + now) is expected


@pytest.mark.parametrize(
    "alert",
    [
        replace(PENDING, state=AlertState.OPEN),
        replace(PENDING, state=AlertState.RESOLVED, bad_run=0),
        replace(PENDING, state=AlertState.CANCELLED),
        replace(PENDING, suppressed_by="maintenance nightly"),
        replace(PENDING, run_since=None),
    ],
)
def test_nothing_else_is_observed_again(alert):
    assert not due(alert, SURE, ODDS, T0 + 2, T0 + 30)
    assert not due(PENDING, DOWN, ODDS, T0 + 2, T0 + 30), "nor for a rule that does not confirm"


@given(st.text("bg", max_size=30))
def test_law_confirming_opens_what_lasts_two_slots_one_slot_later_and_nothing_else(words):
    """Against a rule of `for: 2`, which asks the same of slots alone."""
    sure, twice = Player(SURE), Player(replace(DOWN, for_=2))
    sure.every(words)
    twice.every(words)
    assert [at for at, e, _, _ in told(sure) if e == "opened"] == [at for at, e, _, _ in told(twice) if e == "opened"]


@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from([60, 300, 3600]))
def test_law_nothing_is_asked_once_it_lasts_and_never_twice_in_thirty_seconds(observed, wait, interval):
    source = replace(ODDS, interval_s=interval)
    now = T0 + observed + wait
    if due(PENDING, SURE, source, T0 + observed, now):
        assert not lasts(SURE, source, T0, T0 + observed)
        assert not due(PENDING, SURE, source, now, now + 29)


def test_what_waits_to_be_confirmed_keeps_what_follows_from_it_quiet_and_nothing_worse():
    waiting = OpenAlerts(())
    waiting.update(PENDING, ODDS, Severity.WARNING, unconfirmed=True)
    assert waiting.inhibitor("odds_api/failure-rate", ODDS, "failure-rate", Severity.WARNING) == PENDING.fingerprint
    assert waiting.inhibitor("odds_api/budget-burn", ODDS, "budget-burn", Severity.CRITICAL) == ""
    waiting.update(replace(PENDING, state=AlertState.CANCELLED), ODDS, Severity.WARNING, unconfirmed=True)
    assert waiting.inhibitor("odds_api/failure-rate", ODDS, "failure-rate", Severity.WARNING) == ""
    plain = OpenAlerts(())
    plain.update(PENDING, ODDS, Severity.WARNING)
    assert plain.inhibitor("odds_api/failure-rate", ODDS, "failure-rate", Severity.WARNING) == ""


def test_failures_of_single_slots_are_told_neither_as_outages_nor_as_a_rate():
    """Four failures in six hours of a source of tier 2, none of which lasts: the shipped rules tell nobody."""
    engine = AlertEngine(CompiledRules.of([NEWS], [SURE, RATE], POLICY, CHANNELS), MaintenanceIndex((), T0, T0 + 86400))
    notified = []
    for i in range(72):
        slot = T0 + i * TICK
        engine.begin(slot, slot)
        engine.rule_states[NEWS.name].window.push(look(i, "down" if i % 15 == 14 else "up", NEWS))
        engine.evaluate_rules(NEWS.name)
        notified += engine.finish().notifications
    assert notified == []
