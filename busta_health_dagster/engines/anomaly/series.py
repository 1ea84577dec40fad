"""Any `timestamp,value` series through the same filter and step test, as one score per row.

The transform is chosen from the rows so far (log for positive, skewed values, else linear) and the values are
standardised by the first ones, then they run as the quality metric does, with both sides alarming. Causal: a score
never changes later.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from busta_health_dagster.engines.anomaly import filter as filters
from busta_health_dagster.engines.anomaly import learning, steps
from busta_health_dagster.engines.anomaly.rows import Rows
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline.history import History
from busta_health_dagster.engines.baseline.units import QUALITY, Array, M

START: Final = 24  # rows that choose the transform and the scale, and are not evaluated
H: Final = 10.0
STANDING: Final = 0.05
HABIT: Final = 0.1  # how much what opened lately counts against the next one
FORGET: Final = 0.9995  # per row: half forgotten after some 1,400 rows
RESCALE: Final = 288  # rows after which both are chosen again, once


class UnorderedSeries(ValueError):
    """A timestamp lies before the one above it."""


def score_series(timestamps: Sequence[int] | Array, values: Sequence[float] | Array) -> Array:
    """(n,) finite scores, higher = stranger: log(1 + G) of the step test, in units of the threshold's.

    1 is where a source would open an incident. A series that opened often lately is discounted for it, and the rows of
    an incident that already stands count a twentieth: they are strange, but no new alarm each.

    `timestamps` are epoch seconds in order, duplicates kept; `values` may hold NaN (their score is 0). Raises
    UnorderedSeries.
    """
    at, x = np.asarray(timestamps, dtype=np.int64), np.asarray(values, dtype=np.float64)
    if at.shape != x.shape or at.ndim != 1:
        raise ValueError(f"timestamps and values must be two rows of the same length, not {at.shape} and {x.shape}")
    if (np.diff(at) < 0).any():
        row = int(np.nonzero(np.diff(at) < 0)[0][0]) + 2
        raise UnorderedSeries(f"row {row} is earlier than the row before it; sort the series by time first")
    scorer = _Scorer()
    return np.array([scorer.next(int(t), float(v)) for t, v in zip(at, x, strict=True)], dtype=np.float64)


class _Scorer:
    """One series. Its values live, standardised, in the quality row of a bank of one."""

    def __init__(self) -> None:
        self.rows = Rows(1)
        self.settings = DetectorSettings(
            d0=np.full((M, 1), 0.5),
            d1=np.full((M, 1), 2.5),
            clip_up=np.full((M, 1), 4.0),
            clip_down=np.full((M, 1), 4.0),
            alarm_up=np.ones((M, 1)),
            alarm_down=np.ones((M, 1)),
            h=np.full((M, 1), H),
            tail_h=6.0,
            gross_sigma=6.0,
        )
        self.count = 0
        self.raw: list[tuple[int, float]] = []
        self.logarithmic = False
        self.centre, self.scale = 0.0, 1.0
        self.history: History | None = None
        self.slot = 0
        self.lately = 0.0

    def next(self, at: int, value: float) -> float:
        """The score of one row."""
        if not np.isfinite(value):
            return 0.0
        self.count += 1
        if self.count <= RESCALE:
            self.raw.append((at, value))
        if self.count in {START, RESCALE}:
            self._begin()
            return [self._evaluate(*row) for row in self.raw][-1]
        return self._evaluate(at, value) if self.count > START else 0.0

    def _begin(self) -> None:
        """Chooses transform, scale and interval from the rows so far, and starts the filter again."""
        values = np.array([v for _, v in self.raw])
        stamps = np.array([t for t, _ in self.raw], dtype=np.int64)
        gaps = np.diff(stamps)
        interval = int(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 300
        low, mid, high = np.quantile(values, (0.1, 0.5, 0.9))
        self.logarithmic = bool(values.min() > 0 and high > 3 * max(low, 1e-300) and high - mid > 1.5 * (mid - low))
        u = self._forward(values)
        self.centre = float(np.median(u))
        spread = 1.4826 * float(np.median(np.abs(u - self.centre)))
        self.scale = spread or float(np.std(u)) or max(abs(self.centre) * 0.01, 1e-9)
        self.rows = Rows(1)
        r = self.rows
        r.interval_s[0] = max(interval, 1)
        r.phi[:, 0], r.ar[:, 0], r.white[:, 0], r.p[:, 0] = 0.8, 0.7, 0.3, 0.7
        self.history = None
        self.slot = 0

    def _forward(self, value: Array) -> Array:
        return np.log(np.maximum(value, 1e-300)) if self.logarithmic else value

    def _evaluate(self, at: int, value: float) -> float:
        r, cfg = self.rows, self.settings
        # Two rows of one timestamp are two polls: the second counts as the next instant.
        self.slot = max(at, self.slot + 1)
        slots = np.array([self.slot], dtype=np.int64)
        u = np.full((M, 1), np.nan)
        u[QUALITY, 0] = np.clip((float(self._forward(np.array([value]))[0]) - self.centre) / self.scale, -1e6, 1e6)
        none, zero = np.array([-1]), np.zeros(1)
        self._flush(slots)
        inn = filters.advance(r, cfg, u, slots, filters.shapes(r, slots, none, zero))
        doubt = np.zeros((M, 1))
        d0, d1 = steps.limits(cfg, inn.sigma, zero, doubt)
        steps.update(r, inn, doubt)
        standing = r.incident[QUALITY, 0] != 0
        seen = steps.judge(r, cfg, inn, d0=d0, d1=d1, slots=slots)
        calm = r.incident == 0
        filters.learn(r, inn, calm)
        steps.learn(r, inn, calm)
        marked = np.array([not calm[QUALITY, 0]])
        learning.record(r, slots, u, kind=none, position=zero, usable=np.array([True]), doubtful=marked)
        g = max(float(seen.g[QUALITY, 0]), 0.0)
        score = float(np.log1p(g) / (np.log1p(H) + HABIT * self.lately))
        self.lately *= FORGET
        if standing:
            return score * STANDING
        self.lately += float(np.log1p(g)) if seen.side[QUALITY, 0] else 0.0
        return score

    def _flush(self, slots: Array) -> None:
        r = self.rows
        if not learning.due(r, slots, np.array([True])):
            return
        if self.history is None:
            self.history = History.empty(learning.bin_s(int(r.interval_s[0])), int(r.day_start[0]))
        learning.flush(r, 0, int(slots[0]), self.history)
        if learning.fit_due(r, 0):
            learning.refit(r, 0, self.history, np.array([0]))
