"""The alert sensor on a real instance: the timer behind the ticks, and the eye on every other code location."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance

from busta_health_dagster import bootstrap
from busta_health_dagster.defs import alerts, app_cache
from busta_health_dagster.defs.build import build
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.testing import FakeClock

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

INSTANCE_RULES = """
  - {name: failing-check, pattern: dagster_check, assets: ["models/*"], severity: warning}
  - {name: failed-run, pattern: dagster_run, jobs: ["train*"], severity: warning}
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture
def location(home: Path, tmp_path: Path):
    file = tmp_path / "config" / "alerts.yaml"
    file.write_text(file.read_text().replace("channels:", INSTANCE_RULES.lstrip("\n") + "channels:"))
    yield build()
    app_cache._cache.forget()


def sense(location: dg.Definitions, instance: DagsterInstance) -> str:
    result = alerts.alert_sensor(dg.build_sensor_context(instance=instance, definitions=location))
    assert isinstance(result, dg.SkipReason)
    return str(result.skip_message)


def shown(instance: DagsterInstance, name: str) -> list[dict[str, Any]]:
    records = instance.fetch_materializations(AssetKey(["health", name]), limit=100).records
    found = [r.asset_materialization for r in records]
    return [{key: value.value for key, value in m.metadata.items()} for m in found if m is not None]


def opened() -> dict[str, str]:
    with app_cache.cached_app() as app, app.store.read() as uow:
        return {a.fingerprint: a.reason for a in uow.alerts.open()}


def test_the_tick_opens_and_the_sensor_shows_what_changed(location, instance, clock) -> None:
    location.resolve_job_def("health_tick").execute_in_process(instance=instance)
    assert "0 observations evaluated" in sense(location, instance), "the tick has evaluated them already"
    (table,) = shown(instance, "open_alerts")
    assert (table["open"], table["not acknowledged"]) == (2.0, 2.0)
    records = [record.data for record in table["alerts"].records]
    assert all(len(record) == 3 for record in records), "as wide as a third of the page"
    assert any(record["alert"].startswith("! warning gone_file / source-down (") for record in records)
    assert shown(instance, "maintenance")[0]["on now"] == 0.0
    clock.advance(30)
    sense(location, instance)
    assert len(shown(instance, "open_alerts")) == 1, "nothing changed, nothing is shown again"


def test_looks_that_a_killed_tick_left_are_judged_by_the_sensor(location, instance, clock) -> None:
    from busta_health_dagster.pipeline.observing.observe import observe

    with app_cache.cached_app() as app:
        observe(app)
    assert "3 observations evaluated, 2 alerts opened" in sense(location, instance)
    with app_cache.cached_app() as app, app.store.read() as uow:
        assert {row.message.kind for row in uow.outbox.list()} == {"opened"}


def test_failing_checks_and_runs_of_other_locations_alert_and_the_past_does_not(location, instance, clock) -> None:
    @dg.asset(key=["models", "moneyline"], check_specs=[dg.AssetCheckSpec("rows", asset=["models", "moneyline"])])
    def moneyline(context):
        passed = context.run.tags["rows"] == "yes"
        return dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(passed=passed, check_name="rows", description="12 rows")]
        )

    @dg.op
    def fit(context):
        if context.run.tags["fit"] == "no":
            raise ValueError("diverged")

    @dg.job
    def train_totals() -> None:
        fit()

    model = dg.Definitions(assets=[moneyline]).resolve_implicit_global_asset_job_def()

    def evaluate(rows: str) -> None:
        model.execute_in_process(instance=instance, tags={"rows": rows})

    def train(fit: str) -> None:
        train_totals.execute_in_process(instance=instance, tags={"fit": fit}, raise_on_error=False)

    evaluate("no")
    train("no")
    sense(location, instance)
    assert opened() == {}, "it began to look now"
    time.sleep(0.01)  # runs are stamped by the database's own clock
    clock.jump(time.time() - clock.now() + 1)
    evaluate("no")
    train("no")
    sense(location, instance)
    assert opened() == {
        "dagster/failing-check/models/moneyline:rows": "check models/moneyline:rows failed: 12 rows",
        "dagster/failed-run/train_totals": "run of train_totals failed: step fit: ValueError: diverged",
    }
    before = len(opened())
    sense(location, instance)
    assert len(opened()) == before
    evaluate("yes")
    train("yes")
    sense(location, instance)
    assert opened() == {}


def test_a_changed_file_is_read_and_a_broken_one_is_told(location, instance, clock, tmp_path: Path) -> None:
    location.resolve_job_def("health_tick").execute_in_process(instance=instance)
    sense(location, instance)
    file = tmp_path / "config" / "alerts.yaml"
    good = file.read_text()
    file.write_text(good + "channel: oops\n")
    sense(location, instance)
    assert "was not accepted" in opened()["monitor/configuration"]
    file.write_text(good + "# fixed\n")
    sense(location, instance)
    assert "monitor/configuration" not in opened()


def test_both_assets_can_be_materialized_by_hand(location, instance, clock) -> None:
    both = [location.resolve_assets_def(AssetKey(["health", name])) for name in ("open_alerts", "maintenance")]
    result = dg.materialize(both, instance=instance)
    assert result.success
    assert "No alert is open" in json.dumps(shown(instance, "open_alerts"))


def test_what_has_just_failed_is_observed_again_by_the_sensor_before_it_opens(home, instance, clock) -> None:
    alerts_yaml = home.parent / "config" / "alerts.yaml"
    alerts_yaml.write_text(
        alerts_yaml.read_text().replace("value: down, severity", "value: down, confirm: true, severity")
    )
    location = build()
    try:
        location.resolve_job_def("health_tick").execute_in_process(instance=instance)
        assert not any(name.endswith("source-down") for name in opened())
        clock.advance(30)
        assert "1 observations evaluated, 0 alerts opened" in sense(location, instance)
        clock.advance(60)
        assert "1 observations evaluated, 1 alerts opened" in sense(location, instance)
        assert "gone_file/source-down" in opened()
    finally:
        app_cache._cache.forget()
