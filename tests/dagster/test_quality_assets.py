"""Scores and trends as Dagster shows them: floats that plot, a job that scores what is due, days that can be filled."""

from __future__ import annotations

import json
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build
from busta_health_dagster.domain.units import floor_to, from_epoch
from busta_health_dagster.testing import FakeClock

pytestmark = pytest.mark.filterwarnings(
    "ignore::dagster.BetaWarning",
    "ignore::dagster.PreviewWarning",
    "ignore:module 'sre_.*' is deprecated:DeprecationWarning",
)
DAY = 86400
SUITE = {
    "name": "plays",
    "expectations": [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "play", "mostly": 0.95},
            "meta": {"id": "play.not_null", "severity": "ERROR", "mostly": 0.95, "why": "a play without a kind"},
        }
    ],
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(floor_to(time.time(), 3600) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture
def location(home: Path, data: Path, clock: FakeClock) -> dg.Definitions:
    """Two of the three sources are scored; one of them has lost its plays."""
    (data / "old.csv").write_text("play\nrun\n\n\n\n")
    (data / "good.csv").write_text("play\n" + "run\n" * 40)
    (data / "old.csv").write_text("n,play\n" + "".join(f"{i},{'run' if i % 2 else ''}\n" for i in range(40)))
    folder = home.parent / "expectations"
    folder.mkdir()
    (folder / "plays.json").write_text(json.dumps(SUITE))
    sources = home.parent / "config" / "sources.yaml"
    text = sources.read_text()
    for name in ("good_file", "old_file"):
        text = text.replace(f"{{name: {name},", f"{{name: {name}, quality: {{suite: plays}},")
    sources.write_text(text)
    return build()


def run(location: dg.Definitions, instance: DagsterInstance, job: str, **more) -> dg.ExecuteInProcessResult:
    return location.resolve_job_def(job).execute_in_process(instance=instance, **more)


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, dict]:
    found = {}
    for event in result.get_asset_materialization_events():
        made = event.materialization
        found["/".join(made.asset_key.path)] = {k: v.value for k, v in made.metadata.items()}
    return found


def check(instance: DagsterInstance, name: str) -> tuple[bool, str, str]:
    """What Dagster shows of the check `quality` of this source."""
    key = dg.AssetCheckKey(AssetKey(["sources", name]), "quality")
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.evaluation is not None
    return record.evaluation.passed, record.evaluation.severity.value, record.evaluation.description or ""


def newest(instance: DagsterInstance, name: str) -> str | None:
    """The result that the asset shows as its newest materialization."""
    event = instance.get_latest_materialization_event(AssetKey(["quality", name]))
    made = event and event.asset_materialization
    return str(made.metadata["result"].value) if made else None


def test_scores_plot_and_the_check_of_the_source_says_what_the_rule_says(location, instance, clock) -> None:
    assert run(location, instance, "health_tick").success
    result = run(location, instance, "quality_hourly")
    assert result.success
    made = metadata(result)
    assert set(made) == {"quality/good_file", "quality/old_file"}
    good, old = made["quality/good_file"], made["quality/old_file"]
    assert (good["score"], good["completeness"], good["coverage (%)"], good["rows"]) == (
        100.0,
        100.0,
        25.0,
        40.0,
    )
    assert "validity" not in good
    assert (old["score"], old["score, uncapped"]) == (50.0, 50.0)
    assert old["capped"].startswith("89: play.not_null: ERROR check: 50% of 40 passed")
    assert old["report"] == "/source-health/quality/old_file"
    assert Path(old["report file"]).read_text().startswith("<!doctype html>")
    clock.advance(300)
    run(location, instance, "health_tick")
    assert {name: check(instance, name) for name in ("good_file", "old_file")} == {
        "good_file": (True, "WARN", "score 100.0, limit 90"),
        "old_file": (False, "WARN", "score 50.0, limit 90"),
    }


