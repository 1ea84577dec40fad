"""Every threshold of the detector, in one place.

The numbers are the measured design's unless a comment says otherwise. h of the filters' tests is .5 above it, because
this implementation's own curve halves its false alarms between dial 0 and +1 at the same recall (docs/detection.md).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from busta_health_dagster.engines.baseline.units import Array

# Windows of the step test, in polls. Fine ones begin at every poll, coarse ones at every sixth.
FINE: Final = (1, 2, 3, 4, 6, 8, 12, 18, 27)
COARSE: Final = (48, 96, 144, 288)
FINE_COLUMNS: Final = 27
STRIDE: Final = 6
COARSE_COLUMNS: Final = 48

SPIKE_WINDOWS: Final = (8, 12, 24, 36)
VARIANCE_WINDOWS: Final = (12, 24, 36)
FAIL_WINDOWS: Final = (2, 3, 4, 6, 8, 12)

WARM: Final = 6  # polls before a series has a level of its own
CLOSE: Final = 12  # polls of evidence that close an incident
NEW_NORMAL: Final = 96
NEW_NORMAL_MEAN: Final = 72
SHAPE_NEW_NORMAL: Final = 288
RULE_NEW_NORMAL: Final = 2016
LEVEL_FLOOR: Final = 100
LEVEL_CEILING: Final = 2016
# Noise that comes and goes: polls over which its present strength is averaged, the most it may count, and how much its
# logarithm must wander (mean square) before a source is taken for restless; chance alone gives up to .015.
UNREST_MEMORY: Final = 48.0
UNREST_MOST: Final = 6.0
RESTLESS: Final = 0.02
RESTLESS_MEMORY: Final = 2016.0
TERMS: Final = 9  # three step terms in the order of the metrics, then:
SPIKES: Final = 3
VARIANCE: Final = 4
FAILURES: Final = 5
STALE: Final = 6
FROZEN: Final = 7
EMPTY: Final = 8
FACTS: Final = (FAILURES, STALE, FROZEN, EMPTY)


def pace(interval_s: Array) -> Array:
    """(N,) what polling less often than every five minutes takes off h, in nats: fewer chances a week to be wrong."""
    return np.clip(np.log(300.0 / np.maximum(interval_s, 1)), -2.5, 0.0)


def _columns(*values: float) -> Callable[[], Array]:
    """Makes a (3, 1) column: response, items, quality."""
    return lambda: np.array(values)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class DetectorSettings:
    """Columns are (3, 1): response, items, quality. `dial` is added to every h: +2 is quieter, -2 is more sensitive."""

    dial: float = 0.0
    d0: Array = field(default_factory=_columns(0.08, 0.12, 0.8))
    d1: Array = field(default_factory=_columns(0.5, 0.45, 4.5))
    clip_up: Array = field(default_factory=_columns(3.0, 4.0, 4.0))
    clip_down: Array = field(default_factory=_columns(4.0, 4.0, 3.5))
    h: Array = field(default_factory=_columns(9.5, 11.5, 10.5))
    alarm_up: Array = field(default_factory=_columns(1.0, 1.0, 0.0))
    alarm_down: Array = field(default_factory=_columns(0.0, 1.0, 1.0))
    near_event: Array = field(default_factory=_columns(0.0, 0.12, 0.0))
    d1_sigma: float = 2.5
    # Two residuals in a row beyond this open at once: what the clipped test cannot weigh, in a young and quiet source above
    # all. The design has 6; heavy tails pass that by chance.
    gross_sigma: float = 9.0
    spike_h: float = 10.5
    spike_floor: float = 0.0015
    spike_prior: float = 3000.0
    variance_h: float = 12.5
    # -ln of the chance of these downs: two in twelve polls open at a base rate of 1 in 1,000, a flakier source needs
    # more.
    fail_h: float = 11.2
    fail_floor: float = 0.001
    frozen_h: float = 11.0
    # Heavy-tailed noise: what an e-fold of own innovations beyond 3 sigma, above the usual rate, adds to h.
    tail_h: float = 9.0
    # What an e-fold of how often the scatter of items is doubled anyhow (bursts) adds to its h.
    scatter_h: float = 5.0
    scatter_usual: float = 0.005
    tail_usual: float = 0.005
    tail_most: float = 1.2
    # How often an anomaly may end by itself without anybody having confirmed it (engines/anomaly/budget.py): alarms per second.
    budget: float = 1.0 / (30 * 86_400)
    # How much of the profile's extra uncertainty (young profiles only) widens d0 and d1.
    young: float = 1.5


DEFAULT: Final = DetectorSettings()
