"""The tick as Dagster runs it, on a real instance: what becomes an event, and what does not."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.testing import FakeClock

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Time as the pipeline sees it; a tick of a new slot is `advance(300)` away."""
    fake = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture
def location(home: Path) -> dg.Definitions:
    return build()


def tick(location: dg.Definitions, instance: DagsterInstance) -> dg.ExecuteInProcessResult:
    return location.resolve_job_def("health_tick").execute_in_process(instance=instance)


def notified(instance: DagsterInstance, name: str) -> int:
    """How often Dagster got an event of a source: new data, or how it is."""
    key = AssetKey(["sources", name])
    return sum(
        len(read(key, limit=100).records) for read in (instance.fetch_materializations, instance.fetch_observations)
    )


def checks(instance: DagsterInstance, name: str) -> dict[str, tuple[bool, str]]:
    found = {}
    for check in ("connectivity", "response_time", "failure_rate", "data_age"):
        key = dg.AssetCheckKey(AssetKey(["sources", name]), check)
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
        if record is not None and record.evaluation is not None:
            found[check] = (record.evaluation.passed, record.evaluation.severity.value)
    return found


def test_a_source_that_is_down_is_a_failed_check_in_a_successful_run(location, instance, clock) -> None:
    result = tick(location, instance)
    assert result.success
    assert checks(instance, "good_file") == {
        "connectivity": (True, "WARN"),
        "response_time": (True, "WARN"),
        "failure_rate": (True, "WARN"),
        "data_age": (True, "WARN"),
    }
    assert checks(instance, "gone_file")["connectivity"] == (False, "ERROR")
    assert "data_age" not in checks(instance, "gone_file"), "what cannot be told is neither passed nor failed"
    assert checks(instance, "old_file")["data_age"] == (False, "ERROR"), "a degraded source is red in the catalog"
    (fleet,) = result.get_asset_check_evaluations()
    assert (fleet.check_name, fleet.passed, fleet.severity) == (
        "no_degraded_sources",
        False,
        dg.AssetCheckSeverity.ERROR,
    )
    assert "gone_file down" in fleet.description


def test_who_wants_only_what_is_down_in_red_says_so(home: Path, instance, clock) -> None:
    settings = Path(os.environ["BUSTA_CONFIG_DIR"]) / "settings.yaml"
    settings.write_text("version: 1\ndagster: {paint_degraded: false}\n")
    tick(build(), instance)
    assert checks(instance, "old_file")["data_age"] == (False, "WARN")
    settings.write_text("version: 1\n")
    clock.advance(300)
    tick(build(), instance)
    assert checks(instance, "old_file")["data_age"] == (False, "ERROR"), "a change of mind is shown with the next tick"


def test_dagster_hears_of_a_source_only_when_it_changed(location, instance, clock, data: Path) -> None:
    tick(location, instance)
    clock.advance(300)
    tick(location, instance)
    assert notified(instance, "good_file") == 1
    (data / "good.csv").unlink()
    clock.advance(300)
    result = tick(location, instance)
    assert notified(instance, "good_file") == 2
    assert checks(instance, "good_file")["connectivity"] == (False, "ERROR")
    metadata = result.asset_materializations_for_node("health__fleet")[0].metadata
    assert metadata["down"].value == 2.0
    assert metadata["Dagster events"].value > 0


def test_an_unchanged_source_is_shown_again_once_an_hour(location, instance, clock) -> None:
    tick(location, instance)
    for _ in range(12):
        clock.advance(300)
        tick(location, instance)
    assert notified(instance, "good_file") == 2


def test_the_same_slot_twice_is_observed_once(location, instance, clock, home: Path) -> None:
    tick(location, instance)
    clock.advance(20)
    tick(location, instance)
    with bootstrap.open_app() as app, app.store.read() as uow:
        seen = uow.observations.window(None, 0, int(clock.now()) + 1)
    assert {name: len(rows) for name, rows in seen.items()} == {"good_file": 1, "gone_file": 1, "old_file": 1}


def test_the_cap_lets_the_worst_through_and_the_rest_waits(location, instance, clock, home: Path) -> None:
    config = Path(os.environ["BUSTA_CONFIG_DIR"])
    (config / "settings.yaml").write_text("version: 1\nlimits: {events_per_tick: 6}\n")
    result = tick(location, instance)
    metadata = result.asset_materializations_for_node("health__fleet")[0].metadata
    assert (metadata["Dagster events"].value, metadata["sources waiting"].value) == (4.0, 2.0)
    assert set(checks(instance, "gone_file")) == {"connectivity", "failure_rate"}
    assert checks(instance, "good_file") == {}
    for _ in range(2):
        clock.advance(300)
        tick(location, instance)
    assert len(checks(instance, "good_file")) == 4


def test_materialize_checks_that_source_now_and_outside_the_slots(location, instance, clock, home: Path) -> None:
    tick(location, instance)
    clock.advance(60)
    asset = location.resolve_assets_def(AssetKey(["sources", "good_file"]))
    result = dg.materialize([asset], selection=[AssetKey(["sources", "good_file"])], instance=instance)
    assert result.success
    assert {e.check_name for e in result.get_asset_check_evaluations()} == {
        "connectivity",
        "response_time",
        "failure_rate",
        "data_age",
    }
    with bootstrap.open_app() as app, app.store.read() as uow:
        both = uow.observations.window(["good_file"], 0, int(clock.now()) + 1, manual=True)["good_file"]
        scheduled = uow.observations.window(["good_file"], 0, int(clock.now()) + 1)["good_file"]
    assert (len(both), len(scheduled)) == (2, 1)
    assert notified(instance, "gone_file") == 1


def test_a_broken_configuration_leaves_the_last_good_one_in_force_and_says_so(
    location, instance, clock, home: Path
) -> None:
    tick(location, instance)
    (Path(os.environ["BUSTA_CONFIG_DIR"]) / "sources.yaml").write_text(
        "version: 1\nsources:\n  - {name: good_file, probe: fil"
    )
    clock.advance(300)
    result = tick(location, instance)
    assert result.success
    metadata = result.asset_materializations_for_node("health__fleet")[0].metadata
    assert metadata["checked"].value == 3.0
    assert "not accepted, the last good one rules" in metadata["configuration"].value


def test_shards_split_a_tick_into_runs_that_together_look_at_everything(location, instance, clock, home: Path) -> None:
    config = Path(os.environ["BUSTA_CONFIG_DIR"])
    (config / "settings.yaml").write_text("version: 1\nlimits: {shards: 2}\n")
    split = build()
    schedule = next(s for s in split.schedules if s.name == "health_tick")
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=datetime.fromtimestamp(clock.now(), UTC)
    ) as context:
        requests = schedule.evaluate_tick(context).run_requests
    assert [r.tags["busta/shard"] for r in requests] == ["0", "1"]
    assert len({r.tags["busta/job"] for r in requests}) == 2, "they must not wait for each other"
    for request in requests:
        assert split.resolve_job_def("health_tick").execute_in_process(instance=instance, tags=request.tags).success
    with bootstrap.open_app() as app, app.store.read() as uow:
        seen = uow.observations.window(None, 0, int(clock.now()) + 1)
    assert {len(rows) for rows in seen.values()} == {1}
