"""The nightly retention in an instance that is shared with other teams: what is not ours stays, and so does our history."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import AssetKey, DagsterInstance

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build
from busta_health_dagster.defs.pruning import chosen_mode
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.testing import FakeClock

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

OLD = 3 * 86400
WEEKS = ["2026-w1", "2026-w2", "2026-w3"]
PNL = AssetKey(["reports", "pnl"])
"""Theirs, although its first part is one of ours."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def shared(request: pytest.FixtureRequest, home: Path, tmp_path: Path):
    """An instance that someone else set up."""
    folder = tmp_path / "their_dagster"
    folder.mkdir()
    settings = {"telemetry": {"enabled": False}}
    if request.param == "postgres":
        settings["storage"] = {"postgres": {"postgres_url": request.getfixturevalue("postgres_url")}}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with DagsterInstance.from_config(str(folder)) as instance:
        yield instance


@dg.asset(key=PNL, partitions_def=dg.StaticPartitionsDefinition(WEEKS))
def pnl() -> None:
    """Theirs."""


@dg.job
def place_bets() -> None:
    @dg.op
    def bet() -> None:
        """Theirs."""

    bet()


def others_at_work(instance: DagsterInstance) -> None:
    for _ in range(3):
        assert place_bets.execute_in_process(instance=instance).success
    for week in WEEKS[:2]:
        assert dg.materialize([pnl], instance=instance, partition_key=week).success
    instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=PNL, partition=WEEKS[0]))
    instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=PNL, partition=WEEKS[2]))
    for passed in (False, True):
        instance.report_runless_asset_event(dg.AssetCheckEvaluation(asset_key=PNL, check_name="sane", passed=passed))


def theirs(instance: DagsterInstance) -> dict[str, object]:
    storage = instance.event_log_storage
    check = dg.AssetCheckKey(PNL, "sane")
    return {
        "runs": sorted(
            r.dagster_run.job_name for r in instance.get_run_records() if "busta/job" not in r.dagster_run.tags
        ),
        "partitions": sorted(instance.get_materialized_partitions(PNL)),
        "materializations": len(instance.fetch_materializations(PNL, limit=100).records),
        "checks": len(storage.get_asset_check_execution_history(check, limit=100)),
    }


def run(instance: DagsterInstance, job: str, **more) -> None:
    assert build().resolve_job_def(job).execute_in_process(instance=instance, **more).success


def ours(instance: DagsterInstance) -> int:
    return sum("busta/job" in r.dagster_run.tags for r in instance.get_run_records())


def ticks_and_trends(instance: DagsterInstance, clock: FakeClock, data: Path) -> list[str]:
    """-> the days that were filled."""
    for number in range(3):
        (data / "good.csv").write_text(f"a\n{number}\n") if number % 2 else (data / "good.csv").unlink(missing_ok=True)
        run(instance, "health_tick")
        clock.advance(300)
    now = clock.now()
    days = [time.strftime("%Y-%m-%d", time.gmtime(now - n * 86400)) for n in (2, 3)]
    for day in days:
        run(instance, "trends_daily", partition_key=day)
    return sorted(days)


def test_nothing_of_other_teams_is_deleted_and_our_partitions_stay(
    shared: DagsterInstance, clock: FakeClock, data: Path
) -> None:
    others_at_work(shared)
    before = theirs(shared)
    assert before["partitions"] == WEEKS
    days = ticks_and_trends(shared, clock, data)
    clock.advance(OLD)
    run(shared, "retention_daily")
    assert theirs(shared) == before
    assert ours(shared) == 1, "of ours only the run of the retention itself is left"
    for key in (["trends", "quality"], ["trends", "response"]):
        assert sorted(shared.get_materialized_partitions(AssetKey(key))) == days
    for key in (["health", "fleet"], ["health", "sla"], ["sources", "old_file"]):
        assert shared.get_latest_materialization_event(AssetKey(key)) is not None
    # A day that is filled again replaces the older record, and that one goes.
    run(shared, "trends_daily", partition_key=days[0])
    clock.advance(OLD)
    run(shared, "retention_daily")
    records = shared.fetch_materializations(AssetKey(["trends", "response"]), limit=100).records
    assert sorted(r.event_log_entry.dagster_event.partition for r in records) == days


def test_runs_and_events_of_a_source_that_was_removed_go_too(
    shared: DagsterInstance, clock: FakeClock, data: Path
) -> None:
    config = Path(os.environ["BUSTA_CONFIG_DIR"]) / "sources.yaml"
    ticks_and_trends(shared, clock, data)
    gone = AssetKey(["sources", "good_file"])
    assert len(shared.fetch_observations(gone, limit=100).records) > 1
    lines = [line for line in config.read_text().splitlines(keepends=True) if "good_file" not in line]
    config.write_text("".join(lines))
    clock.advance(OLD)
    run(shared, "health_tick")
    run(shared, "retention_daily")
    assert len(shared.fetch_observations(gone, limit=100).records) == 1


def settings(text: str) -> None:
    (Path(os.environ["BUSTA_CONFIG_DIR"]) / "settings.yaml").write_text(f"version: 1\nretention: {text}\n")


def test_off_leaves_everything_and_instance_means_everybody(
    shared: DagsterInstance, clock: FakeClock, data: Path
) -> None:
    others_at_work(shared)
    before = theirs(shared)
    run(shared, "health_tick")
    clock.advance(OLD)
    settings("{dagster: off}")
    run(shared, "retention_daily")
    assert (ours(shared), theirs(shared)) == (2, before)
    settings("{dagster: instance}")
    run(shared, "retention_daily")
    after = theirs(shared)
    assert after["runs"] == []
    assert after["partitions"] == WEEKS, "the newest of each partition stays even then"


def test_only_an_instance_that_busta_made_for_itself_is_pruned_whole(
    home: Path, instance: DagsterInstance, shared: DagsterInstance
) -> None:
    assert chosen_mode(instance, None) == "instance"
    assert chosen_mode(instance, "own") == "own"
    assert chosen_mode(shared, None) == "own"
    with DagsterInstance.ephemeral() as passing:
        assert chosen_mode(passing, None) == "own"
