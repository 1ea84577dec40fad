"""Good for a while, and bad again: the same alert within its grace period, another one after it."""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import DOWN, MIN, SLOW, TICK, Player

from busta_health_dagster.domain.alert import AlertState

SLACK = ("slack-data",)


def test_fired_again_within_the_grace_period_is_the_same_alert():
    p = Player()
    p.every("bgg")
    opened, resolved = p.alert.opened_at, p.alert.resolved_at
    p.every("b", 4 * TICK)
    assert (p.events[-1], p.alert.opened_at, p.alert.reopened) == ("reopened", opened, 1)
    assert p.story[-1][1] == SLACK
    assert p.transitions[-1].surface_event == "opened"
    assert p.alert.resolved_at is None
    p.every("gg", 5 * TICK)
    assert p.alert.resolved_at > resolved


def test_fired_again_after_the_grace_period_is_a_new_alert():
    p = Player()
    p.every("bgg")
    p.alert = replace(p.alert, id=7)
    step = p.see("bad", 2 * TICK + 16 * MIN)
    assert (p.alert.id, p.alert.state) == (None, AlertState.OPEN)
    assert (step.superseded.id, step.superseded.watched) == (7, False)


def test_the_end_of_the_grace_period_is_outside_it():
    """At five minutes: three good observations between two outages are one incident, four are two."""
    for good, reopened in (("ggg", 1), ("gggg", 0)):
        p = Player()
        p.every("b" + good + "b")
        assert (p.alert.state, p.alert.reopened) == (AlertState.OPEN, reopened), good


def test_an_alert_that_recovered_slowly_is_not_let_go_before_its_grace_period_is_over():
    """At one minute 21 good states pass sooner than a long recovery and 15 minutes: it opened again, as a second incident."""
    p = Player(replace(DOWN, recover_after=12))
    p.every("b" + "g" * 22, tick=MIN)
    assert (p.alert.state, p.alert.watched) == (AlertState.RESOLVED, True)
    p.see("bad", 25 * MIN)
    assert p.alert.reopened == 1
    p.every("g" * 40, 26 * MIN, MIN)
    assert not p.alert.watched


def test_a_second_bad_verdict_after_the_grace_period_still_belongs_to_the_run_that_began_within_it():
    p = Player(replace(SLOW, overrides=(), recover_after=1))
    p.every("bbg")
    p.see("bad", 2 * TICK + 14 * MIN)
    p.see("bad", 2 * TICK + 19 * MIN)
    assert p.events[-1] == "reopened"
