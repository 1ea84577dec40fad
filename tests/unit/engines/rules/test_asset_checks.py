"""The checks that a source shows in Dagster, word for word: outcome, severity, sentence and numbers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from alert_engine_stories import HOUR, ODDS, T0, TICK, look

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Change, Finding, Judgement, Metric, Term
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Limits
from busta_health_dagster.domain.source import Sla
from busta_health_dagster.domain.verdict import CheckVerdict, Outcome, Score
from busta_health_dagster.engines.rules import anomaly_check, check_verdicts, failure_check, quality_check

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
LIMITS = Limits(5000.0, 600.0, 0.05, 6 * HOUR, 4, 90.0)


def shown(observation, name: str, limits: Limits = LIMITS, window=()) -> CheckVerdict:
    checks = check_verdicts(ODDS, limits, observation, window)
    assert list(checks) == ["connectivity", "response_time", "failure_rate", "data_age"]
    return checks[name]


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (None, (UNKNOWN, "ERROR", "not checked yet", {})),
        (look(0, "unknown", reason="probe_error"), (UNKNOWN, "ERROR", "unknown: probe_error", {})),
        (look(0, "unknown", reason="network", detail="no route"), (UNKNOWN, "ERROR", "unknown: no route", {})),
        (look(0, "down", reason="timeout"), (BAD, "ERROR", "down: timeout", {"attempts": 1})),
        (
            look(0, "down", reason="http_status", detail="503", http_status=503, attempts=2),
            (BAD, "ERROR", "down: 503", {"attempts": 2, "http_status": 503}),
        ),
        (look(0, "degraded", reason="rate_limited"), (BAD, "WARN", "degraded: rate_limited", {"attempts": 1})),
        (look(0, "degraded", reason="tls", detail="3 days"), (BAD, "WARN", "degraded: 3 days", {"attempts": 1})),
        (look(0, "degraded", reason="slow"), (GOOD, "ERROR", "reachable", {"attempts": 1})),
        (look(0, "degraded", reason="stale"), (GOOD, "ERROR", "reachable", {"attempts": 1})),
        (look(0, http_status=200), (GOOD, "ERROR", "reachable", {"attempts": 1, "http_status": 200})),
        (look(0, attempts=2), (GOOD, "ERROR", "reachable after 2 attempts", {"attempts": 2})),
    ],
)
def test_connectivity_is_an_error_when_down_and_a_warning_when_something_else_is_wrong(observation, expected):
    assert shown(observation, "connectivity") == CheckVerdict("connectivity", *expected)


@pytest.mark.parametrize(
    ("observation", "limits", "expected"),
    [
        (None, LIMITS, (UNKNOWN, "WARN", "no response to time", {})),
        (look(0, "down"), LIMITS, (UNKNOWN, "WARN", "no response to time", {})),
        (
            look(0, response_ms=9000.0, suspect=True),
            LIMITS,
            (UNKNOWN, "WARN", "suspect: measured while the monitor itself was busy", {}),
        ),
        (look(0), Limits(), (GOOD, "WARN", "200 ms, no rule sets a limit", {"response_ms": 200.0})),
        (
            look(0, response_ms=5000.0),
            LIMITS,
            (GOOD, "WARN", "5.00 s, limit 5 s", {"response_ms": 5000.0, "limit_ms": 5000.0}),
        ),
        (
            look(0, response_ms=5001.0),
            replace(LIMITS, response_ms=2500.0),
            (BAD, "WARN", "5.00 s, limit 2.5 s", {"response_ms": 5001.0, "limit_ms": 2500.0}),
        ),
    ],
)
def test_a_response_time_is_bad_above_its_limit_and_unknown_unless_it_was_measured(observation, limits, expected):
    assert shown(observation, "response_time", limits) == CheckVerdict("response_time", *expected)


@pytest.mark.parametrize(
    ("observation", "limits", "expected"),
    [
        (None, LIMITS, (UNKNOWN, "WARN", "no data age was measured", {})),
        (look(0), LIMITS, (UNKNOWN, "WARN", "no data age was measured", {})),
        (
            look(0, data_age_s=90.0),
            Limits(),
            (GOOD, "WARN", "1 min 30 s old, no rule sets a limit", {"data_age_s": 90.0}),
        ),
        (
            look(0, data_age_s=600.0),
            LIMITS,
            (GOOD, "WARN", "10 min old, limit 10 min", {"data_age_s": 600.0, "limit_s": 600.0}),
        ),
        (
            look(0, data_age_s=660.0),
            LIMITS,
            (BAD, "WARN", "11 min old, limit 10 min", {"data_age_s": 660.0, "limit_s": 600.0}),
        ),
    ],
)
def test_data_older_than_their_limit_are_bad(observation, limits, expected):
    assert shown(observation, "data_age", limits) == CheckVerdict("data_age", *expected)


def failing(failed: int, observed: int) -> list[tuple[int, Status]]:
    """The failures are the newest; the newest slot is T0."""
    return [(T0 - i * TICK, Status.DOWN if i < failed else Status.UP) for i in range(observed)]


def test_a_failure_rate_counts_the_verdicts_of_its_window():
    slot = look(0)
    numbers = {"failed": 4, "observed": 72, "failed_percent": 100 * 4 / 72, "limit_percent": 5.0}
    expected = CheckVerdict("failure_rate", BAD, "ERROR", "5.56% failed (4 of 72) over 6h, limit 5%", numbers)
    assert shown(slot, "failure_rate", window=failing(4, 72)) == expected
    assert shown(slot, "failure_rate", window=[*failing(4, 90), (T0 - 6 * HOUR, Status.DOWN)]) == expected
    blind = [(at, Status.UNKNOWN) if at < T0 - 60 * TICK else (at, status) for at, status in failing(4, 72)]
    assert shown(slot, "failure_rate", window=blind).numbers["observed"] == 61
    assert shown(slot, "failure_rate", Limits(), failing(4, 72)).reason == "no rule sets a limit"
    nothing = CheckVerdict("failure_rate", UNKNOWN, "WARN", "no observation to count")
    assert shown(None, "failure_rate", window=failing(4, 72)) == nothing
    assert shown(slot, "failure_rate") == nothing


def test_six_good_in_a_row_clear_a_failure_rate_and_five_do_not():
    bad = [(T0 - i * TICK, Status.DOWN if 5 <= i < 9 else Status.UP) for i in range(72)]
    late = [(T0 - i * TICK, Status.DOWN if 6 <= i < 10 else Status.UP) for i in range(72)]
    assert shown(look(0), "failure_rate", window=bad).outcome is BAD
    cleared = shown(look(0), "failure_rate", window=reversed(late))
    assert cleared.outcome is GOOD
    assert cleared.reason == "5.56% failed (4 of 72) over 6h, limit 5%; 6 good in a row"
    assert shown(look(0), "failure_rate", window=failing(0, 72)).reason == "0.00% failed (0 of 72) over 6h, limit 5%"


@pytest.mark.parametrize(
    ("failed", "observed", "outcome", "severity", "ending"),
    [
        (3, 20, GOOD, "ERROR", "limit 5%, and fewer than 4 failed"),
        (4, 80, GOOD, "WARN", "limit 5%"),
        (4, 79, BAD, "ERROR", "limit 5%"),
    ],
)
def test_a_share_needs_its_least_number_of_failures_and_is_an_error_outside_the_sla(
    failed, observed, outcome, severity, ending
):
    generous = replace(ODDS, sla=Sla(uptime=Fraction(95, 100)))
    said = failure_check(generous, LIMITS, failed, observed)
    assert (said.outcome, said.severity) == (outcome, severity)
    assert said.reason.endswith(ending)


def test_a_failure_rate_without_its_window_has_no_limit_to_compare_with():
    for limits in (replace(LIMITS, failure_ratio=None), replace(LIMITS, failure_over_s=None)):
        expected = CheckVerdict("failure_rate", GOOD, "WARN", "no rule sets a limit")
        assert failure_check(ODDS, limits, 4, 4) == expected


def test_a_quality_check_has_its_numbers_and_those_of_the_interval_where_there_is_one():
    plain = quality_check(ODDS, LIMITS, Score(T0, 95.0), T0)
    assert plain == CheckVerdict("quality", GOOD, "WARN", "score 95.0, limit 90", {"score": 95.0, "limit": 90.0})
    wide = quality_check(ODDS, LIMITS, Score(T0, 89.0, 89.0, 2.5), T0)
    numbers = {"score": 89.0, "limit": 90.0, "raw": 89.0, "half_width": 2.5}
    expected = CheckVerdict("quality", UNKNOWN, "WARN", "score 89.0, limit 90; too few rows to be sure", numbers)
    assert wide == expected
    low = quality_check(ODDS, LIMITS, Score(T0, 80.0, 80.0, None), T0)
    assert low == CheckVerdict("quality", BAD, "WARN", "score 80.0, limit 90", {"score": 80.0, "limit": 90.0})
    strict = quality_check(ODDS, replace(LIMITS, quality=97.0), Score(T0, 95.0), T0)
    assert (strict.outcome, strict.reason) == (BAD, "score 95.0, limit 97"), "the rule's limit, not the SLA's"
    assert quality_check(ODDS, LIMITS, None, T0) == CheckVerdict("quality", UNKNOWN, "WARN", "no score yet")


def test_without_a_rule_the_sla_is_the_limit_and_without_a_spec_the_interval_ages_the_score():
    own = replace(ODDS, sla=Sla(quality=Fraction(4, 5)), quality=None)
    assert quality_check(own, Limits(), Score(T0, 79.9), T0).reason == "score 79.9, limit 80"
    assert quality_check(own, Limits(), Score(T0, 80.0), T0 + 3 * TICK).outcome is GOOD
    late = quality_check(own, Limits(), Score(T0, 80.0), T0 + 4 * TICK)
    numbers = {"score": 80.0, "limit": 80.0}
    expected = CheckVerdict("quality", UNKNOWN, "WARN", "the newest score, 80.0, is 20 min old", numbers)
    assert late == expected


def test_the_detectors_word_is_shown_with_the_numbers_of_its_strangest_finding():
    def finding(score: float, expected: float | None) -> Finding:
        return Finding("odds_api", Metric.ITEMS, Term.STEP, Change.OPENED, T0, T0, score, 6.0, expected, 12.0, "fell")

    def said(judgement: Judgement, *findings: Finding) -> AnomalyVerdict:
        return AnomalyVerdict(judgement, "items 12, expected 90", True, T0, 8.0, findings)

    strange = anomaly_check(said(Judgement.BAD, finding(8.0, 90.0), finding(7.0, 50.0)), None)
    numbers = {"score": 8.0, "threshold": 6.0, "expected": 90.0, "observed": 12.0}
    assert strange == CheckVerdict("anomaly", BAD, "WARN", "items 12, expected 90", numbers)
    bare = anomaly_check(said(Judgement.BAD, finding(8.0, None)), None)
    assert bare.numbers == {"score": 8.0, "threshold": 6.0, "observed": 12.0}
    assert anomaly_check(said(Judgement.GOOD), None).outcome is GOOD
    stricter = replace(said(Judgement.GOOD), stricter="thresholds 20% higher since 2026-11-20")
    assert anomaly_check(stricter, None).reason == (
        "items 12, expected 90; thresholds 20% higher since 2026-11-20 (noise budget)"
    )
    assert anomaly_check(said(Judgement.UNKNOWN), None) == CheckVerdict(
        "anomaly", UNKNOWN, "WARN", "items 12, expected 90", {}
    )
    assert anomaly_check(None, None) == CheckVerdict(
        "anomaly", UNKNOWN, "WARN", "the detector has not evaluated it yet"
    )
    late = anomaly_check(said(Judgement.BAD, finding(8.0, 90.0)), 5400)
    assert late == CheckVerdict("anomaly", UNKNOWN, "WARN", "the detector last saw it 1 h 30 min ago")
