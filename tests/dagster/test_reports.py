"""The weekly report and the service levels as Dagster runs them: partitions, back-fill, schedule, what is shown."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance
from store_stories import seen

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build
from busta_health_dagster.defs.reports import week_label
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.testing import FakeClock

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
MONDAY = 1_732_492_800  # 2024-11-25T00:00:00Z: Dagster knows partitions of the past only, by the real clock
WEEKLY = AssetKey(["reports", "weekly"])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(MONDAY + 7 * 3600)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture
def location(home: Path) -> dg.Definitions:
    settings = Path(os.environ["BUSTA_CONFIG_DIR"]) / "settings.yaml"
    settings.write_text(
        "version: 1\nreport_start: 2024-11-06\nschedule: {zone: America/New_York, weekly_report: 'Mon 07:30'}\n"
    )
    return build()


@pytest.fixture
def history(location, clock) -> None:
    with bootstrap.open_app() as app, app.store.write() as uow:
        observations = [
            seen("good_file", MONDAY - 300 * k, Status.DOWN if k in (500, 501) else Status.UP, response_ms=80.0)
            for k in range(1, 2100)
        ]
        uow.observations.add(observations)


def run(location: dg.Definitions, instance: DagsterInstance, week: str) -> dict[str, dg.MetadataValue]:
    result = location.resolve_job_def("weekly_report").execute_in_process(instance=instance, partition_key=week)
    assert result.success
    (materialization,) = result.asset_materializations_for_node("reports__weekly")
    return materialization.metadata


def test_partitions_are_weeks_from_monday_in_the_configured_zone(location) -> None:
    weeks = location.resolve_assets_def(WEEKLY).partitions_def
    assert isinstance(weeks, dg.WeeklyPartitionsDefinition)
    now = datetime(2024, 11, 25, 12, tzinfo=UTC)
    assert weeks.get_partition_keys(current_time=now) == ["2024-11-04", "2024-11-11", "2024-11-18"]
    assert (weeks.timezone, week_label("2026-11-16"), week_label("2024-12-30")) == (
        "America/New_York",
        "2026-W47",
        "2025-W01",
    )


def test_the_schedule_asks_for_the_week_that_has_just_ended(location) -> None:
    schedule = location.resolve_schedule_def("weekly_report")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 7 * * 1", "America/New_York")
    at = datetime(2024, 11, 25, 12, 30, tzinfo=UTC)
    repository = location.get_repository_def()
    with dg.build_schedule_context(scheduled_execution_time=at, repository_def=repository) as context:
        (request,) = schedule.evaluate_tick(context).run_requests
    assert request.partition_key == "2024-11-18"


def test_the_newest_week_is_kept_shown_and_sent_once(location, instance, history) -> None:
    metadata = run(location, instance, "2024-11-18")
    assert metadata["week"].value == "2024-W47"
    assert metadata["delivery"].value == "sent to log"
    assert metadata["fleet uptime (%)"].value == pytest.approx(99.9, abs=0.05)
    said = metadata["report"].value
    assert said.startswith("## ")
    assert said.count("data:image/png;base64,") == 1
    assert run(location, instance, "2024-11-18")["delivery"].value == "sent before, to log"
    with bootstrap.open_app() as app, app.store.read() as uow:
        assert [m.message.key for m in uow.outbox.list("waiting")] == ["report-weekly-2024-W47-log"]


def test_the_past_can_be_filled_and_tells_nobody(location, instance, clock) -> None:
    metadata = run(location, instance, "2024-11-04")
    assert metadata["delivery"].value == "not sent: the week ended more than seven days ago"
    assert "Nothing was observed" in metadata["report"].value
    with bootstrap.open_app() as app, app.store.read() as uow:
        assert [k.period for k in uow.reports.list("weekly")] == ["2024-W45"]
        assert uow.outbox.list("waiting") == []


def test_service_levels_are_a_table_and_figures_that_plot(location, instance, history) -> None:
    result = dg.materialize([location.resolve_assets_def(AssetKey(["health", "sla"]))], instance=instance)
    metadata = result.asset_materializations_for_node("health__sla")[0].metadata
    assert metadata["without verdict"].value == 3.0
    assert [r.data["verdict"] for r in metadata["service levels"].value.records if r.data["source"] == "good_file"] == [
        "○ insufficient data"
    ]
