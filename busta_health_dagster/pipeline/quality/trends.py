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
from busta_health_dagster.wording import durations, numbers
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    """The windows that end with `day` (UTC, inclusive), one per source with data, worst first; and the days behind, or more."""

    subject: Subject
    day: date
    trends: tuple[Trend, ...]
    days: pd.DataFrame

    @property
    def figures(self) -> dict[str, float | None]:
        """What Dagster plots, over all sources: points of 0-100, or milliseconds."""
        means = [t.mean for t in self.trends if t.mean is not None]
        unit = " (points)" if self.subject == "quality" else " (ms)"
        missing = [t.no_data_share for t in self.trends if t.no_data_share is not None]
        crossing = [t for t in self.trends if t.crosses_in_days is not None]
        return {
            f"mean{unit}": self.mean,
            f"worst mean{unit}": None if self.worst is None else self.worst.mean,
            "sources with data": float(len(means)),
            "past or near their limit": float(len(crossing)),
            "without data (%)": 100 * sum(missing) / len(missing) if missing else None,
        }

    @property
    def mean(self) -> float | None:
        """Of the sources' means."""
        means = [t.mean for t in self.trends if t.mean is not None]
        return sum(means) / len(means) if means else None

    @property
    def worst(self) -> Trend | None:
        """The one with the worst mean."""
        known = [t for t in self.trends if t.mean is not None]
        sign = 1 if self.subject == "quality" else -1
        return min(known, key=lambda t: sign * (t.mean or 0.0), default=None)

    @property
    def flat(self) -> tuple[str, ...]:
        """Sources that go nowhere: no level changed, no slope, no limit near."""
        return tuple(t.source for t in self.trends if t.is_flat)

    def written(self, value: float | None) -> str:
        """A value with its unit: 89.4, or 1.42 s."""
        return numbers.score(value) if self.subject == "quality" else durations.milliseconds_text(value)


def trends_of(app: App, subject: Subject, days: Sequence[date]) -> Iterator[Trends]:
    """For each of `days` the 30 that end with it, of every configured source that has anything in them. What was measured is
    read once.

    Raises:
        MissingExtra: pandas is not installed.
    """
    require("quality", "A trend")
    from busta_health_dagster.quality.trends import WINDOW_DAYS, rolling

    since = _midnight(min(days)) - (WINDOW_DAYS - 1) * _DAY_S
    until = _midnight(max(days)) + _DAY_S
    measured = _quality_days(app, since, until) if subject == "quality" else _response_days(app, since, until)
    groups = measured.groupby("source", sort=True) if len(measured) else ()
    parts = [(app.config.sources[str(name)], part) for name, part in groups]
    rules, sign = app.config.rules, 1 if subject == "quality" else -1
    worse: Side = "lower" if subject == "quality" else "higher"
    for day in days:
        found: list[Trend] = []
        for source, part in parts:
            limit = quality_limit(app, source) if subject == "quality" else limits_for(source, rules).response_ms
            found += rolling(part, day, limit=limit, worse=worse)
        found.sort(key=lambda t: (t.crosses_in_days is None, t.mean is None, sign * (t.mean or 0.0), t.source))
        yield Trends(subject, day, tuple(found), measured)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


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


COLUMNS = ("source", "usual", "outlook")
ROWS_AT_MOST = 60


def trend_rows(found: Trends) -> list[tuple[str, ...]]:
    """A row of COLUMNS for each source that goes somewhere: its mean with p10 and p90, and where it heads."""
    moving = [t for t in found.trends if not t.is_flat]
    rows: list[tuple[str, ...]] = [
        (t.source, f"{found.written(t.mean)} ({found.written(t.p10)} to {found.written(t.p90)})", outlook(found, t))
        for t in moving[:ROWS_AT_MOST]
    ]
    if len(moving) > len(rows):
        rows.append((f"{len(moving) - len(rows):,} more", "", "none worse than these"))
    return rows


def outlook(found: Trends, trend: Trend) -> str:
    """Where it stands, and since when; then where it heads, and when its level changed."""
    level = trend.level
    if level is None:
        return trend.reason
    stands = level.words(found.written, "score" if found.subject == "quality" else "answer")
    if trend.has_left and level.is_well:
        stands = f"{stands}, {found.written(trend.latest)} in its newest three days"
    heads = trend.reason
    if not level.is_well and trend.slope is not None:  # past its limit, or silent: no forecast of when that will be
        heads = f"slope {trend.slope:+.2f} a day"
    change = trend.change_point
    if change is None:
        return f"{stands}; {heads}"
    turned = f"{found.written(change.before)} until {change.day}, {found.written(change.after)} since"
    return f"{stands}; {heads}; {turned}"


def trends_markdown(found: Trends) -> str:
    """A chart of each source that goes somewhere (where none does, of the worst), and one line for all the others: below 30 KB
    whatever the size of the fleet.
    """
    from busta_health_dagster.quality.trends import WINDOW_DAYS, trend_svg

    since = found.day - timedelta(days=WINDOW_DAYS - 1)
    what = "Quality scores" if found.subject == "quality" else "Response times"
    parts = [f"{what}, daily medians, {since} to {found.day} (UTC)."]
    if not found.trends:
        return f"{parts[0]} Nothing was measured in these {WINDOW_DAYS} days."
    if found.flat:
        parts.append(f"Flat: {listed(found.flat, most=40)}.")
    moving = [t for t in found.trends if not t.is_flat] or [t for t in (found.worst,) if t is not None]
    for trend in moving[:_CHARTS_AT_MOST]:
        svg = base64.b64encode(trend_svg(found.days, trend, written=found.written).encode()).decode()
        text = f"**{trend.source}**: {outlook(found, trend)}"
        chart = f"{text}\n\n![{trend.source}](data:image/svg+xml;base64,{svg})"
        if len("\n\n".join([*parts, chart]).encode()) > MARKDOWN_BYTES:
            break
        parts.append(chart)
    return "\n\n".join(parts)
