"""The definitions of the code location. Reads the configuration's files and nothing else: no store, no socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.alerts import alert_sensor, maintenance, open_alerts
from busta_health_dagster.defs.baselines import baseline_definitions
from busta_health_dagster.defs.catalog import source_key
from busta_health_dagster.defs.delivery import notification_sensor
from busta_health_dagster.defs.fleet import fleet
from busta_health_dagster.defs.jobs import health_tick, retention_daily, schedules
from busta_health_dagster.defs.quality import quality_assets, quality_job, quality_key
from busta_health_dagster.defs.reports import report_definitions
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.defs.sources import source_assets
from busta_health_dagster.defs.trends import trend_definitions

OURS_TAGS = frozenset({"health/monitored", "health/quality", "health/report"})
"""A tag that each of our assets has one of."""

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.settings import Config


def build() -> dg.Definitions:
    """Definitions for the configuration that the environment names, or its last good copy while its files are broken.

    Without an executor: merged into a project of yours it would run your jobs, too.
    """
    config = read_config()
    return dg.Definitions.merge(fleet_definitions(config), report_definitions_of(config), source_definitions(config))


def read_config() -> Config:
    """What the definitions are made of."""
    return bootstrap.config_reloader(home=None, config_dir=None, environ=os.environ, keep=False).config


def fleet_definitions(config: Config) -> dg.Definitions:
    """The tick, and what shows the fleet as it is now. None of it names a source: a tick must not pay for lineage."""
    return dg.Definitions(
        assets=[fleet, open_alerts, maintenance],
        jobs=[health_tick, retention_daily],
        schedules=schedules(config),
        sensors=[alert_sensor, notification_sensor],
        resources={"busta": Monitor()},
    )


def report_definitions_of(config: Config) -> dg.Definitions:
    """What is computed from all sources: trends, service levels, baselines, the weekly report."""
    trends, trend_jobs, trend_schedules = trend_definitions(config)
    baselines, baseline_jobs, baseline_schedules = baseline_definitions(config)
    reports, report_jobs, report_schedules = report_definitions(config)
    return dg.Definitions(
        assets=[*trends, *baselines, *reports],
        jobs=[*trend_jobs, *baseline_jobs, *report_jobs],
        schedules=[*trend_schedules, *baseline_schedules, *report_schedules],
    )


def source_definitions(config: Config) -> dg.Definitions:
    """An asset per source, one per score of a source, and what scores them."""
    quality_jobs, quality_schedules = quality_job(config)
    return dg.Definitions(
        assets=[*source_assets(config), *quality_assets(config)], jobs=quality_jobs, schedules=quality_schedules
    )


def own_keys(repository: dg.RepositoryDefinition) -> frozenset[dg.AssetKey]:
    """The keys of our assets in a repository, which may be shared with a project of yours."""
    graph = repository.asset_graph
    return frozenset(key for key in graph.get_all_asset_keys() if OURS_TAGS & graph.get(key).tags.keys())


def own_asset_keys(config: Config, removed: Iterable[str] = ()) -> frozenset[dg.AssetKey]:
    """The keys of everything that `build()` defines, and those of sources that were `removed`. An asset of yours that a
    source stands on is not ours.
    """
    defined = (*(fleet_definitions(config).assets or ()), *(report_definitions_of(config).assets or ()))
    fleet_wide = (asset for asset in defined if isinstance(asset, dg.AssetsDefinition))
    names = {*config.sources, *removed}
    return frozenset(
        [key for asset in fleet_wide for key in asset.keys]
        + [key(name) for name in names for key in (source_key, quality_key)]
    )
