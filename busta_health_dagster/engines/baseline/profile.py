"""The profile of one metric: daily hats, weekend hats, hats over the course of a known event.

Coefficients live in one vector of P numbers per series: 36 daily, 8 weekend, 8 per kind of event. A metric may use
fewer nodes than the room it has (quality: 8 and 4). Times are UTC epoch seconds: the profile knows no daylight saving.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from busta_health_dagster.engines.baseline.units import DAY_S, QUALITY, Array

DAILY: Final = (36, 36, 8)
WEEKEND: Final = (8, 8, 4)
EVENT_NODES: Final = 8
KINDS: Final = 6
WEEKEND_AT: Final = 36
EVENT_AT: Final = WEEKEND_AT + 8
P: Final = EVENT_AT + EVENT_NODES * KINDS

# Ridge weights per 5-minute poll, from detection.md; a response profile is nearly flat, a quality profile flatter
# still.
LAMBDA_DAILY: Final = 3.0
LAMBDA_WEEKEND: Final = 10.0
LAMBDA_EVENT: Final = 10.0
LAMBDA_FACTOR: Final = (15.0, 1.0, 60.0)
PASSES: Final = 4
CELL_S: Final = 900  # polls are averaged to a quarter of an hour before the fit: a third of the cost, the same profile
POLL_S: Final = 300
STRETCHES: Final = 8
STRETCH_S: Final = DAY_S // STRETCHES
SEEN: Final = 2 * STRETCHES + KINDS


def weekend(epochs: Array) -> Array:
    """Saturday or Sunday, UTC. 1970-01-01 was a Thursday."""
    return np.asarray((epochs // DAY_S + 3) % 7 >= 5)


def _hat(epochs: Array, nodes: int) -> tuple[Array, Array, Array]:
    at = (epochs % DAY_S) * (nodes / DAY_S)
    low = at.astype(np.int64)
    return low % nodes, (low + 1) % nodes, at - low


def _event_hat(kinds: Array, positions: Array) -> tuple[Array, Array, Array]:
    at = np.clip(positions, 0.0, 1.0) * (EVENT_NODES - 1)
    low = np.minimum(at.astype(np.int64), EVENT_NODES - 2)
    first = EVENT_AT + np.maximum(kinds, 0) * EVENT_NODES + low
    return first, first + 1, at - low


def _modelled(metric: int, kinds: Array) -> Array:
    return np.asarray((kinds >= 0) & (kinds < KINDS) & (metric != QUALITY))


def evaluate(metric: int, coef: Array, epochs: Array, kinds: Array, positions: Array) -> Array:
    """The profile at n instants: `coef` is (P,) for one series or (P, n) with a column per instant; returns (n,)."""
    own = () if coef.ndim == 1 else (np.arange(coef.shape[1]),)

    def pick(index: Array) -> Array:
        return np.asarray(coef[(index, *own)])

    low, high, f = _hat(epochs, DAILY[metric])
    out = pick(low) * (1 - f) + pick(high) * f
    rest = weekend(epochs)
    if rest.any():
        low, high, f = _hat(epochs, WEEKEND[metric])
        out = out + np.where(rest, pick(WEEKEND_AT + low) * (1 - f) + pick(WEEKEND_AT + high) * f, 0.0)
    known = _modelled(metric, kinds)
    if known.any():
        low, high, f = _event_hat(np.where(known, kinds, 0), positions)
        out = out + np.where(known, pick(low) * (1 - f) + pick(high) * f, 0.0)
    return np.asarray(out, dtype=np.float64)


def design(metric: int, epochs: Array, kinds: Array, positions: Array) -> Array:
    """(n, P) matrix whose product with the coefficients is `evaluate`."""
    n = len(epochs)
    rows = np.arange(n)
    x = np.zeros((n, P))
    low, high, f = _hat(epochs, DAILY[metric])
    x[rows, low] += 1 - f
    x[rows, high] += f
    rest = np.nonzero(weekend(epochs))[0]
    low, high, f = _hat(epochs[rest], WEEKEND[metric])
    x[rest, WEEKEND_AT + low] += 1 - f
    x[rest, WEEKEND_AT + high] += f
    known = np.nonzero(_modelled(metric, kinds))[0]
    low, high, f = _event_hat(kinds[known], positions[known])
    x[known, low] += 1 - f
    x[known, high] += f
    return x


def ridge_weights(metric: int) -> Array:
    """(P,) ridge weights, in polls of five minutes."""
    weights = np.full(P, LAMBDA_EVENT)
    weights[:WEEKEND_AT] = LAMBDA_DAILY
    weights[WEEKEND_AT:EVENT_AT] = LAMBDA_WEEKEND
    return weights * LAMBDA_FACTOR[metric]


@dataclass(frozen=True, slots=True)
class Fit:
    """`coef` (P,); `level` (n,) the free daily level at each poll; `residual` (n,), NaN where there was no poll;
    `seen` (SEEN,) see `_seen`.
    """

    coef: Array
    level: Array
    residual: Array
    seen: Array


def fit(
    metric: int, epochs: Array, u: Array, *, kinds: Array, positions: Array, prior: Array, prior_polls: float
) -> Fit:
    """Robust ridge of `u` (n,) on the hats with a free daily level; shrinks towards `prior` (P,) instead of zero.

    `prior_polls` is added to the weight of the prior: how many polls per hat the type is worth while own data are few.
    Needs at least one finite value. Rows are a regular grid of polls; gaps are NaN.
    """
    cell = epochs // max(CELL_S, int(epochs[1] - epochs[0]) if len(epochs) > 1 else CELL_S)
    ids, back = np.unique(cell, return_inverse=True)
    good = np.isfinite(u)
    count = np.bincount(back, good, len(ids))
    y_all = np.bincount(back, np.where(good, u, 0.0), len(ids)) / np.maximum(count, 1)
    first = np.searchsorted(cell, ids)
    mid = first + (np.bincount(back, minlength=len(ids)) - 1) // 2
    keep = count > 0
    t, y, weight = (
        epochs[mid][keep],
        y_all[keep],
        count[keep] * (1.0 if len(epochs) < 2 else (epochs[1] - epochs[0]) / POLL_S),
    )
    kind, position = kinds[mid][keep], positions[mid][keep]
    x = design(metric, t, kind, position)
    used = np.nonzero(np.abs(x).any(axis=0))[0]
    x = x[:, used]
    ridge = ridge_weights(metric)[used] + prior_polls
    day = t // DAY_S
    coef = prior.astype(np.float64).copy()
    robust = np.ones(len(y))
    level_days = (np.empty(0), np.empty(0))
    for _ in range(PASSES):
        shape = x @ coef[used]
        level_days = _daily_level(day, y - shape)
        target = y - np.interp(day, *level_days) - x @ prior[used]
        w = weight * robust
        gram = (x * w[:, None]).T @ x
        gram[np.diag_indices_from(gram)] += ridge
        coef[used] = prior[used] + np.linalg.solve(gram, x.T @ (w * target))
        r = y - np.interp(day, *level_days) - x @ coef[used]
        scale = 1.4826 * np.median(np.abs(r)) + 1e-9
        z = np.abs(r) / scale
        robust = np.where(z > 4, 0.0, np.minimum(1.0, 2.0 / np.maximum(z, 1e-9)))
    level = np.interp(epochs // DAY_S, *level_days)
    return Fit(coef, level, u - level - evaluate(metric, coef, epochs, kinds, positions), _seen(t, kind))


def _daily_level(day: Array, r: Array) -> tuple[Array, Array]:
    """Days and their level: the median of the daily medians over a week around each.

    A rare source (fewer than four polls a day) has one level: a level of its own per poll would leave no noise at all.
    Three days (detection.md) let the level swallow the weekend, which the weekend hats should carry; a week does not.
    """
    days, start = np.unique(day, return_index=True)
    stops = np.append(start[1:], len(day))
    medians = np.array([np.median(r[a:b]) for a, b in zip(start, stops, strict=True)])
    if len(days) < 7 or len(r) < 4 * len(days):
        return days, np.full(len(days), np.median(medians))
    return days, np.array([np.median(medians[np.abs(days - d) <= 3]) for d in days])


def _seen(t: Array, kind: Array) -> Array:
    """Days on which each three-hour stretch was observed (any day, weekend days), and days of each event kind."""
    stretch, day = (t % DAY_S) // STRETCH_S, t // DAY_S
    cells = np.unique(np.stack([day, stretch]), axis=1)
    rest = weekend(cells[0] * DAY_S)
    days = np.bincount(cells[1], minlength=STRETCHES)
    resting = np.bincount(cells[1][rest], minlength=STRETCHES)
    events = [len(np.unique(day[kind == k])) for k in range(KINDS)]
    return np.concatenate([days, resting, events]).astype(np.float64)


# How uncertain a node is before its first day of data (tau) and how much one day of data tells (cell), as standard
# deviations: absolute on the log scales, times the noise for quality. They widen the dead zone of the step test while a
# profile is young; after three weeks, six weekend days and two occurrences of an event they add nothing and the
# thresholds are detection.md's.
TAU_DAILY: Final = (0.15, 1.00, 0.50)
TAU_WEEKEND: Final = (0.10, 0.40, 0.30)
TAU_EVENT: Final = (0.15, 0.80, 0.50)
CELL: Final = (0.08, 0.12, 0.35)
MATURE_DAYS: Final = 21.0
MATURE_REST: Final = 6.0
MATURE_EVENTS: Final = 2.0


def uncertainty(metric: int, seen: Array, sigma: float, discount: float) -> Array:
    """(DOUBT,) extra standard deviation of the profile: working-day stretches, weekend stretches, event kinds.

    `discount` scales tau: 1 without a prior, below 1 where a type prior stands in.
    """
    unit = sigma if metric == QUALITY else 1.0
    cell = (CELL[metric] * unit) ** 2

    def variance(n: Array | float, tau: float) -> Array:
        return np.asarray(1.0 / (n / cell + 1.0 / max(tau * discount * unit, 1e-6) ** 2))

    def excess(now: Array, mature: Array) -> Array:
        return np.asarray(np.sqrt(np.maximum(now - mature, 0.0)))

    daily, mature = variance(seen[:STRETCHES], TAU_DAILY[metric]), variance(MATURE_DAYS, TAU_DAILY[metric])
    rest = daily + variance(seen[STRETCHES : 2 * STRETCHES], TAU_WEEKEND[metric])
    mature_rest = mature + variance(MATURE_REST, TAU_WEEKEND[metric])
    event = excess(variance(seen[2 * STRETCHES :], TAU_EVENT[metric]), variance(MATURE_EVENTS, TAU_EVENT[metric]))
    return np.concatenate([excess(daily, mature), excess(rest, mature_rest), event * (metric != QUALITY)])


def doubt_rows(epochs: Array) -> Array:
    """Which row of `uncertainty` holds for each instant, events apart."""
    return np.asarray((epochs % DAY_S) // STRETCH_S + STRETCHES * weekend(epochs))
