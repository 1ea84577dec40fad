"""`reports/weekly`: one partition per week from Monday in the configured zone, any of which can be filled again; `health/sla`:
every service level as of now.

Annotations are real objects here: Dagster reads them.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg

from busta_health_dagster.defs.keys import asset_key, own_key
from busta_health_dagster.defs.metadata import plottable
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.defs.trends import first_day
from busta_health_dagster.settings import Config
from busta_health_dagster.settings.instance import JOB_TAG

GROUP = "health_reports"
JOB = "weekly_report"
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def week_label(partition: str) -> str:
    """`2026-11-16` -> `2026-W47`."""
    year, week, _ = dt.date.fromisoformat(partition).isocalendar()
    return f"{year}-W{week:02d}"


def weeks_of(config: Config) -> dg.WeeklyPartitionsDefinition:
    """From the Monday of the week of `report_start` (see `first_day`) on."""
    first = first_day(config)
    monday = first - dt.timedelta(days=first.weekday())
    return dg.WeeklyPartitionsDefinition(
        start_date=monday.isoformat(), timezone=config.settings.schedule.zone, day_offset=1
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
    def weekly(context: dg.AssetExecutionContext, busta: Monitor) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from busta_health_dagster.pipeline.reporting.sending import publish
        from busta_health_dagster.reports.markdown import markdown

        with busta.open() as app:
            published = publish(app, week_label(context.partition_key))
        report = published.report
        context.log.info("%s: %s", report.week.label, published.notified)
        figures = {f.name: f.now for f in report.figures}
        evaluated = [r for r in report.sla if r.met is not None]
        metadata = plottable(
            {
                "1_fleet_uptime_percent": figures["Fleet uptime"],
                "2_sla_met": float(sum(bool(r.met) for r in evaluated)) if evaluated else None,
                "3_sla_missed": float(sum(not r.met for r in evaluated)) if evaluated else None,
                "4_incidents_resolved": figures["Incidents resolved"],
                "5_mttr_minutes": None if figures["MTTR, mean"] is None else figures["MTTR, mean"] / 60,
                "6_quality_mean": figures["Quality, mean"],
                "7_notifications": figures["Notifications"],
                "8_monitor_uptime_percent": report.monitor.share,
            }
        )
        metadata["week"] = dg.MetadataValue.text(report.week.label)
        metadata["delivery"] = dg.MetadataValue.text(published.notified)
        metadata["report"] = dg.MetadataValue.md(markdown(report))
        if report.page:
            metadata["page"] = dg.MetadataValue.url(report.page)
        return dg.MaterializeResult(metadata=metadata)

    return weekly


def _service_levels(config: Config) -> dg.AssetsDefinition:
    @dg.asset(
        key=own_key("health", "sla"),
        deps=[asset_key(source) for source in config.sources.values()],
        group_name=GROUP,
        description="Every source's service level over the 30 days until now: target, uptime, coverage, error budget and forecast, "
        "worst first.",
        kinds={"python"},
        tags={"health/report": "sla"},
    )
    def service_levels(busta: Monitor) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from busta_health_dagster.pipeline.reporting.weekly_report import sla_now
        from busta_health_dagster.reports.markdown import sla_markdown

        with busta.open() as app:
            rows = sla_now(app)
        evaluated = [r for r in rows if r.met is not None]
        spare = [r.spare_s for r in evaluated if r.spare_s is not None]
        metadata = plottable(
            {
                "1_met": float(sum(bool(r.met) for r in evaluated)),
                "2_missed": float(sum(not r.met for r in evaluated)),
                "3_without_verdict": float(len(rows) - len(evaluated)),
                "4_worst_uptime_percent": min((r.uptime for r in evaluated if r.uptime is not None), default=None),
                "5_worst_budget_left_percent": min(
                    (r.budget_left for r in evaluated if r.budget_left is not None), default=None
                ),
                "6_next_breach_after_minutes_down": min(spare) / 60 if spare else None,
            }
        )
        metadata["sla"] = dg.MetadataValue.md(sla_markdown(rows) if rows else "No source is configured.")
        forecasts = [
            f"- **{r.source}**: {r.forecast}" for r in evaluated if r.forecast.startswith("the budget is gone")
        ]
        if forecasts:
            metadata["forecast"] = dg.MetadataValue.md("\n".join(forecasts[:50]))
        return dg.MaterializeResult(metadata=metadata)

    return service_levels
