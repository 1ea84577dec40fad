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
    assert kept(p, "resolve_reason", "resolved_steady") == ["2 of 2 good; good", T0 + 2 * TICK]
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
