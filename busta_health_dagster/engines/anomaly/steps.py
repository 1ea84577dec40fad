"""The step test: has the level moved, by at least d1, at any of the windows' beginnings?

Generalised likelihood ratio on the innovations of the filter. A step of size 1 shows in the innovations as m (1 at
first, less as the AR part absorbs it); T = sum(m e / S) and I = sum(m^2 / S) are kept for every beginning that a
window may need.
"""

from dataclasses import dataclass

import numpy as np

from busta_health_dagster.engines.anomaly import budget, learning, thresholds
from busta_health_dagster.engines.anomaly.filter import Innovation, recent_mean, relevel
from busta_health_dagster.engines.anomaly.rows import Rows, scatter
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline.units import ITEMS, WEEK_S, Array, M

FINE = np.array(thresholds.FINE)[:, None, None]
COARSE = np.array(thresholds.COARSE)[:, None, None]
TAIL_PRIOR, TAIL_MEMORY = 2000.0, 12_096.0
AGES = np.concatenate([FINE, COARSE])


@dataclass(slots=True)
class Steps:
    """All (3, N). `side` +1/-1 where an alarm opens now, `gross` where two wild residuals opened it; `cleared` and
    `new_normal` where an alarmed incident ended, `ended` where any did, silent ones too; `beyond` where one that stands
    has more than doubled; `delta` the size seen; `polls` since when; `g`, its likelihood ratio.
    """

    side: Array
    gross: Array
    cleared: Array
    new_normal: Array
    ended: Array
    beyond: Array
    delta: Array
    polls: Array
    g: Array


def limits(cfg: DetectorSettings, sigma: Array, near: Array, doubt: Array) -> tuple[Array, Array]:
    """d0 and d1 of every series (3, N): the noise bounds them, a near event and a young profile widen them."""
    d1 = np.minimum(cfg.d1, cfg.d1_sigma * sigma)
    d0 = np.minimum(cfg.d0, d1 / 2)
    wider = cfg.near_event * near + doubt
    return d0 + wider, d1 + wider


def update(rows: Rows, inn: Innovation, doubt: Array) -> None:
    """Adds the poll to every window; one seen through a doubtful profile (3, N) counts for less."""
    evaluated = inn.evaluated
    for columns, start, due in (
        (0, rows.w % thresholds.FINE_COLUMNS, evaluated),
        (
            thresholds.FINE_COLUMNS,
            rows.w // thresholds.STRIDE % thresholds.COARSE_COLUMNS,
            evaluated & (rows.w % thresholds.STRIDE == 0),
        ),
    ):
        for ring in (rows.drift, rows.info, rows.bias):
            scatter(ring, start + columns, 0.0, due)
    inverse = np.where(evaluated, 1.0 / (inn.variance + doubt**2), 0.0)
    phi = np.where(evaluated, inn.phi, 1.0).astype(np.float32)
    bias, drift, info = rows.bias, rows.drift, rows.info
    bias *= phi
    m = 1.0 - bias
    bias += m * inn.gain.astype(np.float32)
    drift += m * (inn.e * inverse).astype(np.float32)
    m *= m
    m *= inverse.astype(np.float32)
    info += m
    rows.w[evaluated] += 1


def test(rows: Rows, inn: Innovation, d0: Array, d1: Array) -> tuple[Array, Array, Array, Array]:
    """(g_up, g_down, window_up, window_down), each (3, N): the best likelihood ratio per side and the polls it
    spans.
    """
    at = (rows.w - FINE) % thresholds.FINE_COLUMNS
    t, i = np.take_along_axis(rows.drift, at, 0), np.take_along_axis(rows.info, at, 0)
    valid = rows.w >= FINE
    ages = FINE
    if ((rows.w % thresholds.STRIDE == 0) & (rows.w >= thresholds.COARSE[0]) & inn.evaluated).any():
        at = thresholds.FINE_COLUMNS + (rows.w - COARSE) // thresholds.STRIDE % thresholds.COARSE_COLUMNS
        t = np.concatenate([t, np.take_along_axis(rows.drift, at, 0)])
        i = np.concatenate([i, np.take_along_axis(rows.info, at, 0)])
        valid = np.concatenate([valid, (rows.w >= COARSE) & (rows.w % thresholds.STRIDE == 0)])
        ages = AGES
    t, i = t.astype(np.float64), np.maximum(i.astype(np.float64), 1e-12)
    valid &= inn.evaluated
    out = []
    for sign in (1.0, -1.0):
        side = sign * t
        delta = np.maximum(side / i, d1)
        g = np.where(valid, (delta - d0) * side - (delta**2 - d0**2) * i / 2, 0.0)
        best = g.argmax(axis=0)
        out.append((np.take_along_axis(g, best[None], 0)[0], ages[:, 0, 0][best]))
    return out[0][0], out[1][0], out[0][1], out[1][1]


def heaviness(rows: Rows, cfg: DetectorSettings) -> Array:
    """(2, 3, N) up and down: log of how many times more often than usual own innovations pass 3 sigma; 0 at most
    usual.
    """
    rate = (rows.tail + 0.6 * cfg.tail_usual * TAIL_PRIOR) / (rows.tail_n + TAIL_PRIOR)
    return np.clip(np.log(rate / cfg.tail_usual), 0.0, cfg.tail_most)


def learn(rows: Rows, inn: Innovation, calm: Array) -> None:
    """Counts wild innovations of calm polls (3, N)."""
    move, keep = inn.evaluated & calm, 1 - 1 / TAIL_MEMORY
    for i, wild in enumerate((inn.z > 3.0, inn.z < -3.0)):
        rows.tail[i] = np.where(move, rows.tail[i] * keep + wild, rows.tail[i])
    rows.tail_n[...] = np.where(move, rows.tail_n * keep + 1, rows.tail_n)


