"""Failures, stale data, frozen feeds: counted against the source's own habits, not against a fixed limit."""

from math import comb

import numpy as np

from busta_health_dagster.engines.anomaly import settings as s
from busta_health_dagster.engines.anomaly.rows import AGE_DAYS, Rows
from busta_health_dagster.engines.anomaly.settings import DetectorSettings
from busta_health_dagster.engines.anomaly.test_result import TestResult
from busta_health_dagster.engines.baseline.units import DAY_S, Array

MASK = (1 << s.CLOSE) - 1
POPCOUNT = np.array([i.bit_count() for i in range(MASK + 1)], np.int8)
DOWN_PRIOR, DOWN_MEMORY = 2000.0, 8000.0
HABIT_MEMORY = 6048.0


def failures(rows: Rows, cfg: DetectorSettings, live: Array, down: Array) -> TestResult:
    """Downs among the last 12 answered polls. Maintenance and unknown slots are not polls: `live` leaves them out."""
    rows.downs[live] = ((rows.downs[live].astype(np.int32) << 1 | down[live]) & MASK).astype(np.int16)
    rows.polls[live] += 1
    prior = DOWN_PRIOR * np.minimum(300.0 / np.maximum(rows.interval_s, 1), 1.0)  # a week of polls at most
    base = np.maximum((rows.down_k + cfg.fail_floor * prior) / (rows.down_n + prior), cfg.fail_floor)
    best, at, count = np.zeros(rows.size), np.full(rows.size, s.CLOSE), np.zeros(rows.size)
    failed = np.nonzero(live & down)[0]  # a poll that is good opens nothing
    for n in s.FAIL_WINDOWS if len(failed) else ():
        p = base[failed]
        k = POPCOUNT[rows.downs[failed] & ((1 << n) - 1)].astype(np.float64)
        g = np.where(k >= 2, -np.log(p) - _log_tail(k - 1, n - 1, p), 0.0)
        better = g > best[failed]
        best[failed] = np.where(better, g, best[failed])
        at[failed] = np.where(better, n, at[failed])
        count[failed] = np.where(better, k, count[failed])
    lit = live & down & (best > cfg.fail_h + cfg.dial)
    return TestResult(lit, live & (POPCOUNT[rows.downs] == 0), best, at, base * at, count)


def _log_tail(k: Array, n: int, p: Array) -> Array:
    """Log P(K >= k) of a binomial, k at least 1, p small: the sum over its terms."""
    out = np.zeros(len(p))
    for j in range(1, n + 1):
        out += np.where(j >= k, comb(n, j) * p**j * (1 - p) ** (n - j), 0.0)
    return np.log(np.maximum(out, 1e-300))


def learn_failures(rows: Rows, live: Array, down: Array, calm: Array) -> None:
    """The base rate of single failures."""
    move, keep = live & calm, 1 - 1 / DOWN_MEMORY
    rows.down_k[...] = np.where(move, rows.down_k * keep + down, rows.down_k)
    rows.down_n[...] = np.where(move, rows.down_n * keep + 1, rows.down_n)


def age_limit(rows: Rows, cadence_s: Array) -> Array:
    """(N,) seconds; inf while nothing is known. 1.1 x own maximum + 120 s, at least 1.05 x the cadence.

    The maximum is held in check by the third largest daily maximum, so that one stale day in the history does not
    blind it. The first days are wider, down from twice the maximum.
    """
    days = np.concatenate([rows.age_days, rows.age_today[None]])
    known = np.isfinite(days)
    count = np.maximum(known.sum(axis=0), 1)
    ordered = -np.sort(-np.where(known, days, -1.0).astype(np.float64), axis=0)
    largest, third = ordered[0], np.take_along_axis(ordered, np.minimum(count - 1, 2)[None], axis=0)[0]
    young = np.where(count >= 4, 0.0, 0.9 / count)
    limit = np.minimum((1.1 + young) * largest, (1.5 + young) * third) + 120.0
    limit = np.where(known.any(axis=0) & (rows.polls >= 2 * s.CLOSE), limit, np.inf)
    stated = np.isfinite(cadence_s)
    before = np.maximum(cadence_s + 900.0, 1.3 * cadence_s + 600.0)
    limit = np.where(stated & (count < 2), np.where(np.isfinite(limit), np.maximum(limit, before), before), limit)
    return np.where(stated, np.maximum(limit, 1.05 * cadence_s), limit)


