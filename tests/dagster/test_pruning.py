"""Dagster's own tables stay flat: measured in bytes over two rounds of ticks, each pruned when it had become old."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster import AssetKey, DagsterInstance
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.testing import FakeClock

TICKS = 8
DAYS_3 = 3 * 86400


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


def size(home: Path) -> int:
    return sum(path.stat().st_size for path in (home / "dagster").rglob("*") if path.is_file())


def rows(instance: DagsterInstance) -> dict[str, int]:
    with instance.event_log_storage.index_connection() as connection:
        count = sa.select(sa.func.count())
        return {
            "events": connection.execute(count.select_from(SqlEventLogStorageTable)).scalar_one(),
            "checks": connection.execute(count.select_from(AssetCheckExecutionsTable)).scalar_one(),
        }


def round_of_ticks(location: dg.Definitions, instance: DagsterInstance, clock: FakeClock, data: Path) -> None:
    for number in range(TICKS):
        # Something changes every time, so that runless events are really written.
        (data / "good.csv").write_text("a\n1\n") if number % 2 else (data / "good.csv").unlink(missing_ok=True)
        assert location.resolve_job_def("health_tick").execute_in_process(instance=instance).success
        clock.advance(300)
    clock.advance(DAYS_3)
    assert location.resolve_job_def("retention_daily").execute_in_process(instance=instance).success


def test_bytes_and_rows_do_not_grow_from_round_to_round(
    home: Path, data: Path, instance: DagsterInstance, clock: FakeClock
) -> None:
    location = build()
    round_of_ticks(location, instance, clock, data)
    first_size, first_rows = size(home), rows(instance)
    round_of_ticks(location, instance, clock, data)
    # The retention run of each round is itself still there: it is not old yet.
    assert len(instance.get_run_records()) <= 2
    second = rows(instance)
    assert second["checks"] <= first_rows["checks"]
    assert second["events"] <= first_rows["events"] + 25
    assert size(home) <= first_size * 1.1


def test_the_catalog_still_shows_the_newest_of_everything(
    home: Path, data: Path, instance: DagsterInstance, clock: FakeClock
) -> None:
    location = build()
    round_of_ticks(location, instance, clock, data)
    key = dg.AssetCheckKey(AssetKey(["sources", "gone_file"]), "connectivity")
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    assert record is not None
    assert record.evaluation is not None
    assert not record.evaluation.passed
    assert instance.get_latest_materialization_event(AssetKey(["sources", "old_file"])) is not None
