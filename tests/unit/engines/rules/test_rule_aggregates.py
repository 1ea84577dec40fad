"""What a condition measures: an aggregate over its window, the newest value, a score that is young enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_engine_stories import HOUR, MIN, NO_DATA, ODDS, T0, TICK, look

from busta_health_dagster.domain.rule import Condition, Pattern, Rule
from busta_health_dagster.domain.source import QualitySpec
from busta_health_dagster.domain.verdict import Outcome, Score, Verdict
from busta_health_dagster.engines.rules import Inputs, evaluate, rules_for
from busta_health_dagster.engines.rules.evaluators import aggregate

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


def over(metric: str, agg: str, over_s: int, op: str = ">", limit: float = 0.0, **more) -> Rule:
    return Rule(f"{agg}-{metric}", Pattern.THRESHOLD, (Condition(metric, op, limit, over_s, agg),), **more)


def measured(verdict: Verdict) -> list[tuple[float | None, int]]:
    return [(c["value"], c["points"]) for c in verdict.numbers["conditions"]]


@pytest.mark.parametrize(
    ("agg", "value"),
    [("mean", 260.0), ("min", 20.0), ("max", 580.0), ("p50", 140.0), ("p90", 580.0), ("p95", 580.0), ("p99", 580.0)],
)
def test_an_aggregate_is_taken_over_the_points_of_its_window_and_over_no_older_one(agg, value):
    times = [9000.0, 20.0, 100.0, 140.0, 580.0, 460.0]
    rule = over("response_ms", agg, 5 * TICK)
    verdict = evaluate(rule, ODDS, Inputs(tuple(look(i, response_ms=ms) for i, ms in enumerate(times))))
    assert measured(verdict) == [(value, 5)]
    assert (verdict.outcome, verdict.value, verdict.limit) == (BAD, value, 0.0)


def test_a_mean_does_not_grow_with_the_number_of_points_that_it_is_of():
    rule = over("response_ms", "mean", HOUR, limit=250.0)
    said = [evaluate(rule, ODDS, Inputs(tuple(look(i) for i in range(n)))).outcome for n in (6, 12, 40)]
    assert said == [GOOD, GOOD, GOOD], "each answer took 200 ms"


def test_a_percentile_is_the_nearest_rank_of_values_in_any_order():
    points = [float(n) for n in (7, 3, 10, 1, 9, 2, 8, 4, 6, 5)]
    assert [aggregate(points, p) for p in ("p50", "p90", "p95", "p99")] == [5.0, 9.0, 10.0, 10.0]
    assert aggregate([float(n) for n in range(1, 102)], "p99") == 100.0
    assert (aggregate(points, "last"), aggregate([4.0], "p50")) == (5.0, 4.0)


def test_half_of_the_expected_points_are_enough_and_one_fewer_are_not():
    rule = over("response_ms", "mean", HOUR)
    said = [evaluate(rule, ODDS, Inputs(tuple(look(i) for i in range(n)))) for n in (5, 6)]
    assert [v.outcome for v in said] == [UNKNOWN, BAD]
    assert [measured(v) for v in said] == [[(None, 5)], [(200.0, 6)]]
    assert said[0].reason == "mean response_ms no value (bad: > 0 ms)"


def test_a_window_of_scores_expects_one_point_for_each_score_not_for_each_observation():
    hourly = over("quality", "mean", 4 * HOUR, "<", 90.0)
    scores = tuple(Score(T0 + i * HOUR, 80.0 + 4 * i) for i in range(5))
    assert measured(evaluate(hourly, ODDS, Inputs((look(0),), scores))) == [(90.0, 4)]
    assert measured(evaluate(hourly, ODDS, Inputs((look(0),), scores[:1]))) == [(None, 1)]
    for source in (replace(ODDS, quality=QualitySpec(every_s=2 * HOUR)), replace(ODDS, quality=None, interval_s=HOUR)):
        assert measured(evaluate(hourly, source, Inputs((look(0, source=source),), scores[:2]))) == [(82.0, 2)]


def test_a_window_of_scores_ends_at_the_newest_score_and_any_other_at_the_newest_slot():
    scores = tuple(Score(T0 + i * HOUR, 80.0 + 4 * i) for i in range(5))
    rules = rules_for(ODDS, [over("quality", "max", 2 * HOUR), over("items", "max", HOUR)])
    window = rules.empty_window()
    for i in range(7):
        window.push(look(i, items=i))
    for score in scores[:2]:
        window.push_score(score)
    window.push(look(9 * 12, items=5))
    quality, items = (e.explain(window, GOOD) for e in rules.evaluators)
    assert measured(quality) == [(84.0, 2)], "a score of eight hours ago is the newest there is"
    assert measured(items) == [(None, 1)]


def test_a_score_that_is_newer_than_the_newest_slot_moves_no_other_window():
    rules = rules_for(ODDS, [over("items", "max", HOUR)])
    window = rules.empty_window()
    for i in range(12):
        window.push(look(i, items=i))
    window.push_score(Score(T0 + 11 * TICK + HOUR // 2, 80.0))
    assert measured(rules.evaluators[0].explain(window, GOOD)) == [(11, 12)]


def test_the_newest_value_needs_no_window_even_where_the_rule_has_one():
    plain = Rule("newest", Pattern.THRESHOLD, (Condition("items", "<", 50.0),), over_s=HOUR)
    written = replace(plain, conditions=(Condition("items", "<", 50.0, HOUR),))
    for rule in (plain, written):
        newest = evaluate(rule, ODDS, Inputs((look(0, items=9),)))
        assert (newest.outcome, newest.reason) == (BAD, "9, limit 50")
        both = replace(rule, conditions=(*rule.conditions, Condition("attempts", "<", 9.0, None, "mean")))
        said = evaluate(both, ODDS, Inputs(tuple(look(i, items=9) for i in range(12))))
        assert measured(said) == [(9, 1), (1.0, 12)]
    free = Rule("free", Pattern.THRESHOLD, (Condition("items", "<", 50.0, None, "mean"), *plain.conditions))
    assert measured(evaluate(free, ODDS, Inputs((look(0, items=9),)))) == [(9, 1), (9, 1)]


def test_a_window_shorter_than_its_interval_needs_one_point_and_a_broken_number_is_rounded_down():
    for over_s, points in ((TICK // 2, 1), (TICK, 1), (3 * TICK - 1, 1), (3 * TICK, 2)):
        rule = over("items", "mean", over_s)
        seen = [evaluate(rule, ODDS, Inputs(tuple(look(i, items=9) for i in range(n)))) for n in range(1, 3)]
        enough = next(n for n, verdict in enumerate(seen, 1) if verdict.outcome is BAD)
        assert (over_s, enough) == (over_s, points)


def beside_items() -> Rule:
    conditions = (Condition("quality", "<", 90.0), Condition("items", "<", 50.0))
    return Rule("thin-and-poor", Pattern.THRESHOLD, conditions)


@pytest.mark.parametrize(
    ("every", "old", "counts"),
    [(HOUR, 2 * HOUR, True), (HOUR, 2 * HOUR + TICK, False), (None, 2 * TICK, True), (None, 3 * TICK, False)],
)
def test_a_score_older_than_two_of_its_intervals_says_nothing_about_now(every, old, counts):
    source = replace(ODDS, quality=None if every is None else QualitySpec(suite="odds", every_s=every))
    rules = rules_for(source, [beside_items()])
    window = rules.empty_window()
    window.push_score(Score(T0, 70.0))
    window.push(look(old // TICK, items=10))
    verdict = rules.evaluators[0].verdict(window)
    assert verdict is not None
    assert verdict.outcome is (BAD if counts else UNKNOWN)
    assert measured(verdict)[0][0] == (70.0 if counts else None)


def test_a_combined_rule_without_any_score_waits_for_one():
    verdict = evaluate(beside_items(), ODDS, Inputs((look(0, items=10),)))
    assert (verdict.outcome, measured(verdict)) == (UNKNOWN, [(None, 1), (10, 1)])
    assert (verdict.value, verdict.limit) == (10, 50.0), "what is bad is named, also while another part is unknown"


def test_a_failed_observation_is_no_status_to_combine_with_unless_the_rule_asks_for_unknown():
    down = Rule("d", Pattern.STATUS, (Condition("status", "==", "down"), Condition("attempts", ">", 1.0)))
    lost = replace(down, conditions=(Condition("status", "==", "unknown"), Condition("attempts", ">", 1.0)))
    blind = (look(0, "unknown", attempts=3),)
    assert measured(evaluate(lost, ODDS, Inputs(blind)))[0] == (0, 1)
    rules = rules_for(ODDS, [down, lost])
    window = rules.empty_window()
    window.push(blind[0])
    assert [e.outcome(window) for e in rules.evaluators] == [None, BAD]


def test_an_unknown_status_is_no_value_and_a_count_of_nothing_is_one():
    both = (Condition("status", "==", "down"), Condition("items", "<", 50.0))
    rule = Rule("down-and-empty", Pattern.THRESHOLD, both)
    blind = evaluate(rule, ODDS, Inputs((look(0, "unknown", items=0),)))
    assert (blind.outcome, measured(blind)) == (UNKNOWN, [(None, 1), (0, 1)])
    assert blind.reason == "status no value (bad: == down) and items 0 (bad: < 50)"
    down = evaluate(rule, ODDS, Inputs((look(0, "down", items=0),)))
    assert (down.outcome, measured(down)) == (BAD, [(3, 1), (0, 1)])


@pytest.mark.parametrize("bad_first", [True, False])
def test_missing_data_begin_one_interval_after_the_last_verdict(bad_first):
    rules = rules_for(ODDS, [NO_DATA])
    window = rules.empty_window()
    window.push(look(0, "down" if bad_first else "up"))
    for i in range(1, 4):
        window.close(T0 + i * TICK)
    verdict = rules.evaluators[0].verdict(window)
    assert verdict is not None
    assert (verdict.outcome, verdict.since, verdict.slot) == (BAD, T0 + TICK, T0 + 3 * TICK)
    assert verdict.reason == "no verdict for 3 intervals, limit 3"
    assert verdict.numbers == {"missing": 3, "lost_to_network": 0}
    assert (verdict.value, verdict.limit) == (3.0, 3.0)


def test_a_source_that_never_had_a_verdict_is_missing_since_its_first_slot():
    rules = rules_for(ODDS, [NO_DATA])
    window = rules.empty_window()
    said = []
    for i in range(3):
        window.close(T0 + i * TICK)
        said.append(rules.evaluators[0].verdict(window))
    assert [(v.outcome, v.since, v.value) for v in said if v] == [
        (UNKNOWN, None, 1.0),
        (UNKNOWN, None, 2.0),
        (BAD, T0, 3.0),
    ]
    assert said[0] is not None
    assert said[0].reason == "no verdict for 1 interval, limit 3"


def test_slots_lost_to_our_own_network_are_named_and_silence_is_counted_without_them():
    rules = rules_for(ODDS, [replace(NO_DATA, intervals=2)])
    window = rules.empty_window()
    window.push(look(0))
    window.push(look(1, "unknown", reason="network"))
    lost = rules.evaluators[0].verdict(window)
    window.close(T0 + 2 * TICK, lost=True)
    window.close(T0 + 3 * TICK)
    one = rules.evaluators[0].verdict(window)
    window.close(T0 + 4 * TICK)
    two = rules.evaluators[0].verdict(window)
    window.push(look(5))
    again = rules.evaluators[0].verdict(window)
    assert [(v.outcome, v.value, v.numbers["lost_to_network"]) for v in (lost, one, two, again) if v] == [
        (UNKNOWN, 0.0, 1),
        (UNKNOWN, 1.0, 2),
        (BAD, 2.0, 2),
        (GOOD, 0.0, 0),
    ]
    assert lost is not None
    assert lost.reason == "not evaluated: the slot was lost to the monitor's own network"
    assert again is not None
    assert (again.reason, again.since) == ("a verdict again", None)


def test_what_is_measured_by_the_minute_is_missing_after_minutes():
    quick = replace(ODDS, interval_s=MIN)
    rules = rules_for(quick, [NO_DATA])
    window = rules.empty_window()
    window.push(look(0, source=quick))
    window.close(T0 + 3 * MIN)
    assert rules.evaluators[0].outcome(window) is BAD


def test_a_source_that_keeps_us_away_is_said_to_do_so():
    rules = rules_for(ODDS, [replace(NO_DATA, intervals=2)])
    window = rules.empty_window()
    window.push(look(0))
    for i in (1, 2):
        window.push(look(i, "degraded", reason="rate_limited"))
    verdict = rules.evaluators[0].verdict(window)
    assert verdict is not None
    assert (verdict.outcome, verdict.reason) == (BAD, "the source keeps us away (429) for 2 intervals, limit 2")
