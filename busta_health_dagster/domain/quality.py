"""What a validation found, and the score it makes. Shares are 0-1, scores and half-widths are points of 0-100."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction


class Dimension(StrEnum):
    """The five aspects of quality, in the order they are shown."""

    COMPLETENESS = "completeness"
    VALIDITY = "validity"
    CONSISTENCY = "consistency"
    UNIQUENESS = "uniqueness"
    TIMELINESS = "timeliness"


class CheckSeverity(StrEnum):
    """How much a failing check matters. Not an alert's severity: INFO weighs nothing, CRITICAL caps the score at 69."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"

    @property
    def weight(self) -> int:
        return {"INFO": 0, "WARNING": 1, "ERROR": 2, "CRITICAL": 4}[self.value]

    @property
    def cap(self) -> int | None:
        """The most a source can score while a check of this severity fails; None: no limit."""
        return {"INFO": None, "WARNING": 99, "ERROR": 89, "CRITICAL": 69}[self.value]


def exact(number: float | str | Fraction) -> Fraction:
    """The decimal a person wrote, exactly: 0.95 -> 19/20, not the nearest binary float."""
    return number if isinstance(number, Fraction) else Fraction(str(number))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check on one validation.

    `eligible` rows could be evaluated, `unexpected` of them failed; a table-level check (`table=True`) has eligible 1 and
    unexpected 0 or 1. `error` is why the check itself could not run; then it counts as failed completely.
    """

    id: str
    dimension: Dimension
    column: str | None
    severity: CheckSeverity
    eligible: int
    unexpected: int
    weight: float = 1.0
    mostly: float = 1.0
    table: bool = False
    error: str | None = None
    why: str = ""
    owner: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.unexpected <= self.eligible:
            raise ValueError(f"check {self.id}: {self.unexpected} unexpected of {self.eligible} eligible rows")
        if not 0 <= self.mostly <= 1:
            raise ValueError(f"check {self.id}: mostly {self.mostly} is not a share between 0 and 1")
        if not (self.weight >= 0 and math.isfinite(self.weight)):
            raise ValueError(f"check {self.id}: weight {self.weight} is not a finite number of 0 or more")

    @property
    def ratio(self) -> Fraction | None:
        """R = 1 - unexpected / eligible, exactly; 0 when errored; None when nothing was eligible."""
        if self.error is not None:
            return Fraction(0)
        if self.eligible == 0:
            return None
        return 1 - Fraction(self.unexpected, self.eligible)

    @property
    def passed(self) -> bool | None:
        """Did it reach its `mostly`? None: not evaluated."""
        ratio = self.ratio
        return None if ratio is None else ratio >= exact(self.mostly)

    @property
    def power(self) -> Fraction:
        """Severity x weight: what the check weighs in its group. 0 moves nothing."""
        return self.severity.weight * exact(self.weight)


@dataclass(frozen=True, slots=True)
class Cap:
    """Why a score may not be higher."""

    limit: int
    check: str
    reason: str


@dataclass(frozen=True, slots=True)
class QualityScore:
    """The verdict on one validation.

    `score` is None for NO_DATA (then `reason` says why), otherwise 0.0-100.0 floored to 0.1. `raw` is the weighted
    mean before caps; `half_width` its 95% interval; `coverage` the share (0-100) of the five dimensions' weight that
    could be evaluated. `rows` is what the score rests on, `total_rows` what the source delivered (more when the
    sample was cut).
    """

    score: float | None
    raw: float | None
    half_width: float | None
    coverage: float
    dimensions: dict[Dimension, float]
    caps: tuple[Cap, ...]
    checks: tuple[CheckResult, ...]
    rows: int
    total_rows: int | None = None
    provisional: bool = False
    reason: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def no_data(self) -> bool:
        return self.score is None

    @property
    def failing(self) -> tuple[CheckResult, ...]:
        """Checks that did not reach their `mostly`, gravest first."""
        bad = [c for c in self.checks if c.passed is False]
        return tuple(sorted(bad, key=lambda c: (-c.severity.weight, c.ratio or Fraction(0), c.id)))

    def uncertain_against(self, limit: float) -> bool:
        """Could more rows have put the score on the other side of `limit` (0-100)?

        True when the raw interval straddles the limit. A cap below the limit is no matter of sampling: it stays
        certain.
        """
        if self.raw is None or self.half_width is None:
            return False
        if any(cap.limit < limit for cap in self.caps):
            return False
        return self.raw - self.half_width < limit <= self.raw + self.half_width


def no_data(reason: str, *, rows: int = 0, checks: tuple[CheckResult, ...] = ()) -> QualityScore:
    """There was nothing to evaluate: never 0, never 100."""
    return QualityScore(None, None, None, 0.0, {}, (), checks, rows, provisional=True, reason=reason)


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """What one column looked like: its type word, and the share of its values that were null (0-1)."""

    name: str
    type: str
    null_rate: float


@dataclass(frozen=True, slots=True)
class SchemaSnapshot:
    """The columns of a source as one validation saw them. `truncated`: `rows` is a bounded sample, so volume says
    nothing.
    """

    columns: tuple[ColumnShape, ...]
    rows: int
    truncated: bool = False

    def column(self, name: str) -> ColumnShape | None:
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class Learned:
    """The shape that drift is evaluated against. Instants are epoch seconds.

    `seen` counts the validations behind it; until there are enough, nothing can have drifted. `drifting_since` is
    when the first of an unbroken run of validations differed from it.
    """

    shape: SchemaSnapshot
    learned_at: int
    seen: int = 1
    drifting_since: int | None = None


@dataclass(frozen=True, slots=True)
class FailingRow:
    """One row that failed one check. `keys` are the suite's key columns, `values` the columns the check reads (masked).

    `row` counts from 0 in the sample; `of` is how many rows failed this check, so that a cut list says so.
    """

    check: str
    row: int
    keys: dict[str, str]
    values: dict[str, str]
    of: int


@dataclass(frozen=True, slots=True)
class Scored:
    """One validation of one source. `at` is when it was scored, `data_at` when what it evaluated was taken (epoch).

    `suite` names what evaluated: a suite, a validator, or both.
    """

    source: str
    at: int
    data_at: int
    suite: str
    score: QualityScore
