"""From values to innovations: profile + level + AR(1), with the value clipped before it may move the state.

Clipping is what matters most: a single wild value must not drag the filter, or its way back looks like a step.
"""

from dataclasses import dataclass

import numpy as np

from busta_health_dagster.engines.anomaly import thresholds
from busta_health_dagster.engines.anomaly.rows import Rows, scatter
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline import profile
from busta_health_dagster.engines.baseline.units import DAY_S, ITEMS, QUALITY, Array, M

YOUNG_PRIOR = 6.0


@dataclass(slots=True)
class Innovation:
    """All (3, N). `residual` u - base - level; `z` before clipping; `e` after; `gain`, `phi`, `variance` S of this
    poll.
    """

    present: Array
    evaluated: Array
    base: Array
    residual: Array
    z: Array
    e: Array
    gain: Array
    phi: Array
    variance: Array
    sigma: Array
    unrest: Array


def shapes(rows: Rows, slots: Array, kind: Array, position: Array) -> Array:
    """(3, N) profile of every series at its slot; the items' by the source's own clock."""
    local = slots - rows.clock
    return np.stack(
        [profile.evaluate(m, rows.coef[:, m], local if m == ITEMS else slots, kind, position) for m in range(M)]
    )


def doubts(rows: Rows, slots: Array, kind: Array) -> Array:
    """(3, N) how uncertain a young profile is at this slot, as a standard deviation; 0 once it is three weeks old."""
    columns = np.arange(rows.size)
    out = rows.doubt[profile.doubt_rows(slots), :, columns].T.astype(np.float64)
    event = kind >= 0
    if event.any():
        known = event & (kind < profile.KINDS)
        more = rows.doubt[2 * profile.STRETCHES + np.where(known, kind, 0), :, columns].T
        more = np.where(known, more, np.array(profile.TAU_EVENT)[:, None])
        more[QUALITY] = 0.0
        out = np.where(event, np.sqrt(out**2 + more**2), out)
    return np.asarray(out)


def advance(rows: Rows, cfg: DetectorSettings, u: Array, slots: Array, shape: Array) -> Innovation:
    """One poll of every series; NaN in `u` (3, N) leaves its series untouched. Mutates the filter's state."""
    present = np.isfinite(u)
    polls = np.maximum(np.rint((slots - rows.last_poll) / np.maximum(rows.interval_s, 1)), 1.0)
    seen = rows.n > 0
    long_gap = present & seen & (slots - rows.last_poll > np.maximum(DAY_S, thresholds.CLOSE * rows.interval_s))
    rows.w[long_gap] = 0
    phi = np.where(present, rows.phi ** np.where(seen, polls, 1.0), 1.0)
    base = shape + rows.offset
    level = rows.level
    ar, white = _noise(rows, base + level)
    unrest = _unrest(rows)
    ar, white = ar * unrest, white * unrest
    a = phi * rows.a
    p = np.where(present, phi * phi * rows.p + ar * (1 - phi * phi), rows.p)
    variance = np.where(present, p + white, 1.0)
    root = np.sqrt(variance)
    residual = np.where(present, u - base - level, 0.0)
    z = np.where(present, (residual - a) / root, 0.0)
    e = np.clip(z, -cfg.clip_down, cfg.clip_up) * root
    warm = rows.n >= thresholds.WARM
    gain = np.where(present & warm, p / variance, 0.0)
    rows.a[...] = np.where(present & warm, a + gain * e, rows.a)
    rows.p[...] = np.where(present, np.where(warm, (1 - gain) * p, ar), rows.p)
    rows.last_poll[...] = np.where(present, slots, rows.last_poll)
    scatter(rows.ring, rows.n % thresholds.NEW_NORMAL_MEAN, residual, present)
    rows.n[present] += 1
    _warm_up(rows, present & (rows.n == thresholds.WARM))
    return Innovation(present, present & warm, base, residual, z, e, gain, phi, variance, np.sqrt(ar + white), unrest)


def _noise(rows: Rows, expected: Array) -> tuple[Array, Array]:
    """AR and white variance; before the first fit both are scaled by what the innovations show."""
    scale = np.where(rows.fit_days > 0, 1.0, (YOUNG_PRIOR + rows.young_sum) / (YOUNG_PRIOR + rows.young_n))
    ar, white = rows.ar * scale, rows.white * scale
    white[ITEMS] += 1.0 / np.maximum(np.exp(np.minimum(expected[ITEMS], 40.0)), 0.5)
    return ar, white


def _unrest(rows: Rows) -> Array:
    """(3, N) by how much the variance is above the usual one now; 1 for a source whose noise is steady.

    A source is believed as far as its noise has been seen to wander; then one standard deviation of that is allowed
    on top, because what is measured now is already a few hours old.
    """
    trust = np.maximum(1.0 - thresholds.RESTLESS / np.maximum(rows.restless, 1e-9), 0.0)
    return (np.clip(rows.unrest, 1.0, thresholds.UNREST_MOST) * np.exp(np.sqrt(rows.restless))) ** trust


def _warm_up(rows: Rows, ready: Array) -> None:
    """The first level is the median of the first polls."""
    if not ready.any():
        return
    first = np.median(rows.ring[: thresholds.WARM], axis=0).astype(np.float64)
    rows.offset[ready] += first[ready]
    rows.ring[:, ready] -= first[ready].astype(np.float32)


def learn(rows: Rows, inn: Innovation, calm: Array) -> None:
    """The level follows slowly, clipped, and only in `calm` series (3, N): no incident, no outage, no maintenance."""
    move = inn.evaluated & calm
    floor = np.where(
        rows.fit_days >= 15, thresholds.LEVEL_FLOOR, np.where(rows.fit_days > 0, thresholds.LEVEL_FLOOR, 24)
    )
    gain = 1.0 / np.minimum(np.maximum(rows.n, floor), thresholds.LEVEL_CEILING)
    bounded = np.clip(inn.residual, -2.5 * inn.sigma, 2.5 * inn.sigma)
    rows.level[...] += np.where(move, gain * bounded, 0.0)
    young = move & (rows.fit_days == 0)
    if young.any():
        scale = (YOUNG_PRIOR + rows.young_sum) / (YOUNG_PRIOR + rows.young_n)
        rows.young_sum[...] += np.where(young, np.minimum(inn.z**2, 9.0) * scale, 0.0)
        rows.young_n[young] += 1


def recent_mean(ring: Array, n: Array, length: int) -> Array:
    """(3, N) mean of the last `length` entries of a ring (R, 3, N) into which `n` were written."""
    depth = ring.shape[0]
    at = (n[None] - 1 - np.arange(length)[:, None, None]) % depth
    return np.asarray(np.take_along_axis(ring, at, axis=0).mean(axis=0, dtype=np.float64))


def relevel(rows: Rows, where: Array, new_level: Array) -> None:
    """Moves the level of `where` (3, N) and keeps the residual ring on the new level; the test starts again."""
    if not where.any():
        return
    shift = new_level - rows.level
    rows.ring[:, where] -= shift[where].astype(np.float32)
    rows.level[where] = new_level[where]
    rows.a[where] = 0.0
    rows.w[where] = 0


__all__ = ["Innovation", "advance", "learn", "recent_mean", "relevel", "shapes"]
