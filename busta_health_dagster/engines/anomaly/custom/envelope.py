"""Has a number left the levels it is used to, further and for longer than it does on its own worst days?

No profile by hour and no noise model: a median over a week and one over four weeks, and for 2, 4, 8 and 16 polls the
largest departure of every day that lasted so long. Robust to what it must find: a fault is one day of 28, and neither
the medians nor the second largest day follow it. A departure that opened an anomaly counts as one of the metric's own
bad days when it ended by itself and no one confirmed it; else it teaches nothing.
"""

from dataclasses import dataclass

import numpy as np

from busta_health_dagster.engines.anomaly.custom import thresholds
from busta_health_dagster.engines.anomaly.custom.rows import CustomRows
from busta_health_dagster.engines.baseline.units import Array

WINDOWS = np.array(thresholds.WINDOWS)
PATIENCE = np.array(thresholds.PATIENCE)[:, None]


@dataclass(slots=True)
class Departures:
    """All (K,), for the metrics `at` that have a scale. `opens` -1 below, 1 above, 0 nothing; `beyond` where one that stands
    open has doubled; `cleared` and `new_normal` where it ended; `size` and `limit` on the model's scale; `polls` that
    it has lasted; `expected` and `observed` in the metric's unit.
    """

    at: Array
    opens: Array
    beyond: Array
    cleared: Array
    new_normal: Array
    size: Array
    limit: Array
    polls: Array
    expected: Array
    observed: Array


def forward(x: Array, scale: Array) -> Array:
    """The model's scale: a logarithm for what is far from zero, linear near it, defined for every number."""
    return np.asarray(np.arcsinh(10.0 * x / scale))


def backward(u: Array, scale: Array) -> Array:
    """The metric's own unit again."""
    return np.asarray(np.sinh(np.clip(u, -60.0, 60.0)) * scale / 10.0)


def step(
    rows: CustomRows,
    at: Array,
    slots: Array,
    x: Array,
    *,
    strict: Array,
    confirmed: Array,
    familiar: Array,
    board: Array,
) -> Departures:
    """One value `x` of each metric in `at` (indices into the rows), at its slot. `strict` multiplies its limits.
    `confirmed`: what stands open is known to be real. Not `familiar`: the source's board has a size that other days have
    not shown; few games have other coverage, so that the limits are twice as wide and nothing is learned. `board`: the
    logarithm of its size, NaN where the source has none.
    """
    _anchor(rows, at, x)
    ready = rows.scale[at] > 0
    rows.last_poll[at[~ready]] = slots[~ready]
    at, slots, x = at[ready], slots[ready], x[ready]
    strict, confirmed, familiar, board = strict[ready], confirmed[ready], familiar[ready], board[ready]
    u = forward(x, rows.scale[at])
    _turn_day(rows, at, slots)
    _turn_bin(rows, at, slots)
    rows.bin_sum[at] += u
    rows.bin_n[at] += 1
    low, high = levels(rows, at, slots, board)
    known = np.isfinite(low)
    r = np.where(known, np.where(u > high, u - high, np.minimum(u - low, 0.0)), 0.0)
    rows.run[at] = np.where(slots - rows.last_poll[at] > thresholds.GAP_S, 0, rows.run[at])
    rows.last_poll[at], rows.last_value[at] = slots, x
    rows.ring[:, at] = np.concatenate([r[None], rows.ring[:-1, at]])
    rows.run[at] = np.where(known, np.minimum(rows.run[at] + 1, thresholds.LONGEST), 0)

    lasting = departures(rows, at)
    needed = limits(rows, at) * strict * np.where(familiar, 1.0, thresholds.UNSEEN_BOARD)
    usable = behaves(rows, at)
    able = known & (rows.days_n[at] >= thresholds.FIRST_DAYS) & (rows.side[at] == 0)
    over = np.where(usable[:, None] & able & (lasting > needed), lasting / needed, 0.0)
    flat = over.reshape(2 * len(WINDOWS), len(at))
    best = flat.argmax(axis=0)
    window = best % len(WINDOWS)
    columns = np.arange(len(at))
    opens = np.where(flat.max(axis=0) > 0, np.where(best < len(WINDOWS), -1, 1), 0)
    size = lasting.reshape(2 * len(WINDOWS), len(at))[best, columns]
    expected = backward(np.where(opens > 0, high, low), rows.scale[at])
    observed = backward(np.where(opens > 0, high + size, low - size), rows.scale[at])
    out = Departures(
        at,
        opens,
        np.zeros(len(at), bool),
        np.zeros(len(at), bool),
        np.zeros(len(at), bool),
        size,
        needed.reshape(2 * len(WINDOWS), len(at))[best, columns],
        WINDOWS[window],
        expected,
        observed,
    )
    _follow(rows, at, slots, board, confirmed, lasting, out)
    fresh = opens != 0
    mine = at[fresh]
    rows.side[mine], rows.opened[mine] = opens[fresh], slots[fresh]
    rows.limit[mine], rows.depth[mine] = out.limit[fresh], size[fresh]
    rows.expected[mine], rows.observed[mine] = expected[fresh], observed[fresh]
    standing = rows.side[at] != 0
    for kept, where in ((rows.held, standing), (rows.today, ~standing & familiar)):
        now = at[where]
        kept[:, :, now] = np.maximum(kept[:, :, now], lasting[:, :, where].astype(np.float32))
    return out


