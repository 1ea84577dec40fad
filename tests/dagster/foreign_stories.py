"""Other people's work in the same Dagster instance, real and failing; and what our alert sensor makes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache

import dagster as dg
from dagster import DagsterInstance
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG

from busta_health_dagster.defs import alerts, app_cache
from busta_health_dagster.domain.alert import Alert
from busta_health_dagster.testing import FakeClock

RULES = """
  - {name: failed-run, pattern: dagster_run}
  - {name: failed-check, pattern: dagster_check}
  - {name: failed-tick, pattern: dagster_tick}
  - {name: broken-location, pattern: dagster_location}
  - {name: dead-daemon, pattern: dagster_daemon, names: [SENSOR, SCHEDULER, MONITORING]}
  - {name: late-asset, pattern: dagster_freshness}
"""


class Foreign:
    """An instance that we share, and the sensor that reads it."""

    def __init__(self, location: dg.Definitions, instance: DagsterInstance, clock: FakeClock) -> None:
        self.location, self.instance, self.clock = location, instance, clock
        self._ahead_s = 0.0

    def sense(self, later_s: float = 0.0) -> None:
        """One pass of the alert sensor, now, or so much later. Runs are stamped by the database's own clock: ours follows it."""
        self._ahead_s += later_s
        self.clock.jump(time.time() + self._ahead_s - self.clock.now())
        context = dg.build_sensor_context(instance=self.instance, definitions=self.location)
        assert isinstance(alerts.alert_sensor(context), dg.SkipReason)

    def run(self, job: dg.JobDefinition, location: str, *, works: bool, assets: Sequence[dg.AssetKey] = ()) -> None:
        """A run as the daemon of that location launches it."""
        job.execute_in_process(
            instance=self.instance,
            tags={"works": "yes" if works else "no", REPOSITORY_LABEL_TAG: f"__repository__@{location}"},
            asset_selection=assets or None,
            raise_on_error=False,
        )

    @property
    def open(self) -> dict[str, str]:
        """Open alerts about the instance, with their reasons."""
        return {a.fingerprint.removeprefix("dagster/"): a.bad_reason for a in self.alerts if a.source == "dagster"}

    @property
    def alerts(self) -> list[Alert]:
        with app_cache.cached_app() as app, app.store.read() as uow:
            return uow.alerts.open()

    def messages(self) -> list[dict]:
        with app_cache.cached_app() as app, app.store.read() as uow:
            return [row.message.payload for row in uow.outbox.list()]


@dg.op(tags={"team": "bets"})
def place(context) -> None:
    if context.run.tags["works"] == "no":
        raise ValueError("bookmaker refused token=hunter2-hunter2-hunter2")


@cache
def place_bets() -> dg.JobDefinition:
    """Made when a test asks: owners of jobs are beta, and warn."""

    @dg.job(name="place_bets", owners=["team:bets"])
    def job() -> None:
        place()

    return job


@dg.asset(key=["models", "spread"])
def spread(context) -> None:
    if context.run.tags["works"] == "no":
        raise ValueError("spread diverged")


@dg.asset(key=["models", "totals"])
def totals(context) -> None:
    if context.run.tags["works"] == "no":
        raise ValueError("totals diverged")


@dg.asset(deps=[spread])
def slip() -> None:
    """Comes after a model."""


MODELS = dg.Definitions(assets=[spread, totals, slip]).resolve_implicit_global_asset_job_def()