def test_the_schedule_scores_what_is_due_and_a_person_what_they_ask_for(location, instance, clock) -> None:
    run(location, instance, "health_tick")
    tags = {"dagster/schedule_name": "quality_hourly"}
    assert set(metadata(run(location, instance, "quality_hourly", tags=tags))) == {
        "quality/good_file",
        "quality/old_file",
    }
    again = run(location, instance, "quality_hourly", tags=tags)
    assert again.success
    assert metadata(again) == {}
    one = run(location, instance, "quality_hourly", asset_selection=[AssetKey(["quality", "good_file"])])
    assert set(metadata(one)) == {"quality/good_file"}


def test_no_data_is_no_materialization_and_what_passed_before_is_not_shown_any_longer(
    location, instance, data, clock
) -> None:
    run(location, instance, "health_tick")
    run(location, instance, "quality_hourly")
    clock.advance(300)
    run(location, instance, "health_tick")
    assert check(instance, "good_file") == (True, "WARN", "score 100.0, limit 90")
    delivered = (data / "good.csv").read_text()
    (data / "good.csv").unlink()
    clock.advance(3600)
    run(location, instance, "health_tick")
    result = run(location, instance, "quality_hourly")
    assert result.success
    assert set(metadata(result)) == {"quality/old_file"}
    assert newest(instance, "good_file") == "100", "the newest score, not the newest attempt"
    (seen,) = instance.fetch_observations(AssetKey(["quality", "good_file"]), limit=10).records
    said = {k: v.value for k, v in seen.asset_observation.metadata.items()}
    assert said["result"].startswith("no data: the source is down")
    assert not {"score", "rows"} & set(said)
    clock.advance(300)
    run(location, instance, "health_tick")
    passed, severity, why = check(instance, "good_file")
    assert (passed, severity) == (False, "WARN")
    assert why.startswith("cannot be evaluated: the source is down: there is no file ")
    (data / "good.csv").write_text(delivered)
    clock.advance(3600)
    run(location, instance, "health_tick")
    assert set(metadata(run(location, instance, "quality_hourly"))) == {"quality/good_file", "quality/old_file"}
    clock.advance(300)
    run(location, instance, "health_tick")
    assert check(instance, "good_file") == (True, "WARN", "score 100.0, limit 90")


def test_a_source_that_never_had_a_score_is_never_materialized_and_its_log_says_why(location, instance, data) -> None:
    (data / "good.csv").unlink()
    run(location, instance, "health_tick")
    result = run(location, instance, "quality_hourly")
    assert result.success
    assert newest(instance, "good_file") is None
    logged = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]
    assert [line for line in logged if line.startswith("good_file: no data: the source is down: there is no file ")]


def test_any_day_of_the_trends_can_be_filled_again(location, instance, clock) -> None:
    today = floor_to(clock.now(), DAY)
    with_store = bootstrap.open_app(create_store=True)
    from busta_health_dagster.domain.observation import Observation, Status

    observations = [
        Observation(
            "good_file",
            today - day * DAY + hour * 3600,
            today - day * DAY + hour * 3600 + 1,
            Status.UP,
            response_ms=100.0 + 10 * (30 - day),
            quality=99.0 - 0.25 * (30 - day),
        )
        for day in range(30, 0, -1)
        for hour in range(0, 24, 6)
    ]
    with with_store.store.write() as uow:
        uow.observations.add(observations)
    with_store.close()
    days = [from_epoch(today - back * DAY).date().isoformat() for back in (1, 10)]
    outlook: dict[str, str] = {}
    for day in days:
        result = run(location, instance, "trends_daily", partition_key=day)
        assert result.success
        made = metadata(result)
        for name in ("trends/quality", "trends/response"):
            (row,) = [record.data for record in made[name]["moving"].records]
            assert row["source"] == "good_file"
            text = made[name]["charts"]
            assert "data:image/svg+xml;base64," in text
            assert len(text.encode()) < 30_000
        outlook[day] = made["trends/quality"]["charts"]
    key = AssetKey(["trends", "quality"])
    assert instance.get_materialized_partitions(key) == set(days)
    newest = instance.fetch_materializations(key, limit=2).records
    means = {
        r.partition_key: r.asset_materialization.metadata["mean (points)"].value
        for r in newest
        if r.asset_materialization
    }
    assert means[days[1]] > means[days[0]]
    assert (
        "**good_file**: 91.7 now; at -0.25 a day (95%: -0.25 to -0.25) from 91.8, 90 is crossed in 7 days"
        in outlook[days[0]]
    )