def _follow(
    rows: CustomRows, at: Array, slots: Array, board: Array, confirmed: Array, lasting: Array, out: Departures
) -> None:
    """Ends what stands open: by two polls back near the levels, or after a day as the new level."""
    standing = rows.side[at] != 0
    if not standing.any():
        return
    near = np.abs(rows.ring[:2, at]).max(axis=0) < rows.limit[at] / 2
    out.cleared[:] = standing & near & (rows.run[at] >= 2)
    out.new_normal[:] = standing & ~out.cleared & (slots - rows.opened[at] >= thresholds.NEW_NORMAL_S)
    deep = np.where(rows.side[at] < 0, lasting[0, 0], lasting[1, 0])
    out.beyond[:] = (
        standing & ~out.cleared & ~out.new_normal & (deep > 2.0 * np.maximum(rows.depth[at], rows.limit[at]))
    )
    rows.depth[at] = np.where(out.beyond, deep, rows.depth[at])
    taken = at[out.new_normal]
    if len(taken):
        rows.adopted[taken] = _recent(rows, taken, thresholds.DAY_BINS)
        rows.adopted_board[taken] = board[out.new_normal]
        rows.adopted_until[taken] = slots[out.new_normal] + thresholds.DAYS * thresholds.DAY_S
        rows.run[taken] = 0
    itself = at[out.cleared & ~confirmed]
    rows.today[:, :, itself] = np.maximum(rows.today[:, :, itself], rows.held[:, :, itself])
    ended = at[out.cleared | out.new_normal]
    rows.side[ended], rows.held[:, :, ended] = 0, 0


def levels(rows: CustomRows, at: Array, slots: Array, board: Array) -> tuple[Array, Array]:
    """The lowest and the highest level that a metric is used to: a week's median, four weeks', one taken as normal on a
    board of about this size.
    """
    week, month = rows.week[at], rows.month[at]
    other = np.abs(board - rows.adopted_board[at]) > thresholds.SAME_BOARD  # False where either is NaN
    adopted = np.where((slots < rows.adopted_until[at]) & ~other, rows.adopted[at], np.nan)
    return np.fmin(np.fmin(week, month), adopted), np.fmax(np.fmax(week, month), adopted)


def departures(rows: CustomRows, at: Array) -> Array:
    """(2, W, K) how far below and above the levels every one of the last so many polls was; 0 where one was not."""
    ring, run = rows.ring[:, at].astype(np.float64), rows.run[at]
    below = np.minimum.accumulate(np.maximum(-ring, 0.0), axis=0)[WINDOWS - 1]
    above = np.minimum.accumulate(np.maximum(ring, 0.0), axis=0)[WINDOWS - 1]
    return np.where(run >= WINDOWS[:, None], np.stack([below, above]), 0.0)


def floors(rows: CustomRows, at: Array) -> Array:
    """(K,) the least departure that matters: a share, and for counts at least two."""
    level = np.abs(backward(rows.week[at], rows.scale[at]))
    with np.errstate(invalid="ignore", divide="ignore"):
        count = np.log(level / np.maximum(level - thresholds.UNITS, 0.05 * level))
    counted = (rows.integral[at] > 0) & (level > 0)
    return np.where(
        counted, np.fmax(thresholds.FLOOR, np.where(np.isfinite(count), count, thresholds.FLOOR)), thresholds.FLOOR
    )


