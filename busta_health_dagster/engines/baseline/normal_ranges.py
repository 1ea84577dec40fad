"""The normal range of a metric: p5, p50, p95 for charts and tables.

The middle is profile + level; the width is the noise of one poll, the items' counting noise and, for a young profile,
its doubt. A band says on what it stands: own history, the type's, or nothing yet.
"""

from collections.abc import Callable

import numpy as np

from busta_health_dagster.domain.anomaly import Basis, NormalRange
from busta_health_dagster.engines.baseline import profile
from busta_health_dagster.engines.baseline.units import ITEMS, WEEK_S, Array, backward

Z95 = 1.645
HOUR_S = 3600
MONDAY = 4 * 86_400  # 1970-01-05, UTC


def normal_range(metric: int, centre: float, variance: float, doubt: float, basis: Basis) -> NormalRange:
    """From the model's scale to the metric's unit. `variance` is that of one poll without counting noise."""
    total = variance + doubt**2
    if metric == ITEMS:
        total += 1.0 / max(float(np.exp(min(centre, 40.0))), 0.5)
    half = Z95 * float(np.sqrt(total))
    return NormalRange(
        backward(metric, centre - half), backward(metric, centre), backward(metric, centre + half), basis
    )


def hours_of_week() -> Array:
    """(168,) the middle of each hour of a week, Monday 00:00 UTC first, as epoch seconds."""
    return MONDAY + HOUR_S // 2 + HOUR_S * np.arange(WEEK_S // HOUR_S, dtype=np.int64)


def week(
    metric: int,
    coef: Array,
    *,
    centre: float,
    variance: float,
    doubt: Callable[[Array], Array],
    basis: Basis,
    clock: int = 0,
) -> tuple[NormalRange, ...]:
    """168 bands by hour of the week, without events. `coef` (P,), `centre` the level, `doubt` of instants (n,)."""
    hours = hours_of_week()
    none = np.full(len(hours), -1)
    middle = centre + profile.evaluate(metric, coef, hours - clock, none, np.zeros(len(hours)))
    return tuple(
        normal_range(metric, float(m), variance, float(d), basis) for m, d in zip(middle, doubt(hours), strict=True)
    )
