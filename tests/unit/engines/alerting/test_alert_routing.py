"""Who is notified through what, who keeps whom quiet, and what becomes one message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from alert_engine_stories import (
    CHANNELS,
    DEFAULT,
    DOWN,
    GENTLE,
    HOUR,
    MIN,
    NEWS,
    ODDS,
    POLICY,
    SLOW,
    STATS,
    T0,
    TICK,
    Player,
)

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.policy import AlertPolicy, Grouping, Inhibition, Route
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.engines.alerting.actions import acknowledge
from busta_health_dagster.engines.alerting.grouping import Plan, plan_notifications
from busta_health_dagster.engines.alerting.inhibition import OpenAlerts
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import TransitionResult


def test_the_first_route_that_matches_wins_and_every_route_says_why():
    routed = route(POLICY, ODDS, "slow-response", Severity.WARNING)
    assert [x.policy.name for x in routed.ladders] == ["slow"]
    assert [(c.number, c.matched, c.reason) for c in routed.considered] == [
        (1, False, "rules is slow-response, not source-down or no-data"),
        (2, False, "severities is warning, not critical"),
        (3, True, "matches -> slow; stop"),
    ]
    assert route(POLICY, ODDS, "slow-response", Severity.CRITICAL).ladders[0].policy is DEFAULT
    assert route(POLICY, ODDS, "no-data", Severity.WARNING).considered[1].reason == "not checked"


def test_continue_goes_on_and_nothing_goes_untold():
    policy = AlertPolicy(
        {"default": DEFAULT, "slow": GENTLE},
        (
            Route(Selector(tags={"provider": "odds-example"}), "slow", continue_=True),
            Route(Selector(tiers=(9,)), "default"),
        ),
    )
    assert [x.route for x in route(policy, ODDS, "x", Severity.INFO).ladders] == [1]
    fallback = route(policy, NEWS, "x", Severity.INFO)
    assert fallback.ladders[0].policy is DEFAULT
    assert fallback.considered[-1].reason == "nothing matched -> default, the last"


def opened(rule: str, source: Source, **more: Any) -> Alert:
    return Alert(f"{source.name}/{rule}", source.name, rule, state=AlertState.OPEN, **more)


def test_while_source_down_is_open_the_other_rules_of_that_source_are_quiet_but_low_quality():
    index = OpenAlerts((), [(opened("source-down", ODDS), ODDS)])

    def by(rule: str, source: Source = ODDS) -> str:
        return index.inhibitor(f"{source.name}/{rule}", source, rule, Severity.WARNING)

    assert by("slow-response") == by("no-data") == "odds_api/source-down"
    assert by("low-quality") == by("source-down") == by("slow-response", STATS) == ""
    index.update(replace(opened("source-down", ODDS), state=AlertState.RESOLVED), ODDS)
    assert by("slow-response") == ""
    index.update(replace(opened("source-down", ODDS), shadow=True), ODDS)
    assert by("slow-response") == ""


def test_a_configured_pair_agrees_in_its_fields_and_never_silences_both():
    pair = Inhibition(Selector(severities=("critical",)), Selector(), ("group",))
    mate = replace(STATS, group=ODDS.group)
    critical = opened("a", ODDS, severity=Severity.CRITICAL)
    index = OpenAlerts((pair,), [(critical, ODDS), (opened("b", mate, severity=Severity.CRITICAL), mate)])
    assert index.inhibitor("x/c", mate, "c", Severity.WARNING) == "odds_api/a"
    assert index.inhibitor("x/c", NEWS, "c", Severity.WARNING) == ""
    assert index.inhibitor("odds_api/a", ODDS, "a", Severity.CRITICAL) == ""
    assert index.inhibitor("pfr_stats/b", mate, "b", Severity.CRITICAL) == ""


class Fleet:
    """Many sources through lifecycle and planner, pass by pass."""

    def __init__(self, count: int, grouping: Grouping | None = None, groups: int = 1) -> None:
        names = [f"s{i:04}" for i in range(count)]
        self.sources = {n: replace(ODDS, name=n, group=f"g{i % groups}", tier=1 + i % 3) for i, n in enumerate(names)}
        self.grouping = grouping or Grouping()
        self.players = {n: Player(DOWN, s) for n, s in self.sources.items()}

    def go(self, at: float, **words: str) -> Plan:
        """One pass: `s0000="bad"`; `everyone="bad"`; sources not named get a pass without verdict."""
        steps = [self.players[n].see(words.get(n, words.get("everyone", "pass")), at) for n in self.players]
        return self.plan(steps, at)

    def plan(self, steps: list[TransitionResult], at: float) -> Plan:
        plan = plan_notifications(steps, {}, self.sources, self.grouping, CHANNELS, now=int(T0 + at), steady=T0 + at)
        for alert in plan.alerts.values():
            self.players[alert.source].alert = alert
        return plan


def said(plan: Plan) -> list[tuple[str, str, int]]:
    return [(m.channel, m.event.value, len(m.fingerprints)) for m in plan.notifications]


def test_what_opens_together_in_a_group_is_one_message_and_ends_as_one_thread():
    fleet = Fleet(4, groups=2)
    first = fleet.go(0, everyone="bad")
    assert said(first) == [("slack-data", "opened", 2), ("slack-data", "opened", 2)]
    assert first.notifications[0].reason == "2 alerts of one group in one pass: source-down, g0"
    fleet.go(TICK, s0000="good", s0001="bad", s0002="bad", s0003="bad")
    partly = fleet.go(2 * TICK, s0000="good")
    assert [(m.event.value, m.open_left) for m in partly.notifications] == [("resolved", 1)]
    assert partly.notifications[0].thread == next(
        m.thread for m in first.notifications if "s0000/source-down" in m.fingerprints
    )


def test_a_lone_alert_has_a_thread_of_its_own_and_keeps_it_when_it_reopens():
    fleet = Fleet(1)
    thread = fleet.go(0, everyone="bad").notifications[0].thread
    fleet.go(TICK, everyone="good")
    fleet.go(2 * TICK, everyone="good")
    again = fleet.go(3 * TICK, everyone="bad").notifications[0]
    assert (again.event, again.thread) == (Event.REOPENED, thread)


def test_a_group_that_just_spoke_waits_for_its_interval():
    fleet = Fleet(2)
    fleet.go(0, s0000="bad")
    held = fleet.go(2 * MIN, s0001="bad")
    assert said(held) == []
    assert "group_interval 5 min, and the group notified 2 min ago" in held.not_sent[-1].reason
    assert said(fleet.go(4 * MIN)) == []
    late = fleet.go(5 * MIN)
    assert said(late) == [("slack-data", "opened", 1)]
    assert late.notifications[0].reason.endswith("after waiting for its group")


def test_what_opens_critical_does_not_wait_because_its_group_has_just_spoken():
    fleet = Fleet(4)
    fleet.go(0, s0000="bad")
    spoke, chatter = fleet.players["s0000"].see("pass", 2 * MIN), fleet.players["s0001"].see("bad", 2 * MIN)
    grave = fleet.players["s0002"].see("bad", 2 * MIN, severity=Severity.CRITICAL)
    at_once = fleet.plan([spoke, chatter, grave], 2 * MIN)
    assert [(m.event, m.severity, m.fingerprints) for m in at_once.notifications if m.channel == "slack-data"] == [
        (Event.OPENED, Severity.CRITICAL, ("s0002/source-down",))
    ]
    assert "s0001/source-down" in {n.fingerprint for n in at_once.not_sent if "group_interval" in n.reason}
    assert fleet.players["s0002"].alert.thread.startswith("alert-"), "never hidden in the page of another"
    late = fleet.go(5 * MIN)
    assert [m.fingerprints for m in late.notifications] == [("s0001/source-down",)], "and holds up no one else"


def test_what_opens_critical_still_waits_for_the_others_of_its_moment():
    fleet = Fleet(2, Grouping(wait_s=MIN))
    fleet.go(0, s0000="bad")
    fleet.go(MIN)
    spoke = fleet.players["s0000"].see("pass", 2 * MIN)
    grave = fleet.players["s0001"].see("bad", 2 * MIN, severity=Severity.CRITICAL)
    assert said(fleet.plan([spoke, grave], 2 * MIN)) == []
    assert ("slack-data", "opened", 1) in said(fleet.go(3 * MIN))


def test_the_readers_of_another_route_do_not_wait_because_this_one_was_told():
    fleet = Fleet(2)
    fleet.go(0, s0000="bad")
    quiet, mine = fleet.players["s0000"].see("pass", 2 * MIN), fleet.players["s0001"].see("bad", 2 * MIN)
    assert mine.alert is not None
    ladders = tuple(replace(ladder, route=ladder.route + 1) for ladder in mine.alert.ladders)
    at_once = fleet.plan([quiet, replace(mine, alert=replace(mine.alert, ladders=ladders))], 2 * MIN)
    assert said(at_once) == [("slack-data", "opened", 1)]


def test_resolved_before_group_wait_elapsed_sends_nothing():
    fleet = Fleet(1, Grouping(wait_s=20 * MIN))
    fleet.go(0, everyone="bad")
    fleet.go(TICK, everyone="good")
    over = fleet.go(2 * TICK, everyone="good")
    assert said(over) == []
    assert "it ended before its group was notified" in {n.reason for n in over.not_sent}
    assert said(fleet.go(20 * MIN)) == []


def test_an_escalation_does_not_wait_for_the_group():
    fleet = Fleet(1, Grouping(wait_s=2 * HOUR))
    fleet.go(0, everyone="bad")
    assert said(fleet.go(30 * MIN)) == [("mail-oncall", "escalated", 1), ("slack-data", "opened", 1)][::-1]


def test_a_storm_is_one_message_per_route_with_the_worst_first():
    fleet = Fleet(1000, groups=7)
    storm = fleet.go(0, everyone="bad")
    assert said(storm) == [("slack-data", "opened", 1000)]
    message = storm.notifications[0]
    assert (message.storm, message.thread) == (True, "storm-20261123T0750Z-r1")
    assert message.reason == "storm: 1000 opened in one tick (limit 20), one message per route"
    tiers = [fleet.sources[f.split("/")[0]].tier for f in message.fingerprints]
    assert tiers == sorted(tiers)
    assert all(p.alert.state is AlertState.OPEN for p in fleet.players.values())
    escalated = fleet.go(30 * MIN)
    assert said(escalated) == [("mail-oncall", "escalated", 1000), ("slack-data", "escalated", 1000)]
    fleet.go(31 * MIN, everyone="good")
    over = fleet.go(36 * MIN, everyone="good")
    assert said(over) == [("mail-oncall", "resolved", 1000), ("slack-data", "resolved", 1000)]
    assert {m.open_left for m in over.notifications} == {0}


def test_a_second_wave_within_the_interval_does_not_speak_for_itself():
    fleet = Fleet(100)
    fleet.go(0, **{f"s{i:04}": "bad" for i in range(50)})
    wave = fleet.go(30, **{f"s{i:04}": "bad" for i in range(50, 100)})
    assert said(wave) == []
    assert said(fleet.go(TICK)) == [("slack-data", "opened", 50)]


def test_a_channel_hears_what_it_listens_to_and_its_own_step_and_resolution_always():
    fleet = Fleet(1)
    fleet.go(0, everyone="bad")
    fleet.go(30 * MIN)
    player = fleet.players["s0000"]
    step = player.keep(acknowledge(player.alert, T0 + 40 * MIN, T0 + 40.0 * MIN, "op-1"))
    acked = fleet.plan([step], 40 * MIN)
    assert said(acked) == [("slack-data", "acked", 1)]
    assert "mail-oncall is notified of escalated, opened, resolved only" in {n.reason for n in acked.not_sent}


def test_a_channel_that_is_gone_is_named_and_never_owed_a_resolution():
    fleet = Fleet(1)
    steps = [fleet.players["s0000"].see("bad", 0)]
    plan = plan_notifications(steps, {}, fleet.sources, fleet.grouping, {}, now=T0, steady=float(T0))
    assert said(plan) == []
    assert plan.not_sent[0].reason == "the channel is not configured any more"
    assert plan.alerts["s0000/source-down"].notified == ()


def test_the_same_pass_planned_again_gives_the_same_keys_and_the_next_pass_others():
    fleet = Fleet(3)
    steps = [fleet.players[n].see("bad", 0) for n in fleet.players]
    first, again = fleet.plan(steps, 0), fleet.plan(steps, 0)
    assert [m.key for m in first.notifications] == [m.key for m in again.notifications]
    later = fleet.go(30 * MIN)
    assert len({m.key for m in (*first.notifications, *later.notifications)}) == 3


def test_a_backlog_that_fired_and_ended_in_one_pass_tells_nobody():
    fleet = Fleet(1)
    player = fleet.players["s0000"]
    steps = [
        player.see(word, i * TICK, now=T0 + HOUR, steady=float(T0 + HOUR))
        for i, word in enumerate(("bad", "good", "good"))
    ]
    plan = fleet.plan(steps, HOUR)
    assert said(plan) == []
    assert "fired and ended in the same pass: no one was notified" in {n.reason for n in plan.not_sent}


def test_critical_goes_first():
    fleet = Fleet(2, groups=2)
    fleet.players["s0001"].rule = replace(SLOW, for_=1, overrides=(), severity=Severity.CRITICAL)
    plan = fleet.go(0, everyone="bad")
    assert [m.severity for m in plan.notifications] == sorted((m.severity for m in plan.notifications), reverse=True)
    assert plan.notifications[0].severity is Severity.CRITICAL
