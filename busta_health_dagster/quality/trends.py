"""Daily partitions with rolling windows: where a score (or a response time) is heading, and whether the evidence
supports saying so.

Slope: engines.slope on daily medians. Change point: Pettitt's test, which assumes no distribution. Days without data
are gaps, counted, never zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.engines.latest_level import latest_level
from busta_health_dagster.engines.slope import MIN_DAYS, crossing, theil_sen
from busta_health_dagster.svg.lines import polyline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    import numpy as np
    import pandas as pd

    from busta_health_dagster.engines.latest_level import LatestLevel
    from busta_health_dagster.engines.slope import Side

WINDOW_DAYS = 30


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The level changed on `day` (its first day), from the median `before` to `after`; `p` is Pettitt's."""

    day: date
    before: float
    after: float
    p: float


@dataclass(frozen=True, slots=True)
class Trend:
    """One source's window ending with `day` (inclusive). Values are in the metric's unit, slopes in units per day.

    `no_data_share` is the share (0-1) of measurements without a value; None values mean: too little data to say.
    `crosses_in_days`: when the fitted line passes `limit`, only where the whole slope interval points there; 0: it
    already has.
    """

    source: str
    day: date
    days: int
    measurements: int
    mean: float | None
    p10: float | None
    p90: float | None
    minimum: float | None
    maximum: float | None
    no_data_share: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    change_point: ChangePoint | None
    limit: float | None
    crosses_in_days: int | None
    reason: str
    latest: float | None = None
    """The median of its three newest days."""
    level: LatestLevel | None = None
    """Its newest day, and since when it is past its limit or silent."""

    @property
    def has_left(self) -> bool:
        """Its newest days lie far outside of where it usually is: too few to be a slope, or a new level."""
        if self.latest is None or self.p10 is None or self.p90 is None:
            return False
        width = self.p90 - self.p10
        return not self.p10 - width <= self.latest <= self.p90 + width

    @property
    def is_flat(self) -> bool:
        """It goes nowhere, for all that is known: enough days, no slope for sure, no change of level, no limit near."""
        if self.slope_low is None or self.slope_high is None or self.has_left:
            return False
        if self.level is None or not self.level.is_well:
            return False
        return self.slope_low <= 0 <= self.slope_high and self.change_point is None and self.crosses_in_days is None


def daily(measurements: pd.DataFrame | Iterable[Any], metric: str = "score") -> pd.DataFrame:
    """Per (source, day): n, no_data, median, mean, minimum, maximum. Input: columns source, `at` or `day`, and
    `metric` (null = NO_DATA).
    """
    import pandas as pd

    frame = measurements if isinstance(measurements, pd.DataFrame) else pd.DataFrame(list(measurements))
    if frame.empty:
        return pd.DataFrame(columns=["source", "day", "n", "no_data", "median", "mean", "minimum", "maximum"])
    frame = pd.DataFrame(
        {
            "source": frame["source"],
            "day": pd.to_datetime(frame["day"]).dt.date
            if "day" in frame
            else pd.to_datetime(frame["at"], utc=True).dt.date,
            "value": pd.to_numeric(frame[metric]),
        }
    )
    groups = frame.groupby(["source", "day"], sort=True)["value"]
    out = groups.agg(n="size", median="median", mean="mean", minimum="min", maximum="max", known="count").reset_index()
    out["no_data"] = out["n"] - out.pop("known")
    return out


def rolling(
    days: pd.DataFrame, day: date, *, window: int = WINDOW_DAYS, limit: float | None = 90.0, worse: Side = "lower"
) -> tuple[Trend, ...]:
    """One Trend per source for the `window` days that end with `day`, from what `daily` returned.

    `worse` says on which side of `limit` trouble lies: "lower" for scores, "higher" for response times.
    """
    from datetime import timedelta

    first = day - timedelta(days=window - 1)
    inside = days[(days["day"] >= first) & (days["day"] <= day)]
    return tuple(
        _trend(str(name), part, day, window, limit, worse) for name, part in inside.groupby("source", sort=True)
    )


