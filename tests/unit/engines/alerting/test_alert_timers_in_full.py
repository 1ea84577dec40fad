"""What time and severity do to an open alert, word for word: steps, acknowledgement, snooze, flapping."""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import BURN, DOWN, HOUR, MIN, SLOW, T0, TICK, Player, intents, kept, not_told, told

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.alerting.actions import acknowledge, snooze
from busta_health_dagster.engines.alerting.transition import Intent

SLACK = ("slack-data",)
BOTH = ("slack-data", "mail-oncall")
TWICE = replace(SLOW, overrides=())
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def act(p: Player, action, at: int, *more) -> None:
    p.keep(action(p.alert, T0 + at, float(T0 + at), *more))


def test_a_severer_verdict_escalates_at_once_with_the_reason_and_tells_the_new_step():
    p = Player(BURN)
    p.see("bad", 0, severity=WARNING)
    p.see("bad", TICK, severity=CRITICAL)
    assert told(p) == [(0, "opened", "bad", SLACK), (TICK, "escalated", "severity critical: bad", BOTH)]
    assert kept(p, "severity", "step", "notified") == [CRITICAL, 2, BOTH]
    assert intents(p)[-1] == Intent(Event.ESCALATED, BOTH, "severity critical: bad", p.alert.ladders[0].route, True)
    p.see("bad", 2 * TICK, severity=CRITICAL)
    assert len(p.transitions) == 2
    quiet = Player(BURN)
    quiet.see("bad", 0, severity=WARNING)
    quiet.see("bad", TICK, severity=CRITICAL, inhibited_by="odds_api/source-down")
    assert told(quiet)[-1] == (TICK, "escalated", "severity critical: bad", ())
    assert not_told(quiet)[-1] == (TICK, "escalated", "all", "suppressed (source-down)")
    assert kept(quiet, "notified") == [SLACK]


def test_a_verdict_that_is_severer_than_its_rule_opens_at_its_own_step():
    p = Player(TWICE)
    p.see("bad", 0)
    p.see("bad", TICK, severity=CRITICAL)
    assert kept(p, "severity", "notified") == [CRITICAL, BOTH]


def test_an_acknowledgement_ends_at_its_moment_and_not_before():
    p = Player()
    p.every("b")
    act(p, acknowledge, MIN, "op-1")
    p.see("pass", 4 * HOUR + MIN - 1)
    assert p.events == ["opened", "acked"]
    p.see("pass", 4 * HOUR + MIN)
    assert told(p)[-1] == (4 * HOUR + MIN, "unacked", "the acknowledgement by op-1 ran out; the clock runs on", SLACK)
    assert kept(p, "ack") == [None]


def test_a_snooze_ends_at_its_moment_and_tells_those_of_the_step_reached():
    p = Player()
    p.every("b")
    act(p, snooze, MIN, "op-1", 600)
    p.see("pass", MIN + 599)
    assert p.events == ["opened", "snoozed"]
    p.see("pass", MIN + 600)
    reason = "the snooze by op-1 is over and it is still open"
    assert told(p)[-1] == (MIN + 600, "renotified", reason, SLACK)
    assert intents(p)[-1] == Intent(Event.RENOTIFIED, SLACK, reason, first=True)
    assert kept(p, "snooze", "notified") == [None, SLACK]


def test_a_snooze_that_ends_while_something_else_keeps_it_quiet_tells_nobody():
    p = Player()
    p.every("b")
    act(p, snooze, MIN, "op-1", 600)
    p.see("pass", HOUR, inhibited_by="odds_api/source-down")
    assert told(p)[-1] == (HOUR, "renotified", "the snooze by op-1 is over and it is still open", ())


