"""More ticks than the machine can run: skipped and not queued, counted, and loud on every surface."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test
from page_stories import guest, serving

from busta_health_dagster import bootstrap
from busta_health_dagster.defs import app_cache
from busta_health_dagster.defs.jobs import JOB_TAG, tick_requests
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.app.overload import note_begun
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.testing import EPOCH, FakeClock
from busta_health_dagster.web.routes import routes

TICK_S = 300


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(floor_to(EPOCH, TICK_S))
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture
def app(home: Path, clock: FakeClock) -> Iterator[App]:
    with bootstrap.open_app() as opened:
        yield opened
    app_cache._cache.forget()


def asked(instance: DagsterInstance, clock: FakeClock, shards: int = 1) -> list[str]:
    """What the schedule asks for now: the queues, or why none."""
    at = datetime.fromtimestamp(clock.now(), UTC)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        found = list(tick_requests(shards)(context))
    return [f.skip_message if isinstance(f, dg.SkipReason) else f.tags.get(JOB_TAG, "health_tick") for f in found]


def queued(instance: DagsterInstance, queue: str, status: DagsterRunStatus = DagsterRunStatus.QUEUED) -> None:
    code = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name="busta_health_dagster")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(code, "__repository__"), "health_tick")
    create_run_for_test(instance, "health_tick", status=status, tags={JOB_TAG: queue}, remote_job_origin=origin)


def test_one_tick_may_wait_behind_the_one_that_runs_and_no_second_one(
    app: App, instance: DagsterInstance, clock: FakeClock
) -> None:
    assert asked(instance, clock) == ["health_tick"]
    queued(instance, "health_tick", DagsterRunStatus.STARTED)
    queued(instance, "trends_daily")
    assert asked(instance, clock) == ["health_tick"]
    queued(instance, "health_tick")
    assert asked(instance, clock) == ["A tick waits already behind the one that runs: the machine does not keep up."]


def test_each_shard_has_a_queue_of_its_own(app: App, instance: DagsterInstance, clock: FakeClock) -> None:
    queued(instance, "health_tick_1")
    assert asked(instance, clock, shards=3) == ["health_tick_0", "health_tick_2"]


def counters(app: App) -> dict[str, float]:
    with app.store.read() as uow:
        return uow.counters.all()


def test_overload_is_an_alert_a_banner_a_counter_and_no_readiness_and_ends(
    app: App, instance: DagsterInstance, clock: FakeClock
) -> None:
    import requests

    def slot(*, observed: bool) -> None:
        asked(instance, clock)
        if observed:
            run_tick(app)
        clock.advance(TICK_S)
        alert_pass(app, whole=False)

    def open_alerts() -> dict[str, str]:
        with app.store.read() as uow:
            return {a.fingerprint: a.bad_reason for a in uow.alerts.open() if a.source == "monitor"}

    with serving(guest(app, lambda: Role.VIEWER, *routes(app))) as url:

        def ready() -> tuple[int, str]:
            answer = requests.get(f"{url}/readyz", timeout=60)
            return answer.status_code, answer.json()["tick"]

        for _ in range(4):
            slot(observed=True)
        assert (ready(), open_alerts()) == ((200, "ok"), {})
        for _ in range(3):
            slot(observed=False)
            slot(observed=True)
        asked(instance, clock)
        said = "7 of 10 slots observed"
        assert ready() == (503, f"overloaded: {said}")
        reason = open_alerts()["monitor/overloaded"]
        assert reason.startswith(f"{said} in the last ")
        assert "more ticks are due than the machine can run" in reason
        page = requests.get(f"{url}/source-health", timeout=60, headers={"x-renew": "1"}).text
        assert 'data-trouble="overload"' in page
        assert said in page
        assert "busta_slots_missed_total 3.0" in requests.get(f"{url}/metrics", timeout=60).text
        for _ in range(12):
            slot(observed=True)
        assert (ready(), open_alerts()) == ((200, "ok"), {})
        assert counters(app)["busta_slots_missed_total"] == 3


def test_a_monitor_that_was_down_was_not_overloaded(app: App, instance: DagsterInstance, clock: FakeClock) -> None:
    for _ in range(2):
        asked(instance, clock)
        note_begun(app, None)
        clock.advance(TICK_S)
    clock.advance(timedelta(hours=9).total_seconds())
    asked(instance, clock)
    note_begun(app, None)
    assert "busta_slots_missed_total" not in counters(app)


def test_a_store_that_is_away_does_not_keep_the_tick_from_being_asked_for(
    app: App, home: Path, instance: DagsterInstance, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSTA_DATABASE_URL", f"sqlite:///{home / 'logs'}")
    assert asked(instance, clock) == ["health_tick"]
