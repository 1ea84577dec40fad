"""Pattern `no_score`: what is to be scored and is not. What was good then says nothing of now."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from alert_engine_stories import ODDS, T0, TICK, look

from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.domain.season import ActiveTimes, Season
from busta_health_dagster.domain.source import QualitySpec
from busta_health_dagster.domain.verdict import Outcome, Score
from busta_health_dagster.engines.rules import rules_for
from busta_health_dagster.engines.rules.window_state import to_state

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
SCORED = replace(ODDS, quality=QualitySpec(suite="odds", every_s=2 * TICK))
NO_SCORE = Rule("no-score", Pattern.NO_SCORE)


def verdicts(rule: Rule, slots: int, scores: dict[int, float], **observed: dict):
    """The rule's outcome after each of so many slots; `scores` come with the slot of this number."""
    (evaluator,) = rules_for(SCORED, [rule]).evaluators
    window = evaluator.source and rules_for(SCORED, [rule]).empty_window()
    for n in range(slots):
        window.push(look(n))
        if n in scores:
            window.push_score(Score(T0 + n * TICK, scores[n]))
        yield window, evaluator, evaluator.outcome(window)
        window.fresh = 0


def test_a_source_that_never_had_a_score_is_told_after_three_that_did_not_come():
    outcomes = [outcome for *_, outcome in verdicts(NO_SCORE, 9, {})]
    assert outcomes == [GOOD] * 7 + [BAD] * 2
    *_, (window, evaluator, outcome) = verdicts(NO_SCORE, 8, {})
    said = evaluator.explain(window, outcome)
    assert (said.reason, said.value, said.limit) == ("no score yet for 35 min, limit 30 min", 2100, 1800)
    assert said.since == T0 + 1800, "it is bad since the limit was passed"


def test_a_score_ends_it_and_a_bad_one_is_a_score_too():
    outcomes = [outcome for *_, outcome in verdicts(NO_SCORE, 17, {8: 3.0})]
    assert outcomes == [GOOD] * 7 + [BAD] + [GOOD] * 7 + [BAD] * 2
    *_, (window, evaluator, outcome) = verdicts(NO_SCORE, 17, {8: 3.0})
    assert evaluator.explain(window, outcome).reason == "no new score for 40 min, limit 30 min"


def test_over_says_another_patience():
    outcomes = [outcome for *_, outcome in verdicts(replace(NO_SCORE, over_s=600), 4, {0: 99.0})]
    assert outcomes == [GOOD, GOOD, GOOD, BAD]


def test_planned_work_is_no_reason_to_tell_and_silence_of_the_source_brings_no_score():
    (evaluator,) = rules_for(SCORED, [NO_SCORE]).evaluators
    window = rules_for(SCORED, [NO_SCORE]).empty_window()
    window.push(look(0))
    window.push(look(9), maintenance=True)
    assert evaluator.outcome(window) is UNKNOWN
    window.push(look(10))
    assert evaluator.outcome(window) is BAD
    window.close(T0 + 11 * TICK)
    assert evaluator.outcome(window) is BAD, "a source that is silent brings no score either"


def test_a_night_off_season_is_no_reason_to_tell_and_a_morning_without_a_score_is():
    by_day = replace(SCORED, active=Season((ActiveTimes("UTC", hours=((8 * 60, 17 * 60),)),)))
    (evaluator,) = rules_for(by_day, [NO_SCORE]).evaluators
    window = rules_for(by_day, [NO_SCORE]).empty_window()
    eight = (8 * 3600 - T0 % 86400) // TICK
    window.push(look(eight + 107))
    window.push_score(Score(T0 + (eight + 107) * TICK, 99.0))
    for n, outcome in ((288, GOOD), (291, GOOD), (292, BAD)):
        window.push(look(eight + n))
        assert evaluator.outcome(window) is outcome
    assert evaluator.explain(window, BAD).reason == "no new score for 35 min, limit 30 min"


def test_a_source_that_nobody_scores_has_no_such_rule():
    rules = rules_for(replace(ODDS, quality=None), [NO_SCORE])
    assert rules.evaluators == ()
    assert ("no-score", "the source is not scored") in rules.not_applied


def test_a_suite_that_is_added_later_is_waited_for_from_then_on_and_a_restart_forgets_nothing():
    unscored = rules_for(replace(ODDS, quality=None), [NO_SCORE])
    window = unscored.empty_window()
    for n in range(100):
        window.push(look(n))
    compiled = rules_for(SCORED, [NO_SCORE])
    (evaluator,) = compiled.evaluators
    again = compiled.window(json.loads(json.dumps(to_state(window))))
    again.push(look(100))
    assert evaluator.outcome(again) is GOOD
    again = compiled.window(json.loads(json.dumps(to_state(again))))
    again.push(look(107))
    assert evaluator.outcome(again) is BAD


@pytest.mark.parametrize("score", [None, 0.0, 100.0])
def test_a_validation_without_data_is_no_score(score: float | None):
    (evaluator,) = rules_for(SCORED, [NO_SCORE]).evaluators
    window = rules_for(SCORED, [NO_SCORE]).empty_window()
    window.push(look(0))
    window.push(look(9))
    window.push_score(Score(T0 + 9 * TICK, score))
    assert evaluator.outcome(window) is (BAD if score is None else GOOD)
