"""The noise budget: a promise about how often a source may raise an anomaly that turns out to be nothing.

An anomaly that ends by itself, that nobody acknowledged and that no other rule of the source saw costs one. The budget
pays back a little every second. While the account is in debt the thresholds are higher; the debt falls again as fast as
the budget allows and no faster. So, whatever the series: alarms in T seconds <= budget x T + a constant.

The statistical tests answer for their own alarms, from the second on. Facts (down, empty, stale, frozen) answer later and
more slowly, but for all of them: they need no statistics, only a habit of being wrong silences them.
"""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from busta_health_dagster.engines.anomaly.rows import Rows
from busta_health_dagster.engines.anomaly.settings import DetectorSettings
from busta_health_dagster.engines.baseline.units import Array

CREDIT: Final = 1.0  # unconfirmed alarms that a quiet source may have before anything changes
FACT_CREDIT: Final = 4.0
DOUBLING: Final = 0.5  # doublings of what a test must prove, per alarm beyond the budget
FACT_DOUBLING: Final = 0.125  # doublings of how often in a row a fact must be seen


def pay(rows: Rows, cfg: DetectorSettings, slots: Array, fresh: Array) -> None:
    """Time passes: the budget pays the debts of `fresh` sources (N,)."""
    passed = np.where(fresh & (rows.debt_at > 0), np.maximum(slots - rows.debt_at, 0), 0)
    rows.debt[...] = np.maximum(rows.debt - passed * cfg.budget, -CREDIT)
    rows.fact_debt[...] = np.maximum(rows.fact_debt - passed * cfg.budget, -FACT_CREDIT)
    rows.debt_at[fresh] = slots[fresh]
    rows.stricter_since[rows.debt <= 0] = 0


def doublings(rows: Rows) -> Array:
    """(N,) by how many doublings the tests are surer than they would be without a debt."""
    return np.maximum(rows.debt, 0.0) * DOUBLING


def strictness(rows: Rows) -> Array:
    """(N,) the factor on every threshold in nats."""
    return np.asarray(2.0 ** doublings(rows))


def fact_polls(rows: Rows) -> Array:
    """(N,) how many polls in a row a fact must be seen; 1 without a debt."""
    return np.floor(2.0 ** (np.maximum(rows.fact_debt, 0.0) * FACT_DOUBLING))


def spend(rows: Rows, row: int, slot: int) -> None:
    """The incident of a source has ended."""
    if not rows.confirmed[row]:
        rows.debt[row] += rows.alarms[row]
        rows.fact_debt[row] += rows.alarms[row] + rows.fact_alarms[row]
        if rows.debt[row] > 0 and not rows.stricter_since[row]:
            rows.stricter_since[row] = slot
    rows.alarms[row] = rows.fact_alarms[row] = rows.confirmed[row] = rows.kinds[row] = 0


def sentence(doubled: float, since: int) -> str:
    """`asked to be twice as sure since 12 Oct`; empty without a debt."""
    if doubled <= 0:
        return ""
    factor = 2.0**doubled
    times = "twice" if 1.9 <= factor < 2.1 else f"{factor:.2g} times"
    return f"asked to be {times} as sure since {datetime.fromtimestamp(since, UTC):%-d %b}"
