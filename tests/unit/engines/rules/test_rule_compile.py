"""From rules to what is evaluated for one source: what applies, what does not and why, and who has to speak."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import DOWN, HOUR, NO_DATA, ODDS, QUALITY, RATE, RULES, SLOW, T0, TICK, fleet, look

from busta_health_dagster.domain.rule import Condition, Override, Pattern, Rule
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.verdict import Outcome, Score, Verdict
from busta_health_dagster.engines.rules import (
    Inputs,
    evaluate,
    evaluate_rules,
    rules_for,
    survey,
)
from busta_health_dagster.engines.rules.evaluators import Evaluator

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN

TREND = Rule("cert", Pattern.TREND, (Condition("tls_days_left", "<", 14.0),), over_s=HOUR, within_s=2 * HOUR)


def test_a_rule_that_cannot_apply_says_why_and_the_others_keep_their_order():
    no_age = replace(ODDS, max_data_age_s=None)
    aged = Condition("data_age_s", ">", "max_data_age", HOUR)
    rules = [
        Rule("none", Pattern.THRESHOLD),
        SLOW,
        Rule("checks", Pattern.DAGSTER_CHECK),
        replace(RATE, name="no window", over_s=None),
        replace(RATE, name="other metric", conditions=(Condition("items", ">", 5.0),)),
        replace(RATE, name="nothing", conditions=()),
        replace(TREND, name="no horizon", within_s=None),
        replace(TREND, name="no over", over_s=None),
        replace(TREND, name="no metric", conditions=()),
        replace(TREND, name="no limit", conditions=(aged,)),
        replace(DOWN, name="news only", select=Selector(types=("news",))),
        Rule("aged", Pattern.THRESHOLD, (Condition("items", "<", 1.0), aged)),
        DOWN,
    ]
    compiled = rules_for(no_age, rules)
    assert list(compiled.by_name) == ["slow-response", "source-down"]
    rate = "a rate needs metric `failed`, a value and a window (`over`)"
    trend = "a trend needs a metric, a limit, a window (`over`) and a horizon (`within`)"
    age = "odds_api has neither max_data_age nor cadence, so no limit of data age"
    assert compiled.not_applied == (
        ("none", "has no condition"),
        ("no window", rate),
        ("other metric", rate),
        ("nothing", rate),
        ("no horizon", trend),
        ("no over", trend),
        ("no metric", trend),
        ("no limit", age),
        ("news only", "does not select this source"),
        ("aged", age),
    )


def test_a_window_may_be_written_at_the_condition():
    rate = replace(RATE, over_s=None, conditions=(Condition("failed", ">", 5.0, HOUR),))
    trend = replace(TREND, over_s=None, conditions=(Condition("tls_days_left", "<", 14.0, HOUR),))
    mean = Rule("m", Pattern.THRESHOLD, (Condition("items", "<", 5.0, None, "mean"),), over_s=HOUR)
    newest = Rule("n", Pattern.THRESHOLD, (Condition("items", "<", 5.0, None, "mean"),))
    compiled = rules_for(ODDS, [rate, trend, mean, newest])
    assert compiled.not_applied == ()
    assert compiled.needs.series == (("items", HOUR), ("tls_days_left", HOUR))
    assert compiled.needs.rates == (HOUR,)
    window = compiled.empty_window()
    for i in range(7):
        window.push(look(i, "down" if i < 4 else "up", items=9 if i < 6 else 4, tls_days_left=13.0))
    verdicts = [e.verdict(window) for e in compiled.evaluators]
    assert [v.outcome for v in verdicts if v] == [BAD, BAD, GOOD, BAD]


def test_what_cannot_be_evaluated_for_a_source_is_unknown_and_says_why():
    runs = evaluate(Rule("runs", Pattern.DAGSTER_RUN), ODDS, Inputs(closed=T0))
    assert runs == Verdict(UNKNOWN, T0, "evaluated per instance")
    elsewhere = evaluate(replace(DOWN, select=Selector(types=("news",))), ODDS, Inputs())
    assert elsewhere == Verdict(UNKNOWN, 0, "does not select this source")
    assert evaluate(SLOW, ODDS, Inputs(fleet("ud"))) == Verdict(UNKNOWN, T0 + TICK, "no new value to evaluate")


def test_one_evaluation_over_plain_values_takes_maintenance_and_closed_slots_along():
    planned = frozenset(T0 + i * TICK for i in range(4))
    assert evaluate(RATE, ODDS, Inputs(fleet("ddddu"), maintenance=planned)).numbers["observed"] == 1
    silent = Inputs(fleet("u"), closed=T0 + 3 * TICK)
    assert evaluate(replace(NO_DATA, intervals=3), ODDS, silent).outcome is BAD
    assert evaluate(NO_DATA, ODDS, Inputs(fleet("u"), closed=T0)).outcome is GOOD


def test_the_survey_says_of_every_rule_what_it_thinks_of_the_newest_values_and_changes_nothing():
    rules = rules_for(ODDS, [*RULES, Rule("empty", Pattern.THRESHOLD)])
    window = rules.empty_window()
    window.push(look(0, "down"))
    window.push_score(Score(T0 - 60, 80.0))
    evaluate_rules(rules, window)
    rows = survey(rules, window)
    assert [(name, verdict.outcome if verdict else None) for name, verdict, _ in rows] == [
        ("source-down", BAD),
        ("slow-response", None),
        ("failure-rate", GOOD),
        ("low-quality", BAD),
        ("stale-data", None),
        ("anomaly", None),
        ("budget-burn", GOOD),
        ("no-data", GOOD),
        ("empty", None),
    ]
    reasons = {name: reason for name, _, reason in rows}
    assert reasons["low-quality"] == "score 80.0, limit 90"
    assert reasons["slow-response"] == "no new value to evaluate"
    assert reasons["empty"] == "has no condition"
    assert evaluate_rules(rules, window) == []


def test_the_survey_shows_a_score_of_long_ago_and_none_where_there_never_was_one():
    rules = rules_for(ODDS, [QUALITY, DOWN])
    window = rules.empty_window()
    window.push(look(0, "unknown"))
    nothing = "no new value to evaluate"
    assert survey(rules, window) == [("low-quality", None, nothing), ("source-down", None, nothing)]
    window.push_score(Score(T0, 80.0))
    evaluate_rules(rules, window)
    window.push(look(1))
    evaluate_rules(rules, window)
    assert [reason for _, _, reason in survey(rules, window)] == ["score 80.0, limit 90", "up"]


def test_a_good_verdict_matters_only_while_somebody_watches_and_a_bad_one_always():
    rules = rules_for(ODDS, [DOWN, SLOW, QUALITY])
    window = rules.empty_window()
    window.push(look(0, response_ms=9000.0))
    window.push_score(Score(T0, 89.0, uncertain=True))
    assert [r.name for r, _ in evaluate_rules(rules, window)] == ["slow-response"]
    window.push(look(1))
    window.push_score(Score(T0 + 1, 89.0, uncertain=True))
    watched = evaluate_rules(rules, window, {"low-quality", "source-down"})
    assert [(r.name, v.outcome) for r, v in watched] == [("source-down", GOOD), ("low-quality", UNKNOWN)]


def test_an_evaluator_of_ones_own_must_say_how_it_evaluates():
    window = rules_for(ODDS, []).empty_window()
    bare = Evaluator(DOWN, ODDS)
    with pytest.raises(NotImplementedError):
        bare.outcome(window)
    with pytest.raises(NotImplementedError):
        bare.explain(window, GOOD)


def test_overrides_are_part_of_the_compiled_rule():
    patient = replace(NO_DATA, overrides=(Override(Selector(names=("odds_api",)), {"intervals": 5}),))
    assert rules_for(ODDS, [patient]).by_name["no-data"].intervals == 5


def test_every_evaluator_knows_its_rule_and_its_source():
    patterns = [
        Rule("flaps", Pattern.FLAPPING),
        TREND,
        Rule("two", Pattern.THRESHOLD, (*DOWN.conditions, *SLOW.conditions)),
    ]
    rules = rules_for(ODDS, [*RULES, *patterns])
    assert [e.rule.name for e in rules.evaluators] == [r.name for r in (*RULES, *patterns)]
    assert all(e.source is ODDS for e in rules.evaluators)