def judge(
    rows: Rows,
    cfg: DetectorSettings,
    inn: Innovation,
    *,
    d0: Array,
    d1: Array,
    slots: Array,
    watched: Array | None = None,
) -> Steps:
    """Opens, closes and re-levels the level incidents of every series. Mutates; call after `update`. A series that is
    not `watched` (3, N) only follows its level.
    """
    g_up, g_down, window_up, window_down = test(rows, inn, d0, d1)
    heavy = heaviness(rows, cfg)
    strict = budget.strictness(rows)
    h = (cfg.h + cfg.dial + thresholds.pace(rows.interval_s)) * strict
    h_up, h_down = h + cfg.tail_h * heavy[0], h + cfg.tail_h * heavy[1]
    wild, gross = _wild(rows, cfg, inn, d1, strict)
    up = (g_up > h_up) & (g_up >= g_down) | gross & (wild > 0)
    down = ((g_down > h_down) & ~up) | gross & (wild < 0)
    side = np.where(up, 1, np.where(down, -1, 0))
    polls = np.where(gross & (g_up <= h_up) & (g_down <= h_down), 2, np.where(side > 0, window_up, window_down))
    delta = _size(rows, polls, side != 0)
    closeness = 0.8 * (d0 + d1) / 2
    returning = (
        (side != 0)
        & (rows.old_until > slots)
        & (np.abs(delta + rows.level - rows.old_level) < np.maximum(closeness, 0.35 * np.abs(delta)))
    )
    side = np.where(returning, 0, side)
    listened = (side > 0) & (cfg.alarm_up > 0) | (side < 0) & (cfg.alarm_down > 0)
    if watched is not None:
        listened &= watched
    standing = rows.incident
    alarmed = np.abs(standing) == 1
    opens = listened & ~alarmed
    for i in np.nonzero(opens[ITEMS])[0]:
        opens[ITEMS, i] = not learning.turned(
            rows, int(i), float(inn.variance[ITEMS, i]), int(slots[i]), int(polls[ITEMS, i])
        )
    silent = (side != 0) & ~listened & (standing == 0)
    rows.incident[opens] = side[opens]
    rows.incident[silent] = 2 * side[silent]
    rows.incident_n[opens | silent] = 0
    rows.incident_n[inn.evaluated & (rows.incident != 0)] += 1

    mean = recent_mean(rows.ring, rows.n, thresholds.CLOSE)
    running = inn.evaluated & (rows.incident != 0) & ~opens & ~silent
    over = running & (rows.incident_n > thresholds.CLOSE) & (np.abs(mean) < closeness)
    renewed = running & ~over & (rows.incident_n > thresholds.NEW_NORMAL)
    cleared, renewed_heard = over & (np.abs(rows.incident) == 1), renewed & (np.abs(rows.incident) == 1)
    rows.old_level[renewed] = rows.level[renewed]
    rows.old_until[renewed] = np.broadcast_to(slots + WEEK_S, (M, len(slots)))[renewed]
    long_mean = recent_mean(rows.ring, rows.n, thresholds.NEW_NORMAL_MEAN) if renewed.any() else mean
    relevel(rows, renewed, rows.level + long_mean)
    back = returning & ~renewed
    relevel(rows, back, rows.old_level)
    rows.old_until[back] = 0
    ended = over | renewed | (back & (np.abs(rows.incident) != 1))
    cleared |= back & (np.abs(rows.incident) == 1) & ~opens
    ended |= cleared
    beyond = alarmed & gross & ~ended & (np.abs(inn.residual) > 2.0 * rows.moved + d1)
    rows.moved[...] = np.where(opens, np.abs(delta), np.where(beyond, np.abs(inn.residual), rows.moved))
    delta = np.where(beyond, inn.residual, delta)
    rows.incident[ended] = 0
    rows.w[ended] = 0
    rows.hold[inn.evaluated] = np.maximum(rows.hold[inn.evaluated] - 1, 0)
    rows.hold[ended] = thresholds.CLOSE - 1
    return Steps(
        np.where(opens, side, 0),
        gross & opens,
        cleared & ~renewed,
        renewed_heard,
        ended,
        beyond,
        delta,
        polls,
        np.maximum(np.maximum(g_up, g_down), np.where(gross, inn.z**2 / 2, 0.0)),
    )


def _wild(rows: Rows, cfg: DetectorSettings, inn: Innovation, d1: Array, strict: Array) -> tuple[Array, Array]:
    """(3, N) the side of a residual that is wild by itself (0: it is not), and whether the one before was so, too."""
    # Six sigma in nats is 18: the dial moves a jump as it moves the other tests.
    reach = np.sqrt(max(cfg.gross_sigma**2 + 2 * cfg.dial, 1.0) * strict)
    beyond = np.abs(inn.residual) > np.maximum(reach * inn.sigma, d1) + np.maximum(d1 - cfg.d1, 0.0)
    wild = np.where(inn.evaluated & beyond, np.sign(inn.residual), 0)
    gross = (wild != 0) & (wild == rows.gross)
    rows.gross[inn.evaluated] = wild[inn.evaluated].astype(np.int8)
    return wild, gross


def _size(rows: Rows, polls: Array, where: Array) -> Array:
    """Mean residual over the last `polls` of each series (at most the ring), for the series in `where`; 0 elsewhere."""
    out = np.zeros(where.shape)
    depth = rows.ring.shape[0]
    for m, i in zip(*np.nonzero(where), strict=True):
        length = int(min(polls[m, i], depth, max(int(rows.n[m, i]), 1)))
        out[m, i] = rows.ring[(rows.n[m, i] - 1 - np.arange(length)) % depth, m, i].mean(dtype=np.float64)
    return out
