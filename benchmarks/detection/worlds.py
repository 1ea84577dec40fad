"""The worlds the generator can make: what a real fleet varies, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variation:
    """One kind of world. `magnitude` scales log magnitudes; `noise` names the innovations; `interval_s` the polling."""

    name: str = "like sim"
    weeks: int = 5
    magnitude: float = 1.0
    noise: str = "normal"  # normal | t4 | laplace | strong_ar | bursty
    noise_scale: float = 1.0
    missing: float = 0.002
    flaky: float = 0.001
    contaminated: bool = False
    cold: bool = False
    clock_change: bool = False
    level_shifts: bool = False
    interval_s: int = 300
    events_per_week: float = 1.1
    new_sources: bool = False
    static: bool = False


VARIATIONS = (
    Variation(),
    Variation("magnitudes halved", magnitude=0.5),
    Variation("noise x 1.5", noise_scale=1.5),
    Variation("heavy tails (t4)", noise="t4"),
    Variation("Laplace noise", noise="laplace"),
    Variation("slow AR noise", noise="strong_ar"),
    Variation("variance in bursts", noise="bursty"),
    Variation("5% polls missing", missing=0.05),
    Variation("flaky sources (1% failures)", flaky=0.01),
    Variation("contaminated history", contaminated=True),
    Variation("cold start (weeks 1-3 scored)", weeks=3, cold=True),
    Variation("clock change (DST)", clock_change=True),
    Variation("level shifts", level_shifts=True),
    Variation("15-minute polls", interval_s=900),
    Variation("1-minute polls", interval_s=60, weeks=4),
)
