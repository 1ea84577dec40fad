"""Failures, stale data, frozen feeds: counted against the source's own habits, not against a fixed limit."""

from math import comb

import numpy as np

from busta_health_dagster.engines.anomaly import thresholds
from busta_health_dagster.engines.anomaly.rows import AGE_DAYS, Rows
from busta_health_dagster.engines.anomaly.test_result import TestResult
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline.units import DAY_S, Array

MASK = (1 << thresholds.CLOSE) - 1
POPCOUNT = np.array([i.bit_count() for i in range(MASK + 1)], np.int8)
DOWN_PRIOR, DOWN_MEMORY = 2000.0, 8000.0
HABIT_MEMORY = 6048.0
FULL_AT_LEAST, FULL_SHARE, TYPICAL_S = 3.0, 0.1, 4 * 86_400.0
HABIT_DAYS, RARELY = 14, 0.01
RARE_POLLS_S, NEVER_DOWN_POLLS = 1800, 300


def failures(rows: Rows, cfg: DetectorSettings, live: Array, down: Array) -> TestResult:
    """Downs among the last 12 answered polls. Maintenance and unknown slots are not polls: `live` leaves them out."""
    rows.downs[live] = ((rows.downs[live].astype(np.int32) << 1 | down[live]) & MASK).astype(np.int16)
    rows.polls[live] += 1
    prior = DOWN_PRIOR * np.minimum(300.0 / np.maximum(rows.interval_s, 1), 1.0)  # a week of polls at most
    base = np.maximum((rows.down_k + cfg.fail_floor * prior) / (rows.down_n + prior), cfg.fail_floor)
    best, at, count = np.zeros(rows.size), np.full(rows.size, thresholds.CLOSE), np.zeros(rows.size)
    failed = np.nonzero(live & down)[0]  # a poll that is good opens nothing
    for n in thresholds.FAIL_WINDOWS if len(failed) else ():
        p = base[failed]
        k = POPCOUNT[rows.downs[failed] & ((1 << n) - 1)].astype(np.float64)
        g = np.where(k >= 2, -np.log(p) - _log_tail(k - 1, n - 1, p), 0.0)
        better = g > best[failed]
        best[failed] = np.where(better, g, best[failed])
        at[failed] = np.where(better, n, at[failed])
        count[failed] = np.where(better, k, count[failed])
    # Where polls are rare and have never failed, one failure, which the probe itself has tried again, is a fact.
    first = (rows.interval_s >= RARE_POLLS_S) & (rows.down_n >= NEVER_DOWN_POLLS) & (rows.down_k < 0.5)
    first &= down & (count < 1)
    best, at, count = np.where(first, -np.log(base), best), np.where(first, 1, at), np.where(first, 1.0, count)
    lit = live & down & (first | (best > cfg.fail_h + cfg.dial))
    return TestResult(lit, live & (POPCOUNT[rows.downs] == 0), best, at, base * at, count)


def _log_tail(k: Array, n: int, p: Array) -> Array:
    """Log P(K >= k) of a binomial, k at least 1, p small: the sum over its terms."""
    out = np.zeros(len(p))
    for j in range(1, n + 1):
        out += np.where(j >= k, comb(n, j) * p**j * (1 - p) ** (n - j), 0.0)
    return np.log(np.maximum(out, 1e-300))


def empty(rows: Rows, slots: Array, up: Array, items: Array) -> TestResult:
    """Nothing on a board that was full a moment ago, twice in a row, at a source that is hardly ever empty.

    A board that runs out one by one ends with one and then none: that is how a day of games ends. A source that is
    often empty after being full, unconfirmed, has a habit: then the run must be half again as long.
    """
    seen = up & np.isfinite(items)
    none, some = seen & (items == 0), seen & (items > 0)
    full = rows.full >= np.fmax(FULL_AT_LEAST, FULL_SHARE * np.exp(rows.typical))
    ended = some & (rows.empty_run >= 2) & full & (rows.confirmed == 0)
    again = ended & (slots - rows.empty_ended <= HABIT_DAYS * DAY_S)
    habit = np.where(again, np.maximum(rows.empty_max, np.minimum(rows.empty_run, rows.empty_last)), rows.empty_max)
    rows.empty_max[...] = np.where(slots - rows.empty_ended > 2 * HABIT_DAYS * DAY_S, 0.0, habit)
    rows.empty_last[ended], rows.empty_ended[ended] = rows.empty_run[ended], slots[ended]
    rows.empty_run[...] = np.where(none, rows.empty_run + 1, np.where(some, 0, rows.empty_run))
    rare = (rows.zero_k + 0.5) / (rows.zero_n + 100.0) < RARELY
    need = np.where(rows.empty_max > 0, np.ceil(1.5 * rows.empty_max) + 2, 2)
    lit = none & full & rare & (rows.empty_run >= need)
    g = np.where(lit, np.log(10.0) * (3.0 + rows.empty_run), 0.0)
    return TestResult(lit, some, g, rows.empty_run, rows.full, items)


def learn_full(rows: Rows, up: Array, items: Array) -> None:
    """The last full board and the usual one (over some four days)."""
    some = up & (items > 0)
    value = np.log(np.where(some, items, 1.0))
    pace = np.where(np.isnan(rows.typical), 1.0, np.minimum(rows.interval_s / TYPICAL_S, 0.2))
    usual = np.where(np.isnan(rows.typical), value, rows.typical)
    rows.typical[...] = np.where(some, usual + pace * (value - usual), rows.typical)
    rows.full[...] = np.where(some, items, rows.full)


def learn_failures(rows: Rows, live: Array, down: Array, calm: Array) -> None:
    """The base rate of single failures."""
    move, keep = live & calm, 1 - 1 / DOWN_MEMORY
    rows.down_k[...] = np.where(move, rows.down_k * keep + down, rows.down_k)
    rows.down_n[...] = np.where(move, rows.down_n * keep + 1, rows.down_n)


def age_limit(rows: Rows, cadence_s: Array, age: Array) -> Array:
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
    limit = np.where(known.any(axis=0) & (rows.polls >= 2 * thresholds.CLOSE), limit, np.inf)
    stated = np.isfinite(cadence_s)
    before = np.maximum(cadence_s + 900.0, 1.3 * cadence_s + 600.0)
    limit = np.where(stated & (count < 2), np.where(np.isfinite(limit), np.maximum(limit, before), before), limit)
    # Served again unchanged: what was never so old in a week is stale, whatever the cadence would allow.
    served = 0.9 * rows.run * rows.interval_s
    again = (rows.run >= 2) & (count >= 8) & (cadence_s <= 6 * 3600) & (age >= served)
    return np.where(stated & ~again, np.maximum(limit, 1.05 * cadence_s), limit)


def stale(rows: Rows, up: Array, age: Array, cadence_s: Array) -> TestResult:
    """Data older than this source's data ever are. Looks at answered polls only: while down, age says nothing new."""
    limit = age_limit(rows, cadence_s, age)
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
    if normal is not None and term == thresholds.STALE:
        rows.age_days[:3, row] = normal
    elif normal is not None and term == thresholds.FROZEN:
        rows.run_max[row] = normal
    elif normal is not None and term == thresholds.EMPTY:
        rows.empty_max[row] = max(float(rows.empty_max[row]), float(rows.empty_run[row]))
