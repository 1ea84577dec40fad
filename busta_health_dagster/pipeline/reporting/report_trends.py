"""Response times and quality over the 30 days that end with a week."""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.quota import QUOTA_LIMIT, QUOTA_REMAINING, QUOTA_RESET
from busta_health_dagster.domain.report import MetricRow, TrendRow
from busta_health_dagster.domain.units import floor_to, from_epoch
from busta_health_dagster.engines.rules import limits_for
from busta_health_dagster.pipeline.quality.trends import trends_of
from busta_health_dagster.pipeline.service_levels.service_levels import DAY_S
from busta_health_dagster.store.metric_rollups import HOUR_S, MetricStats

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.report import Week
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.service_levels.periods import Period
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.quality.trends import Trend
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.rollup_queries import Summary

DAYS = 30
_OF_QUOTA = frozenset({QUOTA_REMAINING, QUOTA_LIMIT, QUOTA_RESET})


def response_of(
    app: App, week: Week, summary: Mapping[str, Mapping[str, Summary]], sources: Mapping[str, Source]
) -> tuple[TrendRow, ...]:
    """p95 in milliseconds. Those nearest to their limit first, then those that changed most."""
    first = _first_day(week)
    with app.store.read() as uow:
        daily = uow.rollups.daily(sorted(summary), first, week.until) if summary else {}
    rows = []
    for name, seen in summary.items():
        known = {at: s.p95 for at, s in daily.get(name, ())}
        days = tuple((at, known.get(at)) for at in range(first, week.until, DAY_S))
        now, before = seen["week"].p95, seen["before"].p95
        if now is None and before is None and not any(v is not None for _, v in days):
            continue
        rows.append(TrendRow(name, now, before, limits_for(sources[name], app.config.rules).response_ms, days))
    return tuple(sorted(rows, key=lambda r: (-_over(r), -(r.change_percent or 0), r.source)))


def _over(row: TrendRow) -> int:
    return int(row.over is not None and row.over > 100)


def quality_of(
    app: App, week: Week, before: Period, summary: Mapping[str, Mapping[str, Summary]], sources: Mapping[str, Source]
) -> tuple[TrendRow, ...]:
    """Scores 0-100, the lowest first; only sources that have any."""
    first = _first_day(week)
    (trends,) = trends_of(app, "quality", [_last_day(week)])
    by_name = {t.source: t for t in trends.trends}
    means: dict[str, dict[date, float]] = {}
    if len(trends.days):
        known_days = trends.days.dropna(subset=["mean"])
        for name, day, value in zip(known_days["source"], known_days["day"], known_days["mean"], strict=True):
            means.setdefault(str(name), {})[day] = float(value)
    with app.store.read() as uow:
        scored = [n for n in summary if n in by_name or summary[n]["week"].mean_quality is not None]
        newest = uow.quality.newest(scored) if scored else {}
        scores = uow.quality.scores(before.since, week.until, scored) if scored else {}
        daily = uow.rollups.daily(scored, first, week.until) if scored else {}
    by_name |= _of_means({n: daily.get(n, ()) for n in scored if n not in by_name}, _last_day(week), app, sources)
    rows = []
    for name in scored:
        kept = {from_epoch(at).date(): s.mean_quality for at, s in daily.get(name, ())}
        known = {day: value for day, value in kept.items() if value is not None} | means.get(name, {})
        trend = by_name.get(name)
        mine = scores.get(name, ())
        latest = newest.get(name)
        fresh = latest is not None and week.since <= latest.at < week.until
        rows.append(
            TrendRow(
                name,
                _mean(mine, week.since, week.until, summary[name]["week"].mean_quality),
                _mean(mine, before.since, before.until, summary[name]["before"].mean_quality),
                trend.limit if trend else limits_for(sources[name], app.config.rules).quality,
                tuple((at, known.get(from_epoch(at).date())) for at in range(first, week.until, DAY_S)),
                trend.slope if trend else None,
                trend.reason if trend else "",
                trend.crosses_in_days if trend else None,
                latest.score.score if latest is not None and fresh else None,
                latest.score.half_width if latest is not None and fresh else None,
            )
        )
    return tuple(sorted(rows, key=lambda r: (r.now is None, r.now or 0.0, r.source)))


def metrics_of(uow: UnitOfWork, week: Week, before: Period, sources: Mapping[str, Source]) -> tuple[MetricRow, ...]:
    """Custom metrics, those that changed most first. What is left of a quota is no level: it falls until it is renewed."""
    rows = []
    for name, source in sources.items():
        wanted = [metric for metric in source.metric_names if metric not in _OF_QUOTA]
        series = uow.metric_rollups.series(name, before.since, week.until, step_s=HOUR_S) if wanted else {}
        for metric in wanted:
            now = _together(stats for at, stats in series.get(metric, ()) if at >= week.since)
            then = _together(stats for at, stats in series.get(metric, ()) if at < before.until)
            if now is None and then is None:
                continue
            mean, was = None if now is None else now.mean, None if then is None else then.mean
            low, high = (None, None) if now is None else (now.lowest, now.highest)
            rows.append(MetricRow(name, metric, mean, was, low, high))
    return tuple(sorted(rows, key=lambda r: -abs(r.change_percent or 0)))


def _together(some: Iterable[MetricStats]) -> MetricStats | None:
    kept = list(some)
    return reduce(MetricStats.plus, kept) if kept else None


def _of_means(
    days: Mapping[str, Sequence[tuple[int, Summary]]], last: date, app: App, sources: Mapping[str, Source]
) -> dict[str, Trend]:
    """The trend of sources that no one scores here: an import brought their scores, the rollups kept daily means."""
    from busta_health_dagster.quality.trends import daily, rolling

    rows = [
        {"source": name, "day": from_epoch(at).date(), "score": s.mean_quality}
        for name, some in days.items()
        for at, s in some
        if s.mean_quality is not None
    ]
    found: dict[str, Trend] = {}
    for name, part in daily(rows).groupby("source", sort=True) if rows else ():
        limit = limits_for(sources[str(name)], app.config.rules).quality
        found |= {t.source: t for t in rolling(part, last, limit=limit, worse="lower")}
    return found


def _mean(scores: Any, since: int, until: int, rolled: float | None) -> float | None:
    """Of the scores themselves; of weeks before the first of them (an import) what the rollups kept."""
    inside = [score for at, score in scores if since <= at < until and score is not None]
    return sum(inside) / len(inside) if inside else rolled


def _first_day(week: Week) -> int:
    """The first of the 30 UTC days that end with the week."""
    return floor_to(week.until - 1, DAY_S) - (DAYS - 1) * DAY_S


def _last_day(week: Week) -> date:
    return (from_epoch(week.until) - timedelta(seconds=1)).date()
