"""A betting project built on two sources of ours: an odds file that can vanish, a model downstream, bets on a schedule."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.testing import FakeClock

SOURCES = """\
version: 1
sources:
  - {name: odds_api, type: odds, probe: file, path: "%(data)s/odds.csv", confirm: 0, feeds: [models/moneyline], runbook: https://wiki.example/odds}
  - {name: scores, type: scores, probe: file, path: "%(data)s/scores.csv", confirm: 0}
"""
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
"""
ODDS = AssetKey(["sources", "odds_api"])


class Story:
    """One home, one instance, one clock; what happens to the odds, and what Dagster makes of it."""

    def __init__(self, base: Path, instance: DagsterInstance, clock: FakeClock) -> None:
        self.data, self.config, self.instance, self.clock = base / "data", base / "config", instance, clock
        self.cursor = None
        self._location: dg.Definitions | None = None

    @property
    def odds(self) -> Path:
        return self.data / "odds.csv"

    def new_odds(self, text: str = "home,price\nKC,1.9\n") -> None:
        """What the provider delivers next; its time is the clock's."""
        self.odds.write_text(text)
        now = self.clock.now()
        os.utime(self.odds, (now, now))

    @property
    def location(self) -> dg.Definitions:
        if self._location is None:
            from busta_health_dagster.defs.build import build

            self._location = build()
        return self._location

    def tick(self, after: float = 300) -> dg.ExecuteInProcessResult:
        """The next tick of the monitor."""
        self.clock.advance(after)
        return self.location.resolve_job_def("health_tick").execute_in_process(instance=self.instance)

    def observe(self, after: float = 300) -> None:
        """The same without Dagster."""
        from busta_health_dagster.pipeline.tick.tick import run_tick

        self.clock.advance(after)
        with bootstrap.open_app() as app:
            run_tick(app)

    def runs_of(self, theirs: dg.Definitions) -> set[str]:
        """Assets that their automation starts now; what it starts is materialized, as a run would do."""
        result = dg.evaluate_automation_conditions(defs=theirs, instance=self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        asked = {subset.key for subset in result.results if subset.true_subset.size}
        return {key.to_user_string() for key in asked if isinstance(key, AssetKey)}

    def materialize(self, theirs: dg.Definitions, key: str) -> bool:
        job = theirs.resolve_implicit_global_asset_job_def()
        wanted = [AssetKey(key.split("/"))]
        return job.execute_in_process(instance=self.instance, asset_selection=wanted).success

    def newest(self, check: str, source: str = "odds_api") -> tuple[bool, str, str] | None:
        key = dg.AssetCheckKey(AssetKey(["sources", source]), check)
        record = self.instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
        if record is None or record.evaluation is None:
            return None
        return record.evaluation.passed, record.evaluation.severity.value, record.evaluation.description or ""

    def versions(self) -> list[str]:
        """Data versions of the materializations of the odds, oldest first."""
        records = self.instance.fetch_materializations(ODDS, limit=100).records
        return [r.asset_materialization.tags["dagster/data_version"] for r in reversed(records)]

    def observations(self) -> int:
        return len(self.instance.fetch_observations(ODDS, limit=100).records)


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_instance: Callable[[Path], object]):
    for folder in ("data", "config"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(SOURCES % {"data": tmp_path / "data"})
    (tmp_path / "config" / "alerts.yaml").write_text(ALERTS)
    (tmp_path / "data" / "scores.csv").write_text("a\n1\n")
    for name in ("BUSTA_DATABASE_URL", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    clock = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: clock)
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(tmp_path / "config")}
    for name, value in bootstrap.prepare_home(home=None, config_dir=None, environ=environ).items():
        monkeypatch.setenv(name, value)
    unused_instance(Path(os.environ["DAGSTER_HOME"]))
    with DagsterInstance.get() as instance:
        found = Story(tmp_path, instance, clock)
        found.new_odds()
        yield found
