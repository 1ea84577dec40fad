"""The noise budget: a promise about how often a source may raise an anomaly that turns out to be nothing.

An anomaly that ends by itself, that no one acknowledged and that no other rule of the source saw costs one. The budget
pays back a little every second. While the account is in debt the thresholds are higher; the debt falls again as fast as
the budget allows and no faster. So, whatever the series: alarms in T seconds <= budget x T + a constant.

What a source owes is owed by the metrics that cried: the built-in tests together, each custom metric for itself. Facts
(down, empty, stale, frozen) answer later and more slowly, but for all alarms of the source: they need no statistics, only
a habit of being wrong silences them.
"""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from busta_health_dagster.engines.anomaly.rows import Rows
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline.units import Array

CREDIT: Final = 1.0  # unconfirmed alarms that a quiet source may have before anything changes
FACT_CREDIT: Final = 4.0
DOUBLING: Final = 0.5  # doublings of what a test must prove, per alarm beyond the budget
FACT_DOUBLING: Final = 0.125  # doublings of how often in a row a fact must be seen


def pay(rows: Rows, cfg: DetectorSettings, slots: Array, fresh: Array) -> Array:
    """Time passes: the budget pays the debts of `fresh` sources (N,), then fills their credit. -> the share of each debt
    that is left.
    """
    passed = np.where(fresh & (rows.debt_at > 0), np.maximum(slots - rows.debt_at, 0), 0) * cfg.budget
    rows.debt_at[fresh] = slots[fresh]
    left = np.maximum(rows.owed - passed, 0.0)
    rows.credit[...] = np.minimum(rows.credit + np.maximum(passed - rows.owed, 0.0), CREDIT)
    share = np.where(rows.owed > 0, left / np.where(rows.owed > 0, rows.owed, 1.0), 1.0)
    rows.owed[...] = left
    rows.debt[...] = rows.debt * share
    rows.fact_debt[...] = np.maximum(rows.fact_debt - passed, -FACT_CREDIT)
    rows.stricter_since[rows.owed <= 0] = 0
    return np.asarray(share)


def doublings(debt: Array) -> Array:
    """By how many doublings a test is surer than it would be without its debt."""
    return np.maximum(debt, 0.0) * DOUBLING


def strictness(rows: Rows) -> Array:
    """(N,) the factor on every threshold of the built-in tests, in nats."""
    return np.asarray(2.0 ** doublings(rows.debt))


def fact_polls(rows: Rows) -> Array:
    """(N,) how many polls in a row a fact must be seen; 1 without a debt."""
    return np.floor(2.0 ** (np.maximum(rows.fact_debt, 0.0) * FACT_DOUBLING))


def spend(rows: Rows, row: int, slot: int, alarms: Array) -> Array:
    """The incident of a source has ended; `alarms` are those of its custom metrics. -> what each of these owes more."""
    total = float(rows.alarms[row] + alarms.sum())
    cost = 0.0
    if not rows.confirmed[row]:
        free = min(float(rows.credit[row]), total)
        cost = total - free
        rows.credit[row] -= free
        rows.owed[row] += cost
        rows.fact_debt[row] += total + rows.fact_alarms[row]
        if cost > 0 and not rows.stricter_since[row]:
            rows.stricter_since[row] = slot
    each = cost / total if total else 0.0
    rows.debt[row] += rows.alarms[row] * each
    rows.alarms[row] = rows.fact_alarms[row] = rows.confirmed[row] = rows.kinds[row] = 0
    return np.asarray(alarms * each)


def sentence(doubled: float, since: int) -> str:
    """`asked to be twice as sure since 12 Oct`; empty without a debt."""
    if doubled <= 0:
        return ""
    factor = 2.0**doubled
    times = "twice" if 1.9 <= factor < 2.1 else f"{factor:.2g} times"
    return f"asked to be {times} as sure since {datetime.fromtimestamp(since, UTC):%-d %b}"
