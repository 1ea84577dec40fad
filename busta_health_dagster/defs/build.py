"""The definitions of the code location. Reads the configuration's files and nothing else: no store, no socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.alerts import alert_assets, alert_sensor
from busta_health_dagster.defs.baselines import baseline_definitions
from busta_health_dagster.defs.delivery import notification_sensor
from busta_health_dagster.defs.fleet import fleet_asset
from busta_health_dagster.defs.jobs import retention_daily, schedules, tick_job
from busta_health_dagster.defs.keys import asset_key, quality_key
from busta_health_dagster.defs.page_links import page_url
from busta_health_dagster.defs.quality import quality_assets, quality_job, scored_sources
from busta_health_dagster.defs.reports import report_definitions
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.defs.sources import source_assets
from busta_health_dagster.defs.trends import trend_definitions
from busta_health_dagster.defs.vantages import vantage_definitions

if TYPE_CHECKING:
    from busta_health_dagster.settings import Config


DRAWN_AT_MOST = 100


def build() -> dg.Definitions:
    """Definitions for the configuration that the environment names, or its last good copy while its files are broken.

    Without an executor: merged into a project of yours it would run your jobs, too.
    """
    config = read_config()
    return dg.Definitions.merge(
        fleet_definitions(config),
        report_definitions_of(config),
        source_definitions(config),
    )


def read_config() -> Config:
    """What the definitions are made of."""
    return bootstrap.config_reloader(home=None, config_dir=None, environ=os.environ, keep=False).config


def fleet_definitions(config: Config) -> dg.Definitions:
    """The tick, what observes from vantage points, and what shows the fleet as it is now. Beyond DRAWN_AT_MOST sources none of
    it names one: each tick would pay for the lineage, 1 CPU second with 1,000.
    """
    health_tick = tick_job()
    vantage_jobs, vantage_schedules = vantage_definitions(config)
    keys = [asset_key(source) for source in config.sources.values()]
    observed = keys if len(keys) <= DRAWN_AT_MOST else []
    scores = [quality_key(source.name) for source in scored_sources(config)] if observed else []
    return dg.Definitions(
        assets=[fleet_asset([*observed, *scores], page_url(config)), *alert_assets(observed)],
        jobs=[health_tick, retention_daily, *vantage_jobs],
        schedules=[*schedules(config, health_tick), *vantage_schedules],
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
