"""What the anomaly detector says: findings, the verdict per source, and the normal range (band) of a metric.

Times are epoch seconds (UTC). Values are in the metric's own unit: milliseconds, items, quality points, seconds of age.
"""

from dataclasses import dataclass
from enum import StrEnum


class Metric(StrEnum):
    """What is watched. The first three have a filter and a band; the last two have rules."""

    RESPONSE = "response_ms"
    ITEMS = "items"
    QUALITY = "quality"
    DATA_AGE = "data_age_s"
    STATUS = "status"


class Term(StrEnum):
    """Which test saw it."""

    STEP = "step"
    JUMP = "jump"
    SPIKES = "spikes"
    VARIANCE = "variance"
    FAILURES = "failures"
    STALE = "stale"
    FROZEN = "frozen"
    EMPTY = "empty"
    LEVEL = "level"


class Change(StrEnum):
    """What a finding does to its source's incident: opens it, joins it, adds something new that people must know of,
    leaves it, or makes the new level normal.
    """

    OPENED = "opened"
    JOINED = "joined"
    NEWS = "news"
    CLEARED = "cleared"
    NEW_NORMAL = "new normal"


class Judgement(StrEnum):
    """Unknown is never good: no observation, maintenance, or too few polls to evaluate."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class Basis(StrEnum):
    """Where a band comes from: the source's own history, its type, or nothing yet."""

    OWN = "own"
    TYPE = "type"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """One term of one source, at the poll where its state changed (or, inside a verdict, as it stands open).

    `score` is the log10 of the likelihood ratio against "nothing happened" (6 = a million to one); `threshold` is
    what it had to pass. `expected` and `observed` are None where the term has no such number.
    """

    source: str
    metric: str
    term: Term
    change: Change
    at: int
    since: int
    score: float
    threshold: float
    expected: float | None
    observed: float | None
    text: str


@dataclass(frozen=True, slots=True)
class AnomalyVerdict:
    """What a rule of pattern `anomaly` reads for one source at one slot.

    `findings` are the terms open now, strangest first. `closed_reason` is set on the very slot that closed the
    incident, `news` on the slot on which something new began inside an open one. `stricter` says since when and by how
    much the noise budget has raised the thresholds.
    """

    judgement: Judgement
    reason: str
    open: bool
    opened_at: int | None
    score: float
    findings: tuple[Finding, ...] = ()
    closed_reason: str | None = None
    news: str | None = None
    stricter: str = ""


@dataclass(frozen=True, slots=True)
class NormalRange:
    """The normal range of a metric at one moment: the 5th, 50th and 95th percentile, in the metric's unit."""

    p5: float
    p50: float
    p95: float
    basis: Basis
