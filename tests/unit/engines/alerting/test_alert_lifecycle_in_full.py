"""An alert's life word for word: every transition, who is notified, who is not and why, and what the alert keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import BURN, DOWN, MIN, SLOW, T0, TICK, Player, intents, kept, not_told, told

from busta_health_dagster.domain.alert import AlertState, Event, fingerprint
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.alerting.lifecycle import is_echo

SLACK = ("slack-data",)
TWICE = replace(SLOW, overrides=())
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def test_pending_and_cancelled():
    p = Player(TWICE)
    p.see("bad", 0, value=6.0, limit=5.0, numbers={"op": ">"})
    assert kept(p, "state", "pending_at", "run_since", "last_bad_slot", "first_good_slot", "evaluated_slot") == [
        AlertState.PENDING,
        T0,
        T0,
        T0,
        None,
        T0,
    ]
    assert kept(p, "value", "limit", "numbers", "history") == [6.0, 5.0, {"op": ">", "for": 2, "recover_after": 2}, 1]
    p.see("good", TICK, value=1.0, limit=5.0)
    assert told(p) == [
        (0, "pending", "1 of 2 bad: bad", ()),
        (TICK, "cancelled", "good again before it opened: good", ()),
    ]
    assert [t.numbers for t in p.transitions] == [{"value": 6.0, "limit": 5.0}, {}]
    assert not_told(p) == [
        (0, "pending", "all", "1 of 2 bad: the rule asks for 2 in a row"),
        (TICK, "cancelled", "all", "it never opened, so no one was notified"),
    ]
    assert intents(p) == []
    assert kept(p, "reason", "bad_reason", "worst", "bad_run", "good_run", "bad_total", "first_good_slot") == [
        "good",
        "bad",
        6.0,
        0,
        1,
        1,
        T0 + TICK,
    ]


def test_opened_and_resolved():
    p = Player(TWICE)
    p.every("bbggg")
    assert told(p) == [
        (0, "pending", "1 of 2 bad: bad", ()),
        (TICK, "opened", "2 of 2 bad: bad", SLACK),
        (3 * TICK, "resolved", "2 of 2 good; good", SLACK),
    ]
    assert not_told(p)[1:] == [
        (2 * TICK, "resolved", "all", "1 of 2 good"),
        (3 * TICK, "resolved", "mail-oncall", "was never notified that it fired"),
    ]
    assert [(i.event, i.channels, i.first) for i in intents(p)] == [
        (Event.OPENED, SLACK, True),
        (Event.RESOLVED, SLACK, False),
    ]
    assert kept(p, "first_bad_slot", "last_bad_slot", "first_good_slot", "bad_total", "good_run", "history") == [
        T0,
        T0 + TICK,
        T0 + 2 * TICK,
        2,
        3,
        0b11000,
    ]


def test_a_recovery_of_one_good_look_says_so_and_a_settled_one_has_no_count():
    p = Player(replace(DOWN, recover_after=1))
    p.every("bg")
    assert told(p)[-1] == (TICK, "resolved", "1 of 1 good; good", SLACK)
    p = Player(replace(DOWN, recover_after=3))
    p.every("b")
    p.see("good", TICK, settled=True)
    assert told(p)[-1] == (TICK, "resolved", "good", SLACK)


def test_a_verdict_names_its_own_first_and_last_bad_slot():
    p = Player()
    ctx_at = 10 * TICK
    p.see("pass", 0)
    verdict = Verdict(Outcome.BAD, T0 + ctx_at, "silent", since=T0 + 7 * TICK)
    p.keep(_advance(p, verdict, ctx_at))
    assert kept(p, "run_since", "first_bad_slot", "last_bad_slot") == [T0 + 7 * TICK, T0 + 7 * TICK, T0 + ctx_at]
    later = replace(verdict, slot=T0 + 11 * TICK, since=T0 + 9 * TICK, last_bad=T0 + 8 * TICK)
    p.keep(_advance(p, later, 11 * TICK))
    assert kept(p, "run_since", "last_bad_slot") == [T0 + 7 * TICK, T0 + 8 * TICK]


def _advance(p: Player, verdict: Verdict | None, at: int, **more):
    from busta_health_dagster.engines.alerting.lifecycle import advance
    from busta_health_dagster.engines.alerting.routing import route
    from busta_health_dagster.engines.alerting.transition import Context

    ctx = Context(T0 + at, T0 + at, p.source, p.rule, lambda s, r, v: route(p.policy, s, r, v), **more)
    return advance(p.alert, verdict, ctx)


def test_nothing_known_and_nothing_said_is_no_alert():
    p = Player()
    for verdict in (None, Verdict(Outcome.GOOD, T0, "good"), Verdict(Outcome.UNKNOWN, T0, "unknown")):
        step = _advance(p, verdict, 0)
        assert (step.alert, step.transitions, step.superseded) == (None, (), None)


def test_a_new_alert_carries_label_and_severity_of_its_verdict():
    p = Player(BURN)
    verdict = Verdict(Outcome.BAD, T0, "bad", severity=WARNING, label="models/a:rows")
    alert = _advance(p, verdict, 0).alert
    assert alert is not None
    assert (alert.label, alert.severity, alert.shadow) == ("models/a:rows", WARNING, False)
    assert (alert.source, alert.rule) == ("odds_api", "budget-burn")
    plain = _advance(p, replace(verdict, severity=None, label=""), 0).alert
    assert plain is not None
    assert alert.fingerprint == fingerprint("odds_api", "budget-burn", "models/a:rows")
    assert plain.fingerprint == fingerprint("odds_api", "budget-burn", "")
    assert plain.severity is CRITICAL
    assert _advance(Player(replace(DOWN, shadow=True)), verdict, 0).alert.shadow


@pytest.mark.parametrize(
    ("outcome", "last_bad", "echo"),
    [
        (Outcome.BAD, T0 - TICK, True),
        (Outcome.BAD, T0, False),
        (Outcome.BAD, None, False),
        (Outcome.GOOD, T0 - TICK, False),
    ],
)
def test_a_share_whose_newest_slot_is_good_echoes_what_is_over(outcome, last_bad, echo):
    assert is_echo(Verdict(outcome, T0, "share", last_bad=last_bad)) is echo
    assert not is_echo(None)


def test_an_echo_opens_nothing_and_keeps_open_what_is_open():
    p = Player()
    verdict = Verdict(Outcome.BAD, T0 + 3 * TICK, "5 of 72", last_bad=T0)
    assert _advance(p, verdict, 3 * TICK).alert is None
    p.every("b")
    p.keep(_advance(p, verdict, 3 * TICK))
    assert kept(p, "bad_run", "state", "last_bad_slot") == [2, AlertState.OPEN, T0]


def test_an_older_verdict_than_the_newest_changes_nothing_and_one_of_the_same_slot_counts():
    p = Player()
    p.see("bad", 2 * TICK)
    before = p.alert
    p.see("good", TICK)
    assert p.alert == before
    p.see("good", 2 * TICK)
    assert kept(p, "good_run") == [1]


def test_maintenance_delays_the_opening_and_its_name_is_told():
    p = Player(TWICE)
    p.every("bbb", maintenance="upgrade")
    p.see("good", 3 * TICK)
    assert told(p) == [
        (0, "pending", "1 of 2 bad: bad", ()),
        (TICK, "suppressed", "suppressed (maintenance upgrade): bad", ()),
        (
            3 * TICK,
            "cancelled",
            "good again before it opened: good; maintenance upgrade had kept it from opening",
            (),
        ),
    ]
    assert not_told(p)[1] == (TICK, "opened", "all", "suppressed (maintenance upgrade)")
    assert kept(p, "history") == [0], "no state of the maintenance is remembered"


def test_a_reprobe_opens_only_what_maintenance_alone_kept_from_opening():
    def reprobed(rule, words: str, **blocked) -> AlertState:
        p = Player(rule)
        at = p.every(words, **blocked)
        p.see("pass", at, reprobed=True)
        assert p.alert is not None
        return p.alert.state

    assert reprobed(TWICE, "bb", maintenance="upgrade") is AlertState.OPEN
    once = Player()
    once.see("bad", 0, maintenance="upgrade")
    once.see("pass", TICK, reprobed=True)
    assert told(once)[-1] == (TICK, "opened", "failing since maintenance upgrade: bad", SLACK)
    assert reprobed(TWICE, "bbb", maintenance="upgrade") is AlertState.OPEN
    assert reprobed(TWICE, "b", maintenance="upgrade") is AlertState.PENDING
    assert reprobed(TWICE, "bb", inhibited_by="odds_api/source-down") is AlertState.PENDING
    p = Player(TWICE)
    p.every("bb", maintenance="upgrade")
    p.see("pass", 2 * TICK)
    assert kept(p, "state") == [AlertState.PENDING]


def test_bad_again_in_maintenance_reopens_nothing_and_prolongs_no_outage():
    p = Player()
    p.every("bgg")
    p.see("bad", 3 * TICK, maintenance="upgrade")
    assert kept(p, "suppressed_by", "last_bad_slot", "first_good_slot") == ["maintenance upgrade", T0, T0 + TICK]
    p.see("good", 4 * TICK)
    assert told(p)[-2:] == [
        (3 * TICK, "suppressed", "suppressed (maintenance upgrade): bad", ()),
        (4 * TICK, "cancelled", "good again while maintenance upgrade kept it from reopening", ()),
    ]
    assert kept(p, "state", "suppressed_by") == [AlertState.RESOLVED, ""]
    p.see("good", 5 * TICK)
    assert len(p.transitions) == 4, "it is said once"


def test_what_fails_on_during_maintenance_is_still_the_outage():
    p = Player()
    p.every("b")
    p.see("bad", TICK, maintenance="upgrade")
    assert kept(p, "last_bad_slot", "first_good_slot") == [T0 + TICK, None]
    p.see("good", 2 * TICK)
    p.see("bad", 3 * TICK)
    assert kept(p, "last_bad_slot", "first_good_slot") == [T0 + 3 * TICK, None]


def test_a_shadow_that_ends_is_closed_and_the_live_rule_starts_from_nothing():
    p = Player(replace(DOWN, shadow=True))
    p.every("b")
    p.see("bad", TICK, rule=DOWN)
    assert told(p)[-1] == (TICK, "resolved", "the rule left its shadow trial", ())
    p.see("bad", 2 * TICK, rule=DOWN)
    assert told(p) == [(2 * TICK, "opened", "bad", SLACK)]
    assert kept(p, "bad_total", "reopened", "shadow") == [1, 0, False]


def test_a_live_rule_that_becomes_a_shadow_starts_a_new_alert_at_its_next_outage():
    p = Player()
    p.every("bgg")
    p.see("bad", 3 * TICK, rule=replace(DOWN, shadow=True))
    assert kept(p, "state", "shadow", "reopened") == [AlertState.OPEN, True, 0]


@pytest.mark.parametrize(("after", "reopened"), [(899, 1), (900, 0)])
def test_the_grace_period_runs_on_the_steady_clock_from_the_resolution(after, reopened):
    p = Player()
    p.every("bgg")
    step = p.see("bad", 2 * TICK + 5, steady=T0 + 2 * TICK + after)
    assert kept(p, "reopened", "state") == [reopened, AlertState.OPEN]
    assert (step.superseded is None) is bool(reopened)
    if step.superseded is not None:
        assert (step.superseded.history, step.superseded.state) == (0, AlertState.RESOLVED)


def test_a_cancelled_alert_is_taken_again_and_supersedes_nothing():
    p = Player(TWICE)
    p.every("bg")
    p.alert = replace(p.alert, id=5)
    step = p.see("bad", 2 * TICK)
    assert (step.superseded, kept(p, "id", "history", "pending_at")) == (None, [5, 0b101, T0 + 2 * TICK])
    assert kept(p, "bad_total", "bad_run") == [1, 1]


def test_states_are_forgotten_when_all_are_good_but_not_within_the_grace_period():
    p = Player(replace(DOWN, recover_after=1))
    p.every("bg", tick=MIN)
    at = p.every("g" * 14, 2 * MIN, MIN)
    assert kept(p, "history") == [1 << 15]
    at = p.every("g" * 6, at, MIN)
    assert kept(p, "history") == [0], "21 good states, and the grace period is over"
    p = Player(replace(DOWN, recover_after=20))
    at = p.every("b" + "g" * 24, tick=MIN)
    assert p.alert is not None
    assert p.alert.watched, "21 good states, and four minutes since it resolved"
    p.every("g" * 12, at, MIN)
    assert not p.alert.watched


def test_the_worst_is_the_extreme_in_the_direction_that_hurts():
    def worst(op: str, *values: float | None) -> float | None:
        p = Player()
        for i, value in enumerate(values):
            p.see("bad", i * TICK, value=value, numbers={"op": op} if op else {})
        assert p.alert is not None
        return p.alert.worst

    assert worst(">", 5.0, 9.0, 7.0) == 9.0
    assert worst(">=", 5.0, None, 7.0) == 7.0
    assert worst("<", 5.0, 2.0, 7.0) == 2.0
    assert worst("<=", None, 5.0, 2.0) == 2.0
    assert worst("", 5.0, 9.0, 7.0) == 9.0
    assert worst("<", 5.0, None) == 5.0
    assert worst("<", None, None) is None
