"""What goes out when an alert opens, returns, repeats and is free again: which channels it goes to, with which numbers, and when not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import DOWN, HOUR, MIN, POLICY, T0, TICK, Player, intents, kept, not_told, told

from busta_health_dagster.domain.policy import Escalation, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting.actions import acknowledge
from busta_health_dagster.engines.alerting.escalation import elapsed

SLACK, MAIL, PAGER = ("slack-data",), ("mail-oncall",), ("pager",)
FIRST = Step(0, SLACK, Severity.WARNING)
TWICE = replace(DOWN, for_=2)


def on(ladder: Escalation, **more) -> Player:
    return Player(policy=replace(POLICY, escalations={**POLICY.escalations, "default": ladder}), **more)


def sent(p: Player) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(i.event.value, i.channels, i.first) for i in intents(p)]


def test_an_opening_and_a_return_carry_the_value_the_limit_and_the_first_bad_slot():
    p = Player()
    p.see("bad", 0, value=6000.0, limit=5000.0)
    numbers = {"value": 6000.0, "limit": 5000.0, "shadow": False, "first_bad_slot": T0}
    opened = p.transitions[-1]
    assert (dict(opened.numbers), opened.slot) == (numbers, T0)
    assert (opened.fingerprint, opened.actor) == (p.alert.fingerprint, "")
    assert p.steps[-1].considered != ()
    p.every("gg", TICK)
    assert p.steps[-1].considered == (), "no route is asked for at an end"
    p.see("bad", 3 * TICK, value=7000.0, limit=5000.0)
    back = {"value": 7000.0, "first_bad_slot": T0 + 3 * TICK, "ack_kept": False}
    assert dict(p.transitions[-1].numbers) == numbers | back


def test_what_returns_reaches_all_who_knew_of_it_and_repeats_from_then_on():
    p = Player()
    p.every("b")
    p.every("bb", 2 * HOUR)
    assert kept(p, "notified") == [(*SLACK, *MAIL, *PAGER)]
    p.every("gg", 2 * HOUR + 2 * TICK)
    p.see("bad", 2 * HOUR + 4 * TICK)
    assert told(p)[-1][1::2] == ("reopened", (*SLACK, *MAIL, *PAGER))
    assert sent(p)[-2:] == [("reopened", PAGER, True), ("reopened", (*SLACK, *MAIL), True)]
    assert {i.reason for i in intents(p)[-2:]} == {told(p)[-1][2]}
    assert kept(p, "notified_before") == [()]
    assert [ladder.notified_s for ladder in p.alert.ladders] == [2 * HOUR + 3 * TICK]


def test_steps_that_were_missed_are_one_message_that_says_which_and_why():
    p = Player()
    p.every("b")
    p.see("bad", 2 * HOUR)
    at_once = "2 h open and not acknowledged; steps L2 to L3 at once: they fell due between two passes"
    reason = f"{at_once}; severity critical, step L3"
    assert told(p)[-1] == (2 * HOUR, "escalated", reason, (*SLACK, *MAIL, *PAGER))


@pytest.mark.parametrize("shadow", [False, True])
def test_an_opening_after_many_changes_flaps_at_once_unless_it_is_a_shadow(shadow):
    p = Player(replace(TWICE, shadow=shadow))
    p.every("bgbgbgbb", tick=MIN)
    assert kept(p, "flapping") == [not shadow]
    assert p.events[-1] == ("opened" if shadow else "flapping_started")


def test_an_opening_after_a_few_changes_is_an_opening_though_it_would_not_end_flapping():
    p = Player(TWICE)
    p.every("bgbgbb", tick=MIN)
    assert kept(p, "flapping") == [False]
    assert p.story[-1] == ("opened", SLACK)


def test_when_an_acknowledgement_runs_out_those_who_know_read_it():
    p = Player()
    p.every("b")
    p.keep(acknowledge(p.alert, T0 + 60, T0 + 60, "op-1"))
    until = 60 + 4 * HOUR
    p.see("pass", until - 1)
    assert p.alert.ack is not None
    p.see("pass", until)
    reason = "the acknowledgement by op-1 ran out; the clock runs on"
    assert told(p)[-1] == (until, "unacked", reason, SLACK)
    assert [(i.event.value, i.channels, i.reason) for i in p.steps[-1].intents] == [("unacked", SLACK, reason)]
    assert "unacked" not in {event for _, event, _, _ in not_told(p)}


def test_an_acknowledgement_that_runs_out_in_maintenance_is_recorded_and_not_sent():
    p = Player()
    p.every("b")
    p.keep(acknowledge(p.alert, T0 + 60, T0 + 60, "op-1"))
    p.see("pass", 60 + 4 * HOUR, maintenance="upgrade")
    assert ("unacked", ()) in p.story
    assert (60 + 4 * HOUR, "unacked", "all", "suppressed (maintenance upgrade)") in not_told(p)
    assert p.steps[-1].intents == ()


def test_a_ladder_without_a_repeat_says_each_step_once():
    p = on(Escalation("default", (FIRST,)))
    p.every("bbb", tick=12 * HOUR)
    assert p.events == ["opened"]


def flapping(ladder: Escalation) -> Player:
    p = on(ladder)
    p.every("bgbgbgb", tick=MIN)
    assert p.alert.flapping
    return p


@pytest.mark.parametrize(("last_good", "repeated"), [(0, True), (20, False)])
def test_while_it_flaps_the_first_step_repeats_after_a_bad_run_as_long_as_a_repeat(last_good, repeated):
    p = flapping(Escalation("default", (FIRST,), repeat_s=HOUR))
    if last_good:
        p.see("good", last_good * MIN)
    p.see("bad", 40 * MIN)
    p.see("bad", 66 * MIN)
    assert ("renotified" in p.events) is repeated


def test_while_it_flaps_a_later_step_repeats_after_a_bad_run_as_long_as_it_waits():
    p = flapping(Escalation("default", (FIRST, Step(30 * MIN, MAIL, Severity.CRITICAL)), repeat_s=HOUR))
    p.see("bad", 31 * MIN)
    assert p.story[-1] == ("escalated", MAIL)
    p.see("good", 50 * MIN)
    p.see("bad", 61 * MIN)
    p.see("bad", 91 * MIN)
    assert p.story[-1] == ("renotified", MAIL)


def test_what_kept_an_open_alert_quiet_ends_without_a_message():
    p = Player()
    p.every("b")
    p.see("bad", TICK, maintenance="upgrade")
    p.see("pass", 2 * TICK)
    assert told(p)[-1] == (2 * TICK, "released", "maintenance upgrade ended", ())
    assert not_told(p)[-1] == (2 * TICK, "released", "all", "nothing changed for those who know")


@pytest.mark.parametrize(
    ("around", "by"),
    [
        ({"maintenance": "upgrade"}, "maintenance upgrade"),
        ({"inhibited_by": "odds_api/source-down"}, "source-down"),
        ({"inhibited_by": "odds_api/dagster/odds"}, "dagster/odds"),
        ({"inhibited_by": "pfr_stats/source-down"}, "pfr_stats/source-down"),
    ],
)
def test_what_keeps_an_alert_from_opening_is_named_with_the_value(around, by):
    p = Player()
    p.see("bad", 0, value=6000.0, **around)
    assert told(p)[-1] == (0, "suppressed", f"suppressed ({by}): bad", ())
    assert dict(p.transitions[-1].numbers) == {"by": by, "value": 6000.0}


def test_an_alert_is_as_severe_as_the_step_it_opens_at():
    p = on(Escalation("default", (Step(0, SLACK, Severity.CRITICAL),)))
    p.every("b")
    assert kept(p, "severity") == [Severity.CRITICAL]


def test_a_clock_that_stands_has_the_time_at_which_it_stopped():
    p = Player()
    p.every("b")
    p.see("pass", 10 * MIN, maintenance="upgrade")
    assert elapsed(p.alert, T0 + HOUR) == 10 * MIN
