"""Vantage points as Dagster runs them, on a real instance: a run per shard and vantage point, with the tags that take it there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from busta_health_dagster import bootstrap
from busta_health_dagster.defs import alerts, app_cache
from busta_health_dagster.defs.build import build
from busta_health_dagster.defs.vantages import JOB, VANTAGE_TAG
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.settings.instance import JOB_TAG
from busta_health_dagster.testing import FakeClock

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

SETTINGS = """\
version: 1
limits: {shards: %d}
vantages:
  nyc: {tags: {dagster-k8s/config: {pod_spec_config: {node_selector: {region: us-east-1}}}}}
  fra: {tags: {team: eu}}
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    app_cache._cache.forget()


def built(shards: int = 1) -> dg.Definitions:
    config = Path(os.environ["BUSTA_CONFIG_DIR"])
    (config / "settings.yaml").write_text(SETTINGS % shards)
    return build()


def asked(location: dg.Definitions, instance: DagsterInstance, clock: FakeClock) -> list[dg.RunRequest]:
    """What the schedule asks for now."""
    schedule = next(s for s in location.schedules or () if s.name == JOB)
    at = datetime.fromtimestamp(clock.now(), UTC)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        return list(schedule.evaluate_tick(context).run_requests or ())


def executed(
    location: dg.Definitions, instance: DagsterInstance, request: dg.RunRequest, **more: bool
) -> dg.ExecuteInProcessResult:
    return location.resolve_job_def(JOB).execute_in_process(instance=instance, tags=request.tags, **more)


def test_the_schedule_asks_for_one_run_per_shard_and_vantage_point_with_its_tags(
    home: Path, instance: DagsterInstance, clock: FakeClock
) -> None:
    requests = asked(built(shards=2), instance, clock)
    assert [(r.tags["busta/shard"], r.tags["busta/vantage"]) for r in requests] == [
        ("0", "nyc"),
        ("1", "nyc"),
        ("0", "fra"),
        ("1", "fra"),
    ]
    assert len({r.tags["busta/job"] for r in requests}) == 4, "they must not wait for each other"
    assert len({r.run_key for r in requests}) == 4
    pod = json.loads(requests[0].tags["dagster-k8s/config"])
    assert pod == {"pod_spec_config": {"node_selector": {"region": "us-east-1"}}}
    assert requests[2].tags["team"] == "eu"
    assert "team" not in requests[0].tags


def test_a_vantage_point_whose_last_run_has_not_started_is_not_asked_again(
    home: Path, instance: DagsterInstance, clock: FakeClock
) -> None:
    location = built()
    waiting, other = asked(location, instance, clock)
    code = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name="busta_health_dagster")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(code, "__repository__"), JOB)
    tags = {JOB_TAG: waiting.tags[JOB_TAG]}
    create_run_for_test(instance, JOB, status=DagsterRunStatus.QUEUED, tags=tags, remote_job_origin=origin)
    assert [r.tags[VANTAGE_TAG] for r in asked(location, instance, clock)] == [other.tags[VANTAGE_TAG]]


def test_the_runs_observe_and_the_sensor_makes_the_verdict(
    home: Path, instance: DagsterInstance, clock: FakeClock
) -> None:
    location = built(shards=2)
    tick = location.resolve_job_def("health_tick").execute_in_process(instance=instance)
    assert tick.asset_materializations_for_node("health__fleet")[0].metadata["checked"].value == 0.0
    requests = asked(location, instance, clock)
    assert all(executed(location, instance, request).success for request in requests)
    with bootstrap.open_app() as app, app.store.read() as uow:
        assert {name: s for name, s in uow.states.all().items() if s.scheduled_slot} == {}, "no verdict yet"
    alerts.alert_sensor(dg.build_sensor_context(instance=instance, definitions=location))
    with bootstrap.open_app() as app, app.store.read() as uow:
        states = uow.states.all()
        opened = {a.fingerprint for a in uow.alerts.open()}
    assert {name: state.status for name, state in states.items()} == {
        "good_file": Status.UP,
        "gone_file": Status.DOWN,
        "old_file": Status.DEGRADED,
    }
    assert states["gone_file"].detail.startswith("down from 2 of 2 (nyc, fra)")
    assert "gone_file/source-down" in opened


def test_a_run_without_the_tag_says_which_one_is_missing(
    home: Path, instance: DagsterInstance, clock: FakeClock
) -> None:
    result = executed(built(), instance, dg.RunRequest(), raise_on_error=False)
    assert not result.success
    failure = result.failure_data_for_node("observe_from_vantage")
    assert failure is not None
    assert "The run has no tag busta/vantage" in str(failure.user_failure_data)


def test_without_vantage_points_there_is_no_schedule_and_no_job(home: Path, instance: DagsterInstance) -> None:
    location = build()
    assert JOB not in {s.name for s in location.schedules or ()}
    assert JOB not in {j.name for j in location.jobs or ()}


def test_as_many_runs_may_be_at_work_as_a_tick_has(home: Path, instance: DagsterInstance) -> None:
    built(shards=3)
    bootstrap.prepare_home(home=None, config_dir=None, environ=dict(os.environ))
    assert "max_concurrent_runs: 11\n" in (Path(os.environ["DAGSTER_HOME"]) / "dagster.yaml").read_text()
