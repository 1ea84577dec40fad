"""The daily write of a source's history and the refit of its profile and noise: daily at first, weekly from three
weeks.
"""

from dataclasses import dataclass

import numpy as np

from busta_health_dagster.engines.anomaly.rows import DAY_BINS, Rows
from busta_health_dagster.engines.baseline import clock, noise, profile
from busta_health_dagster.engines.baseline.history import DOUBTFUL, History
from busta_health_dagster.engines.baseline.noise import UNKNOWN, Noise
from busta_health_dagster.engines.baseline.units import DAY_S, ITEMS, WEEK_S, Array, M

FIRST_FLUSH = 96  # bins: eight hours at five minutes; a new source should not wait a day for its own noise
PHASES = 96  # sources of one age take turns: a refit costs 16 ms, and 5,000 of them in one tick would be 80 s
FIT_DAYS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 21))
TYPE_POLLS = 40.0  # polls per hat that the type's profile is worth to a source without a past
MIN_BIN_S = 300
YOUNG_DAYS = 15.0


def bin_s(interval_s: int) -> int:
    """Width of a bin of the history."""
    return max(int(interval_s), MIN_BIN_S)


def due(rows: Rows, slots: Array, live: Array) -> list[int]:
    """Rows whose day is full at this slot: a day of bins, at least 24 polls, at most 288; the first time earlier."""
    started = np.nonzero(live & (rows.day_start >= 0))[0]
    width = np.maximum(rows.interval_s[started], MIN_BIN_S)
    passed = slots[started] // width - rows.day_start[started]
    day = np.clip(DAY_S // width, 24, DAY_BINS)
    early = np.minimum(FIRST_FLUSH, day) + rows.phase[started] * day // DAY_BINS
    limit = np.where(rows.flushes[started] == 0, early, day)
    return [int(i) for i in started[passed >= limit]]


def record(rows: Rows, slots: Array, u: Array, *, kind: Array, position: Array, usable: Array, doubtful: Array) -> None:
    """Puts the poll into the day's bin of every `usable` source (N,); `doubtful` ones are marked, see `trusted`."""
    where = np.nonzero(usable)[0]
    bins = slots[where] // np.maximum(rows.interval_s[where], MIN_BIN_S)
    fresh = rows.day_start[where] < 0
    rows.day_start[where[fresh]] = bins[fresh]
    at = bins - rows.day_start[where]
    values = u[:, where]
    kept = rows.day[at, :, where]
    rows.day[at, :, where] = np.where(np.isfinite(values.T), values.T, kept)
    rows.day_kind[at, where] = np.minimum(kind[where], profile.KINDS) + np.where(doubtful[where], DOUBTFUL, 0)
    rows.day_position[at, where] = np.rint(np.clip(position[where], 0, 1) * 255)


def blank_since(rows: Rows, row: int, since: int) -> None:
    """Takes what an incident has already written today out of the day again."""
    if rows.day_start[row] >= 0:
        first = int(since // max(int(rows.interval_s[row]), MIN_BIN_S) - rows.day_start[row])
        rows.day[max(first, 0) :, :, row] = np.nan


def mark_since(rows: Rows, row: int, since: int) -> None:
    """Marks what a level incident has already written today as doubtful."""
    if rows.day_start[row] >= 0:
        first = max(int(since // max(int(rows.interval_s[row]), MIN_BIN_S) - rows.day_start[row]), 0)
        days = rows.day_kind[first:, row]
        days[np.isfinite(rows.day[first:, :, row]).any(axis=1) & (days < DOUBTFUL - 1)] += DOUBTFUL


def trusted(epochs: Array, kinds: Array, *, young: bool) -> tuple[Array, Array]:
    """(kinds without the mark, which bins may teach).

    What came during a level incident teaches nothing, with two exceptions. A young profile alarms on what it does not
    know yet, and would never learn the hour it alarmed in. And an hour that alarmed on three of the last seven days
    is a habit (a new batch, a clock change). The robust fit still discounts a single wild day.
    """
    doubtful = kinds >= DOUBTFUL - 1
    plain = np.where(doubtful, kinds - DOUBTFUL, kinds)
    if young or not doubtful.any():
        return plain, np.ones(len(kinds), bool)
    hour = (epochs % DAY_S) // 3600
    recent = doubtful & (epochs >= epochs[-1] - WEEK_S)
    pairs = np.unique(np.stack([hour[recent], epochs[recent] // DAY_S]), axis=1)
    habit = np.bincount(pairs[0].astype(np.int64), minlength=24) >= 3
    return plain, ~doubtful | habit[hour]


def flush(rows: Rows, row: int, slot: int, history: History) -> None:
    """Moves the day of one row to its history and starts a new one at `slot`."""
    width = bin_s(int(rows.interval_s[row]))
    start = int(rows.day_start[row])
    n = int(min(slot // width - start, DAY_BINS))
    history.append(
        start, rows.day[:n, :, row].T.copy(), rows.day_kind[:n, row].copy(), rows.day_position[:n, row].copy()
    )
    rows.day[:, :, row] = np.nan
    rows.day_kind[:, row] = -1
    rows.day_position[:, row] = 0
    rows.day_start[row] = slot // width
    rows.flushes[row] += 1


def follow_clock(rows: Rows, row: int, history: History) -> None:
    """Turns the items' profile and past by an hour where the last day says that the source's clock has changed."""
    if rows.fit_days[ITEMS, row] < 7:
        return
    sigma = float(np.sqrt(rows.ar[ITEMS, row] + rows.white[ITEMS, row] + np.exp(-max(rows.offset[ITEMS, row], 0.0))))
    shift = clock.detect(rows.coef[:, ITEMS, row], sigma, int(rows.clock[row]), history)
    if shift:
        rows.clock[row] += shift
        clock.turn_history(history, shift, DAY_S // history.bin_s)


def turned(rows: Rows, row: int, variance: float, slot: int, polls: int) -> bool:
    """Whether the last hours of a source's items look like its usual day an hour early or late: a clock change, not
    a step over the last `polls`. `follow_clock` turns the profile by the end of the day.
    """
    step = int(rows.interval_s[row])
    if rows.fit_days[ITEMS, row] < 7 or step > 1800:
        return False
    depth = rows.ring.shape[0]
    back = np.arange(int(min(rows.n[ITEMS, row], depth, max(clock.OBSERVATION_S // step, 12))))
    residual = rows.ring[(rows.n[ITEMS, row] - 1 - back) % depth, ITEMS, row].astype(np.float64)
    local = slot - int(rows.clock[row]) - step * back
    return clock.explains(rows.coef[:, ITEMS, row], float(np.sqrt(variance)), local, residual, polls)


def fit_due(rows: Rows, row: int) -> bool:
    """Daily at first, then at 10, 12, 15, 18, 21 days, then weekly; never during a level incident."""
    flushes = int(rows.flushes[row])
    if not (flushes in FIT_DAYS or (flushes > 21 and flushes % 7 == 0)):
        return False
    return bool((np.abs(rows.incident[:, row]) != 1).all() and rows.incident_at[row] == 0)


@dataclass(frozen=True, slots=True)
class TypePrior:
    """What the members of a type say to one of them: profile, noise, spikes; `weight` 0-1 grows with members and
    days.
    """

    coef: Array
    noise: tuple[Noise, ...]
    offset: Array
    spike: float
    weight: Array


def type_prior(rows: Rows, members: Array, row: int | None = None) -> TypePrior:
    """Pools the fitted members (indices); `row` itself is left out of the profile but not of the noise."""
    coef, offset = np.zeros((profile.P, M)), np.zeros(M)
    weight, noises = np.zeros(M), list(UNKNOWN)
    for m in range(M):
        fitted = members[rows.fit_days[m, members] > 0]
        if len(fitted):
            days = np.minimum(rows.fit_days[m, fitted], 21.0).astype(np.float64)
            share = days / days.sum()
            noises[m] = Noise(
                float(rows.own_phi[m, fitted] @ share),
                float(rows.own_share[m, fitted] @ share),
                float(np.exp(np.log(np.maximum(rows.own_variance[m, fitted], 1e-9)) @ share)),
            )
        others = fitted[fitted != row]
        if len(others):
            days = np.minimum(rows.fit_days[m, others], 21.0).astype(np.float64)
            coef[:, m] = rows.coef[:, m, others] @ (days / days.sum())
            offset[m] = float(np.median(rows.offset[m, others] + rows.level[m, others]))
            weight[m] = min(float(days.max()) / 14.0, 1.0)
    spikes, polls = float(rows.spike_k[members].sum()), float(rows.spike_n[members].sum())
    return TypePrior(coef, tuple(noises), offset, (spikes + 0.003 * 3000) / (polls + 3000), weight)


def adopt(rows: Rows, row: int, prior: TypePrior) -> None:
    """A new source starts from its type."""
    for m in range(M):
        rows.coef[:, m, row] = prior.coef[:, m] * prior.weight[m]
        rows.phi[m, row] = prior.noise[m].phi
        rows.ar[m, row], rows.white[m, row] = noise.split(m, prior.noise[m])
        _set_phi(rows, row, m, prior.noise[m].phi)
        rows.p[m, row] = rows.ar[m, row]
        rows.offset[m, row] = prior.offset[m] if prior.weight[m] > 0 else 0.0
        _doubt(rows, row, m, np.zeros(profile.SEEN), float(prior.weight[m]))
    rows.spike_pool[row] = prior.spike


def _set_phi(rows: Rows, row: int, m: int, phi_bin: float) -> None:
    """Phi is estimated per bin; the filter steps per poll, which may be shorter."""
    interval = int(rows.interval_s[row])
    rows.phi[m, row] = phi_bin ** (interval / bin_s(interval))


def _doubt(rows: Rows, row: int, m: int, seen: Array, weight: float) -> None:
    sigma = float(np.sqrt(rows.ar[m, row] + rows.white[m, row]))
    rows.doubt[:, m, row] = profile.uncertainty(m, seen, sigma, 1.0 - 0.7 * weight)


def refit(rows: Rows, row: int, history: History, members: Array) -> None:
    """Profile, offset and noise of one source from its history."""
    prior = type_prior(rows, members, row)
    epochs = history.epochs()
    span = int(max(21 * DAY_S // history.bin_s, 504))
    epochs, positions = epochs[-span:], history.positions[-span:] / 255.0
    kinds, teaches = trusted(epochs, history.kinds[-span:], young=bool(rows.fit_days[:, row].max() < YOUNG_DAYS))
    for m in range(M):
        u = np.where(teaches, history.values[m, -span:].astype(np.float64), np.nan)
        good = np.isfinite(u)
        if good.sum() < 48 or (m == ITEMS and np.mean(u[good] <= np.log(0.5) + 1e-6) > 0.5):
            continue
        local = epochs - (rows.clock[row] if m == ITEMS else 0)
        _refit_metric(rows, row, m, prior=prior, epochs=local, u=u, kinds=kinds, positions=positions)
    rows.spike_pool[row] = prior.spike


def _refit_metric(
    rows: Rows, row: int, m: int, *, prior: TypePrior, epochs: Array, u: Array, kinds: Array, positions: Array
) -> None:
    good = np.isfinite(u)
    days = float(good.sum()) * (epochs[1] - epochs[0]) / DAY_S
    weight = float(prior.weight[m])
    young = max(0.0, 1.0 - days / 21.0)
    pull = TYPE_POLLS * weight * young
    fitted = profile.fit(
        m, epochs, u, kinds=kinds, positions=positions, prior=prior.coef[:, m] * weight, prior_polls=pull
    )
    shape = u - fitted.residual - fitted.level
    mature = days >= YOUNG_DAYS and rows.fit_days[m, row] > 0
    relevelled = int(rows.old_until[m, row]) - WEEK_S  # when a new normal was adopted, if it was within a week
    recent = good & (epochs >= max(int(epochs[good][-1]) - (WEEK_S if mature else 2 * DAY_S), relevelled))
    if mature or recent.sum() < 48:
        recent = recent if recent.any() else good
        old = profile.evaluate(m, rows.coef[:, m, row], epochs[recent], kinds[recent], positions[recent])
        rows.offset[m, row] -= np.median(shape[recent] - old)
    else:
        # A young offset is a guess from a few hours: the data of the last two days replace it.
        offset = float(np.median(u[recent] - shape[recent]))
        rows.old_level[m, row] += rows.offset[m, row] - offset
        rows.offset[m, row], rows.level[m, row] = offset, 0.0
    rows.coef[:, m, row] = fitted.coef
    own = noise.estimate(m, fitted.residual, np.exp(np.minimum(fitted.level + shape, 40.0)) if m == ITEMS else u)
    if own is not None:
        known = rows.own_variance[m, row] > 0 or weight > 0
        trust = days / (days + (0.5 if known else 0.05))
        variance = own.variance * trust + prior.noise[m].variance * (1 - trust)
        rows.own_phi[m, row], rows.own_share[m, row], rows.own_variance[m, row] = own.phi, own.share, own.variance
        used = noise.pooled(Noise(own.phi, own.share, variance), prior.noise[m].phi, prior.noise[m].share)
        rows.ar[m, row], rows.white[m, row] = noise.split(m, used)
        _set_phi(rows, row, m, used.phi)
        rows.fit_days[m, row] = days
    rows.w[m, row] = 0 if days < YOUNG_DAYS else rows.w[m, row]
    _doubt(rows, row, m, fitted.seen, weight)
