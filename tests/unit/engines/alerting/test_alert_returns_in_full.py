"""How an alert comes back, what comes next while it is open, and what its end leaves behind; word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import DOWN, HOUR, MIN, POLICY, T0, TICK, Player, kept, not_told, told

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.policy import Escalation, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting.actions import acknowledge, close, snooze
from busta_health_dagster.engines.alerting.escalation import Upcoming, upcoming

TWICE = replace(DOWN, for_=2)
SLACK, BOTH = ("slack-data",), ("slack-data", "mail-oncall")


def test_what_resolved_and_fails_again_says_after_how_long_and_is_open_as_if_it_had_not_ended():
    p = Player()
    p.every("bgg")
    assert kept(p, "resolve_reason", "resolved_steady", "notified_before") == [
        "2 of 2 good; good",
        T0 + 2 * TICK,
        SLACK,
    ]
    p.see("bad", 3 * TICK)
    assert told(p)[-1] == (3 * TICK, "reopened", "again 5 min after it resolved, the same incident; bad", SLACK)
    assert kept(p, "resolve_reason", "resolved_steady", "resolved_at", "suppressed_by") == ["", None, None, ""]


def test_what_maintenance_kept_from_reopening_is_suppressed_no_more_once_it_has_reopened():
    p = Player()
    p.every("bgg")
    p.see("bad", 3 * TICK, maintenance="upgrade")
    p.see("bad", 4 * TICK)
    reason = "again 10 min after it resolved, the same incident; failing since maintenance upgrade: bad"
    assert told(p)[-1] == (4 * TICK, "reopened", reason, SLACK)
    assert kept(p, "suppressed_by") == [""]


@pytest.mark.parametrize(
    ("at", "next_at", "resumes"),
    [
        (10 * MIN, 4 * HOUR + 30 * MIN, True),
        (4 * HOUR + 10 * MIN - 1, 4 * HOUR + 30 * MIN, True),
        (4 * HOUR + 10 * MIN, 4 * HOUR + 30 * MIN, False),
        (4 * HOUR + 31 * MIN, 4 * HOUR + 31 * MIN, False),
    ],
)
def test_the_next_step_waits_for_the_acknowledgement_and_is_due_at_once_where_it_is_late(at, next_at, resumes):
    p = Player()
    p.every("b")
    p.keep(acknowledge(p.alert, T0 + 10 * MIN, T0 + 10 * MIN, "op-1"))
    assert upcoming(p.alert, T0 + at, T0 + at) == Upcoming(T0 + next_at, 2, BOTH, repeat=False, resumes=resumes)


def test_a_clock_that_stood_twice_runs_on_from_where_it_was():
    p = Player()
    p.every("b")
    for at in (10, 20):
        p.keep(snooze(p.alert, T0 + at * MIN, T0 + at * MIN, "op-1", 5 * MIN))
    assert kept(p, "clock_s", "mark") == [15 * MIN, T0 + 25 * MIN]
    p.see("pass", 21 * MIN, maintenance="upgrade")
    p.see("pass", 50 * MIN)
    assert kept(p, "clock_s", "mark") == [15 * MIN, T0 + 50 * MIN]


def test_a_step_comes_before_the_repeat_that_falls_due_with_it():
    ladder = Escalation("default", (Step(0, SLACK, Severity.WARNING), Step(HOUR, BOTH)), repeat_s=HOUR)
    p = Player(policy=replace(POLICY, escalations={**POLICY.escalations, "default": ladder}))
    p.every("b")
    assert upcoming(p.alert, T0, T0) == Upcoming(T0 + HOUR, 2, BOTH, repeat=False)


@pytest.mark.parametrize("actor", ["", "op-1"])
def test_what_never_opened_ends_with_its_reason_and_no_message(actor):
    p = Player(TWICE)
    p.every("b")
    p.keep(close(p.alert, "removed: it is gone", T0 + 60, T0 + 60, *([actor] if actor else [])))
    assert told(p)[-1] == (60, "cancelled", "removed: it is gone", ())
    assert not_told(p)[1:] == [(60, "cancelled", "all", "it never opened, so no one was notified")]
    assert p.transitions[-1].actor == actor
    assert kept(p, "state", "resolve_reason", "suppressed_by") == [AlertState.CANCELLED, "removed: it is gone", ""]


def test_what_ends_while_it_flaps_says_so():
    p = Player()
    end = p.every("bgbgbgb", tick=MIN)
    assert kept(p, "flapping") == [True]
    p.keep(close(p.alert, "removed: it is gone", int(T0 + end), T0 + end))
    assert told(p)[-1] == (end, "resolved", "removed: it is gone (it was flapping)", SLACK)
    assert kept(p, "flapping", "resolve_reason") == [False, "removed: it is gone"]


def test_the_record_of_an_end_says_how_long_it_lasted_and_how_bad_it_was():
    p = Player()
    for at, value in ((0, 6000.0), (TICK, 9000.0)):
        p.see("bad", at, value=value, limit=5000.0, numbers={"op": ">"})
    p.see("good", 2 * TICK)
    p.see("good", 3 * TICK)
    end = p.transitions[-1]
    assert (end.event.value, end.actor) == ("resolved", "")
    assert dict(end.numbers) == {
        "lasted_s": 3 * TICK,
        "worst": 9000.0,
        "last_bad_slot": T0 + TICK,
        "first_good_slot": T0 + 2 * TICK,
    }
    assert {n.fingerprint for n in p.not_sent} == {p.alert.fingerprint}


def test_that_it_flaps_is_one_message_in_place_of_the_one_that_it_is_open():
    p = Player(TWICE)
    p.every("bgbgbgbb", tick=MIN)
    (start,) = (t for t in p.transitions if t.event.value == "flapping_started")
    assert start.reason.endswith(
        "% of the last 21 verdicts changed, starts at 30%: "
        "one message now and one when it ends; the steps of its ladder are still sent"
    )
    assert p.story[-2:] == [("opened", ()), ("flapping_started", SLACK)]
    assert [(i.event.value, i.channels, i.reason, i.first) for i in p.steps[-1].intents] == [
        ("flapping_started", SLACK, start.reason, True)
    ]


@pytest.mark.parametrize(("last", "sent"), [("bad", ["renotified"]), ("good", [])])
def test_a_flapping_alert_that_is_good_repeats_nothing_however_long_it_was_bad(last, sent):
    ladder = Escalation("default", (Step(0, SLACK, Severity.WARNING),), repeat_s=HOUR)
    p = Player(policy=replace(POLICY, escalations={**POLICY.escalations, "default": ladder}))
    p.every("bgbgbgb", tick=MIN)
    for at in (26, 46):
        p.see("bad", at * MIN)
    p.see(last, 67 * MIN)
    assert p.events[2:] == sent
    assert kept(p, "flapping") == [True]


def test_news_at_the_very_end_of_a_snooze_are_sent():
    p = Player()
    p.every("b")
    p.keep(snooze(p.alert, T0 + 60, T0 + 60, "op-1", TICK - 60))
    p.see("bad", TICK, news="no items, 28 before")
    assert ("reopened", SLACK) in p.story
