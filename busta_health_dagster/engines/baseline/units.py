"""The order of the filtered metrics and the scale each is modelled on.

Items count, so log(x + .5) makes a factor a distance and keeps zero finite; response times are log-normal with a
floor of 1 ms; quality is a score and stays linear.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from busta_health_dagster.domain.anomaly import Metric

Array = npt.NDArray[Any]

RESPONSE: Final = 0
ITEMS: Final = 1
QUALITY: Final = 2
METRICS: Final = (Metric.RESPONSE, Metric.ITEMS, Metric.QUALITY)
M: Final = len(METRICS)

WEEK_S: Final = 604_800
DAY_S: Final = 86_400


def forward(response_ms: Array, items: Array, quality: Array) -> Array:
    """Raw values of N sources -> (3, N) on the model's scale; what is not a number or cannot be (negative items) is
    NaN.
    """
    out = np.empty((M, len(response_ms)))
    with np.errstate(invalid="ignore", divide="ignore"):
        out[RESPONSE] = np.where(response_ms >= 0, np.log(np.maximum(response_ms, 1.0)), np.nan)
        out[ITEMS] = np.where(items >= 0, np.log(items + 0.5), np.nan)
    out[QUALITY] = quality
    out[~np.isfinite(out)] = np.nan
    return out


def backward(metric: int, u: float) -> float:
    """One value from the model's scale to the metric's unit; quality is kept within 0-100."""
    if metric == RESPONSE:
        return float(np.exp(np.clip(u, 0.0, 30.0)))
    if metric == ITEMS:
        return float(max(np.exp(np.clip(u, -5.0, 40.0)) - 0.5, 0.0))
    return float(min(max(u, 0.0), 100.0))