def stale(rows: Rows, up: Array, age: Array, cadence_s: Array) -> TestResult:
    """Data older than this source's data ever are. Looks at answered polls only: while down, age says nothing new."""
    limit = age_limit(rows, cadence_s)
    seen = up & np.isfinite(age)
    lit = seen & (age > limit)
    with np.errstate(invalid="ignore"):
        g = np.where(lit, np.log(10.0) * (3.0 + np.log10(np.maximum(age / np.maximum(limit, 1.0), 1.0))), 0.0)
    return TestResult(lit, seen & ~lit, g, np.ones(rows.size), limit, age)


def learn_age(rows: Rows, slots: Array, up: Array, age: Array, calm: Array) -> None:
    """The maximum of each UTC day, the last 21 of them."""
    move = up & calm & np.isfinite(age)
    day = slots // DAY_S
    turn = move & (day != rows.age_day)
    done = turn & np.isfinite(rows.age_today)
    rows.age_days[:, done] = np.concatenate([rows.age_today[None, done], rows.age_days[: AGE_DAYS - 1, done]])
    rows.age_today[turn] = np.nan
    rows.age_day[turn] = day[turn]
    rows.age_today[move] = np.fmax(rows.age_today[move], age[move]).astype(np.float32)


def frozen(rows: Rows, cfg: DetectorSettings, up: Array, items: Array, quality: Array) -> TestResult:
    """Exact repeats of (items > 0, quality): at least 3, more for a source whose values do stand still at times."""
    seen = up & (items > 0)
    both = np.isnan(quality) & np.isnan(rows.last_quality)
    same = seen & (items == rows.last_items) & ((quality == rows.last_quality) | both)
    rows.run[...] = np.where(same, rows.run + 1, np.where(seen, 0, rows.run))
    rows.last_items[seen] = items[seen]
    rows.last_quality[seen] = quality[seen]
    chance = np.clip((rows.repeats + 0.3) / (rows.repeats + rows.changes + 15.0), 1e-6, 0.999)
    by_chance = np.maximum(np.ceil((cfg.frozen_h + cfg.dial) / -np.log(chance) - 1e-9), 3.0)
    by_habit = np.where(rows.run_max >= 3, 1.5 * rows.run_max + 2.0, 3.0)
    settled = rows.repeats + rows.changes >= 864
    need = np.where(settled & (rows.run_max >= 3), by_habit, np.maximum(by_chance, by_habit))
    # A value that has never moved is not frozen, it is constant.
    lit = seen & (rows.run >= need) & (rows.changes >= 24)
    return TestResult(lit, seen & ~same, rows.run * -np.log(chance), rows.run + 1, need, rows.run)


def learn_frozen(rows: Rows, up: Array, items: Array, calm: Array) -> None:
    """How often values repeat, and the longest run that was no incident."""
    move, keep = up & (items > 0) & calm, 1 - 1 / HABIT_MEMORY
    again = rows.run > 0
    rows.repeats[...] = np.where(move, rows.repeats * keep + again, rows.repeats)
    rows.changes[...] = np.where(move, rows.changes * keep + ~again, rows.changes)
    rows.run_max[...] = np.where(move, np.maximum(rows.run_max * (1 - 0.5 / HABIT_MEMORY), rows.run), rows.run_max)


def learn_zeros(rows: Rows, up: Array, items: Array, calm: Array) -> None:
    """How often a source delivers nothing; above half, its items are a batch's rhythm and not a level."""
    move, keep = up & np.isfinite(items) & calm, 1 - 1 / HABIT_MEMORY
    rows.zero_k[...] = np.where(move, rows.zero_k * keep + (items == 0), rows.zero_k)
    rows.zero_n[...] = np.where(move, rows.zero_n * keep + 1, rows.zero_n)


def sparse(rows: Rows) -> Array:
    """(N,) sources whose items have no level."""
    return np.asarray((rows.zero_k + 1.0) / (rows.zero_n + 4.0) > 0.5)


def closed(rows: Rows, term: int, row: int, normal: float | None) -> None:
    """After a rule closed as the new normal with the value `normal`: that is a habit from now on."""
    if normal is not None and term == s.STALE:
        rows.age_days[:3, row] = normal
    elif normal is not None and term == s.FROZEN:
        rows.run_max[row] = normal
