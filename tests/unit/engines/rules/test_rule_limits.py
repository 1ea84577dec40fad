"""Which limits a source has, and how values and limits are written."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from alert_engine_stories import HOUR, ODDS, QUALITY, RATE, SLOW, STALE, look

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Condition, Limits, Override, Pattern, Rule
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.rules import classify, effective, effective_rules, limits_for
from busta_health_dagster.engines.rules.limits import limit_text, limit_value, value_text


@pytest.mark.parametrize(
    ("metric", "value", "text", "limit"),
    [
        ("response_ms", 94.4, "94 ms", "94.4 ms"),
        ("response_ms", 999.0, "999 ms", "999 ms"),
        ("response_ms", 1000.0, "1.00 s", "1 s"),
        ("response_ms", 6412.0, "6.41 s", "6.412 s"),
        ("data_age_s", 5400.0, "1 h 30 min", "1 h 30 min"),
        ("failed", 5.556, "5.6%", "5.556%"),
        ("quality", 89.04, "89.0", "89.04"),
        ("status", 3.0, "down", "down"),
        ("status", 0.0, "unknown", "unknown"),
        ("tls_days_left", 13.96, "14.0 days", "14.0 days"),
        ("items", 12345.0, "12,345", "12,345"),
        ("items", 0.5, "0.5", "0.5"),
        ("attempts", 1234.0, "1,234", "1,234"),
        ("size_bytes", 2048.25, "2.0 kB", "2,048.25"),
    ],
)
def test_values_are_written_for_people_and_limits_as_in_the_file(metric, value, text, limit):
    assert (value_text(metric, value), limit_text(value, metric)) == (text, limit)
    assert value_text(metric, None) == "—"


def test_a_limit_is_a_number_a_status_or_the_sources_own_age():
    assert limit_value(Condition("status", "==", "down"), ODDS) == float(Status.DOWN)
    assert limit_value(Condition("items", "<", 5), ODDS) == 5.0
    assert limit_value(Condition("data_age_s", ">", "max_data_age"), ODDS) == 600.0
    assert limit_value(Condition("data_age_s", ">", "max_data_age"), replace(ODDS, max_data_age_s=None)) is None


def limit_of(*rules: Rule) -> float | None:
    return limits_for(ODDS, rules).response_ms


def test_the_lowest_fitting_rule_is_the_limit_where_none_has_the_name():
    def named(name: str, value: float, **more) -> Rule:
        op = more.pop("op", ">")
        return Rule(name, Pattern.THRESHOLD, (Condition("response_ms", op, value),), **more)

    assert limit_of(named("a", 3000.0), named("b", 2000.0)) == 2000.0
    assert limit_of(named("a", 3000.0), named("slow-response", 7000.0), named("b", 1.0)) == 7000.0
    assert limit_of(named("a", 3000.0, op=">=")) == math.nextafter(3000.0, 0)
    for unfit in (
        named("a", 9.0, op="<"),
        named("a", 9.0, shadow=True),
        replace(named("a", 9.0), pattern=Pattern.STATUS),
        replace(named("a", 9.0), conditions=(Condition("response_ms", ">", 9.0), Condition("items", "<", 1.0))),
        replace(named("a", 9.0), conditions=(Condition("response_ms", ">", 9.0, 3600, "mean"),)),
        replace(named("a", 9.0), conditions=(Condition("items", ">", 9.0),)),
        replace(named("a", 9.0), select=Selector(types=("news",))),
    ):
        assert limit_of(unfit) is None
        assert limit_of(unfit, named("b", 3000.0)) == 3000.0


def test_the_limit_of_age_is_that_of_stale_data_or_the_lowest_and_may_be_the_sources_own():
    def aged(name: str, value: float | str) -> Rule:
        return Rule(name, Pattern.THRESHOLD, (Condition("data_age_s", ">", value),))

    def age(*rules: Rule) -> float | None:
        return limits_for(ODDS, rules).data_age_s

    assert age(aged("stale-data", 900.0), aged("other", 60.0)) == 900.0
    assert age(aged("b", 900.0), aged("a", "max_data_age")) == 600.0
    assert (
        limits_for(ODDS, [replace(SLOW, conditions=(Condition("response_ms", ">", "max_data_age"),))]).response_ms
        == 600
    )
    assert limits_for(ODDS, [replace(QUALITY, conditions=(Condition("quality", "<", "max_data_age"),))]).quality == 600


def test_a_rate_of_nothing_allows_no_failure():
    none = replace(RATE, conditions=(Condition("failed", ">", 0.0),))
    assert limits_for(ODDS, [none]).failure_ratio == 0.0


def test_the_highest_fitting_rule_is_the_limit_of_quality():
    def named(name: str, value: float, op: str = "<") -> Rule:
        return Rule(name, Pattern.THRESHOLD, (Condition("quality", op, value),))

    def floor(*rules: Rule) -> float | None:
        return limits_for(ODDS, rules).quality

    assert floor(named("a", 80.0), named("b", 85.0, "<=")) == 85.0
    assert floor(named("a", 95.0), QUALITY) == 90.0
    assert floor(named("a", 95.0, ">")) is None
    assert floor() is None


def test_without_rules_there_are_no_limits():
    assert limits_for(replace(ODDS, max_data_age_s=None), []) == Limits(None, None, None, None, 1, None)
    assert limits_for(ODDS, []) == Limits(None, 600, None, None, 1, None), "what the source says of itself holds"


def test_the_first_rate_gives_the_limits_of_failure_wherever_its_window_is_written():
    inside = replace(RATE, over_s=None, conditions=(Condition("failed", ">", 2.0, HOUR),), min_bad=7)
    for rules in ([inside, RATE], [replace(RATE, conditions=()), inside], [replace(RATE, shadow=True), inside]):
        limits = limits_for(ODDS, rules)
        assert (limits.failure_ratio, limits.failure_over_s, limits.failure_min_bad) == (0.02, HOUR, 7)
    assert limits_for(ODDS, [RATE, inside]).failure_over_s == 6 * HOUR


def test_an_answer_may_be_slow_and_stale_at_once_and_only_a_good_one_is_degraded():
    limits = Limits(response_ms=5000.0, data_age_s=600.0)
    both = classify(ODDS, look(0, response_ms=6000.0, data_age_s=660.0), limits)
    assert (both.status, both.reason) == (Status.DEGRADED, "slow")
    assert both.detail == "6.00 s, limit 5 s; data 11 min old, limit 10 min"
    edge = look(0, response_ms=5000.0, data_age_s=600.0)
    assert classify(ODDS, edge, limits) is edge
    free = look(0, response_ms=6000.0, data_age_s=660.0)
    assert classify(ODDS, free, Limits()) is free
    suspect = classify(ODDS, look(0, response_ms=6000.0, data_age_s=660.0, suspect=True), limits)
    assert (suspect.reason, suspect.detail) == ("stale", "data 11 min old, limit 10 min")


def test_overrides_move_the_first_value_every_window_and_any_other_field():
    rule = Rule(
        "r",
        Pattern.THRESHOLD,
        (Condition("response_ms", ">", 1.0, HOUR, "mean"), Condition("items", "<", 5.0)),
        overrides=(
            Override(Selector(types=("odds",)), {"value": 2.0, "over_s": 7200, "for_": 3}),
            Override(Selector(types=("news",)), {"for_": 9}),
        ),
    )
    mine = effective(rule, ODDS)
    assert mine is not None
    assert mine.for_ == 3
    assert mine.conditions == (Condition("response_ms", ">", 2.0, 7200, "mean"), Condition("items", "<", 5.0))
    assert mine.over_s == 7200
    assert effective(SLOW, ODDS) is SLOW
    assert effective(replace(SLOW, select=Selector(types=("news",))), ODDS) is None
    assert effective_rules(ODDS, [SLOW, replace(STALE, select=Selector(types=("news",))), QUALITY]) == (SLOW, QUALITY)
    bare = Rule("n", Pattern.NO_DATA, overrides=(Override(Selector(), {"value": 2.0, "intervals": 5}),))
    changed = effective(bare, ODDS)
    assert changed is not None
    assert (changed.intervals, changed.conditions) == (5, ())


def test_an_age_that_was_asked_for_and_cannot_be_told_is_degraded_with_its_remedy():
    limits = Limits(response_ms=5000.0)
    cadent = replace(ODDS, max_data_age_s=None, cadence_s=HOUR)
    for source, key in ((ODDS, "max_data_age"), (cadent, "cadence")):
        found = classify(source, look(0, items=3, response_ms=9000.0), limits)
        assert (found.status, found.reason) == (Status.DEGRADED, "age_unknown")
        says = f"nothing tells how old the data are, and {key} asks for it; set data_age, or have it delivered"
        assert found.detail == says
    free = look(0, items=3)
    assert classify(replace(ODDS, max_data_age_s=None), free, limits) is free
    empty = look(0, items=0)
    assert classify(ODDS, empty, limits) is empty
    silent = replace(ODDS, config=SimpleNamespace(tells_age=False))
    assert classify(silent, empty, limits).detail == (
        "nothing tells how old the data are, and max_data_age asks for it; set data_age"
    )
    telling = replace(ODDS, config=SimpleNamespace(tells_age=True))
    assert classify(telling, empty, limits) is empty
