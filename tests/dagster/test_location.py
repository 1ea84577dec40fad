"""The code location gives Dagster what `build()` defines, and a run of the fleet's jobs only what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from busta_health_dagster.defs.build import build
from busta_health_dagster.defs.location import Location

JOBS = ("health_tick", "retention_daily")


@pytest.fixture
def location(home: Path) -> Location:
    return Location()


def test_dagster_sees_everything_that_is_defined(location: Location) -> None:
    whole = build().get_repository_def()
    assert sorted(location.get_job_names()) == sorted(whole.job_names)
    assert sorted(j.name for j in location.get_all_jobs()) == sorted(whole.job_names)
    assert location.get_assets_defs_by_key().keys() == whole.assets_defs_by_key.keys()
    assert location.get_asset_checks_defs_by_key().keys() == whole.asset_checks_defs_by_key.keys()
    assert {s.name for s in location.get_all_schedules()} == {s.name for s in whole.schedule_defs}
    assert {s.name for s in location.get_all_sensors()} == {s.name for s in whole.sensor_defs}
    assert location.get_top_level_resources().keys() == whole.get_top_level_resources().keys()
    assert location.get_job("__ASSET_JOB").asset_layer.asset_graph.get_all_asset_keys() >= {
        *whole.assets_defs_by_key.keys()
    }


@pytest.mark.parametrize("name", JOBS)
def test_a_job_of_the_fleet_is_found_without_building_a_source(location: Location, name: str) -> None:
    job = location.get_job(name)
    assert "_whole" not in vars(location)
    assert job.get_job_snapshot_id() == build().resolve_job_def(name).get_job_snapshot_id()
