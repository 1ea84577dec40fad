"""What a level cannot show: bursts of slow answers (response) and counts that scatter more than they should (items).

Both are held while the same metric's level incident is open and for 11 polls after: a step looks like either.
"""

import numpy as np

from busta_health_dagster.engines.anomaly import budget, thresholds
from busta_health_dagster.engines.anomaly.filter import Innovation
from busta_health_dagster.engines.anomaly.rows import Rows, scatter
from busta_health_dagster.engines.anomaly.test_result import TestResult
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline.units import ITEMS, RESPONSE, Array

MEMORY = 6048.0  # polls after which an own spike is half forgotten, roughly
Z2_CAP = 9.0
NOISIER = 2.0
SCATTER_PRIOR, SCATTER_MEMORY = 2000.0, 12_096.0


def record(rows: Rows, inn: Innovation, doubt: Array, calm: Array) -> None:
    """Keeps the last 36 unclipped innovations of every series in units of the usual noise, smaller where the profile
    is in doubt, and follows in `calm` series (3, N) how strong the noise is now and how much that wanders.
    """
    z = inn.z * np.sqrt(inn.unrest) / np.sqrt(1.0 + doubt**2 / inn.variance)
    at = ((rows.n - 1) % rows.zring.shape[0])[None]
    now = z.copy()
    # The items' scatter is itself an event: their noise is measured before the longest window of its test.
    now[ITEMS] = np.take_along_axis(rows.zring, at, axis=0)[0, ITEMS]
    move = inn.evaluated & calm & (now != 0)
    rows.unrest[...] += np.where(move, (np.minimum(now**2, Z2_CAP) - rows.unrest) / thresholds.UNREST_MEMORY, 0.0)
    wander = np.log(np.maximum(rows.unrest, 1.0)) ** 2
    fitted = move & (rows.fit_days > 0)
    rows.restless[...] += np.where(fitted, (wander - rows.restless) / thresholds.RESTLESS_MEMORY, 0.0)
    scatter(rows.zring, (rows.n - 1) % rows.zring.shape[0], np.clip(z, -99.0, 99.0), inn.evaluated)


def _back(rows: Rows, metric: int) -> Array:
    """(36, N) the innovations of one metric, newest first."""
    depth = rows.zring.shape[0]
    at = (rows.n[metric] - 1 - np.arange(depth)[:, None]) % depth
    return np.asarray(np.take_along_axis(rows.zring[:, metric], at, axis=0))


def _free(rows: Rows, inn: Innovation, metric: int) -> Array:
    return np.asarray(inn.evaluated[metric] & (rows.incident[metric] == 0) & (rows.hold[metric] == 0))


def spike_rate(rows: Rows, cfg: DetectorSettings) -> Array:
    """(N,) the chance of a spike per poll: own history and the type's, never below the floor."""
    own = (rows.spike_k + rows.spike_pool * cfg.spike_prior) / (rows.spike_n + cfg.spike_prior)
    return np.maximum(own, cfg.spike_floor)


def spikes(rows: Rows, cfg: DetectorSettings, inn: Innovation) -> TestResult:
    """Binomial likelihood ratio of exceedances over 8 to 36 polls; at least three of them."""
    limit = np.maximum(2.3, np.log(2.6) / np.maximum(inn.sigma[RESPONSE], 1e-9))
    k = np.cumsum(_back(rows, RESPONSE) / np.sqrt(inn.unrest[RESPONSE]) > limit, axis=0)
    p0 = spike_rate(rows, cfg)
    best, at, count = np.zeros(rows.size), np.full(rows.size, thresholds.SPIKE_WINDOWS[0]), np.zeros(rows.size)
    for n in thresholds.SPIKE_WINDOWS if (k[-1] >= 3).any() else ():
        hits = k[n - 1].astype(np.float64)
        g = np.where(hits >= 3, binomial(hits, float(n), p0), 0.0)
        better = g > best
        best, at, count = np.where(better, g, best), np.where(better, n, at), np.where(better, hits, count)
    free = _free(rows, inn, RESPONSE)
    return TestResult(
        free & (best > (cfg.spike_h + cfg.dial + thresholds.pace(rows.interval_s)) * budget.strictness(rows)),
        k[thresholds.CLOSE - 1] <= 1,
        best,
        at,
        p0 * at,
        count,
    )


