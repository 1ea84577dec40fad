"""The fleet in Dagster's catalog: what is wrong, in few enough words for an event of every tick."""

from __future__ import annotations

from busta_health_dagster.domain.health import FleetHealth, SourceHealth
from busta_health_dagster.pipeline.views.fleet_report import in_short, what_is_wrong

NOW = 1_795_422_300


def row(name: str, status: str, detail: str = "") -> SourceHealth:
    return SourceHealth(
        source=name,
        type="odds",
        tier=1,
        probe="http",
        group="odds_and_scores",
        status=status,
        since=NOW - 3600,
        reason="ok",
        detail=detail,
        response_ms=120.0,
        items=5,
        data_age_s=60.0,
        quality=None,
        failure_rate=0.0,
        uptime={"24h": 100.0, "7d": 100.0, "30d": 99.517},
        coverage_30d=100.0,
        budget_left=3.4,
        observed_at=NOW,
        stale=False,
    )


def fleet(*rows: SourceHealth, strips=None) -> FleetHealth:
    return FleetHealth(NOW, rows, NOW, NOW + 300, stale_monitor=False, strips=strips or {})


def test_what_is_wrong_stands_in_a_row_each_and_what_is_well_in_none() -> None:
    health = fleet(row("weather", "down", "answered 503"), row("odds", "up"))
    assert in_short(health) == "■ 1 down · ● 1 up, at 08:25 UTC"
    assert what_is_wrong(health) == [("weather", "■ down for 1 h", "answered 503")]
    assert what_is_wrong(fleet(row("odds", "up"))) == []


def test_a_thousand_sources_that_are_down_stay_few_rows_and_the_rest_is_counted() -> None:
    rows = what_is_wrong(fleet(*(row(f"source_{n}", "down", "timeout " * 90) for n in range(1000))))
    assert rows[-1] == ("975 more", "", "none worse than these")
    assert sum(len(cell) for line in rows for cell in line) < 8000
