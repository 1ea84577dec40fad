"""Every pattern's verdict in full: outcome, slot, sentence, value, limit and numbers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from alerting import ANOMALY, BURN, DOWN, HOUR, NO_DATA, ODDS, QUALITY, RATE, RULES, SLOW, T0, TICK, by_hand, look

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Change, Finding, Judgement, Metric, Term
from busta_health_dagster.domain.observation import Observation
from busta_health_dagster.domain.rule import Condition, Override, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Sla
from busta_health_dagster.domain.verdict import ExternalFact, Outcome, Score, Verdict
from busta_health_dagster.engines.rules import (
    Inputs,
    evaluate,
    evaluate_external,
    evaluate_rules,
    rules_for,
    survey,
)
from busta_health_dagster.engines.rules.evaluators import Evaluator

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


def fleet(pattern: str, source=ODDS) -> tuple[Observation, ...]:
    words = {"u": "up", "d": "down", "?": "unknown", "s": "degraded"}
    return tuple(look(i, words[c], source) for i, c in enumerate(pattern))


def last(pattern: str) -> int:
    return T0 + (len(pattern) - 1) * TICK


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


# Shares of slots.


def test_a_failure_rate_in_full():
    numbers = {"failed": 4, "observed": 64, "over_s": 6 * HOUR, "good_in_a_row": 0}
    pattern = "u" * 60 + "dddd"
    reason = "6.25% failed (4 of 64) over 6h, limit 5% and at least 4"
    bad = Verdict(BAD, last(pattern), reason, 6.25, 5.0, numbers, last_bad=last(pattern))
    assert evaluate(RATE, ODDS, Inputs(fleet(pattern))) == bad
    cleared = evaluate(RATE, ODDS, Inputs(fleet(pattern + "uuuuuu")))
    assert (cleared.outcome, cleared.settled, cleared.last_bad) == (GOOD, True, last(pattern))
    assert cleared.reason == "5.71% failed (4 of 70) over 6h, limit 5% and at least 4; 6 good in a row"
    healthy = evaluate(RATE, ODDS, Inputs(fleet("u" * 5)))
    assert (healthy.outcome, healthy.settled, healthy.last_bad, healthy.value) == (GOOD, False, None, 0.0)
    patient = replace(RATE, recover_after=8)
    settled = [evaluate(patient, ODDS, Inputs(fleet(pattern + "u" * n))).settled for n in (6, 7, 8)]
    assert settled == [False, False, True]


def test_a_failure_rate_without_any_slot_says_so():
    rules = rules_for(ODDS, [RATE])
    verdict = rules.evaluators[0].explain(rules.empty_window(), UNKNOWN)
    assert (verdict.reason, verdict.value) == ("no look (0 of 0) over 6h, limit 5% and at least 4", None)


def test_a_failure_rate_speaks_at_scheduled_verdicts_only():
    rules = rules_for(ODDS, [RATE, replace(RATE, name="half", over_s=HOUR)])
    window = rules.empty_window()
    for observation in fleet("dddd"):
        window.push(observation)
    assert [e.outcome(window) for e in rules.evaluators] == [BAD, BAD]
    window.push(by_hand(4))
    assert [e.outcome(window) for e in rules.evaluators] == [None, None]
    window.push(look(4))
    assert [e.outcome(window) for e in rules.evaluators] == [BAD, BAD]


def test_a_burn_rate_in_full():
    pattern = "u" * 20 + "dudd"
    slots = {"bad_of_3": 2.0, "bad_of_6": 3.0, "bad_of_12": 3.0, "bad_of_72": 3.0, "bad_of_864": 3.0}
    reason = "tier A: 3 of the last 12 slots bad (limit 3) and 2 of 3 (limit 2); 30 days allow 43.2"
    assert evaluate(BURN, ODDS, Inputs(fleet(pattern))) == Verdict(
        BAD,
        last(pattern),
        reason,
        3.0,
        3.0,
        slots | {"tier": "A", "allowed_in_30d": 43.2},
        severity=Severity.CRITICAL,
        last_bad=last(pattern),
    )
    quiet = evaluate(BURN, ODDS, Inputs(fleet("u" * 20 + "d" + "u")))
    assert quiet.reason == "1 of the last 12 slots bad, 1 of 864: no tier holds"
    assert (quiet.outcome, quiet.numbers["tier"], quiet.severity, quiet.last_bad) == (GOOD, None, None, None)
    assert (quiet.value, quiet.limit) == (None, None)


@pytest.mark.parametrize(
    ("pattern", "tier"),
    [
        ("u" * 20 + "ddu" + "d", "A"),
        ("u" * 20 + "ddu" + "ud", ""),
        ("u" * 20 + "dd" + "u" * 9 + "d", ""),
        ("u" * 20 + "ddd" + "u" * 62 + "ddu", "B"),
        ("u" * 20 + "ddd" + "u" * 62 + "dduuuuu", ""),
        ("u" * 20 + "ddd" + "u" * 68 + "dd", ""),
        ("d" * 7 + "u" * 790 + "duuuuud" + "u" * 60, "C"),
        ("d" * 7 + "u" * 790 + "duuuuud" + "u" * 61, ""),
        ("d" * 6 + "u" * 790 + "duuuuud" + "u" * 60, ""),
    ],
)
def test_the_windows_of_the_burn_tiers_end_where_they_say(pattern, tier):
    verdict = evaluate(BURN, ODDS, Inputs(fleet(pattern)))
    assert (verdict.numbers["tier"] or "", verdict.outcome) == (tier, BAD if tier else GOOD)


def test_a_budget_of_fewer_than_ten_slots_is_reported_only():
    def left_out(uptime: str, interval_s: int = TICK) -> str:
        source = replace(ODDS, sla=Sla(Fraction(uptime)), interval_s=interval_s)
        return dict(rules_for(source, [BURN]).not_applied).get("budget-burn", "")

    assert left_out("0.999") == "99.9% at 5m allows 8.64 bad slots in 30 days, fewer than 10: reported, not alerted"
    assert left_out("0.999", 259) == "", "10.008 slots"
    assert left_out("0.999", 260).startswith("99.9% at 4m20s allows 9.97 ")


TREND = Rule("cert", Pattern.TREND, (Condition("tls_days_left", "<", 14.0),), over_s=HOUR, within_s=2 * HOUR)


def days(*values: float) -> Inputs:
    return Inputs(tuple(look(i, tls_days_left=v) for i, v in enumerate(values)))


def test_a_trend_in_full():
    falling = [16.0 - i / 12 for i in range(12)]  # one day an hour
    verdict = evaluate(TREND, ODDS, days(*falling))
    level = falling[-1]
    assert verdict.outcome is BAD
    assert (
        verdict.reason == "line through 12 points reaches 13.1 days in 2 h, limit 14.0 days; crosses it in 1 h 04 min"
    )
    assert (verdict.value, verdict.limit, verdict.slot) == (pytest.approx(level), 14.0, T0 + 11 * TICK)
    assert verdict.numbers == {
        "level": pytest.approx(level),
        "per_hour": pytest.approx(-1),
        "points": 12,
        "crosses_in_s": pytest.approx((level - 14) * HOUR),
    }
    rising = evaluate(TREND, ODDS, days(*reversed(falling)))
    assert (rising.outcome, rising.numbers["crosses_in_s"]) == (GOOD, None)
    below = evaluate(TREND, ODDS, days(*[13.0] * 12))
    assert (below.outcome, below.numbers["crosses_in_s"], below.numbers["per_hour"]) == (BAD, None, 0)
    assert below.reason == "line through 12 points reaches 13.0 days in 2 h, limit 14.0 days"


def test_a_line_needs_six_points_over_half_its_window():
    few = evaluate(TREND, ODDS, days(*[13.0] * 5))
    assert few == Verdict(UNKNOWN, T0 + 4 * TICK, "too little to fit a line: 5 points", limit=14.0)
    assert evaluate(TREND, ODDS, days(*[13.0] * 6)).outcome is UNKNOWN, "25 minutes"
    assert evaluate(TREND, ODDS, days(*[13.0] * 7)).outcome is BAD, "30 minutes"
    sparse = Inputs(tuple(look(2 * i, tls_days_left=13.0) for i in range(5)))
    assert evaluate(TREND, ODDS, sparse).outcome is UNKNOWN
    assert evaluate(TREND, ODDS, days(*[99.0] * 6, *[16.0] * 12)).numbers["level"] == pytest.approx(16.0)
    rules = rules_for(ODDS, [TREND])
    window = rules.empty_window()
    window.push(look(0))
    assert rules.evaluators[0].outcome(window) is None, "nothing was measured"


# The detector, flapping, the instance.


def test_an_anomaly_in_full():
    found = Finding("odds_api", Metric.ITEMS, Term.STEP, Change.OPENED, T0, T0 - TICK, 8.0, 6.0, 90.0, 12.0, "fell")
    word = AnomalyVerdict(Judgement.BAD, "items 12, expected 90", True, T0 - TICK, 8.0, (found,))
    shown = {"metric": "items", "term": "step", "score": 8.0, "threshold": 6.0}
    shown |= {"expected": 90.0, "observed": 12.0, "since": T0 - TICK}
    verdict = evaluate(ANOMALY, ODDS, Inputs((look(0),), anomaly=word))
    assert verdict == Verdict(BAD, T0, word.reason, 8.0, 6.0, {"findings": [shown]}, since=T0 - TICK)
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


# Compiling.


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
