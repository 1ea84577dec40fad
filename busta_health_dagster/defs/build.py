"""The definitions of the code location. Reads the configuration's files and nothing else: no store, no socket."""

from __future__ import annotations

import os

import dagster as dg

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.alerts import alert_sensor, maintenance, open_alerts
from busta_health_dagster.defs.baselines import baseline_definitions
from busta_health_dagster.defs.delivery import notification_sensor
from busta_health_dagster.defs.fleet import fleet
from busta_health_dagster.defs.jobs import health_tick, retention_daily, schedules
from busta_health_dagster.defs.quality import quality_assets, quality_job
from busta_health_dagster.defs.reports import report_definitions
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.defs.sources import source_assets
from busta_health_dagster.defs.trends import trend_definitions
from busta_health_dagster.pipeline.detector import watched_by


def build() -> dg.Definitions:
    """Definitions for the configuration that the environment names, or its last good copy while its files are broken."""
    config = bootstrap.config_reloader(home=None, config_dir=None, environ=os.environ, keep=False).config
    quality_jobs, quality_schedules = quality_job(config)
    trends, trend_jobs, trend_schedules = trend_definitions(config)
    baselines, baseline_jobs, baseline_schedules = baseline_definitions(config)
    reports, report_jobs, report_schedules = report_definitions(config)
    return dg.Definitions(
        assets=[
            *source_assets(config.sources.values(), watched_by(config.sources.values(), config.rules)),
            *quality_assets(config),
            *trends,
            *baselines,
            *reports,
            fleet,
            open_alerts,
            maintenance,
        ],
        jobs=[health_tick, retention_daily, *quality_jobs, *trend_jobs, *baseline_jobs, *report_jobs],
        schedules=[*schedules(config), *quality_schedules, *trend_schedules, *baseline_schedules, *report_schedules],
        sensors=[alert_sensor, notification_sensor],
        resources={"monitor": Monitor()},
        executor=dg.in_process_executor,
    )
