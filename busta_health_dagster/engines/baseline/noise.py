"""Noise of one series: an AR(1) part that wanders and a white part that does not, from the residuals of a fit."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from busta_health_dagster.engines.baseline.units import ITEMS, QUALITY, Array

PHI_OWN: Final = 0.3  # an own estimate of phi from three weeks is worth less than the mean of its type
SHARE_OWN: Final = 0.5
WHITE_FLOOR: Final = (0.004, 0.004, 0.04)  # quality: 0.2 points; a score that sits at 100 is not without noise


@dataclass(frozen=True, slots=True)
class Noise:
    """`phi` per bin of the history, `share` of the variance that is AR, `variance` in all (without counting noise)."""

    phi: float
    share: float
    variance: float


# Before anything is known: wide, and adapted within hours by the young scale of the filter.
UNKNOWN: Final = (Noise(0.8, 0.45, 0.12), Noise(0.9, 0.3, 0.06), Noise(0.7, 0.85, 1.5))


def estimate(metric: int, residual: Array, mean_count: Array) -> Noise | None:
    """AR(1) + white from residuals (n,) on the grid of polls, NaN where missing; `mean_count` (n,) for the items' 1/mu.

    phi = sqrt(rho4 / rho2), AR variance = c1 / phi (detection.md). Lag 3 over lag 1 stands in where lag 2 is nothing.
    None with fewer than 48 polls.
    """
    good = np.isfinite(residual)
    if good.sum() < 48:
        return None
    centre = float(np.median(residual[good]))
    scale = 1.4826 * float(np.median(np.abs(residual[good] - centre)))
    if scale <= 0:
        scale = float(np.std(residual[good]))
    r = np.clip(np.where(good, residual - centre, 0.0), -3 * scale, 3 * scale)

    def covariance(lag: int) -> float:
        both = good[lag:] & good[:-lag]
        return float((r[lag:] * r[:-lag])[both].mean()) if both.any() else 0.0

    total = float((r[good] ** 2).mean())
    if metric == ITEMS:
        total -= float((1.0 / np.maximum(mean_count[good], 0.5)).mean())
    total = max(total, WHITE_FLOOR[metric])
    c1, c2, c4 = covariance(1), covariance(2), covariance(4)
    phi = float(np.clip(np.sqrt(max(c4, 0.0) / c2), 0.3, 0.97)) if c2 > 0.02 * total else 0.3
    share = float(np.clip(c1 / phi / total, 0.02, 0.95))
    return Noise(phi, share, total)


def pooled(own: Noise, type_phi: float, type_share: float) -> Noise:
    """The own estimate drawn towards its type's mean."""
    phi = PHI_OWN * own.phi + (1 - PHI_OWN) * type_phi
    return Noise(phi, SHARE_OWN * own.share + (1 - SHARE_OWN) * type_share, own.variance)


def split(metric: int, noise: Noise) -> tuple[float, float]:
    """(AR variance, white variance) with the white part kept above its floor."""
    ar = noise.share * noise.variance
    floor = WHITE_FLOOR[metric] if metric != QUALITY else max(WHITE_FLOOR[metric], 0.02 * noise.variance)
    return ar, max(noise.variance - ar, floor)
