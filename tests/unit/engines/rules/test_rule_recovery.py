"""A second limit: what opened beyond the first one recovers beyond the second, and what lies between opens nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import ODDS, SLOW, T0, TICK, Player, look
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.rule import Condition, Override, Pattern, Rule
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.verdict import Outcome, Score
from busta_health_dagster.engines.rules import Inputs, effective, evaluate, rules_for
from busta_health_dagster.engines.rules.limits import limits_for

DRIFT = replace(SLOW, overrides=(), for_=1, recover_limit=4000.0)


def watch(values: list[float], rule: Rule = DRIFT) -> Player:
    """One observation per value, each through the rule and the lifecycle."""
    p = Player(rule)
    window = rules_for(ODDS, [rule]).empty_window()
    (evaluator,) = rules_for(ODDS, [rule]).evaluators
    for i, value in enumerate(values):
        window.push(look(i, response_ms=value))
        verdict = evaluator.verdict(window)
        assert verdict is not None
        word, numbers = verdict.outcome.word, dict(verdict.numbers)
        p.see(word, i * TICK, value=value, limit=5000.0, numbers=numbers, recovered=verdict.recovered)
    return p


def test_a_source_that_drifts_around_its_limit_is_one_alert_and_not_one_an_hour():
    drift = [5200.0, *[4800.0, 4700.0, 5100.0, 4600.0, 4500.0] * 8, 3900.0, 3800.0]
    assert [e for e in watch(drift).events if e != "pending"] == ["opened", "resolved"]
    without = watch(drift, replace(DRIFT, recover_limit=None))
    assert len(without.events) > 2, "with one limit it opens, flaps and resolves"


def test_between_the_limits_nothing_opens():
    p = watch([4900.0] * 50)
    assert p.alert is None or p.alert.state is not AlertState.OPEN
    assert p.events == []


def test_a_pending_alert_is_cancelled_between_its_limits():
    assert watch([5200.0, 4900.0, 5200.0], replace(DRIFT, for_=2)).events == ["pending", "cancelled", "pending"]


def test_recovery_counts_only_values_beyond_the_second_limit_in_a_row():
    p = watch([5200.0, 3900.0, 4500.0, 3900.0])
    assert p.alert is not None
    assert (p.alert.state, p.alert.good_run) == (AlertState.OPEN, 1)
    assert p.alert.last_bad_slot == T0 + 2 * TICK, "the outage lasts as long as the alert"


@pytest.mark.parametrize(
    ("op", "limit", "value", "recovered", "said"),
    [
        (">", 4000.0, 4000.0, False, "4.00 s, limit 5 s, recovers below 4 s"),
        (">", 4000.0, 3999.0, True, "4.00 s, limit 5 s"),
        (">=", 4000.0, 4999.0, False, "5.00 s, limit 5 s, recovers below 4 s"),
        ("<", 6000.0, 6000.0, False, "6.00 s, limit 5 s, recovers above 6 s"),
        ("<=", 6000.0, 6001.0, True, "6.00 s, limit 5 s"),
    ],
)
def test_a_verdict_says_what_it_still_lacks(op, limit, value, recovered, said):
    rule = Rule("r", Pattern.THRESHOLD, (Condition("response_ms", op, 5000.0),), recover_limit=limit)
    verdict = evaluate(rule, ODDS, Inputs((look(0, response_ms=value),)))
    assert (verdict.outcome, verdict.recovered, verdict.reason) == (Outcome.GOOD, recovered, said)


def test_scores_and_aggregates_have_a_second_limit_too():
    quality = Rule("q", Pattern.THRESHOLD, (Condition("quality", "<", 90.0),), recover_limit=95.0)
    verdict = evaluate(quality, ODDS, Inputs(scores=(Score(T0, 93.0),)))
    assert (verdict.recovered, verdict.reason) == (False, "score 93.0, limit 90, recovers above 95")
    mean = Rule("m", Pattern.THRESHOLD, (Condition("response_ms", ">", 5000.0, 900, "mean"),), recover_limit=4000.0)
    slow = tuple(look(i, response_ms=4500.0) for i in range(3))
    assert not evaluate(mean, ODDS, Inputs(slow)).recovered
    assert evaluate(replace(mean, recover_limit=4600.0), ODDS, Inputs(slow)).recovered


@pytest.mark.parametrize(
    ("changes", "limit"),
    [({"value": 8000.0}, 6400.0), ({"value": 8000.0, "recover_limit": 7000.0}, 7000.0), ({"for_": 3}, 4000.0)],
)
def test_an_override_of_the_value_moves_the_second_limit_along(changes, limit):
    mine = effective(replace(DRIFT, overrides=(Override(Selector(), changes),)), ODDS)
    assert mine is not None
    assert mine.recover_limit == limit


def test_a_limit_of_nothing_keeps_its_distance():
    rule = Rule("r", Pattern.THRESHOLD, (Condition("items", "<", 0.0),), recover_limit=5.0)
    mine = effective(replace(rule, overrides=(Override(Selector(), {"value": 10.0}),)), ODDS)
    assert mine is not None
    assert mine.recover_limit == 15.0


def test_what_makes_a_source_degraded_is_the_first_limit():
    assert limits_for(ODDS, [DRIFT]).response_ms == 5000.0


@given(st.lists(st.sampled_from([3000.0, 3900.0, 4500.0, 5500.0]), max_size=40), st.sampled_from([4000.0, 4600.0]))
def test_law_a_second_limit_never_opens_more_alerts_and_is_never_shorter_under_alert(values, limit):
    """Flapping left out: it ends alerts later by design."""
    strict = replace(DRIFT, recover_limit=limit)
    one, two = (_stretches(watch(values, rule)) for rule in (replace(strict, recover_limit=None), strict))
    assert len(two) <= len(one)
    assert all(any(b <= at <= e for b, e in two) for begin, end in one for at in range(begin, end + 1))


def _stretches(p: Player) -> list[tuple[int, int]]:
    """(first, last tick) of each open stretch."""
    found: list[tuple[int, int]] = []
    begun = None
    for i, step in enumerate(p.steps):
        is_open = step.alert is not None and step.alert.state is AlertState.OPEN
        if is_open and begun is None:
            begun = i
        if not is_open and begun is not None:
            found.append((begun, i - 1))
            begun = None
    return found if begun is None else [*found, (begun, len(p.steps) - 1)]
