"""Thirty days of quality and of response times, as of any day: what the trend assets show, computed from the store.

Any day can be asked for again: scores and daily rollups stay longer than the observations that they came from.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.rules import limits_for
from busta_health_dagster.extras import require
from busta_health_dagster.pipeline.quality.quality_pass import quality_limit

if TYPE_CHECKING:
    import pandas as pd

    from busta_health_dagster.engines.slope import Side
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.quality.trends import Trend

Subject = Literal["quality", "response"]
MARKDOWN_BYTES = 28_000
"""Dagster's page takes 30 KB of Markdown without a hitch."""
_CHARTS_AT_MOST = 8
_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Trends:
    """The windows that end with `day` (UTC, inclusive), one per source with data, worst first, and the days behind."""

    subject: Subject
    day: date
    trends: tuple[Trend, ...]
    days: pd.DataFrame

    @property
    def figures(self) -> dict[str, float | None]:
        """What Dagster plots, over all sources: points of 0-100, or milliseconds."""
        means = [t.mean for t in self.trends if t.mean is not None]
        worst = (min if self.subject == "quality" else max)(means, default=None)
        unit = "" if self.subject == "quality" else "_ms"
        missing = [t.no_data_share for t in self.trends if t.no_data_share is not None]
        crossing = [t for t in self.trends if t.crosses_in_days is not None]
        return {
            f"1_mean{unit}": sum(means) / len(means) if means else None,
            f"2_worst_mean{unit}": worst,
            "3_sources_with_data": float(len(means)),
            "4_sources_past_or_near_limit": float(len(crossing)),
            "5_no_data_percent": 100 * sum(missing) / len(missing) if missing else None,
        }


def trends_of(app: App, subject: Subject, day: date) -> Trends:
    """The 30 days that end with `day`, of every configured source that has anything in them.

    Raises:
        MissingExtra: pandas is not installed.
    """
    require("quality", "A trend")
    from busta_health_dagster.quality.trends import WINDOW_DAYS, rolling

    until = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + _DAY_S
    since = until - WINDOW_DAYS * _DAY_S
    days = _quality_days(app, since, until) if subject == "quality" else _response_days(app, since, until)
    worse: Side = "lower" if subject == "quality" else "higher"
    found: list[Trend] = []
    for name, part in days.groupby("source", sort=True) if len(days) else ():
        source = app.config.sources[str(name)]
        rules = app.config.rules
        limit = quality_limit(app, source) if subject == "quality" else limits_for(source, rules).response_ms
        found += rolling(part, day, limit=limit, worse=worse)
    sign = 1 if subject == "quality" else -1
    found.sort(key=lambda t: (t.crosses_in_days is None, t.mean is None, sign * (t.mean or 0.0), t.source))
    return Trends(subject, day, tuple(found), days)


def _quality_days(app: App, since: int, until: int) -> pd.DataFrame:
    """Every score and every NO_DATA. Days without any (an import) take the scores that came with the observations, and where
    those have been deleted the mean that the rollups kept.
    """
    from busta_health_dagster.quality.trends import daily

    wanted = {s.name for s in app.config.sources.values() if s.quality is not None}
    with app.store.read() as uow:
        names = [s.name for s in uow.sources.all() if s.name in wanted]
        if not names:
            return daily([])
        scored = uow.quality.scores(since, until, names)
        rows: list[tuple[str, int, float | None]]
        rows = [(n, at, score) for n, mine in scored.items() for at, score in mine]
        known = _days_of(rows)
        begun = max(scored[n][0][0] if n in scored else until for n in names)
        observations = uow.observations.columns(since, begun, names)
        early: list[tuple[str, int, float | None]]
        early = [
            (n, observation.slot, observation.quality)
            for n, some in observations.items()
            for observation in some
            if observation.quality is not None
        ]
        rows += [row for row in early if (row[0], from_epoch(row[1]).date()) not in known]
        known |= _days_of(early)
        rolled = uow.rollups.daily(names, since, until)
    kept = [(n, at, s.mean_quality) for n, days in rolled.items() for at, s in days if s.mean_quality is not None]
    rows += [row for row in kept if (row[0], from_epoch(row[1]).date()) not in known]
    return daily({"source": n, "day": from_epoch(at).date(), "score": score} for n, at, score in rows)


def _days_of(rows: list[tuple[str, int, float | None]]) -> set[tuple[str, date]]:
    return {(name, from_epoch(at).date()) for name, at, _ in rows}


def _response_days(app: App, since: int, until: int) -> pd.DataFrame:
    """From the daily rollups: quantiles are 4% exact. An observation without an answer counts as NO_DATA."""
    import pandas as pd

    with app.store.read() as uow:
        names = [s.name for s in uow.sources.all() if s.name in app.config.sources]
        rolled = uow.rollups.daily(names, since, until) if names else {}
    rows = []
    for name, days in rolled.items():
        for at, s in days:
            observations = s.seen - sum(s.maintenance.values())
            if observations:
                lowest = s.noise.quantile(0.0) if s.measured else None
                rows.append(
                    (
                        name,
                        from_epoch(at).date(),
                        observations,
                        observations - s.measured,
                        s.p50,
                        s.mean_ms,
                        lowest,
                        s.max_ms,
                    )
                )
    columns = ["source", "day", "n", "no_data", "median", "mean", "minimum", "maximum"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype(dict.fromkeys(columns[4:], "float64")) if len(frame) else frame


def trends_markdown(found: Trends) -> str:
    """Outlook, table and charts as Markdown that Dagster renders: below 30 KB whatever the size of the fleet."""
    from busta_health_dagster.quality.trends import WINDOW_DAYS, trend_svg, trend_table

    since = found.day - timedelta(days=WINDOW_DAYS - 1)
    what = "Quality scores" if found.subject == "quality" else "Response times in milliseconds"
    head = f"{what}, {since} to {found.day} (UTC)."
    if not found.trends:
        return f"{head} Nothing was measured in these {WINDOW_DAYS} days."
    shown = found.trends[:60]
    outlook = [f"- **{t.source}**: {t.reason}" for t in shown if t.crosses_in_days is not None][:10]
    parts = [head]
    if len(found.trends) > len(shown):
        parts.append(f"The {len(shown)} worst of {len(found.trends)} sources.")
    if outlook:
        parts.append("\n".join(outlook))
    worse: Side = "lower" if found.subject == "quality" else "higher"
    table = trend_table(shown, worse=worse)
    while len("\n\n".join([*parts, table]).encode()) > MARKDOWN_BYTES and len(shown) > 1:
        shown = shown[: len(shown) // 2]
        table = trend_table(shown, worse=worse)
    parts.append(table)
    for trend in shown[:_CHARTS_AT_MOST]:
        svg = base64.b64encode(trend_svg(found.days, trend).encode()).decode()
        chart = f"**{trend.source}**\n\n![{trend.source}](data:image/svg+xml;base64,{svg})"
        if len("\n\n".join([*parts, chart]).encode()) > MARKDOWN_BYTES:
            break
        parts.append(chart)
    return "\n\n".join(parts)