def _trend(source: str, part: pd.DataFrame, day: date, window: int, limit: float | None, worse: Side) -> Trend:
    known = part.dropna(subset=["median"]).sort_values("day")
    total, missing = int(part["n"].sum()), int(part["no_data"].sum())
    share = missing / total if total else None
    if known.empty:
        nothing = f"no value in {window} days"
        return Trend(
            source, day, 0, total, None, None, None, None, None, share, None, None, None, None, limit, None, nothing
        )
    counts = known["n"] - known["no_data"]
    mean = float((known["mean"] * counts).sum() / counts.sum())
    medians = known["median"].to_numpy(dtype=float)
    slope = theil_sen([(d - day).days for d in known["day"]], medians.tolist())
    crosses, reason = None, f"only {len(known)} days with data; {MIN_DAYS} are needed for a slope"
    if slope is not None:
        crosses, reason = crossing(slope, limit, worse)
    return Trend(
        source=source,
        day=day,
        days=len(known),
        measurements=total,
        mean=mean,
        p10=float(known["median"].quantile(0.1)),
        p90=float(known["median"].quantile(0.9)),
        minimum=float(known["minimum"].min()),
        maximum=float(known["maximum"].max()),
        no_data_share=share,
        slope=slope.per_day if slope else None,
        slope_low=slope.low if slope else None,
        slope_high=slope.high if slope else None,
        change_point=_pettitt(list(known["day"]), medians),
        limit=limit,
        crosses_in_days=crosses,
        reason=reason,
        latest=float(known["median"].tail(3).median()),
        level=latest_level(zip(known["day"], medians.tolist(), strict=True), day, limit, worse),
    )


def _pettitt(days: Sequence[date], values: np.ndarray[Any, Any]) -> ChangePoint | None:
    """Pettitt's change point at p < 0.05, else None."""
    import numpy as np

    n = len(values)
    if n < 2 * MIN_DAYS:
        return None
    signs = np.sign(values[None, :] - values[:, None])
    u = np.array([signs[:t, t:].sum() for t in range(1, n)])
    at = int(np.argmax(np.abs(u))) + 1
    k = float(abs(u[at - 1]))
    p = min(1.0, 2 * math.exp(-6 * k * k / (n**3 + n**2)))
    if p >= 0.05:
        return None
    return ChangePoint(days[at], float(np.median(values[:at])), float(np.median(values[at:])), p)


def trend_svg(days: pd.DataFrame, trend: Trend, *, written: Callable[[float], str]) -> str:
    """A small chart of one source's daily medians with its limit, its axes named by `written` and by dates, as SVG text (no
    script, no link).
    """
    from datetime import timedelta

    part = days[(days["source"] == trend.source) & (days["day"] <= trend.day)].dropna(subset=["median"])
    part = part[part["day"] > trend.day - timedelta(days=WINDOW_DAYS)]
    values = [float(v) for v in part["median"]]
    every = [*values, trend.limit] if trend.limit is not None else values
    bottom, top = min(every, default=0.0), max(every, default=1.0)

    def across(day: date) -> float:
        return _RIGHT - (trend.day - day).days * (_RIGHT - _LEFT) / (WINDOW_DAYS - 1)

    def up(value: float) -> float:
        return _FLOOR - (value - bottom) / ((top - bottom) or 1.0) * (_FLOOR - _CEILING)

    points = [(across(d), up(v)) for d, v in zip(part["day"], values, strict=True)]
    out = [f'<path d="M{_LEFT} {_CEILING}V{_FLOOR}H{_RIGHT}" fill="none" stroke="#9aa5b1"/>']
    out += [_label(_LEFT - 6, up(value) + 4, "end", written(value)) for value in sorted({bottom, top})]
    for back in (WINDOW_DAYS - 1, 20, 10, 0):
        day = trend.day - timedelta(days=back)
        out.append(f'<path d="M{across(day):.1f} {_FLOOR}v4" stroke="#9aa5b1"/>')
        out.append(_label(across(day), _FLOOR + 17, "middle", f"{day.day} {day:%b}"))
    if trend.limit is not None:
        y = up(trend.limit)
        out.append(f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="#b91c1c" stroke-dasharray="4 3"/>')
        out.append(
            _label(_RIGHT, y + (13 if y < _FLOOR / 2 else -5), "end", f"limit {written(trend.limit)}", "#b91c1c")
        )
    out.append(f'<polyline points="{polyline(points)}" fill="none" stroke="#2563eb" stroke-width="1.5"/>')
    out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="#2563eb"/>' for x, y in points]
    said = f"daily medians of {len(values)} days, {written(bottom)} to {written(top)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="150" viewBox="0 0 640 150" role="img" aria-label="{said}" '
        f'font-family="sans-serif" font-size="11">{"".join(out)}</svg>'
    )


_LEFT, _RIGHT, _CEILING, _FLOOR = 66, 620, 14, 122


def _label(x: float, y: float, anchor: str, text: str, colour: str = "#556170") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
