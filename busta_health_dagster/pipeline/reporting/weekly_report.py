"""One week in numbers, read from the store: what `reports/weekly`, `busta report weekly` and the mail are drawn from.

The same week can be asked for at any time: what is open is reported as of the hour at which its report is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain import report as model
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.report import Figure, IncidentRow, Incidents, SlaRow, Took, Week, WeeklyReport
from busta_health_dagster.domain.units import floor_to, from_epoch
from busta_health_dagster.domain.uptime_and_budget import percent
from busta_health_dagster.engines.service_levels import burn, timeslices
from busta_health_dagster.engines.service_levels.periods import Period, period
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.reporting.open_items import open_items
from busta_health_dagster.pipeline.reporting.operation import delivery_of, maintenance_of, monitor_of, noise_of, sent_in
from busta_health_dagster.pipeline.reporting.report_trends import metrics_of, quality_of, response_of
from busta_health_dagster.pipeline.service_levels.incidents import list_incidents
from busta_health_dagster.pipeline.service_levels.service_levels import DAY_S, ask_levels, service_levels, slice_counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.incident import IncidentSummary
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.uptime_and_budget import SliceCounts
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.service_levels.incidents import IncidentList
    from busta_health_dagster.pipeline.service_levels.service_levels import ServiceLevel

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_S = 30 * DAY_S


def last_week(app: App) -> str:
    """The newest week that is over, in the configured zone: `2026-W47`."""
    now = app.now()
    running = period("week", now, _zone(app))
    return period("week", running.since - 1, _zone(app)).label


def week_of(app: App, label: str) -> Week:
    """The bounds of a week, and the instant at which its open items are reported.

    Raises:
        BadInput: not a week, or one that has not begun.
    """
    now, zone = app.now(), _zone(app)
    try:
        whole = period(label, now + 8 * DAY_S, zone)
    except ValueError as error:
        raise BadInput(f"week: {error}") from error
    if "-W" not in label:
        raise BadInput(f"week: {label!r} is not a week; write 2026-W47")
    if whole.since > now:
        raise BadInput(f"week: {label} begins after today; nothing is known of it yet")
    due = due_at(app, whole.until)
    if now < whole.until:
        return Week(label, whole.since, max(floor_to(now, 300), whole.since), whole.until, now, zone)
    return Week(label, whole.since, whole.until, whole.until, min(now, due), zone)


def due_at(app: App, ends: int) -> int:
    """When the report of the week that ended at `ends` is due: the first configured time of the week after it."""
    day, _, clock = app.config.settings.schedule.weekly_report.partition(" ")
    hour, minute = map(int, clock.split(":"))
    zone = ZoneInfo(_zone(app))
    first = from_epoch(ends).astimezone(zone).date() + timedelta(days=_DAYS.index(day))
    return int(datetime(first.year, first.month, first.day, hour, minute, tzinfo=zone).timestamp())


def _zone(app: App) -> str:
    return app.config.settings.schedule.zone


@dataclass(frozen=True, slots=True)
class _Counted:
    """Slices of this week and the last, and what the last one's 30 days came to."""

    week: Mapping[str, SliceCounts]
    before: Mapping[str, SliceCounts]
    met_before: int | None


def weekly_report(app: App, label: str | None = None) -> WeeklyReport:
    """The report of a week (None: the newest that is over), worst first everywhere.

    Raises:
        BadInput: not a week, or one that has not begun.
    """
    week = week_of(app, label or last_week(app))
    span = Period(week.label, week.since, week.until)
    ahead = period("week", week.since - 1, week.zone)
    before = Period(ahead.label, ahead.since, week.since)
    levels = service_levels(app, Period("30d", week.until - _MONTH_S, week.until))
    sources = {level.source.name: level.source for level in levels}
    cohort, earlier = list_incidents(app, span), list_incidents(app, before)
    standing = list_incidents(app, Period(week.label, week.since, max(week.as_of, week.until)))
    past = list_incidents(app, Period("30d", week.until - _MONTH_S, week.until))
    with app.store.read() as uow:
        counted = _count(app, span, before, sources)
        began = uow.reports.first_slot()
        observed = sum(c.up + c.degraded + c.down for c in counted.week.values())
        seen = {s.name for s in uow.sources.all()} & sources.keys()
        summary = uow.rollups.summary(
            sorted(seen), {"week": (span.since, span.until), "before": (before.since, before.until)}
        )
        monitor = monitor_of(app, uow, week, before, sources, began)
        noise = noise_of(app, uow, week, past.incidents, sources)
        sent_before = sent_in(uow, before)
        planned = maintenance_of(app, uow, week, sources)
        delivery = delivery_of(app, uow, week)
        metrics = metrics_of(uow, week, before, {name: sources[name] for name in sorted(seen)})
        rows = tuple(_sla_row(level, counted) for level in levels)
        items = open_items(app, uow, week, standing.open, sources, {r.source: r for r in rows}, counted.week)
    response = response_of(app, week, summary, sources)
    quality = quality_of(app, week, before, summary, sources)
    first = began is None or began >= week.since
    return WeeklyReport(
        week=week,
        written_at=app.now(),
        sources=len(sources),
        observed=observed,
        first=first,
        began=began if began is not None and week.since < began < week.until else None,
        figures=_figures(levels, counted, cohort, earlier, quality, (noise.sent, sent_before), first=first),
        open=items,
        sla=rows,
        incidents=_incidents(cohort, earlier.summary),
        response=response,
        quality=quality,
        metrics=metrics,
        noise=noise,
        maintenance=planned,
        delivery=delivery,
        monitor=monitor,
        bad_slices=float(sum(_bad(sources[n], c) for n, c in counted.week.items())),
        base_url=app.config.settings.web.public_url or "",
    )


