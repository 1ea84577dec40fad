"""Red in Dagster's catalog is a status, and nothing else."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.verdict import CheckVerdict, Outcome
from busta_health_dagster.engines.rules import painted


def verdict(name: str, outcome: Outcome = Outcome.BAD, severity: str = "WARN") -> CheckVerdict:
    return CheckVerdict(name, outcome, severity, "why")  # type: ignore[arg-type]


def severities(*verdicts: CheckVerdict, in_maintenance: bool = False, paint_degraded: bool = True) -> dict[str, str]:
    given = {v.name: v for v in verdicts}
    found = painted(given, in_maintenance=in_maintenance, paint_degraded=paint_degraded, blocking="usable")
    return {name: v.severity for name, v in found.items()}


@pytest.mark.parametrize("check", ["connectivity", "response_time", "data_age"])
def test_what_makes_a_source_degraded_is_red_unless_someone_wants_the_old_way(check: str) -> None:
    assert severities(verdict(check)) == {check: "ERROR"}
    assert severities(verdict(check), paint_degraded=False) == {check: "WARN"}


def test_a_low_score_and_an_anomaly_warn_of_a_source_that_is_up() -> None:
    assert severities(verdict("quality"), verdict("anomaly"), verdict("failure_rate")) == {
        "quality": "WARN",
        "anomaly": "WARN",
        "failure_rate": "WARN",
    }


def test_in_maintenance_nothing_is_red() -> None:
    down = verdict("connectivity", severity="ERROR"), verdict("usable", severity="ERROR")
    assert set(severities(*down, in_maintenance=True).values()) == {"WARN"}


def test_a_gate_that_is_shut_because_no_one_can_tell_is_no_error() -> None:
    unseen = verdict("connectivity", Outcome.UNKNOWN, "ERROR")
    assert severities(unseen, verdict("usable", severity="ERROR"))["usable"] == "WARN"
    assert severities(verdict("connectivity", severity="ERROR"), verdict("usable", severity="ERROR")) == {
        "connectivity": "ERROR",
        "usable": "ERROR",
    }


def test_what_passes_keeps_its_severity() -> None:
    assert severities(verdict("response_time", Outcome.GOOD)) == {"response_time": "WARN"}