def test_the_schedule_fills_the_day_that_has_ended(location) -> None:
    schedule = location.resolve_schedule_def("trends_daily")
    at = from_epoch(1_795_393_500)  # 2026-11-23 00:25 UTC
    with dg.build_schedule_context(
        scheduled_execution_time=at, repository_def=location.get_repository_def()
    ) as context:
        data = schedule.evaluate_tick(context)
    assert [r.partition_key for r in data.run_requests or []] == ["2026-11-22"]


def dimension(instance: DagsterInstance, name: str, check_name: str = "completeness") -> tuple[bool, str, str, float]:
    """What Dagster shows of a dimension, and when it was told."""
    key = dg.AssetCheckKey(AssetKey(["quality", name]), check_name)
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.evaluation is not None
    shown = record.evaluation
    return shown.passed, shown.severity.value, shown.description or "", record.create_timestamp


def test_each_dimension_of_a_suite_is_a_check_and_the_others_do_not_exist(location, instance) -> None:
    keys = location.resolve_asset_graph().asset_check_keys
    mine = {key.name for key in keys if key.asset_key == AssetKey(["quality", "good_file"])}
    assert mine == {"completeness"}
    run(location, instance, "health_tick")
    run(location, instance, "quality_hourly")
    assert dimension(instance, "good_file")[:3] == (True, "WARN", "100 of 100; its check passes")
    assert dimension(instance, "old_file")[:3] == (False, "ERROR", "50.0 of 100; 1 failed: play.not_null")


def test_a_dimension_is_reported_when_its_verdict_changes_and_costs_no_event_otherwise(
    location, instance, data, clock
) -> None:
    run(location, instance, "health_tick")
    first = run(location, instance, "quality_hourly")
    planned = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
    assert not [event for event in first.all_events if event.event_type is planned]
    before = dimension(instance, "good_file"), dimension(instance, "old_file")
    clock.advance(3600)
    run(location, instance, "health_tick")
    run(location, instance, "quality_hourly")
    assert (dimension(instance, "good_file"), dimension(instance, "old_file")) == before
    (data / "good.csv").write_text("play\n" + "run\n" * 20 + '""\n' * 20)
    clock.advance(3600)
    run(location, instance, "health_tick")
    run(location, instance, "quality_hourly")
    assert dimension(instance, "good_file")[0] is False
    assert dimension(instance, "old_file") == before[1]
    clock.advance(86400)
    run(location, instance, "health_tick")
    run(location, instance, "quality_hourly")
    assert dimension(instance, "old_file")[3] > before[1][3], "once a day it is said again"


def test_no_data_says_of_each_dimension_that_it_cannot_be_evaluated(location, instance, data, clock) -> None:
    run(location, instance, "health_tick")
    run(location, instance, "quality_hourly")
    (data / "good.csv").unlink()
    clock.advance(3600)
    run(location, instance, "health_tick")
    run(location, instance, "quality_hourly")
    passed, severity, why, _ = dimension(instance, "good_file")
    assert (passed, severity) == (False, "WARN")
    assert why.startswith("cannot be evaluated: the source is down")


def test_who_materializes_a_score_by_hand_gets_its_dimensions_in_the_same_run(location, instance) -> None:
    run(location, instance, "health_tick")
    assets = [definition for definition in location.assets if AssetKey(["quality", "good_file"]) in definition.keys]
    result = dg.materialize(
        assets,
        instance=instance,
        resources={"busta": location.resources["busta"]},
        selection=dg.AssetSelection.assets(AssetKey(["quality", "good_file"])),
    )
    (evaluated,) = result.get_asset_check_evaluations()
    assert (evaluated.check_name, evaluated.passed) == ("completeness", True)
