"""Ladders and their clock: section 6."""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import DOWN, HOUR, MIN, POLICY, T0, TICK, Player

from busta_health_dagster.domain.policy import Escalation, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.alerting.actions import acknowledge, snooze, unacknowledge
from busta_health_dagster.engines.alerting.escalation import elapsed, upcoming
from busta_health_dagster.engines.monotonic_clock import Reading, advance

SLACK, BOTH, PAGER = ("slack-data",), ("slack-data", "mail-oncall"), ("pager",)


def open_alert(**more) -> Player:
    p = Player(**more)
    p.see("bad", 0)
    return p


def act(p: Player, action, at: float, *args) -> None:
    p.keep(action(p.alert, int(T0 + at), T0 + at, *args))


def said_at(p: Player) -> list[tuple[int, str, tuple[str, ...]]]:
    return [(t.at - T0, t.event.value, t.notify) for t in p.transitions if t.notify]


def test_the_default_ladder_warns_pages_and_repeats():
    p = open_alert()
    for n in range(1, 200):
        p.see("pass", n * 5 * MIN)
    assert said_at(p) == [
        (0, "opened", SLACK),
        (30 * MIN, "escalated", BOTH),
        (2 * HOUR, "renotified", PAGER),
        (6 * HOUR, "renotified", PAGER),
        (10 * HOUR, "renotified", PAGER),
        (14 * HOUR, "renotified", PAGER),
    ]


def test_an_alert_that_opens_critical_starts_at_the_first_critical_step_and_counts_from_opening():
    p = open_alert(rule=replace(DOWN, severity=Severity.CRITICAL))
    p.see("pass", 2 * HOUR)
    assert said_at(p) == [(0, "opened", BOTH), (2 * HOUR, "renotified", PAGER)]


def test_a_warning_starts_at_a_first_step_without_severity_and_becomes_critical_in_its_time():
    steps = (Step(0, ("slack-data",)), Step(30 * MIN, ("pager",), Severity.CRITICAL))
    policy = replace(POLICY, escalations={**POLICY.escalations, "default": Escalation("default", steps)})
    p = Player(policy=policy)
    p.every("b")
    assert (p.story, p.alert.severity, p.alert.step) == ([("opened", ("slack-data",))], Severity.WARNING, 1)
    p.see("bad", 30 * MIN)
    assert (p.story[-1], p.alert.severity) == (("escalated", ("pager",)), Severity.CRITICAL)


def test_an_acknowledgement_stops_the_clock_until_its_timeout_and_the_remainder_runs_on():
    p = open_alert()
    act(p, acknowledge, 10 * MIN, "op-1")
    assert upcoming(p.alert, T0 + 10 * MIN, T0 + 10 * MIN).at == T0 + 4 * HOUR + 30 * MIN
    p.see("pass", 4 * HOUR + 9 * MIN)
    p.see("pass", 4 * HOUR + 10 * MIN)
    assert p.transitions[-1].reason == "the acknowledgement by op-1 ran out; the clock runs on"
    p.see("pass", 4 * HOUR + 29 * MIN)
    p.see("pass", 4 * HOUR + 30 * MIN)
    assert said_at(p)[-1] == (4 * HOUR + 30 * MIN, "escalated", BOTH)


def test_an_acknowledgement_taken_back_lets_the_clock_run_on_at_once():
    p = open_alert()
    act(p, acknowledge, 10 * MIN, "op-1")
    act(p, unacknowledge, HOUR, "op-1")
    p.see("pass", HOUR + 20 * MIN)
    assert said_at(p)[-1] == (HOUR + 20 * MIN, "escalated", BOTH)


def test_a_snooze_tells_nobody_until_it_ends_and_a_resolution_is_told_all_the_same():
    p = open_alert()
    act(p, snooze, 5 * MIN, "op-1", 2 * HOUR)
    p.see("pass", HOUR)
    p.see("pass", 2 * HOUR + 5 * MIN)
    assert said_at(p)[-1] == (2 * HOUR + 5 * MIN, "renotified", SLACK)
    act(p, snooze, 2 * HOUR + 6 * MIN, "op-1", 2 * HOUR)
    p.every("gg", 2 * HOUR + 10 * MIN)
    assert p.story[-1] == ("resolved", SLACK)


