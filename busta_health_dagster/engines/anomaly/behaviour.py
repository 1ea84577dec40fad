"""Which metrics of a source can carry an anomaly, how small a change each can tell, and why the others cannot."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from busta_health_dagster.engines.anomaly import schedule
from busta_health_dagster.engines.anomaly.bank import DetectorBank
from busta_health_dagster.engines.anomaly.custom import envelope, thresholds
from busta_health_dagster.engines.anomaly.custom.rows import CustomRows
from busta_health_dagster.engines.anomaly.explain import number
from busta_health_dagster.engines.baseline.units import ITEMS, METRICS, Array, M, backward

FOUR_POLLS = thresholds.BEHAVES_AT
ALWAYS_ZERO = "always 0 so far: nothing can be missing from it"
YOUNG_FITS = 7


class Use(StrEnum):
    """What the detector does with a metric. In this order they are listed."""

    USED = "used"
    LEARNING = "learning"
    LEFT_OUT = "left out"
    NOT_CHOSEN = "not chosen"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One metric of one source. `usual` in its own unit; `fall` and `rise` are the smallest lasting changes that an
    anomaly can be told from, as shares of the usual (None: that side is not evaluated).
    """

    metric: str
    use: Use
    usual: float | None
    fall: float | None
    rise: float | None
    why: str


def behaviours(bank: DetectorBank, source: str) -> list[Behaviour]:
    """Every metric of a source that has come so far, the best behaved first."""
    row = bank.row(source)
    chosen = bank.sources[row].metrics
    found = [_built_in(bank, row, m) for m in range(M) if bank.rows.n[m, row] > 0]
    found += [_custom(bank, source, metric) for metric in bank.custom.of(source)]
    found = [
        one
        if chosen is None or one.metric in chosen
        else _with(one, Use.NOT_CHOSEN, "the rule's `metrics` leave it out")
        for one in found
    ]
    order = list(Use)
    return sorted(found, key=lambda b: (order.index(b.use), min(_or(b.fall), _or(b.rise)), b.metric))


def _or(share: float | None) -> float:
    return float("inf") if share is None else share


def _with(one: Behaviour, use: Use, why: str) -> Behaviour:
    return Behaviour(one.metric, use, one.usual, None, None, why)


def _built_in(bank: DetectorBank, row: int, m: int) -> Behaviour:
    rows, cfg = bank.rows, bank.settings
    level = float(rows.offset[m, row] + rows.level[m, row])
    usual = backward(m, level)
    days = float(rows.fit_days[m, row])
    if days < YOUNG_FITS:
        return Behaviour(METRICS[m], Use.LEARNING, usual, None, None, f"{days:.0f} of {YOUNG_FITS} days of history")
    limit = float((cfg.d0[m, 0] + cfg.d1[m, 0]) / 2)
    days_off = int((rows.astray[:, m, row] > limit).sum() + (rows.astray_today[m, row] > limit))
    if schedule.scheduled(rows, cfg)[m, row]:
        why = f"follows a schedule that its hours do not explain: wrong for six hours at a stretch on {days_off} of 21 days"
        return Behaviour(METRICS[m], Use.LEFT_OUT, usual, None, None, why)
    sigma = float(np.sqrt(rows.ar[m, row] + rows.white[m, row] + (np.exp(-level) if m == ITEMS else 0.0)))
    step = min(float(cfg.d1[m, 0]), cfg.d1_sigma * sigma)
    shares = [abs(backward(m, level + sign * step) - usual) / max(usual, 1e-9) for sign in (-1, 1)]
    fall, rise = (share if on[m, 0] else None for share, on in zip(shares, (cfg.alarm_down, cfg.alarm_up), strict=True))
    return Behaviour(METRICS[m], Use.USED, usual, fall, rise, "its hours and its noise explain it")


def _custom(bank: DetectorBank, source: str, metric: str) -> Behaviour:
    rows = bank.custom.rows
    at = np.array([bank.custom.row(source, metric)])
    days = int(rows.days_n[at[0]])
    if rows.scale[at[0]] == 0 or not np.isfinite(rows.week[at[0]]) or days < thresholds.FIRST_DAYS:
        return Behaviour(metric, Use.LEARNING, None, None, None, f"{days} of {thresholds.FIRST_DAYS} days of history")
    usual = float(envelope.backward(rows.week[at], rows.scale[at])[0])
    if usual == 0 and not rows.top[:, :, :, at[0]].any() and not rows.today[:, :, at[0]].any():
        return Behaviour(metric, Use.LEFT_OUT, 0.0, None, None, ALWAYS_ZERO)
    worst = envelope.own_worst(rows, at)[:, FOUR_POLLS, 0]
    needed = envelope.limits(rows, at)[:, FOUR_POLLS, 0]
    usable = envelope.behaves(rows, at)[:, 0]
    shares = _shares(rows, at, needed)
    fall, rise = (share if on else None for share, on in zip(shares, usable, strict=True))
    if not usable.any():
        own = min(_shares(rows, at, worst))
        why = (
            f"its own ordinary days move it by {own:.0%} for four polls: a loss of a third could not be told from them"
        )
        return Behaviour(metric, Use.LEFT_OUT, usual, None, None, why)
    floor = needed.min() <= envelope.floors(rows, at)[0] * thresholds.PATIENCE[FOUR_POLLS] * (1 + 1e-9)
    why = "hardly ever leaves its level" if floor else "its own worst days set the limit"
    if not usable.all():
        why += f"; {'rises' if usable[0] else 'falls'} are too common to be evaluated"
    return Behaviour(metric, Use.USED, usual, fall, rise, f"{why} (usually {number(usual)})")


def _shares(rows: CustomRows, at: Array, departures: Array) -> list[float]:
    """Departures below and above on the model's scale, as shares of the usual value."""
    level, scale = rows.week[at], rows.scale[at]
    usual = envelope.backward(level, scale)
    moved = [envelope.backward(level + sign * d, scale) for sign, d in zip((-1, 1), departures, strict=True)]
    return [float((np.abs(x - usual) / np.maximum(np.abs(usual), scale / 10))[0]) for x in moved]
