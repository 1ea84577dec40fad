"""Rules about shares of slots and about directions: their verdicts in full, and where their windows end."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from alert_engine_stories import BURN, HOUR, ODDS, RATE, T0, TICK, by_hand, fleet, look

from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Sla
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.rules import (
    Inputs,
    evaluate,
    rules_for,
)

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


def last(pattern: str) -> int:
    return T0 + (len(pattern) - 1) * TICK


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
    assert (verdict.reason, verdict.value) == ("no observation (0 of 0) over 6h, limit 5% and at least 4", None)


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


def test_a_trend_looks_at_its_own_window_where_another_rule_keeps_more():
    rules = rules_for(ODDS, [TREND, replace(TREND, name="slow", over_s=3 * HOUR)])
    window = rules.empty_window()
    for i in range(24):
        window.push(look(i, tls_days_left=90.0 if i < 12 else 16.0))
    short, long = (e.verdict(window) for e in rules.evaluators)
    assert short is not None
    assert long is not None
    assert (short.value, short.numbers["points"], short.numbers["per_hour"]) == (pytest.approx(16.0), 12, 0)
    assert long.numbers["points"] == 24
    assert long.numbers["per_hour"] < -50


def test_six_points_over_exactly_half_the_window_are_a_line_through_any_spacing():
    minutes = (0, 5, 10, 15, 20, 30)
    seen = tuple(look(m // 5, tls_days_left=16.0 - m / 60) for m in minutes)
    verdict = evaluate(TREND, ODDS, Inputs(seen))
    assert (verdict.outcome, verdict.numbers["points"]) == (BAD, 6)
    assert verdict.numbers["per_hour"] == pytest.approx(-1)
    assert verdict.numbers["level"] == pytest.approx(15.5)


def test_a_limit_that_is_reached_within_the_second_is_still_ahead():
    falling = [14.0 + (0.5 - 300 * (i - 11)) / 3600 for i in range(12)]
    verdict = evaluate(TREND, ODDS, days(*falling))
    assert verdict.numbers["crosses_in_s"] == pytest.approx(0.5, abs=0.01)
    assert verdict.reason.endswith("; crosses it in 0 s")


def test_a_trend_without_anything_says_what_it_needs():
    empty = replace(TREND, conditions=(), over_s=None)
    assert rules_for(ODDS, [empty]).not_applied[0][1].startswith("a trend needs a metric")
    nothing = replace(RATE, conditions=(), over_s=None)
    assert rules_for(ODDS, [nothing]).not_applied[0][1].startswith("a rate needs metric")


def test_a_rate_that_allows_nothing_is_bad_at_its_first_failures():
    none = replace(RATE, conditions=(Condition("failed", ">", 0.0),), min_bad=1)
    verdict = evaluate(none, ODDS, Inputs(fleet("u" * 299 + "d")))
    assert (verdict.outcome, verdict.limit) == (BAD, 0.0)


def test_a_burn_rate_speaks_at_scheduled_verdicts_only():
    rules = rules_for(ODDS, [BURN])
    window = rules.empty_window()
    for observation in fleet("uddd"):
        window.push(observation)
    assert rules.evaluators[0].outcome(window) is BAD
    window.push(look(4, "unknown"))
    assert rules.evaluators[0].outcome(window) is None
    window.push(by_hand(5, "down"))
    assert rules.evaluators[0].outcome(window) is None
    quiet = evaluate(BURN, ODDS, Inputs(fleet("uu")))
    assert quiet.slot == T0 + TICK


def test_ten_bad_slots_a_month_are_enough_to_alert_on():
    exactly = replace(ODDS, sla=Sla(Fraction(863, 864)))
    assert rules_for(exactly, [BURN]).not_applied == ()