def _count(app: App, span: Period, before: Period, sources: Mapping[str, Source]) -> _Counted:
    with app.store.read() as uow:
        sources = {name: sources[name] for name in known_sources(app, uow, list(sources))} if sources else {}
        month = slice_counts(app, uow, sources, Period("30d", span.since - _MONTH_S, span.since))
        results = [
            timeslices.result(c, source=n, window="30d", target=sources[n].sla.uptime, degraded=sources[n].sla.degraded)
            for n, c in month.items()
        ]
        evaluated = [r for r in results if r.met is not None]
        return _Counted(
            slice_counts(app, uow, sources, span),
            slice_counts(app, uow, sources, before),
            sum(bool(r.met) for r in evaluated) if evaluated else None,
        )


def _bad(source: Source, counts: SliceCounts) -> Fraction:
    return counts.bad(source.sla.degraded)


def _uptime(source: Source, counts: SliceCounts) -> float | None:
    evaluated = counts.up + counts.degraded + counts.down
    return percent(counts.good(source.sla.degraded) / evaluated) if evaluated else None


def _fleet_uptime(levels: Sequence[ServiceLevel], counts: Mapping[str, SliceCounts]) -> float | None:
    """Good time / evaluated time of all sources together."""
    good, evaluated = Fraction(0), 0
    for level in levels:
        some, length = counts[level.source.name], timeslices.slice_length(level.source.interval_s)
        good += some.good(level.source.sla.degraded) * length
        evaluated += (some.up + some.degraded + some.down) * length
    return percent(good / evaluated) if evaluated else None


def _sla_row(level: ServiceLevel, counted: _Counted) -> SlaRow:
    r, source = level.result, level.source
    target, name = percent(r.target), source.name
    assert target is not None
    return SlaRow(
        source=name,
        tier=source.tier,
        target=target,
        met=r.met,
        verdict=r.verdict,
        uptime=percent(r.uptime),
        coverage=percent(r.coverage),
        budget_left=percent(r.budget_left),
        bad=float(r.bad),
        allowed_bad=float(r.allowed_bad),
        slice_s=r.slice_s,
        excluded=r.excluded,
        unknown=r.unknown,
        week=_uptime(source, counted.week[name]),
        week_before=_uptime(source, counted.before[name]),
        spare_s=burn.time_to_breach_s(r),
        forecast=level.forecast.text,
        quality=percent(r.quality.attained) if r.quality else None,
        quality_met=r.quality.met if r.quality else None,
    )


def _figures(
    levels: Sequence[ServiceLevel],
    counted: _Counted,
    cohort: IncidentList,
    earlier: IncidentList,
    quality: Sequence[model.TrendRow],
    sent: tuple[int, int],
    *,
    first: bool,
) -> tuple[Figure, ...]:
    evaluated = [level for level in levels if level.result.met is not None]
    met = sum(bool(level.result.met) for level in evaluated) if evaluated else None
    mttr, mttr_before = cohort.summary.mttr.mean, earlier.summary.mttr.mean
    n, n_before = cohort.summary.resolved, earlier.summary.resolved
    return (
        Figure(model.UPTIME, _fleet_uptime(levels, counted.week), _fleet_uptime(levels, counted.before), "%", "down"),
        Figure(model.MET, met, counted.met_before, "", "down", len(evaluated)),
        Figure(model.RESOLVED, n, None if first else n_before, "", "up"),
        Figure(model.MTTR, mttr, mttr_before, "s", "up"),
        _quality_figure(quality),
        Figure(model.NOTIFICATIONS, sent[0], None if first else sent[1]),
    )


def _quality_figure(quality: Sequence[model.TrendRow]) -> Figure:
    """The mean of the sources' means."""

    def mean(values: list[float]) -> float | None:
        return sum(values) / len(values) if values else None

    now = mean([r.now for r in quality if r.now is not None])
    return Figure(model.QUALITY, now, mean([r.before for r in quality if r.before is not None]), "", "down")


def _incidents(cohort: IncidentList, before: IncidentSummary) -> Incidents:
    s = cohort.summary
    rows = [
        IncidentRow(
            i.id,
            i.about,
            i.severity.word,
            i.rules,
            i.started_at,
            i.resolve_s or 0,
            i.detect_s,
            i.acknowledge_s,
            cohort.causes.get(i.id),
        )
        for i in cohort.resolved
    ]
    took = tuple(
        Took(name, now.mean, now.median, now.p90, now.count, then.mean)
        for name, now, then in (
            ("Time to resolve, MTTR", s.mttr, before.mttr),
            ("Time to acknowledge, MTTA", s.mtta, before.mtta),
            ("Time to detect, MTTD", s.mttd, before.mttd),
        )
    )
    return Incidents(tuple(sorted(rows, key=lambda r: (-r.lasted_s, r.started_at, r.source))), took, s.mtbf_s, s.open)


def sla_now(app: App) -> list[SlaRow]:
    """Every source's service level over the 30 days until now, and its last 7 days beside the 7 before; worst first."""
    asked = ask_levels(app, "30d")
    levels, until = service_levels(app, asked), asked.until
    sources = {level.source.name: level.source for level in levels}
    with app.store.read() as uow:
        counted = _Counted(
            slice_counts(app, uow, sources, Period("7d", until - 7 * DAY_S, until)),
            slice_counts(app, uow, sources, Period("7d before", until - 14 * DAY_S, until - 7 * DAY_S)),
            None,
        )
    return [_sla_row(level, counted) for level in levels]