def test_maintenance_pauses_the_clock_where_it_stood_and_unknown_does_not():
    p = open_alert()
    p.see("unknown", 20 * MIN)
    p.see("pass", 20 * MIN, maintenance="upgrade")
    p.see("pass", 3 * HOUR, maintenance="upgrade")
    p.see("pass", 3 * HOUR)
    assert elapsed(p.alert, T0 + 3 * HOUR) == 20 * MIN
    p.see("unknown", 3 * HOUR + 9 * MIN)
    assert p.events[-1] == "released"
    p.see("unknown", 3 * HOUR + 10 * MIN)
    assert p.story[-1] == ("escalated", BOTH)


def test_the_policy_is_frozen_when_the_alert_opens():
    p = open_alert()
    p.policy = replace(POLICY, escalations={}, routes=())
    p.see("pass", 30 * MIN)
    assert p.story[-1] == ("escalated", BOTH)


def test_overslept_steps_are_told_together_once():
    p = open_alert()
    p.see("pass", 3 * HOUR)
    assert p.story[1:] == [("escalated", ("slack-data", "mail-oncall", "pager"))]
    assert "steps L2 to L3 at once" in p.transitions[-1].reason


def test_a_continuing_route_climbs_two_ladders_and_tells_each_channel_once():
    routes = (Route(Selector(tiers=(1,)), "slow", continue_=True), Route(Selector(), "default"))
    p = open_alert(policy=replace(POLICY, routes=routes))
    assert p.story == [("opened", SLACK)]
    assert [i.channels for i in p.steps[0].intents] == [SLACK]
    p.see("pass", 30 * MIN)
    assert p.alert.severity is Severity.CRITICAL
    assert [x.step for x in p.alert.ladders] == [1, 2]


def test_the_wall_clock_jumps_an_hour_either_way_and_nothing_expires():
    for jump in (HOUR, -HOUR):
        p = open_alert()
        clock = advance(None, Reading(T0, 100.0, "boot"))
        for n in range(1, 12):
            clock = advance(clock, Reading(T0 + n * 60 + jump, 100.0 + n * 60, "boot"))
            p.see("pass", n * 60, now=int(clock.reading.wall), steady=clock.at)
        assert p.events == ["opened"]
        assert elapsed(p.alert, clock.at) == 11 * 60


def test_the_steady_clock_survives_restarts_counts_dead_time_and_bounds_what_it_cannot_prove():
    start = advance(None, Reading(1000.0, 50.0, "a"))
    assert advance(start, Reading(8200.0, 7250.0, "a")).at == 8200.0  # two hours dead on the same boot
    jumped = advance(start, Reading(4660.0, 110.0, "a"))
    assert (jumped.at, jumped.note) == (1060.0, "the wall clock jumped by +3600 s; durations ignore it")
    assert advance(start, Reading(1090.0, 5.0, "b")).at == 1090.0  # a quick reboot
    assert advance(start, Reading(90_000.0, 5.0, "b")).at == 1900.0
    assert advance(start, Reading(10.0, 5.0, "b")).at == 1000.0


def test_what_comes_next_is_told_for_lists():
    p = open_alert()
    first = upcoming(p.alert, T0, T0)
    assert (first.at - T0, first.step, first.channels, first.repeat) == (30 * MIN, 2, BOTH, False)
    p.see("pass", 2 * HOUR)
    after = upcoming(p.alert, T0 + 2 * HOUR, T0 + 2 * HOUR)
    assert (after.at - T0, after.repeat) == (6 * HOUR, True)
    p.see("pass", 2 * HOUR + TICK, maintenance="upgrade")
    assert upcoming(p.alert, T0 + 3 * HOUR, T0 + 3 * HOUR) is None
