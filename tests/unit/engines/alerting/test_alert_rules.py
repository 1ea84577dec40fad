"""What each rule says of a source, and when: section 4, with its numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import (
    ANOMALY,
    BURN,
    DOWN,
    HOUR,
    NEWS,
    NO_DATA,
    ODDS,
    QUALITY,
    RATE,
    RULES,
    SLOW,
    STALE,
    STATS,
    T0,
    TICK,
    by_hand,
    fleet,
    look,
)

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Judgement
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.rule import Condition, Limits, Override, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Sla
from busta_health_dagster.domain.verdict import ExternalFact, Outcome, Score
from busta_health_dagster.engines.rules import (
    Inputs,
    check_verdicts,
    classify,
    evaluate,
    evaluate_external,
    evaluate_rules,
    limits_for,
    rules_for,
    survey,
    to_state,
)

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


def said(rule: Rule, observations: list[Observation], source=ODDS, maintenance=(), scores=()) -> list[Outcome | None]:
    """What the rule says after each observation; None where it had nothing new to check."""
    rules = rules_for(source, [rule])
    window = rules.empty_window()
    out = []
    for o in observations:
        window.push(o, maintenance=o.slot in maintenance)
        verdict = rules.evaluators[0].verdict(window)
        out.append(None if verdict is None else verdict.outcome)
        window.fresh = 0
    return out


def test_the_limits_of_a_source_are_the_effective_values_of_its_rules():
    assert limits_for(ODDS, RULES) == Limits(5000.0, 600.0, 0.05, 6 * HOUR, 4, 90.0)
    assert limits_for(STATS, RULES).response_ms == 8000.0
    assert limits_for(NEWS, RULES).data_age_s is None  # neither max_data_age nor cadence
    shadowed = [replace(SLOW, shadow=True, overrides=())]
    assert limits_for(ODDS, shadowed).response_ms is None
    named_otherwise = [
        replace(SLOW, name="laggard"),
        replace(SLOW, name="crawler", conditions=(Condition("response_ms", ">", 2000.0),)),
    ]
    assert limits_for(ODDS, named_otherwise).response_ms == 2000.0
    assert limits_for(ODDS, [*named_otherwise, SLOW]).response_ms == 5000.0


def test_an_answer_over_its_limit_is_degraded_and_says_the_numbers():
    limits = limits_for(ODDS, RULES)
    slow = classify(ODDS, look(0, response_ms=6412.0, data_age_s=60.0), limits)
    assert (slow.status, slow.reason, slow.detail) == (Status.DEGRADED, "slow", "6.41 s, limit 5 s")
    stale = classify(ODDS, look(0, data_age_s=28 * HOUR + 46 * 60), limits)
    assert (stale.reason, stale.detail) == ("stale", "data 1 d 4 h old, limit 10 min")
    assert classify(ODDS, look(0, response_ms=5000.0, data_age_s=60.0), limits).status is Status.UP
    assert classify(ODDS, look(0, response_ms=6412.0, suspect=True, data_age_s=60.0), limits).status is Status.UP
    assert classify(ODDS, look(0, "down"), limits).status is Status.DOWN
    limited = look(0, "degraded", reason="rate_limited", response_ms=9000.0)
    assert classify(ODDS, limited, limits) is limited


def test_source_down_speaks_only_when_somebody_looked():
    assert said(DOWN, fleet("ud?u")) == [GOOD, BAD, None, GOOD]
    verdict = evaluate(DOWN, ODDS, Inputs((look(0, "unknown"),)))
    assert verdict.outcome is UNKNOWN


def test_slow_response_takes_the_override_of_its_source_and_ignores_suspect_times():
    at = [
        look(0, response_ms=6000.0),
        look(1, response_ms=6000.0, suspect=True),
        look(2, "down"),
        look(3, response_ms=100.0),
    ]
    assert said(SLOW, at) == [BAD, None, None, GOOD]
    on_stats = [replace(o, source=STATS.name) for o in at]
    assert said(SLOW, on_stats, STATS) == [GOOD, None, None, GOOD]
    verdict = evaluate(SLOW, STATS, Inputs((look(0, source=STATS, response_ms=8500.0),)))
    assert (verdict.outcome, verdict.value, verdict.limit, verdict.reason) == (BAD, 8500.0, 8000.0, "8.50 s, limit 8 s")


def test_a_failure_rate_needs_its_share_four_failures_and_one_among_the_last_six():
    assert said(RATE, fleet("d" + "u" * 11))[-1] is GOOD  # 1 of 12 is 8.3%: one blip
    assert said(RATE, fleet("u" * 60 + "ddd"))[-1] is GOOD
    assert said(RATE, fleet("u" * 60 + "dddd"))[-1] is BAD  # 4 of 64 is 6.25%
    assert said(RATE, fleet("u" * 76 + "ddd" + "u" + "d"))[-1] is BAD  # 4 of the last 72 is 5.6%
    long = replace(RATE, over_s=12 * HOUR)
    assert said(long, fleet("u" * 76 + "dddd"))[-1] is GOOD  # 4 of 80 is 5%: not more than


def test_a_20_minute_outage_holds_the_rate_until_six_good_in_a_row_not_for_340_minutes():
    outcomes = said(RATE, fleet("u" * 60 + "dddd" + "uuuuuu"))
    assert outcomes[-7:] == [BAD, BAD, BAD, BAD, BAD, BAD, GOOD]
    verdict = evaluate(RATE, ODDS, Inputs(fleet("u" * 60 + "dddd" + "uuuuuu")))
    assert verdict.settled
    assert verdict.last_bad == T0 + 63 * TICK


def test_the_rate_forgets_what_left_its_window_and_what_lay_in_maintenance():
    planned = {T0 + i * TICK for i in range(60, 64)}
    assert said(RATE, fleet("u" * 60 + "dddd"), maintenance=planned)[-1] is None
    assert said(RATE, fleet("u" * 60 + "dddd" + "d"), maintenance=planned)[-1] is GOOD
    assert said(RATE, fleet("dddd" + "?" * 72 + "d"))[-1] is GOOD
    assert said(RATE, [*fleet("u" * 60 + "ddd"), by_hand(63, "down")])[-1] is None


def test_a_score_labelled_uncertain_is_silent_and_a_cap_is_never_uncertain():
    def on(score: Score) -> Outcome:
        return evaluate(QUALITY, ODDS, Inputs((look(0),), scores=(score,))).outcome

    assert on(Score(T0, 89.0, raw=89.0, half_width=0.5)) is BAD
    assert on(Score(T0, 89.0, raw=89.0, half_width=1.8)) is UNKNOWN
    assert on(Score(T0, 69.0, raw=91.0, half_width=2.0)) is BAD
    assert on(Score(T0, None)) is UNKNOWN
    assert on(Score(T0, 90.0)) is GOOD
    verdict = evaluate(QUALITY, ODDS, Inputs((look(0),), scores=(Score(T0, 89.0, 89.0, 1.8),)))
    assert verdict.reason == "score 89.0, limit 90, uncertain: the interval 89.0 ± 1.8 includes the limit"


def test_an_hourly_score_is_evaluated_once_an_hour_not_at_every_look():
    rules = rules_for(ODDS, [QUALITY])
    window = rules.empty_window()
    seen = 0
    for i in range(24):
        window.push(look(i))
        if i % 12 == 0:
            window.push_score(Score(T0 + i * TICK, 80.0))
        seen += len(evaluate_rules(rules, window))
    assert seen == 2
    assert not window.push_score(Score(T0, 10.0))  # older than the newest


def test_stale_data_has_no_limit_where_the_source_has_none():
    assert rules_for(NEWS, [STALE]).not_applied == (
        ("stale-data", "rss_news has neither max_data_age nor cadence, so no limit of data age"),
    )
    hourly = replace(NEWS, cadence_s=HOUR)
    verdict = evaluate(STALE, hourly, Inputs((look(0, source=hourly, data_age_s=5281.0),)))
    assert (verdict.outcome, verdict.limit) == (BAD, 5280.0)  # 1.3 h + 10 min


def test_no_data_counts_intervals_without_a_verdict_but_not_those_lost_to_our_network():
    rules = rules_for(ODDS, [NO_DATA])
    window = rules.empty_window()

    def then(action) -> Outcome | None:
        action()
        verdict = rules.evaluators[0].verdict(window)
        window.fresh = 0
        return None if verdict is None else verdict.outcome

    assert then(lambda: window.push(look(0))) is GOOD
    assert then(lambda: window.push(look(1, "unknown", reason="probe_error"))) is UNKNOWN
    assert then(lambda: window.close(T0 + 2 * TICK)) is UNKNOWN
    assert then(lambda: window.push(look(3, "unknown", reason="network"))) is UNKNOWN
    assert then(lambda: window.close(T0 + 4 * TICK)) is BAD
    assert then(lambda: None) is None  # nothing new, nothing said
    assert then(lambda: window.push(look(5, "down"))) is GOOD  # down is a verdict


def test_a_dead_monitor_closes_no_slot_so_its_silence_is_nobodys_failure():
    rules = rules_for(ODDS, [NO_DATA])
    window = rules.empty_window()
    window.push(look(0))
    window.fresh = 0
    assert evaluate_rules(rules, window) == []  # two hours of passes without a tick
    window.push(look(24))
    assert rules.evaluators[0].outcome(window) is GOOD


@pytest.mark.parametrize(
    ("pattern", "tier", "severity"),
    [
        ("u" * 20 + "d", "", None),
        ("u" * 20 + "dudd", "A", Severity.CRITICAL),
        ("u" * 20 + "ddd" + "u" * 20 + "dd", "B", Severity.CRITICAL),
        (("u" * 60 + "d") * 7 + "u" * 60 + "d" + "u" * 40 + "d", "C", Severity.WARNING),
        (("u" * 90 + "d") * 9, "", None),  # 9 of 864, but one of the last 72
    ],
)
def test_the_burn_tiers_count_slots_and_their_severity(pattern, tier, severity):
    verdict = evaluate(BURN, ODDS, Inputs(fleet(pattern)))
    assert (verdict.numbers["tier"] or "", verdict.severity) == (tier, severity)
    ceiling = evaluate(replace(BURN, severity=Severity.WARNING), ODDS, Inputs(fleet(pattern)))
    assert ceiling.severity in (None, Severity.WARNING)


def test_burn_counts_half_a_slot_where_the_sla_does_and_skips_targets_that_cannot_be_alerted_on():
    half = replace(ODDS, sla=Sla(degraded="half"))
    verdict = evaluate(BURN, half, Inputs(fleet("u" * 20 + "sss")))
    assert verdict.numbers["bad_of_3"] == 1.5
    assert evaluate(BURN, ODDS, Inputs(fleet("u" * 20 + "sss"))).numbers["bad_of_3"] == 0
    hourly = replace(ODDS, interval_s=HOUR)
    assert "allows 3.60 bad slots" in rules_for(hourly, [BURN]).not_applied[0][1]


def test_the_flapping_pattern_has_two_thresholds():
    rule = Rule("flaps", Pattern.FLAPPING)
    outcomes = said(rule, fleet("u" * 21 + "ud" * 5 + "u" * 30))
    first_bad = outcomes.index(BAD)
    assert first_bad < 31
    assert outcomes[-1] is GOOD
    assert outcomes[first_bad:].index(GOOD) > 10


def test_a_trend_says_when_the_line_crosses_the_limit():
    rule = Rule(
        "cert",
        Pattern.TREND,
        (Condition("tls_days_left", "<", 14.0),),
        over_s=6 * HOUR,
        within_s=10 * 86400,
    )
    falling = tuple(look(i, tls_days_left=20 - i / 288) for i in range(72))
    verdict = evaluate(rule, ODDS, Inputs(falling))
    assert verdict.outcome is BAD
    assert verdict.numbers["per_hour"] == pytest.approx(-1 / 24)
    assert verdict.numbers["crosses_in_s"] == pytest.approx(5.75 * 86400, rel=0.01)
    assert evaluate(replace(rule, within_s=86400), ODDS, Inputs(falling)).outcome is GOOD
    assert evaluate(rule, ODDS, Inputs(falling[:4])).outcome is UNKNOWN


def test_all_and_any_are_three_valued():
    both = Rule(
        "thin-and-slow",
        Pattern.THRESHOLD,
        (Condition("items", "<", 50.0), Condition("response_ms", ">", 2000.0)),
        for_=3,
    )
    either = replace(both, combine="any")
    thin, slow = look(0, items=10, response_ms=100.0), look(0, items=None, response_ms=3000.0)
    assert [evaluate(r, ODDS, Inputs((thin,))).outcome for r in (both, either)] == [GOOD, BAD]
    assert [evaluate(r, ODDS, Inputs((slow,))).outcome for r in (both, either)] == [UNKNOWN, BAD]
    verdict = evaluate(both, ODDS, Inputs((look(0, items=10, response_ms=3000.0),)))
    assert verdict.reason == "items 10 (bad: < 50) and response_ms 3.00 s (bad: > 2 s)"


def test_an_aggregate_is_silent_until_half_its_window_is_filled():
    rule = Rule("p90", Pattern.THRESHOLD, (Condition("response_ms", ">", 1000.0, over_s=HOUR, agg="p90"),))
    slow = [look(i, response_ms=3000.0 if i % 5 == 4 else 100.0) for i in range(20)]
    assert said(rule, slow)[:6] == [UNKNOWN] * 5 + [BAD]


def test_the_detectors_word_is_taken_and_its_own_closing_settles():
    bad = AnomalyVerdict(Judgement.BAD, "items 12, expected 90", True, T0, 8.0)
    closed = AnomalyVerdict(Judgement.GOOD, "recovered", False, None, 0.0, closed_reason="recovered")
    assert evaluate(ANOMALY, ODDS, Inputs((look(0),), anomaly=bad)).outcome is BAD
    assert evaluate(ANOMALY, ODDS, Inputs((look(0),), anomaly=closed)).settled
    assert evaluate(ANOMALY, ODDS, Inputs((look(0),))).outcome is UNKNOWN


def test_dagster_patterns_give_one_verdict_per_check_or_job():
    rule = Rule("other-checks", Pattern.DAGSTER_CHECK, assets=("models/*",))
    facts = [
        ExternalFact("check", "models/spread:nulls", False, T0 + 1, "3 nulls"),
        ExternalFact("check", "models/spread:nulls", True, T0),
        ExternalFact("check", "raw/odds:nulls", False, T0),
        ExternalFact("run", "models/train", False, T0),
        ExternalFact("check", "models/total:rows", None, T0),
    ]
    verdicts = evaluate_external(rule, facts)
    assert [(v.label, v.outcome) for v in verdicts] == [("models/spread:nulls", BAD), ("models/total:rows", UNKNOWN)]


def test_overrides_apply_in_order_and_can_move_any_field():
    rule = replace(
        SLOW,
        overrides=(Override(Selector(), {"value": 3000.0, "for_": 4}), Override(Selector(tiers=(1,)), {"for_": 6})),
    )
    compiled = rules_for(ODDS, [rule]).by_name["slow-response"]
    assert (compiled.for_, compiled.conditions[0].value) == (6, 3000.0)
    windowed = Rule(
        "p90",
        Pattern.THRESHOLD,
        (Condition("response_ms", ">", 1.0, 3600, "p90"),),
        overrides=(Override(Selector(), {"over_s": 7200}),),
    )
    assert rules_for(ODDS, [windowed]).needs.series == (("response_ms", 7200),)


def test_judge_passes_over_good_verdicts_that_nobody_waits_for():
    rules = rules_for(ODDS, RULES)
    window = rules.empty_window()
    window.push(look(0, data_age_s=10.0))
    assert evaluate_rules(rules, window) == []
    window.push(look(1, "down"))
    assert [rule.name for rule, _ in evaluate_rules(rules, window)] == ["source-down"]
    window.push(look(2))
    assert [(r.name, v.outcome) for r, v in evaluate_rules(rules, window, {"source-down"})] == [("source-down", GOOD)]
    reasons = {name: reason for name, _, reason in survey(rules, window)}
    assert reasons["source-down"] == "up"
    assert reasons["anomaly"] == "no new value to evaluate"


def test_a_kept_window_goes_on_exactly_where_the_streamed_one_is():
    pattern = "uuudsu?uddusuuud" * 8
    rules = rules_for(
        ODDS,
        [
            *RULES,
            Rule("p90", Pattern.THRESHOLD, (Condition("response_ms", ">", 1.0, 3600, "p90"),)),
            Rule("f", Pattern.FLAPPING),
        ],
    )
    streamed = rules.empty_window()
    kept = None
    for o in fleet(pattern):
        streamed.push(o)
        resumed = rules.window(kept) or rules.empty_window()
        resumed.push(o)
        assert [e.outcome(resumed) for e in rules.evaluators] == [e.outcome(streamed) for e in rules.evaluators]
        kept = to_state(resumed)
    assert to_state(resumed) == to_state(streamed)
    other = rules_for(replace(ODDS, interval_s=60), RULES)
    assert other.window(kept) is None  # rebuilt from the store instead


def test_a_second_observation_of_a_slot_and_an_older_one_change_nothing():
    rules = rules_for(ODDS, RULES)
    window = rules.empty_window()
    assert window.push(look(3, "down"))
    before = to_state(window)
    assert not window.push(look(3))
    assert not window.push(look(2))
    assert to_state(window) == before


def test_the_checks_tell_error_from_warn_and_never_pass_what_was_not_measured():
    limits = limits_for(ODDS, RULES)
    up = check_verdicts(ODDS, limits, look(0, data_age_s=60.0), [(T0, Status.UP)])
    assert {v.outcome for v in up.values()} == {GOOD}
    down = check_verdicts(ODDS, limits, look(0, "down", reason="timeout", detail="no answer in 10 s"), [])
    assert (down["connectivity"].severity, down["connectivity"].reason) == ("ERROR", "down: no answer in 10 s")
    assert down["response_time"].outcome is down["data_age"].outcome is UNKNOWN
    slow = check_verdicts(ODDS, limits, classify(ODDS, look(0, response_ms=6412.0, data_age_s=60.0), limits), [])
    assert (slow["response_time"].outcome, slow["response_time"].severity) == (BAD, "WARN")
    assert slow["connectivity"].outcome is GOOD
    failing = [(T0 - i * TICK, Status.DOWN if i < 4 else Status.UP) for i in range(72)]
    rate = check_verdicts(ODDS, limits, look(0), failing)["failure_rate"]
    assert (rate.outcome, rate.severity, rate.numbers["failed"]) == (BAD, "ERROR", 4)
    nobody = check_verdicts(ODDS, limits, None)
    assert {v.outcome for v in nobody.values()} == {UNKNOWN}


def test_a_kept_window_still_explains_the_newest_values():
    rules = rules_for(ODDS, RULES)
    window = rules.empty_window()
    window.push(look(0, response_ms=6412.0))
    resumed = rules.window(to_state(window))
    assert resumed is not None
    assert survey(rules, resumed) == survey(rules, window)


def test_an_age_that_is_asked_for_and_not_told_is_degraded_whatever_the_rules_say():
    class NoAge:
        tells_age = False

    silent = replace(ODDS, config=NoAge())
    limits = limits_for(silent, [])
    unknown = classify(silent, look(0, items=0), limits)
    assert (unknown.status, unknown.reason) == (Status.DEGRADED, "age_unknown")
    assert "max_data_age asks for it" in unknown.detail
    assert classify(ODDS, look(0, items=0), limits).status is Status.UP, "no items, no age"
    assert classify(ODDS, look(0, items=3), limits).reason == "age_unknown"
    assert classify(ODDS, look(0, data_age_s=7200.0), limits).reason == "stale", "max_data_age holds without a rule"
