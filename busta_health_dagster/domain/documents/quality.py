"""Quality scores as documents: the verdict, every check behind it, and the rows that failed."""

from __future__ import annotations

from typing_extensions import TypedDict

from busta_health_dagster.domain.documents.alerts import Number


class CapRow(TypedDict):
    """Why a score may not be higher."""

    limit: int
    check: str
    reason: str


class CheckRow(TypedDict):
    """One check of a validation. `passed` is null where it was not evaluated."""

    id: str
    dimension: str
    column: str | None
    severity: str
    eligible: int
    unexpected: int
    table: bool
    passed: bool | None
    error: str | None
    mostly: Number
    weight: Number
    why: str


class Score(TypedDict):
    """`quality score -o json`: scores and shares are 0-100; NO DATA is `"score": null` with a `reason`."""

    score: Number | None
    raw: Number | None
    half_width: Number | None
    coverage: Number
    provisional: bool
    rows: int
    total_rows: int | None
    reason: str | None
    dimensions: dict[str, Number | None]
    caps: list[CapRow]
    checks: list[CheckRow]
    notes: list[str]


class ScoreRow(Score):
    """One validation of one source: an entry of `quality show -o json`. `limit` is the score asked for; `uncertain`: more
    rows could have put the score on its other side.
    """

    source: str
    at: str
    data_at: str
    suite: str
    limit: Number
    uncertain: bool


class FailingRow(TypedDict):
    """One row that failed a check: its keys, and the shape of its values (9 a digit, a and A letters)."""

    check: str
    row: int
    of: int
    keys: dict[str, str]
    values: dict[str, str]


class Failures(TypedDict):
    """The rows that failed in the newest validation: `quality show NAME --failures`."""

    failures_at: str | None
    failures: list[FailingRow]


class Scores(TypedDict):
    """The newest score of every source that is scored, and those that never were."""

    items: list[ScoreRow]
    never: list[str]


class CheckDayRow(TypedDict):
    """One UTC day of a check: of `evaluated` validations so many passed; `worst` is the lowest share of good rows (0-100)."""

    day: str
    evaluated: int
    passed: int
    worst: Number


class CheckHistoryRow(TypedDict):
    """One check over 30 days. `passing` is the share of its validations that passed (0-100), `good` that of the rows in the newest
    one; `state` is passed, failed, noted, could not run, not evaluated, or gone (the newest validation does not have it).
    """

    id: str
    dimension: str
    column: str | None
    severity: str
    owners: list[str]
    state: str
    good: Number | None
    error: str | None
    why: str
    evaluated: int
    passed: int
    passing: Number | None
    failing_since: str | None
    first_seen: str
    failing_rows: int
    days: list[CheckDayRow]


class CheckHistories(TypedDict):
    """`quality checks NAME -o json`: each check of a source over the 30 days that end with `until`, failing ones first."""

    source: str
    until: str
    window_days: int
    checks: list[CheckHistoryRow]
