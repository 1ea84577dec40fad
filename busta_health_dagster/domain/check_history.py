"""What became of one check of a suite over 30 days: how often it passed, and since when it fails."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW_DAYS = 30


@dataclass(frozen=True, slots=True)
class CheckDay:
    """One UTC day of a check. `day` counts from 1970-01-01; `worst` is the lowest share (0-1) of good rows on that day.

    `evaluated` validations came to a verdict on it, `passed` of them were good.
    """

    day: int
    evaluated: int
    passed: int
    worst: float


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """One check of a source. Instants are epoch seconds, `days` stand oldest first and hold only those with a verdict.

    `failing_since` is the first of an unbroken run of failures; None while it passes. A validation that did not
    evaluate it (no data, nothing eligible) neither begins nor ends such a run.
    """

    id: str
    dimension: str
    column: str | None
    severity: str
    owner: str
    first_at: int
    last_at: int
    failing_since: int | None
    days: tuple[CheckDay, ...] = ()

    @property
    def evaluated(self) -> int:
        return sum(day.evaluated for day in self.days)

    @property
    def passed(self) -> int:
        return sum(day.passed for day in self.days)
