"""Where a daily number is heading, and whether the evidence supports saying so.

Theil-Sen's slope with Sen's 95% interval: one terrible day does not tilt it (least squares would). Thirty days are 435
pairs, so plain Python does, and pages need no pandas for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_DAYS = 7  # below, a slope's interval is wider than any slope worth acting on
HORIZON_DAYS = 365
_Z = 1.959963984540054

Side = Literal["lower", "higher"]
"""On which side of its limit trouble lies: "lower" for scores, "higher" for response times."""


@dataclass(frozen=True, slots=True)
class Slope:
    """In units per day, with its 95% interval; `level` is the fitted value on day 0."""

    per_day: float
    low: float
    high: float
    level: float

    @property
    def direction(self) -> str:
        """`flat` unless the whole interval lies on one side of zero."""
        return "falling" if self.high < 0 else "rising" if self.low > 0 else "flat"

    @property
    def sentence(self) -> str:
        return f"{self.per_day:+.2f} a day (95%: {self.low:+.2f} to {self.high:+.2f})"


def theil_sen(days: Sequence[float], values: Sequence[float]) -> Slope | None:
    """The median of the slopes of all pairs, Sen's interval by ranks (ties widen nothing). None: fewer than MIN_DAYS.

    `days` rise strictly, and are counted from the day that `level` is wanted for.
    """
    n = len(days)
    if n < MIN_DAYS:
        return None
    points = zip(days, values, strict=True)
    slopes = sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2))
    reach = _Z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    lower = max(0, round((len(slopes) - reach) / 2))
    upper = min(len(slopes) - 1, round((len(slopes) + reach) / 2))
    slope = median(slopes)
    level = median(value - slope * day for day, value in zip(days, values, strict=True))
    return Slope(slope, slopes[lower], slopes[upper], level)


def crossing(slope: Slope, limit: float | None, worse: Side) -> tuple[int | None, str]:
    """In how many days the fitted line passes `limit` (0: it has), only where the whole interval points there; and why."""
    if limit is None:
        return None, "no limit given"
    sign = 1 if worse == "lower" else -1
    if (slope.level - limit) * sign < 0:
        return 0, f"the fitted level {slope.level:.1f} is already {'below' if sign > 0 else 'above'} {limit:g}"
    toward = slope.high < 0 if sign > 0 else slope.low > 0
    if not toward:
        return None, f"the slope {slope.sentence} does not point to {limit:g} for sure"
    days = math.ceil(abs(slope.level - limit) / abs(slope.per_day))
    if days > HORIZON_DAYS:
        return None, f"at {slope.per_day:+.2f} a day {limit:g} is more than a year away"
    return days, f"at {slope.sentence} from {slope.level:.1f}, {limit:g} is crossed in {days} days"
