"""Does a metric follow a schedule that its model does not know?

Games leave a board as they kick off, weeks have no games, a season ends: a profile by time of day is then wrong for
hours at a stretch, again and again. Where the smallest of six hourly mean residuals of one sign is larger than a step
would have to be, on three days of the last 21, the metric is left out until it behaves.
"""

import numpy as np

from busta_health_dagster.engines.anomaly.filter import Innovation
from busta_health_dagster.engines.anomaly.rows import AGE_DAYS, Rows
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline.units import DAY_S, Array

DAYS = 3
GROWN = 7
HOUR_S = 3600


def learn(rows: Rows, inn: Innovation, slots: Array, up: Array) -> None:
    """Adds the poll's residuals to the hour, and a full hour to the day."""
    hour = slots // HOUR_S
    turned = up & (rows.hour >= 0) & (hour != rows.hour)
    if turned.any():
        full = turned & (rows.hour_n > 0) & (rows.fit_days >= GROWN)  # a young model is wrong because it is young
        mean = (rows.hour_sum / np.maximum(rows.hour_n, 1)).astype(np.float32)
        rows.hours[...] = np.where(full, np.concatenate([mean[None], rows.hours[:-1]]), rows.hours)
        stretch = np.maximum(rows.hours.min(axis=0), -rows.hours.max(axis=0))
        rows.astray_today[...] = np.where(full, np.maximum(rows.astray_today, stretch), rows.astray_today)
        rows.hour_sum[:, turned], rows.hour_n[:, turned] = 0.0, 0
        day = turned & (hour * HOUR_S // DAY_S != rows.hour * HOUR_S // DAY_S)
        rows.astray[:, :, day] = np.concatenate([rows.astray_today[None], rows.astray[: AGE_DAYS - 1]])[:, :, day]
        rows.astray_today[:, day] = 0.0
    rows.hour[up] = hour[up]
    rows.hour_sum[...] += np.where(inn.evaluated, inn.residual, 0.0)
    rows.hour_n[inn.evaluated] += 1


def scheduled(rows: Rows, cfg: DetectorSettings) -> Array:
    """(3, N) metrics that follow a schedule their model does not know."""
    limit = (cfg.d0 + cfg.d1) / 2
    days = (rows.astray > limit).sum(axis=0) + (rows.astray_today > limit)
    return np.asarray(days >= DAYS)
