"""`trends/quality` and `trends/response`: one partition per UTC day, each with the 30 days that end with it.

They are computed from the store, so that any day can be filled again from Dagster's page.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import dagster as dg

from busta_health_dagster.defs.keys import asset_key, own_key, quality_key
from busta_health_dagster.defs.metadata import plottable, table, texts
from busta_health_dagster.defs.quality import scored_sources
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.extras import installed
from busta_health_dagster.settings.instance import JOB_TAG
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from busta_health_dagster.pipeline.quality.trends import Trends
    from busta_health_dagster.settings import Config

GROUP = "health_reports"
JOB = "trends_daily"
_ABOUT = {
    "quality": "Quality of every scored source over 30 days: what moves, since when and where to; what is flat in one line.",
    "response": "Response times of every source over 30 days: what moves, since when and where to; what is flat in one line.",
}


def trend_definitions(
    config: "Config",
) -> tuple[list[dg.AssetsDefinition], list["UnresolvedAssetJobDefinition"], list[dg.ScheduleDefinition]]:
    """The two assets, their job, and the schedule that fills yesterday."""
    days = dg.DailyPartitionsDefinition(start_date=config.first_day.isoformat(), timezone="UTC")
    scored = [quality_key(source.name) for source in scored_sources(config)]
    observed = [asset_key(source) for source in config.sources.values()]
    assets = [_trend("quality", days, scored), _trend("response", days, observed)]
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(*assets) | dg.AssetSelection.assets(own_key("health", "sla")),
        description="30-day trends of quality and response times, as of one day.",
        tags={JOB_TAG: JOB},
        executor_def=dg.in_process_executor,
    )

    @dg.schedule(
        name=JOB,
        job=job,
        cron_schedule="25 0 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Fills the day that has just ended (UTC).",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        selection = None if installed("quality") else [dg.AssetKey(["health", "sla"])]  # trends are made with pandas
        day = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
        return dg.RunRequest(run_key=day, partition_key=day, asset_selection=selection)

    return assets, [job], [daily]


def _trend(
    subject: Literal["quality", "response"], days: dg.DailyPartitionsDefinition, deps: Sequence[dg.AssetKey]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=own_key("trends", subject),
        deps=deps,
        partitions_def=days,
        group_name=GROUP,
        description=_ABOUT[subject],
        kinds={"pandas"},
        tags={"health/report": "trends"},
    )
    def trend(context: dg.AssetExecutionContext, busta: Monitor) -> None:
        from busta_health_dagster.pipeline.quality.trends import trends_of

        with busta.open() as app:
            for found in trends_of(app, subject, [date.fromisoformat(key) for key in context.partition_keys]):
                context.add_asset_metadata(trend_metadata(found), partition_key=found.day.isoformat())

    return trend


def trend_metadata(found: "Trends") -> dict[str, dg.MetadataValue]:
    """What moves as a table, all else in one line; the charts; and what Dagster plots."""
    from busta_health_dagster.pipeline.quality.trends import COLUMNS, trend_rows, trends_markdown

    moving, worst = trend_rows(found), found.worst
    metadata = texts(
        {
            "mean": found.written(found.mean),
            "worst mean": None if worst is None else f"{found.written(worst.mean)}, {worst.source}",
            "flat": listed(found.flat, most=20) if found.flat else None,
        }
    )
    metadata["moving"] = table(COLUMNS, moving) if moving else dg.MetadataValue.text("nothing")
    metadata["charts"] = dg.MetadataValue.md(trends_markdown(found))
    return metadata | plottable(found.figures)