def binomial(k: Array, n: float, p0: Array) -> Array:
    """Log likelihood ratio of k of n against rate p0, for rates above p0 only."""
    p = k / n
    with np.errstate(divide="ignore", invalid="ignore"):
        g = np.where(k > 0, k * np.log(np.maximum(p, 1e-12) / p0), 0.0)
        g = g + np.where(k < n, (n - k) * np.log(np.maximum(1 - p, 1e-12) / np.maximum(1 - p0, 1e-12)), 0.0)
    return np.where(p > p0, g, 0.0)


def variance(rows: Rows, cfg: DetectorSettings, inn: Innovation) -> TestResult:
    """Likelihood ratio of a variance at least twice the normal one over 12 to 36 polls."""
    z2 = np.cumsum(np.minimum(_back(rows, ITEMS) ** 2 / inn.unrest[ITEMS], Z2_CAP), axis=0, dtype=np.float64)
    best, at, ratio = np.zeros(rows.size), np.full(rows.size, thresholds.VARIANCE_WINDOWS[0]), np.ones(rows.size)
    for n in thresholds.VARIANCE_WINDOWS:
        m = z2[n - 1] / n
        v = np.maximum(m, NOISIER)
        g = n / 2 * (m * (1 - 1 / v) - np.log(v))
        better = g > best
        best, at, ratio = np.where(better, g, best), np.where(better, n, at), np.where(better, m, ratio)
    free = _free(rows, inn, ITEMS) & (rows.n[ITEMS] >= rows.zring.shape[0])
    often = (rows.scatter + 0.5 * cfg.scatter_usual * SCATTER_PRIOR) / (rows.scatter_n + SCATTER_PRIOR)
    h = (
        cfg.variance_h
        + cfg.dial
        + thresholds.pace(rows.interval_s)
        + cfg.scatter_h * np.maximum(np.log(often / cfg.scatter_usual), 0.0)
    )
    return TestResult(
        free & (best > h * budget.strictness(rows)),
        z2[thresholds.CLOSE - 1] / thresholds.CLOSE < NOISIER,
        best,
        at,
        np.ones(rows.size),
        ratio,
    )


def learn(rows: Rows, inn: Innovation, calm: Array) -> None:
    """Counts spikes and doubled scatter of calm polls (N,)."""
    move, keep = inn.evaluated[ITEMS] & calm & (rows.incident[ITEMS] == 0), 1 - 1 / SCATTER_MEMORY
    wide = np.minimum(_back(rows, ITEMS)[:24] ** 2, Z2_CAP).mean(axis=0) > NOISIER
    rows.scatter[...] = np.where(move, rows.scatter * keep + wide, rows.scatter)
    rows.scatter_n[...] = np.where(move, rows.scatter_n * keep + 1, rows.scatter_n)
    move = inn.evaluated[RESPONSE] & calm
    hit = inn.z[RESPONSE] > np.maximum(2.3, np.log(2.6) / np.maximum(inn.sigma[RESPONSE], 1e-9))
    keep = 1 - 1 / MEMORY
    rows.spike_k[...] = np.where(move, rows.spike_k * keep + hit, rows.spike_k)
    rows.spike_n[...] = np.where(move, rows.spike_n * keep + 1, rows.spike_n)


def forget(rows: Rows, metric: int, where: Array) -> None:
    """Empties the innovations of a metric, so that a closed term does not open again on what it has already said."""
    rows.zring[:, metric, where] = 0.0


def closed(rows: Rows, cfg: DetectorSettings, metric: int, row: int, *, rate: float | None) -> None:
    """After a shape term closed; `rate` is given where it became the new normal."""
    if rate is not None and metric == RESPONSE:
        rows.spike_k[row] = max(float(rows.spike_k[row]), rate * (float(rows.spike_n[row]) + cfg.spike_prior))
    elif rate is not None:
        rows.white[metric, row] *= 2.0
    forget(rows, metric, np.arange(rows.size) == row)
