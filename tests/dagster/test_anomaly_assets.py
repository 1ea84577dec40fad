"""The detector in Dagster: the check `anomaly` of watched sources, and the range of each type."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from dagster import AssetKey, DagsterInstance

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build
from busta_health_dagster.domain.anomaly import Metric
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.anomaly.anomaly_pass import catch_up
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.pipeline.views.source_page import source_page
from busta_health_dagster.testing import FakeClock

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
CHECK = dg.AssetCheckKey(AssetKey(["sources", "good_file"]), "anomaly")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture
def watched(home: Path) -> None:
    """Rule anomaly, shadow, for good_file alone."""
    path = home.parent / "config" / "alerts.yaml"
    rule = "  - {name: anomaly, pattern: anomaly, shadow: true, select: {names: [good_file]}}\n"
    path.write_text(path.read_text().replace("rules:\n", "rules:\n" + rule, 1))


def test_without_a_rule_there_is_no_check_and_no_range(home: Path) -> None:
    graph = build().resolve_asset_graph()
    assert CHECK not in graph.asset_check_keys
    assert not [key for key in graph.get_all_asset_keys() if key.path[0] == "baselines"]


def test_the_check_says_that_it_is_on_trial_and_the_range_of_the_type_is_a_table_a_picture_and_figures(
    watched: None, instance: DagsterInstance, clock: FakeClock
) -> None:
    location = build()
    graph = location.resolve_asset_graph()
    assert {k.asset_key.path[-1] for k in graph.asset_check_keys if k.name == "anomaly"} == {"good_file"}
    assert "in shadow mode" in (graph.get_check_spec(CHECK).description or "")
    with bootstrap.open_app(create_store=True) as app:
        now, kind = app.now() // 300 * 300, app.config.sources["good_file"].type
        with app.store.write() as uow:
            uow.sources.sync(app.config.sources.values(), now)
        rng = np.random.default_rng(1)
        observations = [
            Observation(
                "good_file", now - 300 * k, now - 300 * k, Status.UP, response_ms=20 * float(np.exp(0.1 * x)), items=2
            )
            for k, x in zip(range(600, 0, -1), rng.standard_normal(600), strict=True)
        ]
        store_observations(app, observations)
        young = location.resolve_job_def("baselines_daily").execute_in_process(instance=instance)
        assert young.success
        assert not young.get_asset_materialization_events(), "nothing is known yet, and nothing is invented"
        assert catch_up(app)
    assert location.resolve_job_def("health_tick").execute_in_process(instance=instance).success
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key
    assert CHECK not in newest([CHECK]), "on trial it is recorded, and not evaluated"
    rules = Path(os.environ["BUSTA_CONFIG_DIR"]) / "alerts.yaml"
    rules.write_text(rules.read_text().replace("shadow: true, ", ""))
    clock.advance(20)
    assert location.resolve_job_def("health_tick").execute_in_process(instance=instance).success
    record = newest([CHECK])[CHECK]
    assert record.evaluation is not None
    assert record.evaluation.passed, record.evaluation.description
    with bootstrap.open_app() as app:
        page = source_page(app, "good_file")
    normal_range = page.normal_ranges[Metric.RESPONSE]
    assert normal_range
    assert all(b.p5 < 20 < b.p95 for b in normal_range)
    assert all(b.p5 <= 2 <= b.p95 for b in page.normal_ranges[Metric.ITEMS])
    assert "anomaly" in page.checks
    done = location.resolve_job_def("baselines_daily").execute_in_process(instance=instance)
    (event,) = done.get_asset_materialization_events()
    assert event.asset_key == AssetKey(["baselines", kind])
    metadata = event.materialization.metadata
    assert isinstance(metadata["response time, p50 (ms)"].value, float)
    assert 15 < metadata["response time, p50 (ms)"].value < 27
    assert "| 23 |" in metadata["hour by hour"].value
    assert len(metadata["hour by hour"].value.encode()) < 30_000
    assert "data:image/png;base64," in metadata["the week as a picture"].value
    assert len(metadata["the week as a picture"].value) < 60_000
