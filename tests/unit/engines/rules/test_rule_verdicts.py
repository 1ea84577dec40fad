"""Every pattern's verdict in full: outcome, slot, sentence, value, limit and numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import ANOMALY, DOWN, HOUR, ODDS, QUALITY, T0, TICK, fleet, look

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Change, Finding, Judgement, Metric, Term
from busta_health_dagster.domain.rule import Condition, Pattern, Rule
from busta_health_dagster.domain.verdict import ExternalFact, Outcome, Score, Verdict
from busta_health_dagster.engines.rules import (
    Inputs,
    evaluate,
    evaluate_external,
    evaluate_rules,
    rules_for,
)

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


# Conditions on the newest value.


def test_a_status_is_told_by_its_word():
    numbers = {"metric": "status", "op": "=="}
    assert evaluate(DOWN, ODDS, Inputs(fleet("ud"))) == Verdict(BAD, T0 + TICK, "down", 3, 3.0, numbers)
    assert evaluate(DOWN, ODDS, Inputs(fleet("s"))) == Verdict(GOOD, T0, "degraded", 2, 3.0, numbers)


def test_a_rule_about_unknown_looks_at_every_observation():
    blind = replace(DOWN, conditions=(Condition("status", "==", "unknown"),))
    rules = rules_for(ODDS, [blind, DOWN])
    window = rules.empty_window()
    window.push(look(0, "unknown"))
    assert [e.outcome(window) for e in rules.evaluators] == [BAD, None]
    window.close(T0 + TICK)
    assert [e.outcome(window) for e in rules.evaluators] == [None, None]


@pytest.mark.parametrize(
    ("op", "outcomes"),
    [
        ("==", [GOOD, BAD, GOOD]),
        ("!=", [BAD, GOOD, BAD]),
        (">", [GOOD, GOOD, BAD]),
        (">=", [GOOD, BAD, BAD]),
        ("<", [BAD, GOOD, GOOD]),
        ("<=", [BAD, BAD, GOOD]),
    ],
)
def test_each_operator_compares_as_it_is_written(op, outcomes):
    rule = Rule("few", Pattern.THRESHOLD, (Condition("items", op, 50),))
    verdicts = [evaluate(rule, ODDS, Inputs((look(0, items=n),))) for n in (49, 50, 51)]
    assert [v.outcome for v in verdicts] == outcomes
    assert verdicts[0] == Verdict(outcomes[0], T0, "49, limit 50", 49, 50.0, {"metric": "items", "op": op})


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (None, Verdict(UNKNOWN, T0, "no new value to evaluate")),
        (Score(T0 - 9, None), Verdict(UNKNOWN, T0 - 9, "no data to score")),
        (
            Score(T0 - 9, 95.04),
            Verdict(
                GOOD,
                T0 - 9,
                "score 95.0, limit 90",
                95.04,
                90.0,
                {"metric": "quality", "op": "<", "raw": None, "half_width": None},
            ),
        ),
        (
            Score(T0, 89.0, uncertain=True),
            Verdict(
                UNKNOWN,
                T0,
                "score 89.0, limit 90, uncertain: too few rows to tell",
                89.0,
                90.0,
                {"metric": "quality", "op": "<", "raw": None, "half_width": None},
            ),
        ),
        (
            Score(T0, 89.0, 89.04, 1.46),
            Verdict(
                UNKNOWN,
                T0,
                "score 89.0, limit 90, uncertain: the interval 89.0 ± 1.5 includes the limit",
                89.0,
                90.0,
                {"metric": "quality", "op": "<", "raw": 89.04, "half_width": 1.46},
            ),
        ),
    ],
)
def test_a_score_is_told_at_its_own_moment_with_its_interval(score, verdict):
    scores = () if score is None else (score,)
    assert evaluate(QUALITY, ODDS, Inputs((look(0),), scores)) == verdict


def test_a_score_that_is_uncertain_without_an_interval_and_one_that_never_came_have_their_words():
    half = evaluate(QUALITY, ODDS, Inputs((look(0),), (Score(T0, 89.0, raw=89.0, uncertain=True),)))
    assert half.reason == "score 89.0, limit 90, uncertain: too few rows to tell"
    rules = rules_for(ODDS, [QUALITY])
    window = rules.empty_window()
    window.close(T0)
    assert rules.evaluators[0].explain(window, UNKNOWN) == Verdict(UNKNOWN, T0, "no data to score")


# Several conditions.

BOTH = Rule(
    "thin-and-slow",
    Pattern.THRESHOLD,
    (Condition("items", "<", 50.0), Condition("response_ms", ">", 2000.0, HOUR, "mean")),
)


def test_a_combined_verdict_names_every_part_and_the_first_that_is_bad():
    observations = tuple(look(i, items=60 - i, response_ms=3000.0) for i in range(13))
    parts = [
        {"metric": "items", "agg": "last", "op": "<", "value": 48, "limit": 50.0, "points": 1},
        {"metric": "response_ms", "agg": "mean", "op": ">", "value": 3000.0, "limit": 2000.0, "points": 12},
    ]
    verdict = evaluate(BOTH, ODDS, Inputs(observations))
    reason = "items 48 (bad: < 50) and mean response_ms 3.00 s (bad: > 2 s)"
    assert verdict == Verdict(BAD, T0 + 12 * TICK, reason, 48, 50.0, {"conditions": parts})
    either = evaluate(replace(BOTH, combine="any"), ODDS, Inputs(observations[:7]))
    assert either.reason == "items 54 (bad: < 50) or mean response_ms 3.00 s (bad: > 2 s)"
    assert (either.outcome, either.value, either.limit) == (BAD, 3000.0, 2000.0)


@pytest.mark.parametrize(
    ("items", "ms", "both", "either"),
    [
        (10, 3000.0, BAD, BAD),
        (10, 100.0, GOOD, BAD),
        (90, 3000.0, GOOD, BAD),
        (90, 100.0, GOOD, GOOD),
        (None, 3000.0, UNKNOWN, BAD),
        (None, 100.0, GOOD, UNKNOWN),
        (10, None, UNKNOWN, BAD),
        (90, None, GOOD, UNKNOWN),
    ],
)
def test_one_good_part_decides_all_and_one_bad_part_decides_any(items, ms, both, either):
    rule = replace(BOTH, conditions=(Condition("items", "<", 50.0), Condition("response_ms", ">", 2000.0)))
    seen = Inputs((look(0, items=items, response_ms=ms),))
    assert [evaluate(replace(rule, combine=c), ODDS, seen).outcome for c in ("all", "any")] == [both, either]


def test_a_combined_rule_speaks_when_any_of_its_values_is_new():
    rules = rules_for(ODDS, [replace(BOTH, combine="any")])
    window = rules.empty_window()
    said = []
    for observation in (look(0, "down"), look(1, items=1, response_ms=None), look(2), look(3, "unknown")):
        window.push(observation)
        said.append(rules.evaluators[0].outcome(window))
    assert said == [None, BAD, UNKNOWN, None]


# The detector, flapping, the instance.


def test_an_anomaly_in_full():
    found = Finding("odds_api", Metric.ITEMS, Term.STEP, Change.OPENED, T0, T0 - TICK, 8.0, 6.0, 90.0, 12.0, "fell")
    word = AnomalyVerdict(Judgement.BAD, "items 12, expected 90", True, T0 - TICK, 8.0, (found,))
    shown = {"metric": "items", "term": "step", "score": 8.0, "threshold": 6.0}
    shown |= {"expected": 90.0, "observed": 12.0, "since": T0 - TICK}
    verdict = evaluate(ANOMALY, ODDS, Inputs((look(0),), anomaly=word))
    assert verdict == Verdict(BAD, T0, word.reason, 8.0, 6.0, {"findings": [shown]}, since=T0 - TICK)
    fresh = evaluate(ANOMALY, ODDS, Inputs((look(0),), anomaly=replace(word, news="no items, 28 before")))
    assert fresh == replace(verdict, news="no items, 28 before")
    calm = AnomalyVerdict(Judgement.UNKNOWN, "maintenance", False, None, 0.0)
    assert evaluate(ANOMALY, ODDS, Inputs((look(0),), anomaly=calm)) == Verdict(
        UNKNOWN, T0, "maintenance", 0.0, None, {"findings": []}
    )


def test_the_detectors_word_is_taken_once():
    rules = rules_for(ODDS, [ANOMALY])
    window = rules.empty_window()
    window.push(look(0))
    window.set_anomaly(AnomalyVerdict(Judgement.BAD, "strange", True, T0, 8.0))
    assert [r.name for r, _ in evaluate_rules(rules, window)] == ["anomaly"]
    assert evaluate_rules(rules, window) == []
    window.push(look(1))
    assert rules.evaluators[0].outcome(window) is None


def test_a_flapping_source_in_full():
    rule = Rule("flaps", Pattern.FLAPPING)
    verdict = evaluate(rule, ODDS, Inputs(fleet("u" * 21 + "ud" * 12)))
    assert (verdict.outcome, verdict.slot, verdict.value, verdict.limit) == (BAD, T0 + 44 * TICK, 100.0, 30.0)
    assert verdict.reason == "100.0% of the last 21 states changed, starts at 30%, ends at 20%"
    assert verdict.numbers == {"changed_percent": 100.0}
    rules = rules_for(ODDS, [rule])
    window = rules.empty_window()
    window.push(look(0), maintenance=True)
    assert rules.evaluators[0].outcome(window) is None
    window.push(look(1, "unknown"))
    assert rules.evaluators[0].outcome(window) is None
    window.push(look(2, "down"))
    assert rules.evaluators[0].outcome(window) is GOOD


def test_facts_of_the_instance_in_full():
    rule = Rule("checks", Pattern.DAGSTER_CHECK)
    said = evaluate_external(
        rule,
        [
            ExternalFact("check", "b:nulls", False, T0, "3 nulls", "run1"),
            ExternalFact("check", "a:rows", True, T0 + 1),
            ExternalFact("run", "nightly", False, T0),
        ],
    )
    numbers = {"run_id": "", "kind": "check"}
    assert said == [
        Verdict(GOOD, T0 + 1, "check a:rows passed", numbers=numbers, settled=True, label="a:rows"),
        Verdict(BAD, T0, "check b:nulls failed: 3 nulls", numbers=numbers | {"run_id": "run1"}, label="b:nulls"),
    ]
    runs = evaluate_external(replace(rule, pattern=Pattern.DAGSTER_RUN), [ExternalFact("run", "nightly", None, T0)])
    assert runs == [
        Verdict(UNKNOWN, T0, "run of nightly not decided yet", numbers={"run_id": "", "kind": "run"}, label="nightly")
    ]


def names(rule: Rule, *facts: ExternalFact) -> list[str]:
    return [v.label for v in evaluate_external(rule, facts)]


def test_a_pattern_may_name_the_asset_without_its_check_and_a_job_is_one_name():
    checks = [ExternalFact("check", n, False, T0) for n in ("raw/odds:nulls", "raw/odds:a:b", "raw/oddsmaker:nulls")]
    assert names(Rule("c", Pattern.DAGSTER_CHECK, assets=("raw/odds",)), *checks) == ["raw/odds:nulls"]
    assert names(Rule("c", Pattern.DAGSTER_CHECK, assets=("raw/odds:a",)), *checks) == ["raw/odds:a:b"]
    run = ExternalFact("run", "nightly:eu", False, T0)
    assert names(Rule("r", Pattern.DAGSTER_RUN, jobs=("nightly",)), run) == []
    assert names(Rule("r", Pattern.DAGSTER_RUN, jobs=("nightly:*",)), run) == ["nightly:eu"]


def test_patterns_of_assets_and_jobs_choose_and_the_newest_fact_of_a_name_counts():
    checks = [ExternalFact("check", n, False, T0) for n in ("raw/odds:nulls", "models/a:rows", "models/b:nulls")]
    by_asset = Rule("c", Pattern.DAGSTER_CHECK, assets=("raw/*", "*:rows"), jobs=("nothing",))
    assert names(by_asset, *checks) == ["models/a:rows", "raw/odds:nulls"]
    runs = [ExternalFact("run", n, False, T0) for n in ("nightly", "hourly")]
    assert names(Rule("r", Pattern.DAGSTER_RUN, jobs=("night*",), assets=("hourly",)), *runs) == ["nightly"]
    assert names(Rule("r", Pattern.DAGSTER_RUN), *runs, *checks) == ["hourly", "nightly"]
    of_one = [ExternalFact("run", "x", ok, at) for ok, at in ((False, T0 + 5), (True, T0), (None, T0 + 5))]
    assert [v.outcome for v in evaluate_external(Rule("r", Pattern.DAGSTER_RUN), of_one)] == [UNKNOWN]
    assert [v.outcome for v in evaluate_external(Rule("r", Pattern.DAGSTER_RUN), of_one[:2])] == [BAD]


def test_a_run_is_chosen_by_its_job_with_or_without_location_or_by_its_asset():
    job = ExternalFact("run", "north/nightly", False, T0, other_names=("nightly",))
    asset = ExternalFact("run", "north/asset:models/a", False, T0, other_names=("__ASSET_JOB",), asset="models/a")
    assert names(Rule("r", Pattern.DAGSTER_RUN, jobs=("night*",)), job, asset) == ["north/nightly"]
    assert names(Rule("r", Pattern.DAGSTER_RUN, jobs=("north/*",)), job, asset) == [
        "north/asset:models/a",
        "north/nightly",
    ]
    assert names(Rule("r", Pattern.DAGSTER_RUN, assets=("models/*",)), job, asset) == ["north/asset:models/a"]
    assert names(Rule("r", Pattern.DAGSTER_RUN, jobs=("*",)), job, asset) == ["north/asset:models/a", "north/nightly"]


def test_a_daemon_is_dead_after_its_limit_and_alive_before_half_of_it():
    rule = Rule("d", Pattern.DAGSTER_DAEMON, over_s=300)

    def said(held_s: int, ok: bool | None = True, detail: str = "") -> tuple[object, str]:
        (verdict,) = evaluate_external(rule, [ExternalFact("daemon", "SENSOR", ok, T0, detail, held_s=held_s)])
        return verdict.outcome, verdict.reason

    assert said(10) == (GOOD, "daemon SENSOR sent a heartbeat 10 s ago")
    assert said(200)[0] is UNKNOWN
    assert said(300) == (BAD, "daemon SENSOR sent no heartbeat for 5 min (limit 5m)")
    assert said(10, False, "no such table") == (BAD, "daemon SENSOR fails: no such table")
    assert said(10, None)[0] is UNKNOWN, "it has never sent one"