def own_worst(rows: CustomRows, at: Array) -> Array:
    """(2, W, K) what a departure must pass by the metric's own record of the last four weeks and today."""
    first, second = rows.top[:, :, :, at].astype(np.float64)
    today = rows.today[:, :, at].astype(np.float64)
    worst = thresholds.WORST * np.maximum(first, today)
    return np.asarray(np.minimum(worst, thresholds.SECOND * np.maximum(second, np.minimum(today, first))))


def limits(rows: CustomRows, at: Array) -> Array:
    """(2, W, K) what a departure must pass in each window."""
    young = 1.0 + np.maximum(0.0, 1.0 - rows.days_n[at] / thresholds.YOUNG_DAYS)
    return np.asarray(np.maximum(floors(rows, at) * PATIENCE, own_worst(rows, at)) * young)


def behaves(rows: CustomRows, at: Array) -> Array:
    """(2, K) can a metric tell the loss (or gain) of a third from its own ordinary days? An age is evaluated upwards alone."""
    usable = np.asarray(own_worst(rows, at)[:, thresholds.BEHAVES_AT] <= thresholds.USABLE)
    usable[0] &= rows.rises_only[at] == 0
    return usable


def _anchor(rows: CustomRows, at: Array, x: Array) -> None:
    """The first values choose the scale; whole numbers only make a count."""
    rows.integral[at] = rows.integral[at] & (x == np.rint(x))
    rows.n[at] += 1
    waiting = rows.scale[at] == 0
    if not waiting.any():
        return
    mine = at[waiting]
    rows.ring[:, mine] = np.concatenate([x[waiting][None], rows.ring[:-1, mine]])
    full = rows.n[mine] >= thresholds.ANCHOR
    first = np.abs(rows.ring[: thresholds.ANCHOR, mine[full]].astype(np.float64))
    typical, mean = np.median(first, axis=0), first.mean(axis=0)
    rows.scale[mine[full]] = np.where(typical > 0, typical, np.where(mean > 0, mean, 1.0))
    rows.ring[:, mine[full]] = 0


def _turn_bin(rows: CustomRows, at: Array, slots: Array) -> None:
    now = slots // thresholds.BIN_S
    turned = rows.bin[at] != now
    if not turned.any():
        return
    mine, new = at[turned], now[turned]
    for i, b in zip(mine, new, strict=True):
        old = int(rows.bin[i])
        if old >= 0:
            rows.bins[old % thresholds.BINS, i] = rows.bin_sum[i] / rows.bin_n[i] if rows.bin_n[i] else np.nan
            passed = np.arange(old + 1, min(int(b), old + thresholds.BINS))
            rows.bins[passed % thresholds.BINS, i] = np.nan
            rows.bins[int(b) % thresholds.BINS, i] = np.nan
    rows.bin[mine], rows.bin_sum[mine], rows.bin_n[mine] = new, 0.0, 0
    rows.week[mine], rows.month[mine] = _recent(rows, mine, thresholds.WEEK_BINS), _recent(rows, mine, thresholds.BINS)
    rows.week[mine] = np.where(np.isfinite(rows.week[mine]), rows.week[mine], rows.month[mine])


def _recent(rows: CustomRows, at: Array, count: int) -> Array:
    """(K,) the median of the last `count` full bins; NaN with fewer than six of a week's, or none at all."""
    back = (rows.bin[at] - 1 - np.arange(count)[:, None]) % thresholds.BINS
    some = np.sort(rows.bins[back, at], axis=0)  # NaN comes last
    n = np.isfinite(some).sum(axis=0)
    columns = np.arange(len(at))
    low = some[np.maximum(n - 1, 0) // 2, columns].astype(np.float64)
    high = some[np.minimum(n // 2, count - 1), columns].astype(np.float64)
    return np.where(n >= (6 if count == thresholds.WEEK_BINS else 1), (low + high) / 2, np.nan)


def _turn_day(rows: CustomRows, at: Array, slots: Array) -> None:
    day = slots // thresholds.DAY_S
    turned = at[(rows.day[at] >= 0) & (rows.day[at] != day)]
    rows.day[at] = day
    if not len(turned):
        return
    rows.days[:, :, :, turned] = np.concatenate([rows.today[None][..., turned], rows.days[:-1][..., turned]])
    rows.today[:, :, turned] = 0
    rows.days_n[turned] += 1
    kept = np.where(np.isnan(rows.days[..., turned]), -1.0, rows.days[..., turned])
    top = -np.sort(-kept, axis=0)[:2]
    rows.top[..., turned] = np.where(top < 0, 0.0, top)
