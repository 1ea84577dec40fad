"""What fails before any run begins: ticks of schedules and sensors, and code locations that do not load."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.error import serializable_error_info_from_exc_info
from foreign_stories import RULES, Foreign

from busta_health_dagster import bootstrap
from busta_health_dagster.defs import app_cache
from busta_health_dagster.defs.build import build
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.workspace_lineage import note_workspace

pytestmark = pytest.mark.filterwarnings(
    "ignore::dagster.BetaWarning",
    "ignore::dagster.PreviewWarning",
    "ignore::DeprecationWarning",
    "ignore:Error loading:UserWarning",
)
WORKSPACE = """\
load_from:
  - python_file: {relative_path: good.py, location_name: good}
  - python_file: {relative_path: broken.py, location_name: broken}
"""
GOOD = """\
import dagster as dg


@dg.asset(owners=["team:models"], key=["models", "spread"])
def spread(): ...


defs = dg.Definitions(assets=[spread])
"""


@pytest.fixture
def foreign(home: Path, tmp_path: Path, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch):
    clock = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: clock)
    file = tmp_path / "config" / "alerts.yaml"
    file.write_text(file.read_text().replace("channels:", RULES.lstrip("\n") + "channels:"))
    story = Foreign(build(), instance, clock)
    story.sense()
    yield story
    app_cache._cache.forget()


class Sensor:
    """A sensor of another location, as the daemon leaves it in the instance."""

    def __init__(self, instance: DagsterInstance, location: str, name: str) -> None:
        repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__")
        origin = RemoteInstigatorOrigin(repository, name)
        data = SensorInstigatorData(min_interval=30)
        self.instance, self.name = instance, name
        self.state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
        instance.add_instigator_state(self.state)

    def tick(self, status: TickStatus, error: Exception | None = None) -> None:
        said = None
        if error is not None:
            try:
                raise error
            except type(error) as raised:
                said = serializable_error_info_from_exc_info((type(raised), raised, raised.__traceback__))
        self.instance.create_tick(
            TickData(
                self.state.instigator_origin_id,
                self.name,
                InstigatorType.SENSOR,
                status,
                time.time(),
                run_ids=[],
                run_keys=[],
                selector_id=self.state.selector_id,
                error=said,
            )
        )

    def stop(self) -> None:
        self.instance.update_instigator_state(self.state.with_status(InstigatorStatus.STOPPED))


def test_a_tick_that_fails_alerts_until_one_works(foreign: Foreign) -> None:
    new_lines, prices = (Sensor(foreign.instance, "north", name) for name in ("new_lines", "prices"))
    new_lines.tick(TickStatus.FAILURE, ValueError("no session: https://bot:swordfish@feed.example.com"))
    prices.tick(TickStatus.SKIPPED)
    foreign.sense()
    assert foreign.open == {
        "failed-tick/north/new_lines": "tick of north/new_lines failed: ValueError: no session: "
        "https://bot:[secret]@feed.example.com"
    }
    (alert,) = foreign.alerts
    assert alert.numbers["path"] == "/locations/north/sensors/new_lines"
    foreign.sense()
    assert foreign.alerts[0].bad_total == 1, "one tick is told once"
    prices.tick(TickStatus.SUCCESS)
    foreign.sense()
    assert len(foreign.open) == 1, "another sensor's tick does not end it"
    new_lines.tick(TickStatus.SKIPPED)
    foreign.sense()
    assert foreign.open == {}


def test_a_sensor_that_someone_stops_fails_no_more(foreign: Foreign) -> None:
    sensor = Sensor(foreign.instance, "north", "new_lines")
    sensor.tick(TickStatus.FAILURE, ValueError("no session"))
    foreign.sense()
    assert len(foreign.open) == 1
    sensor.stop()
    foreign.sense()
    assert foreign.open == {}


def test_many_schedulers_are_read_in_rounds(foreign: Foreign) -> None:
    sensors = [Sensor(foreign.instance, "north", f"s{number}") for number in range(6)]
    for sensor in sensors:
        sensor.tick(TickStatus.FAILURE, ValueError("no session"))
    hurried = foreign.clock.monotonic
    ticks = iter(range(1000, 100_000, 2))
    foreign.clock.monotonic = lambda: float(next(ticks))  # type: ignore[method-assign]  # every look takes 2 s
    foreign.sense()
    assert 0 < len(foreign.open) < 6
    for _ in range(6):
        foreign.sense()
    foreign.clock.monotonic = hurried  # type: ignore[method-assign]
    assert len(foreign.open) == 6, "what did not fit came with the next readings"


def test_a_location_that_does_not_load_alerts_until_it_does(foreign: Foreign, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "broken.py").write_text("import no_such_package\n")
    (tmp_path / "workspace.yaml").write_text(WORKSPACE)
    target = WorkspaceFileTarget([str(tmp_path / "workspace.yaml")])
    with bootstrap.open_app() as app, WorkspaceProcessContext(foreign.instance, target) as process:
        note_workspace(app, process)
        foreign.sense()
        assert foreign.open == {
            "broken-location/broken": "code location broken cannot be loaded: ModuleNotFoundError: "
            "No module named 'no_such_package'"
        }
        foreign.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=dg.AssetKey(["models", "spread"]), check_name="rows", passed=False)
        )
        (tmp_path / "broken.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
        process.reload_code_location("broken")
        note_workspace(app, process)
        foreign.sense(later_s=5)
    process._grpc_server_registry.wait_for_processes()
    assert list(foreign.open) == ["failed-check/models/spread:rows"]
    assert foreign.alerts[0].numbers["owners"] == ["team:models"], "of the asset, as its location says"
