"""An alert's life, told by its transitions and by whom it told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import BURN, DOWN, HOUR, MIN, ODDS, POLICY, RATE, SLOW, T0, TICK, Player, look

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.errors import Refused
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.alerting.actions import (
    acknowledge,
    close,
    removal_reason,
    resolve_by_hand,
    snooze,
    unacknowledge,
)
from busta_health_dagster.engines.alerting.escalation import elapsed
from busta_health_dagster.engines.alerting.flapping import is_flapping, push_state, ratio
from busta_health_dagster.engines.alerting.lifecycle import advance
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import Context
from busta_health_dagster.engines.rules import evaluate_rules, rules_for

SLACK = ("slack-data",)


def test_the_story_of_alert_4127():
    p = Player(replace(SLOW, overrides=()), policy=replace(POLICY, routes=(Route(Selector(), "default"),)))
    p.every("bb")
    p.every(".bb.b.b", 2 * TICK)
    p.see("pass", 35 * MIN)
    p.keep(acknowledge(p.alert, p.alert.opened_at + 36 * MIN, p.alert.opened_at + 36 * MIN, "op-1", "ticket 88213"))
    p.every("gg", 55 * MIN)
    assert p.story == [
        ("pending", ()),
        ("opened", SLACK),
        ("escalated", ("slack-data", "mail-oncall")),
        ("acked", ("slack-data", "mail-oncall")),
        ("resolved", ("slack-data", "mail-oncall")),
    ]
    assert p.alert.resolved_at - p.alert.opened_at == 55 * MIN
    why = {(n.channel, n.event.value): n.reason for n in p.not_sent}
    assert why["all", "pending"] == "1 of 2 bad: the rule asks for 2 in a row"
    assert why["pager", "escalated"] == "step L3 put off: acknowledged. Not notified so far"
    assert why["pager", "resolved"] == "was never notified that it fired"
    assert [c.matched for c in p.steps[1].considered] == [True]


def test_a_pending_alert_that_recovers_is_cancelled_and_its_id_taken_again():
    p = Player(replace(SLOW, overrides=()))
    p.every("b")
    p.alert = replace(p.alert, id=4128)
    p.every("gb", TICK)
    assert p.events == ["pending", "cancelled", "pending"]
    assert (p.alert.id, p.alert.state, p.alert.bad_run) == (4128, AlertState.PENDING, 1)
    p.every("b", 3 * TICK)
    assert p.alert.state is AlertState.OPEN
    assert p.alert.first_bad_slot == p.alert.opened_at - TICK


def test_recovery_needs_two_good_and_missing_data_is_neither():
    p = Player()
    p.every("bgbguuu...u")
    assert p.alert.state is AlertState.OPEN
    p.every("g", HOUR)
    assert p.alert.state is AlertState.RESOLVED
    assert p.events == ["opened", "resolved"] or p.events[-1] == "resolved"
    assert any("1 of 2 good" in n.reason for n in p.not_sent)


def test_a_dead_monitor_resolves_nothing():
    p = Player()
    p.every("b")
    for n in range(1, 48):
        p.see("pass", n * HOUR)
    assert p.alert.state is AlertState.OPEN
    assert "resolved" not in p.events


def test_maintenance_holds_back_the_opening_and_the_first_bad_look_after_it_opens():
    p = Player()
    p.every("bbb", maintenance="warehouse-upgrade")
    assert p.story == [("pending", ()), ("suppressed", ())]
    p.see("pass", 3 * TICK)
    assert p.alert.state is AlertState.PENDING
    p.see("bad", 4 * TICK)
    assert p.story[-1] == ("opened", SLACK)
    assert p.transitions[-1].reason == "failing since maintenance warehouse-upgrade: bad"


def test_the_re_probe_before_the_end_opens_it_at_the_end_without_another_look():
    p = Player()
    p.every("bb", maintenance="upgrade")
    p.see("pass", 2 * TICK, reprobed=True)
    assert p.events[-1] == "opened"


def test_what_was_open_before_maintenance_is_the_same_alert_after_it_and_is_not_opened_again():
    p = Player()
    p.every("b")
    p.see("bad", TICK, maintenance="upgrade")
    p.see("pass", 2 * TICK, reprobed=True)
    assert p.events == ["opened", "suppressed", "released"]
    assert (p.alert.opened_at, elapsed(p.alert, T0 + 2 * TICK)) == (T0, TICK)


def test_good_again_inside_maintenance_tells_nobody():
    p = Player()
    p.every("bg", maintenance="upgrade")
    assert p.events == ["pending", "suppressed", "cancelled"]
    assert p.alert.notified == ()


def test_an_open_alert_that_recovers_inside_maintenance_is_told():
    p = Player()
    p.every("b")
    p.every("bgg", TICK, maintenance="upgrade")
    assert p.story == [("opened", SLACK), ("suppressed", ()), ("resolved", SLACK)]


def test_an_inhibited_alert_is_recorded_once_and_opens_when_its_inhibitor_has_gone():
    p = Player(replace(SLOW, for_=1, overrides=()))
    p.every("bbb", inhibited_by="odds_api/source-down")
    assert p.story == [("pending", ()), ("suppressed", ())]
    assert p.transitions[-1].reason == "suppressed (source-down): bad"
    p.every("b", 3 * TICK)
    assert p.transitions[-1].reason == "still bad after source-down ended: bad"


def test_an_open_alert_says_nothing_more_while_inhibited_and_catches_up_afterwards():
    p = Player(replace(SLOW, for_=1, overrides=()))
    p.every("b")
    for n in range(1, 60):
        p.see("pass", n * TICK, inhibited_by="odds_api/source-down")
    assert p.events == ["opened", "suppressed"]
    p.see("pass", 60 * TICK)
    assert p.events == ["opened", "suppressed", "released", "escalated"]


def test_a_shadow_rule_is_recorded_and_told_to_nobody():
    p = Player(replace(DOWN, shadow=True))
    p.every("b" + "." * 30 + "gg")
    assert p.story == [("opened", ()), ("resolved", ())]
    assert all(not s.intents for s in p.steps)
    assert {n.reason for n in p.not_sent if n.event.value == "opened"} == {
        "shadow: evaluated and recorded, notifies no one"
    }


def test_a_rule_that_leaves_its_trial_counts_and_tells_from_the_start():
    p = Player(replace(DOWN, shadow=True))
    p.every("b")
    p.see("bad", TICK, rule=DOWN)
    assert p.story[-1] == ("resolved", ())
    p.see("bad", 2 * TICK, rule=DOWN)
    assert p.story[-1] == ("opened", SLACK)
    assert not p.alert.shadow


def test_removed_is_resolved_with_the_reason_and_told():
    p = Player()
    p.every("b")
    reason = removal_reason(p.alert, frozenset(), frozenset())
    assert reason == "removed: odds_api is not in the configuration any more"
    assert removal_reason(p.alert, frozenset({"odds_api"}), frozenset({"odds_api/source-down"})) == ""
    p.keep(close(p.alert, reason, p.alert.opened_at + 60, p.alert.opened_at + 60))
    assert p.story[-1] == ("resolved", SLACK)
    assert p.alert.resolve_reason == reason


def test_the_worst_value_is_kept_in_the_direction_that_hurts():
    p = Player(replace(DOWN, name="low-quality"))
    for i, value in enumerate((89.0, 71.0, 80.0)):
        p.see("bad", i * TICK, value=value, limit=90.0, numbers={"op": "<"})
    assert (p.alert.value, p.alert.worst) == (80.0, 71.0)


def test_a_louder_tier_raises_the_severity_and_jumps_to_the_first_critical_step():
    p = Player(BURN)
    p.see("bad", 0, severity=Severity.WARNING)
    assert (p.alert.severity, p.alert.step, p.alert.notified) == (Severity.WARNING, 1, SLACK)
    p.see("bad", TICK, severity=Severity.CRITICAL)
    assert p.story[-1] == ("escalated", ("slack-data", "mail-oncall"))
    p.see("bad", 2 * TICK, severity=Severity.WARNING)
    assert p.alert.severity is Severity.CRITICAL


def test_a_pattern_that_counted_its_own_recovery_resolves_at_once():
    p = Player()
    p.every("b")
    p.see("good", TICK, settled=True)
    assert p.alert.state is AlertState.RESOLVED


def test_change_weighs_from_three_quarters_to_five_quarters():
    assert ratio(0b1) == pytest.approx(0.0625)
    assert ratio(1 << 20) == pytest.approx(0.0375)
    assert ratio(0b101010101010101010101) == 1.0
    assert ratio(0) == ratio((1 << 21) - 1) == 0
    states = 0
    for bad in (1, 0, 1, 0, 1):
        states = push_state(states, bad)
    assert is_flapping(states, was_flapping=False) is (ratio(states) >= 0.30)


def test_a_source_that_flaps_at_half_the_time_is_one_alert_and_one_notice_at_each_end():
    p = Player()
    end = p.every("bgbgbgbggbgbggbgbbgbgbggbbgbgbgbgg" * 3)
    assert p.alert.state is AlertState.OPEN
    assert p.events.count("flapping_started") == 1
    notified_before = [s for s in p.story if s[1]]
    know = p.alert.notified
    p.every("g" * 21, end)
    assert p.alert.state is AlertState.RESOLVED
    assert p.events[-2:] == ["flapping_ended", "resolved"]
    assert len([s for s in p.story if s[1]]) == len(notified_before) + 1
    started = p.events.index("flapping_started")
    assert [e for e, whom in p.story[started + 1 :] if whom] == ["escalated", "renotified", "resolved"]
    assert p.story[-1] == ("resolved", know)


def test_only_what_is_open_can_be_acknowledged():
    p = Player()
    p.every("bgg")
    for act in (acknowledge, unacknowledge):
        with pytest.raises(Refused, match="is resolved; only an open alert"):
            act(p.alert, 0, 0.0, "op-1")
    with pytest.raises(Refused, match="resolved already"):
        resolve_by_hand(p.alert, 0, 0.0, "op-1")
    p = Player()
    p.every("b")
    with pytest.raises(Refused, match="not acknowledged"):
        unacknowledge(p.alert, 0, 0.0, "op-1")
    with pytest.raises(Refused, match="give a time such as 2h"):
        snooze(p.alert, 0, 0.0, "op-1", 0)


def test_resolved_by_hand_while_still_bad_comes_back():
    p = Player()
    p.every("b")
    at = p.alert.opened_at + 60
    p.keep(resolve_by_hand(p.alert, at, at, "op-1", "fixed it"))
    assert p.transitions[-1].actor == "op-1"
    p.every("b", TICK)
    assert p.events == ["opened", "resolved", "reopened"]


def test_a_pending_alert_of_a_rule_with_no_channel_is_still_recorded():
    policy = AlertPolicy({"quiet": Escalation("quiet", (Step(0, ()),))}, (Route(Selector(), "quiet"),))
    p = Player(policy=policy)
    p.every("bgg")
    assert p.story == [("opened", ()), ("resolved", ())]


def test_an_outage_is_not_told_a_second_time_as_a_failure_rate_when_it_is_over():
    rules, window = rules_for(ODDS, [RATE]), rules_for(ODDS, [RATE]).empty_window()
    p = Player(RATE)
    for i, letter in enumerate("u" * 60 + "dddd" + "u" * 8):
        window.push(look(i, "down" if letter == "d" else "up"))
        down = 60 <= i < 66  # source-down opens at the first failure and resolves at the second good observation
        watched = {RATE.name} if p.alert is not None and p.alert.watched else set()
        for rule, verdict in evaluate_rules(rules, window, watched):
            at = window.slot
            ctx = Context(
                at,
                at,
                ODDS,
                rule,
                lambda s, r, v: route(POLICY, s, r, v),
                inhibited_by="odds_api/source-down" if down else "",
            )
            p.keep(advance(p.alert, verdict, ctx))
    assert p.story == [("pending", ()), ("suppressed", ()), ("cancelled", ())]
