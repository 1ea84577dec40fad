"""A small, quiet fleet for the tests: seasonal items, log-normal answers, calm quality. Deterministic per seed."""

from dataclasses import dataclass, field

import numpy as np

from busta_health_dagster.domain.anomaly import Change, Finding
from busta_health_dagster.engines.anomaly.bank import DetectorBank, WatchedSource
from busta_health_dagster.engines.anomaly.tick import Tick

START = 1_788_134_400  # Monday 2026-08-31 00:00 UTC
DAY = 288
MINUTES = 300


@dataclass
class Days:
    """`n` sources over `days` days at five minutes; arrays (T, n), to be bent by the tests before they are played."""

    n: int
    days: float
    seed: int = 1
    swing: float = 0.6
    interval_s: int = MINUTES
    type: str = "odds_api"
    status: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        t = int(self.days * 86_400 / self.interval_s)
        self.slots = START + self.interval_s * np.arange(t, dtype=np.int64)
        hour = (self.slots % 86_400)[:, None] / 3600
        self.log_items = 6.0 + self.swing * np.cos((hour - 18) * np.pi / 12) + 0.15 * rng.standard_normal((t, self.n))
        self.items = rng.poisson(np.exp(self.log_items)).astype(float)
        self.response_ms = np.exp(5.5 + 0.25 * rng.standard_normal((t, self.n)))
        self.quality = np.round(96 + 0.5 * rng.standard_normal((t, self.n)), 2)
        self.data_age_s = 150 + 100 * rng.random((t, self.n))
        self.status = np.ones((t, self.n), np.int8)
        self.maintenance = np.zeros((t, self.n), bool)

    @property
    def sources(self) -> list[WatchedSource]:
        return [WatchedSource(f"source{i}", self.type, self.interval_s, 300.0) for i in range(self.n)]

    def tick(self, i: int, columns: list[int] | None = None) -> Tick:
        pick = list(range(self.n)) if columns is None else columns
        tick = Tick.blank(len(pick), int(self.slots[i]))
        tick.status[:] = self.status[i, pick]
        down = tick.status != 1
        for name in ("response_ms", "items", "quality", "data_age_s"):
            getattr(tick, name)[:] = np.where(down, np.nan, getattr(self, name)[i, pick])
        tick.maintenance[:] = self.maintenance[i, pick]
        return tick

    def play(self, bank: DetectorBank, first: int = 0, last: int | None = None) -> list[Finding]:
        found: list[Finding] = []
        for i in range(first, len(self.slots) if last is None else last):
            found += bank.step(self.tick(i))
        return found


def bank_of(days: Days) -> DetectorBank:
    return DetectorBank(days.sources, keep_cold=True)


def opened(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.change is Change.OPENED]
