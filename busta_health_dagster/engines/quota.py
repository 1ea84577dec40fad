"""When the credits of a metered API end at the present rate, and whether that is before they are renewed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.quota import QuotaForecast
from busta_health_dagster.domain.units import LATEST, from_epoch
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.quota import Quota

MIN_POINTS = 4
"""Fewer observations since the credits were last given say nothing of a rate."""
_DAY_S = 86_400
_EPOCH_FROM, _MILLISECONDS_FROM = 1e9, 1e12


def forecast(
    quota: Quota, points: Sequence[tuple[int, float]], *, limit: float | None = None, reset: float | None = None
) -> QuotaForecast | None:
    """From (instant, credits left), oldest first; None without any. `limit` and `reset` are what the newest answer says.

    The rate is that since the credits last became more: what was used before belongs to another period. Credits below zero
    are none.
    """
    if not points:
        return None
    at, said_left = points[-1]
    remaining = max(said_left, 0.0)
    resets_at = next_reset(quota, at) if quota.period is not None else reset_at(reset, at)
    used = _since_refill(points)
    limit = quota.limit if limit is None else limit
    if remaining <= 0:
        since = next(t for t, left in used if left <= 0)
        short = resets_at is None or resets_at > at
        below = f" (the API says {said_left:,.0f})" if said_left < 0 else ""
        reason = f"no credits left{below}{_reset_text(resets_at)}"
        return QuotaForecast(at, remaining, limit, None, since, resets_at, short, reason)
    if len(used) < MIN_POINTS:
        reason = f"{remaining:,.0f} credits left; {len(used)} of {MIN_POINTS} observations that a rate needs"
        return QuotaForecast(at, remaining, limit, None, None, resets_at, None, reason)
    per_s = (used[0][1] - remaining) / (used[-1][0] - used[0][0])
    said = f"{remaining:,.0f} credits left, {_per_day(per_s)} a day"
    if per_s == 0:
        return QuotaForecast(at, remaining, limit, 0.0, None, resets_at, False, f"{said}: they do not end")
    ends = int(min(at + remaining / per_s, LATEST))
    per_day = per_s * _DAY_S
    said += f": they end {_when(ends)}"
    if resets_at is None:
        return QuotaForecast(
            at, remaining, limit, per_day, ends, None, None, f"{said}; the time of the reset is not known"
        )
    short = ends < resets_at
    gap = duration_text(abs(resets_at - ends))
    side = "before" if short else "after"
    return QuotaForecast(
        at, remaining, limit, per_day, ends, resets_at, short, f"{said}, {gap} {side} the reset ({_when(resets_at)})"
    )


def next_reset(quota: Quota, at: int) -> int:
    """The first instant after `at` at which the calendar gives new credits."""
    zone = ZoneInfo(quota.zone)
    here = datetime.fromtimestamp(at, zone).replace(tzinfo=None)
    if quota.period == "hourly":
        return at // 3600 * 3600 + 3600
    begin = here.replace(hour=0, minute=0, second=0, microsecond=0)
    if quota.period == "daily":
        local = begin + timedelta(days=1)
    elif quota.period == "weekly":
        local = begin + timedelta(days=(quota.day - 1 - begin.weekday() - 1) % 7 + 1)
    else:
        local = begin.replace(day=quota.day)
        if local <= here:
            local = (begin.replace(day=1) + timedelta(days=32)).replace(day=quota.day)
    return int(local.replace(tzinfo=zone, fold=0).timestamp())


def reset_at(value: float | None, at: int) -> int | None:
    """What an answer says of the reset: seconds that are left, or an epoch in seconds or milliseconds."""
    if value is None or value < 0:
        return None
    if value < _EPOCH_FROM:
        return int(at + value)
    seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
    return int(seconds) if seconds < LATEST else None


def _since_refill(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    begin = max((i for i in range(1, len(points)) if points[i][1] > points[i - 1][1]), default=0)
    return points[begin:]


def _per_day(per_s: float) -> str:
    per_day = per_s * _DAY_S
    return f"{per_day:,.0f}" if per_day >= 10 or per_day == 0 else f"{per_day:.1f}"


def _when(at: int) -> str:
    return f"{from_epoch(at):%Y-%m-%d %H:%M} UTC"


def _reset_text(resets_at: int | None) -> str:
    return "; the time of the reset is not known" if resets_at is None else f", the reset is {_when(resets_at)}"
