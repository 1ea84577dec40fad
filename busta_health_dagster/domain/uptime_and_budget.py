"""What a service level says: slices counted, a target met or not, a budget, and how fast it burns. All shares are
exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.wording.numbers import floored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.documents.service import QualitySlaRow, SlaRow

MINIMUM_COVERAGE = Fraction(95, 100)
_MINIMUM_PERCENT = float(100 * MINIMUM_COVERAGE)


def spoken(share: float | None, coverage: float | None) -> float | None:
    """A percentage over a window (uptime, or what is left of the budget) as it is shown: of a monitor that is an hour old, two
    bad observations would read 83.33% and -19,900%. Below 95% `coverage` (a percentage) there is no verdict, and so none.
    """
    return None if coverage is None or coverage < _MINIMUM_PERCENT else share


Degraded = Literal["good", "bad", "half"]


class Slice(IntEnum):
    """The verdict on one timeslice. UNKNOWN is no verdict; EXCLUDED is maintenance."""

    UNKNOWN = 0
    UP = 1
    DEGRADED = 2
    DOWN = 3
    EXCLUDED = 4


@dataclass(frozen=True, slots=True)
class SliceCounts:
    """How many slices of a window got which verdict. Windows that do not overlap add up."""

    up: int = 0
    degraded: int = 0
    down: int = 0
    unknown: int = 0
    excluded: int = 0

    def __add__(self, other: SliceCounts) -> SliceCounts:
        return SliceCounts(
            self.up + other.up,
            self.degraded + other.degraded,
            self.down + other.down,
            self.unknown + other.unknown,
            self.excluded + other.excluded,
        )

    @property
    def all(self) -> int:
        return self.up + self.degraded + self.down + self.unknown + self.excluded

    def good(self, degraded: Degraded) -> Fraction:
        """Good slices; with `half`, a degraded one is half good and half bad."""
        return self.up + self.degraded * {"good": Fraction(1), "bad": Fraction(0), "half": Fraction(1, 2)}[degraded]

    def bad(self, degraded: Degraded) -> Fraction:
        return Fraction(self.up + self.degraded + self.down) - self.good(degraded)


@dataclass(frozen=True, slots=True)
class BurnTier:
    """Fires when `long_bad` of the last `long` slots are bad and `short_bad` of the last `short`.

    `pages`: as severe as the rule allows; otherwise a warning at most.
    """

    name: str
    long: int
    long_bad: int
    short: int
    short_bad: int
    pages: bool


BURN_TIERS = (
    BurnTier("A", 12, 3, 3, 2, pages=True),
    BurnTier("B", 72, 5, 6, 2, pages=True),
    BurnTier("C", 864, 9, 72, 2, pages=False),
)
"""Counts, not rates: at 5-minute sampling the classic 1h/5m x14.4 page fires on any single failed check."""


@dataclass(frozen=True, slots=True)
class SlaResult:
    """One source over one window. Shares are Fractions of 1; None is "cannot say", never 0 or 100.

    `good`, `bad` may be halves (`degraded: half`). `allowed_bad` is the error budget in slices. `burn` holds burn
    rates by stretch (`30d`, `1h` ...; 1 = exactly on target), None where a stretch has no verdict.
    """

    source: str
    window: str
    target: Fraction
    good: Fraction
    bad: Fraction
    excluded: int
    unknown: int
    slice_s: int = 300
    burn: Mapping[str, Fraction | None] = field(default_factory=dict)
    burn_tier: str | None = None
    quality: QualitySla | None = None

    @property
    def uptime(self) -> Fraction | None:
        evaluated = self.good + self.bad
        return self.good / evaluated if evaluated else None

    @property
    def coverage(self) -> Fraction | None:
        """(good + bad) / (all - excluded); None when everything was excluded or there is nothing at all."""
        evaluated = self.good + self.bad
        expected = evaluated + self.unknown
        return evaluated / expected if expected else None

    @property
    def met(self) -> bool | None:
        """None below 95% coverage: insufficient data is neither met nor missed."""
        if self.coverage is None or self.coverage < MINIMUM_COVERAGE:
            return None
        return self.good >= self.target * (self.good + self.bad)

    @property
    def allowed_bad(self) -> Fraction:
        return (1 - self.target) * (self.good + self.bad)

    @property
    def budget_left(self) -> Fraction | None:
        """1 - bad / allowed, negative when overspent; None without a budget (a target of 100%, or no verdict)."""
        return 1 - self.bad / self.allowed_bad if self.allowed_bad else None

    @property
    def verdict(self) -> str:
        if self.coverage is None:
            return "no data"
        return {None: "insufficient data", True: "met", False: "missed"}[self.met]

    @property
    def spare_slices(self) -> int | None:
        """How many more bad slices it bears; the next one misses the target. None when it is missed or cannot be
        said.
        """
        return int(self.allowed_bad - self.bad) if self.met else None

    def as_json(self) -> SlaRow:
        """The public shape (`busta sla -o json`): percentages floored to 3 decimals, nulls for what no one knows."""
        return {
            "source": self.source,
            "window": self.window,
            "target": percent(self.target),
            "good": number(self.good),
            "bad": number(self.bad),
            "excluded": self.excluded,
            "unknown": self.unknown,
            "uptime": percent(self.uptime),
            "coverage": percent(self.coverage),
            "met": self.met,
            "verdict": self.verdict,
            "allowed_bad": floored(self.allowed_bad, 3),
            "budget_left": percent(self.budget_left),
            "burn": {k: None if v is None else floored(v, 3) for k, v in self.burn.items()},
            "burn_tier": self.burn_tier,
            "quality": self.quality.as_json() if self.quality else None,
        }


@dataclass(frozen=True, slots=True)
class QualitySla:
    """Share of slices whose newest score was at or above the threshold, and, apart from it, the mean score (0-100)."""

    threshold: float
    target: Fraction
    good: int
    bad: int
    unknown: int
    excluded: int
    mean: Fraction | None
    scores: int

    @property
    def attained(self) -> Fraction | None:
        evaluated = self.good + self.bad
        return Fraction(self.good, evaluated) if evaluated else None

    @property
    def coverage(self) -> Fraction | None:
        expected = self.good + self.bad + self.unknown
        return Fraction(self.good + self.bad, expected) if expected else None

    @property
    def met(self) -> bool | None:
        if self.coverage is None or self.coverage < MINIMUM_COVERAGE or self.attained is None:
            return None
        return self.attained >= self.target

    def as_json(self) -> QualitySlaRow:
        return {
            "threshold": self.threshold,
            "target": percent(self.target),
            "good": self.good,
            "bad": self.bad,
            "unknown": self.unknown,
            "excluded": self.excluded,
            "attained": percent(self.attained),
            "coverage": percent(self.coverage),
            "met": self.met,
            "mean": None if self.mean is None else floored(self.mean, 1),
            "scores": self.scores,
        }


def percent(share: Fraction | None) -> float | None:
    """A share as a percentage, floored to 3 decimals: 99.9999% never reads 100."""
    return None if share is None else floored(share * 100, 3)


def number(count: Fraction) -> int | float:
    """A whole count as an int, a half as x.5 (both exact)."""
    return int(count) if count.denominator == 1 else float(count)
