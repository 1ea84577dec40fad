"""A source that lives by local time moves by an hour when its clocks change: the profile is turned instead of
relearned.

Without this a steep profile alarms twice a day for weeks (measured: 0.9 false alarms per source-week in the fortnight
after).
"""

from typing import Final

import numpy as np

from busta_health_dagster.engines.baseline import profile
from busta_health_dagster.engines.baseline.history import DOUBTFUL, History
from busta_health_dagster.engines.baseline.units import DAY_S, ITEMS, Array

SHIFTS: Final = (3600, -3600)
GAIN: Final = 0.12  # nats per poll by which a turned profile must explain the last day better
CAP: Final = 9.0
OBSERVATION_S: Final = 6 * 3600  # how far back a step of the items is compared with a clock change


def detect(coef: Array, sigma: float, clock: int, history: History) -> int:
    """Seconds by which the items of the last day run late (+3600) or early (-3600) against `coef` (P,); 0 if they do
    not.

    `clock` is what the profile runs late by already.
    """
    if history.bin_s > 1800:
        return 0
    n = DAY_S // history.bin_s
    epochs, u = history.epochs()[-n:], history.values[ITEMS, -n:].astype(np.float64)
    good = np.isfinite(u)
    if good.sum() < 0.7 * n:
        return 0
    epochs, u = epochs[good], u[good]
    kinds, positions = history.kinds[-n:][good], history.positions[-n:][good] / 255.0
    kinds = np.where(kinds > profile.KINDS, kinds - DOUBTFUL, kinds)

    def misfit(shift: int) -> float:
        r = u - profile.evaluate(ITEMS, coef, epochs - clock - shift, kinds, positions)
        r -= np.median(r)
        return float(np.minimum((r / sigma) ** 2, CAP).sum() / 2)

    now = misfit(0)
    best = min(SHIFTS, key=misfit)
    return best if now - misfit(best) > GAIN * len(u) else 0


def explains(coef: Array, sigma: float, local: Array, residual: Array, polls: int) -> bool:
    """Whether a turned profile explains these residuals (n,), newest first, at `local` (n,) epochs.

    It must explain them better by GAIN a poll, and no worse than half as well as a step over the last `polls`: a step
    leaves the hours before it alone, a clock does not.
    """
    nobody, start = np.full(len(local), -1), np.zeros(len(local))
    here = profile.evaluate(ITEMS, coef, local, nobody, start)

    def misfit(r: Array) -> float:
        return float(np.minimum((r / sigma) ** 2, CAP).sum() / 2)

    now = misfit(residual)
    best = min(
        misfit(residual - profile.evaluate(ITEMS, coef, local - shift, nobody, start) + here) for shift in SHIFTS
    )
    stepped = residual.copy()
    stepped[:polls] -= stepped[:polls].mean()
    return now - best > max(GAIN * len(local), 0.5 * (now - misfit(stepped)))


def turn_history(history: History, shift: int, keep_last: int) -> None:
    """Moves the items of the past by `shift`, the last `keep_last` bins excepted: they already live by the new
    clock.
    """
    bins = shift // history.bin_s
    past = history.values[ITEMS, : max(history.values.shape[1] - keep_last, 0)]
    moved = np.roll(past, bins)
    if bins > 0:
        moved[:bins] = np.nan
    else:
        moved[bins:] = np.nan
    history.values[ITEMS, : len(past)] = moved
