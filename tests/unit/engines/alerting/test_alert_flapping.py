"""An unsteady source: flapping mutes repeats, not duty."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import BURN, DOWN, HOUR, MIN, ODDS, POLICY, T0, TICK, Player
from hypothesis import given, settings
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.policy import Inhibition
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.alerting.escalation import is_recovering, upcoming
from busta_health_dagster.engines.alerting.flapping import is_flapping, ratio
from busta_health_dagster.engines.alerting.inhibition import OpenAlerts
from busta_health_dagster.engines.alerting.lifecycle import advance

SLACK, BOTH, PAGER = ("slack-data",), ("slack-data", "mail-oncall"), ("pager",)
HOURLY = replace(ODDS, interval_s=HOUR)


def steps_of(p: Player) -> list[tuple[int, str, tuple[str, ...]]]:
    """(seconds after T0, event, whom) of what was sent and is no news of flapping itself."""
    return [(t.at - T0, t.event.value, t.notify) for t in p.transitions if t.notify and "flap" not in t.event.value]


def test_half_down_for_three_days_climbs_the_whole_ladder_and_repeats_nothing():
    p = Player()
    p.every("bg" * 432)
    assert p.alert.flapping
    assert steps_of(p) == [(0, "opened", SLACK), (30 * MIN, "escalated", BOTH), (2 * HOUR, "renotified", PAGER)]
    muted = [n for n in p.not_sent if n.event.value == "renotified"]
    assert [n.reason for n in muted] == ["flapping: no repeat until it is bad for as long as its step waits"]


def test_what_is_good_again_and_only_waits_for_its_changes_to_fall_calls_nobody():
    p = Player()
    end = p.every("bgbgbgb", tick=MIN)
    assert p.alert.flapping
    p.every("g" * 30, end)
    assert p.alert.state is AlertState.RESOLVED
    assert [s for s in steps_of(p) if s[1] == "escalated"] == []


def test_a_step_that_fell_due_while_it_was_good_is_sent_at_the_next_bad_look_and_says_why():
    p = Player()
    end = p.every("g" * 5, p.every("bgbgbgb", tick=MIN))
    assert is_recovering(p.alert)
    assert steps_of(p) == [(0, "opened", SLACK)]
    p.see("bad", end)
    assert steps_of(p)[-1] == (end, "escalated", BOTH)
    p = Player()
    end = p.every("g" * 5, p.every("bgbgbgb", tick=MIN))
    p.see("bad", end + 3 * HOUR)
    assert "steps L2 to L3 at once: it was good when they fell due, and flaps" in p.transitions[-1].reason


def test_steps_told_together_never_blame_a_monitor_that_ran():
    p = Player()
    p.see("bad", 0)
    p.see("pass", 3 * HOUR)
    assert "steps L2 to L3 at once: they fell due between two passes" in p.transitions[-1].reason
    p = Player()
    p.see("bad", 0)
    for n in range(1, 36):
        p.see("pass", n * TICK, inhibited_by="odds_api/other")
    p.see("pass", 3 * HOUR)
    assert "steps L2 to L3 at once: other had kept it quiet" in p.transitions[-1].reason


@pytest.mark.parametrize("tick", [5 * MIN, HOUR])
def test_a_hard_outage_after_flapping_is_told_once_it_lasts_as_long_as_its_step_waits(tick):
    p = Player(source=replace(ODDS, interval_s=int(tick)))
    flapped = "bg" * int(20 * HOUR / tick / 2)
    end = p.every(flapped, tick=tick)
    assert p.alert.flapping
    assert steps_of(p)[-1][2] == PAGER
    silent_until = end
    while p.alert.flapping and steps_of(p)[-1][0] < end:
        p.see("bad", silent_until)
        silent_until += tick
    notified = steps_of(p)[-1]
    assert notified[1:] == ("renotified", PAGER)
    assert (
        notified[0] <= end + 2 * HOUR
    )  # every five minutes its changes have fallen by then; hourly that takes 16 hours
    assert tick < HOUR or (p.alert.flapping and notified[0] == end + 2 * HOUR)
    assert "repeated every 4 h" in p.transitions[-1].reason


def test_a_ladder_of_one_step_repeats_after_a_run_as_long_as_a_repeat():
    only = replace(POLICY.escalations["default"], steps=POLICY.escalations["default"].steps[:1])
    p = Player(policy=replace(POLICY, escalations={**POLICY.escalations, "default": only}), source=HOURLY)
    end = p.every("bg" * 12, tick=HOUR)
    p.every("b" * 10, end, HOUR)
    assert [at for at, event, _ in steps_of(p) if event == "renotified" and at >= end] == [
        end + 4 * HOUR,
        end + 8 * HOUR,
    ]


def test_what_comes_next_is_the_step_and_no_muted_repeat():
    p = Player()
    p.every("bgbgbgb", tick=MIN)
    assert p.alert.flapping
    coming = upcoming(p.alert, T0 + 6 * MIN, T0 + 6 * MIN)
    assert (coming.step, coming.repeat, coming.at) == (2, False, T0 + 30 * MIN)
    end = p.every("gb" * 20, 2 * TICK)
    assert upcoming(p.alert, int(T0 + end), T0 + end) is None


def an_open(rule: str, severity: Severity, *, flapping: bool) -> Alert:
    return Alert(f"odds_api/{rule}", "odds_api", rule, state=AlertState.OPEN, severity=severity, flapping=flapping)


@pytest.mark.parametrize(
    "inhibitions", [(), (Inhibition(Selector(rules=("noisy",)), Selector(rules=("budget-burn",))),)]
)
def test_a_flapping_alert_keeps_nothing_quiet_that_is_more_severe_than_its_rule(inhibitions):
    rule = "noisy" if inhibitions else "source-down"
    for flapping, severity, quiet in (
        (False, Severity.WARNING, True),
        (True, Severity.WARNING, False),
        (True, Severity.CRITICAL, False),  # what its ladder made of it since does not count
    ):
        alerts = OpenAlerts(inhibitions)
        alerts.update(an_open(rule, severity, flapping=flapping), ODDS, DOWN.severity)
        assert bool(alerts.inhibitor("odds_api/budget-burn", ODDS, BURN.name, Severity.CRITICAL)) is quiet
        assert alerts.inhibitor("odds_api/budget-burn", ODDS, BURN.name, Severity.WARNING)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text("bg", min_size=1, max_size=120))
def test_every_step_is_sent_once_at_the_latest_with_the_first_bad_look_after_it_is_due(words: str):
    p = Player()
    for n, word in enumerate(words):
        at = n * TICK
        p.see("bad" if word == "b" else "good", at)
        a = p.alert
        if a is None or a.state is not AlertState.OPEN or a.ladders == ():
            continue
        clock = T0 + at - (a.mark or 0) + a.clock_s
        due = sum(step.after_s <= clock for step in a.ladders[0].policy.steps)
        assert a.step == due or (is_recovering(a) and a.step <= due)
        assert advance(a, None, _context(p, at)).intents == ()


def _context(p: Player, at: int):
    from busta_health_dagster.engines.alerting.routing import route
    from busta_health_dagster.engines.alerting.transition import Context

    return Context(int(T0 + at), T0 + at, p.source, p.rule, lambda s, r, v: route(p.policy, s, r, v))


def states(*changes: int) -> int:
    """The last 21 states, of which the n-th newest is another one than that before it."""
    bits = 0
    for at in reversed(range(20)):
        bits |= ((bits >> at + 1 & 1) ^ (at in changes)) << at
    return bits


def test_it_starts_at_exactly_30_percent_and_ends_at_exactly_20():
    fifth, third = states(0, 1, 18, 19), states(0, 1, 2, 17, 18, 19)
    assert (ratio(fifth), ratio(third)) == (0.20, 0.30)
    assert is_flapping(third, False)
    assert not is_flapping(fifth, True)
    assert is_flapping(states(0, 1, 2, 19), True)


def test_a_flapping_alert_recovers_once_it_was_good_as_often_as_its_rule_asks():
    p = Player(replace(DOWN, recover_after=3))
    end = p.every("bgbgbgbgg", tick=MIN)
    assert p.alert.flapping
    assert not is_recovering(p.alert)
    p.see("good", end)
    assert is_recovering(p.alert)
    before_it_was_kept = replace(p.alert, numbers={}, good_run=1)
    assert is_recovering(before_it_was_kept)