def test_a_step_that_is_due_raises_the_severity_and_the_next_only_repeats():
    p = Player()
    p.every("b")
    p.see("pass", 30 * MIN)
    p.see("pass", 2 * HOUR)
    p.see("pass", 6 * HOUR)
    assert [(t.event, t.severity, t.step, t.notify) for t in p.transitions] == [
        (Event.OPENED, WARNING, 1, SLACK),
        (Event.ESCALATED, CRITICAL, 2, BOTH),
        (Event.RENOTIFIED, CRITICAL, 3, ("pager",)),
        (Event.RENOTIFIED, CRITICAL, 3, ("pager",)),
    ]
    assert [t.reason for t in p.transitions][1:] == [
        "30 min open and not acknowledged; severity critical, step L2",
        "2 h open and not acknowledged; step L3",
        "still open, repeated every 4 h; step L3",
    ]
    assert [i.first for i in intents(p)] == [True, True, True, False]
    assert [i.event for i in intents(p)] == [t.event for t in p.transitions]
    assert [i.route for i in intents(p)] == [p.alert.ladders[0].route] * 4
    assert kept(p, "notified") == [("slack-data", "mail-oncall", "pager")]


def test_a_severity_never_falls_with_a_milder_step():
    p = Player(replace(DOWN, severity=CRITICAL))
    p.every("b")
    p.see("pass", 2 * HOUR)
    assert kept(p, "severity") == [CRITICAL]
    assert p.transitions[-1].event is Event.RENOTIFIED


ONE_STEP = AlertPolicy({"one": Escalation("one", (Step(0, SLACK),))}, (Route(Selector(), "one"),))


def test_steps_that_fell_due_while_it_was_inhibited_are_told_at_once_with_the_cause():
    p = Player()
    p.every("b")
    p.see("pass", TICK, inhibited_by="odds_api/slow-response")
    p.see("pass", 3 * HOUR)
    assert p.transitions[-1].event is Event.ESCALATED
    assert "slow-response had kept it quiet" in p.transitions[-1].reason


def share(reason: str) -> int:
    """`changes fell to 16% ...` -> 16."""
    return int(reason.removeprefix("changes fell to ").partition("%")[0])


def test_flapping_is_told_once_at_its_start_and_once_at_its_end():
    p = Player(policy=ONE_STEP)
    at = p.every("bgbgbgbg")
    assert [t.event for t in p.transitions] == [Event.OPENED, Event.FLAPPING_STARTED]
    started = p.transitions[-1]
    assert started.notify == SLACK
    assert kept(p, "flapping", "state") == [True, AlertState.OPEN]
    p.see("good", at)
    assert not_told(p)[-1] == (at, "resolved", "all", "flapping: it ends when the changes do")
    p.every("g" * 20, at + TICK)
    assert p.events[-2:] == ["flapping_ended", "resolved"]
    ended, resolved = p.transitions[-2:]
    assert (ended.notify, resolved.notify) == ((), SLACK)
    assert ended.reason.endswith("(ends at 20%); sent with the resolution")
    assert share(ended.reason) <= 20
    assert resolved.reason.split("; ")[0].endswith(" good in a row")


def test_flapping_that_ends_while_it_is_bad_is_told_as_still_bad():
    p = Player(policy=ONE_STEP)
    at = p.every("bgbgbgbg")
    for i in range(25):
        p.see("bad", at + i * TICK)
    (ended,) = [t for t in p.transitions if t.event is Event.FLAPPING_ENDED]
    assert ended.reason.endswith("(ends at 20%); it is still bad")
    assert ended.notify == SLACK
    assert kept(p, "flapping") == [False]
    assert [(i.channels, i.reason) for i in intents(p) if i.event is Event.FLAPPING_ENDED] == [(SLACK, ended.reason)]
    assert share(ended.reason) <= 20


def test_flapping_that_ends_before_enough_are_good_is_told_by_itself():
    p = Player(replace(DOWN, recover_after=40), policy=ONE_STEP)
    at = p.every("bgbgbgbg")
    p.every("g" * 25, at)
    (ended,) = [t for t in p.transitions if t.event is Event.FLAPPING_ENDED]
    assert ended.reason.endswith("(ends at 20%)")
    assert ended.notify == SLACK
    assert [(i.channels, i.reason) for i in intents(p) if i.event is Event.FLAPPING_ENDED] == [(SLACK, ended.reason)]
    assert kept(p, "state", "flapping") == [AlertState.OPEN, False]


def test_every_step_of_a_long_life_is_stored_and_read_back():
    p = Player(TWICE)
    p.every("bbgbgbgbbbgggb.g")
    assert p.alert is not None
    assert Alert.from_dict(p.alert.to_dict()) == p.alert
