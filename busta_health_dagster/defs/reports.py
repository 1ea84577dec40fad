"""`reports/weekly`: one partition per week from Monday in the configured zone, any of which can be filled again; `health/sla`:
every service level as of now.

Annotations are real objects here: Dagster reads them.
"""

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

from busta_health_dagster.defs.keys import asset_key, own_key, quality_key
from busta_health_dagster.defs.metadata import plottable, table, texts
from busta_health_dagster.defs.quality import scored_sources
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.domain.report import SlaRow
from busta_health_dagster.settings import Config
from busta_health_dagster.settings.instance import JOB_TAG
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.glyphs import STATUS
from busta_health_dagster.wording.numbers import DASH
from busta_health_dagster.wording.percentages import budget, percent

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.reporting.sending import Published

GROUP = "health_reports"
JOB = "weekly_report"
ROWS_AT_MOST = 100
_SLA_COLUMNS = ("source", "verdict", "uptime", "budget")
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def week_label(partition: str) -> str:
    """`2026-11-16` -> `2026-W47`."""
    year, week, _ = dt.date.fromisoformat(partition).isocalendar()
    return f"{year}-W{week:02d}"


def weeks_of(config: Config) -> dg.WeeklyPartitionsDefinition:
    """From the Monday of the week of `report_start` (see `Config.first_week`) on."""
    return dg.WeeklyPartitionsDefinition(
        start_date=config.first_week.isoformat(), timezone=config.settings.schedule.zone, day_offset=1
    )


def report_definitions(
    config: Config,
) -> "tuple[list[dg.AssetsDefinition], list[dg.UnresolvedAssetJobDefinition], list[dg.ScheduleDefinition]]":
    """The two assets, the weekly job, and the schedule that makes the report of the week that has just ended."""
    weeks = weeks_of(config)
    zone = config.settings.schedule.zone
    weekly = _weekly(weeks)
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(weekly),
        description="Writes the report of one week, keeps it, and sends the newest one.",
        tags={JOB_TAG: JOB},
        executor_def=dg.in_process_executor,
    )
    day, _, clock = config.settings.schedule.weekly_report.partition(" ")
    hour, minute = map(int, clock.split(":"))

    @dg.schedule(
        name=JOB,
        job=job,
        cron_schedule=f"{minute} {hour} * * {_DAYS.index(day)}",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Writes the report of last week ({config.settings.schedule.weekly_report}, {zone}).",
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at = context.scheduled_execution_time.astimezone(ZoneInfo(zone)).date()
        monday = (at - dt.timedelta(days=at.weekday() + 7)).isoformat()
        if not weeks.has_partition_key(monday):
            return dg.SkipReason(f"the week of {monday} lies before the first report")
        return dg.RunRequest(run_key=monday, partition_key=monday)

    return [weekly, _service_levels(config)], [job], [due]


def _weekly(weeks: dg.WeeklyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=own_key("reports", "weekly"),
        deps=[own_key("health", "sla"), *(own_key("trends", subject) for subject in ("quality", "response"))],
        partitions_def=weeks,
        group_name=GROUP,
        description="The week in numbers: SLA attainment, incidents, response times, quality, noise and what to tune. "
        "The newest week is sent to the channels of its route, once.",
        kinds={"markdown"},
        tags={"health/report": "weekly"},
    )
    def weekly(context: dg.AssetExecutionContext, busta: Monitor) -> None:
        from busta_health_dagster.pipeline.reporting.sending import publish

        with busta.open() as app:
            for key in context.partition_keys:
                published = publish(app, week_label(key))
                context.log.info("%s: %s", published.report.week.label, published.notified)
                context.add_asset_metadata(report_metadata(published), partition_key=key)

    return weekly


def report_metadata(published: "Published") -> dict[str, dg.MetadataValue]:
    """The verdict of the week in a sentence, the whole report, and what Dagster plots."""
    from busta_health_dagster.reports.markdown import markdown
    from busta_health_dagster.reports.verdict import verdict

    report = published.report
    figures = {f.name: f.now for f in report.figures}
    uptime, recovery = figures["Fleet uptime"], figures["MTTR, mean"]
    evaluated = [r for r in report.sla if r.met is not None]
    metadata = texts(
        {
            "week": report.week.label,
            "in short": verdict(report),
            "fleet uptime": None if uptime is None else percent(uptime),
            "mean time to recovery": None if recovery is None else duration_text(recovery),
            "delivery": published.notified,
        }
    )
    if report.page:
        metadata["page"] = dg.MetadataValue.url(report.page)
    metadata["report"] = dg.MetadataValue.md(markdown(report))
    return metadata | plottable(
        {
            "fleet uptime (%)": uptime,
            "targets met": float(sum(bool(r.met) for r in evaluated)) if evaluated else None,
            "targets missed": float(sum(not r.met for r in evaluated)) if evaluated else None,
            "incidents resolved": figures["Incidents resolved"],
            "mean time to recovery (min)": None if recovery is None else recovery / 60,
            "quality, mean": figures["Quality, mean"],
            "notifications": figures["Notifications"],
            "monitor uptime (%)": report.monitor.share,
        }
    )


def _service_levels(config: Config) -> dg.AssetsDefinition:
    @dg.asset(
        key=own_key("health", "sla"),
        deps=[
            *(asset_key(source) for source in config.sources.values()),
            *(quality_key(source.name) for source in scored_sources(config)),
        ],
        group_name=GROUP,
        description="Every source's service level over the 30 days until now: target, uptime, coverage, error budget and forecast, "
        "worst first.",
        kinds={"python"},
        tags={"health/report": "sla"},
    )
    def service_levels(busta: Monitor) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from busta_health_dagster.pipeline.reporting.weekly_report import sla_now

        with busta.open() as app:
            rows = sla_now(app)
        evaluated = [r for r in rows if r.met is not None]
        spare = [r.spare_s for r in evaluated if r.spare_s is not None]
        worst = min((r for r in evaluated if r.uptime is not None), key=lambda r: r.uptime or 0.0, default=None)
        metadata = {
            "service levels": table(_SLA_COLUMNS, map(_sla_row, rows[:ROWS_AT_MOST]))
            if rows
            else dg.MetadataValue.text("No source is configured.")
        }
        metadata |= texts(
            {
                "worst uptime": None if worst is None else f"{percent(worst.uptime)}, {worst.source}",
                "next breach": f"after {duration_text(min(spare))} more of downtime" if spare else None,
                "more": f"{len(rows) - ROWS_AT_MOST} more sources: busta sla" if len(rows) > ROWS_AT_MOST else None,
                "forecast": "; ".join(
                    [f"{r.source}: {r.forecast}" for r in evaluated if r.forecast.startswith("the budget is gone")][:10]
                ),
            }
        )
        metadata |= plottable(
            {
                "met": float(sum(bool(r.met) for r in evaluated)),
                "missed": float(sum(not r.met for r in evaluated)),
                "without verdict": float(len(rows) - len(evaluated)),
                "worst uptime (%)": None if worst is None else worst.uptime,
                "worst budget left (%)": min(
                    (r.budget_left for r in evaluated if r.budget_left is not None), default=None
                ),
                "next breach (min of downtime)": min(spare) / 60 if spare else None,
            }
        )
        return dg.MaterializeResult(metadata=metadata)

    return service_levels


def _sla_row(row: SlaRow) -> tuple[str, ...]:
    said = f"{STATUS[row.status]} {row.words}"
    uptime = f"{percent(row.uptime)} of {percent(row.target)}"
    return row.source, said, uptime, DASH if row.budget_left is None else f"{budget(row.budget_left)}%"
