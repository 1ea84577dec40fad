"""Does reading the Dagster instance keep up? What the alert monitor/instance-slow says, and when it ends."""

from __future__ import annotations

from busta_health_dagster.domain.verdict import InstanceReading, Outcome
from busta_health_dagster.pipeline.alerting.monitor_rules import instance_verdict

T0 = 1_795_420_200


def said(reading: InstanceReading | None) -> tuple[Outcome, str] | None:
    verdict = instance_verdict(reading, T0)
    return None if verdict is None else (verdict.outcome, verdict.reason)


def test_where_no_one_has_read_it_nothing_is_said() -> None:
    assert said(None) is None


def test_falling_behind_is_bad_and_says_by_how_much_and_of_what() -> None:
    outcome, reason = said(InstanceReading(behind_s=720, left=("runs", "checks"), took_s=3.2)) or (None, "")
    assert outcome is Outcome.BAD
    assert reason == (
        "reading the Dagster instance is 12 min behind (runs and checks; the last reading took 3 s): "
        "notifications of failures there are that late"
    )


def test_it_ends_at_half_of_the_limit() -> None:
    assert said(InstanceReading(behind_s=200)) is None
    assert said(InstanceReading(behind_s=150)) == (Outcome.GOOD, "the Dagster instance is read up to now again")


def test_one_slow_query_and_a_storage_that_fails_are_bad_too() -> None:
    slow = said(InstanceReading(took_s=42.0))
    assert slow == (Outcome.BAD, "the Dagster instance answers slowly: the last reading took 42 s, 30 s at most")
    failed = said(InstanceReading(problem="runs: canceling statement due to statement timeout"))
    assert failed is not None
    assert failed[0] is Outcome.BAD
    assert "cannot be read: runs: canceling" in failed[1]
