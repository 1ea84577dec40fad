"""Rules as data: never an expression to evaluate. No rule exists that alerts.yaml does not list."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Literal

from busta_health_dagster.domain.source import Selector

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(IntEnum):
    """Severity of an alert. Ordered, so that it can only rise while the alert is open."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Pattern(StrEnum):
    """How a rule checks what the store holds. A pattern whose input does not exist yet is unknown, and silent."""

    STATUS = "status"
    THRESHOLD = "threshold"
    RATE = "rate"
    NO_DATA = "no_data"
    ANOMALY = "anomaly"
    BURN_RATE = "burn_rate"
    FLAPPING = "flapping"
    TREND = "trend"
    DAGSTER_CHECK = "dagster_check"
    DAGSTER_RUN = "dagster_run"
    DAGSTER_TICK = "dagster_tick"
    DAGSTER_LOCATION = "dagster_location"
    DAGSTER_DAEMON = "dagster_daemon"
    DAGSTER_FRESHNESS = "dagster_freshness"
    GATE_HELD = "gate_held"
    QUOTA = "quota"
    NO_SCORE = "no_score"


NO_OUTAGE = frozenset({Pattern.NO_DATA, Pattern.GATE_HELD, Pattern.QUOTA, Pattern.NO_SCORE})
"""Silence says nothing of the source, and a job that waits at the gate has the outage of a source for its cause."""


Op = Literal["==", "!=", ">", ">=", "<", "<="]
Aggregate = Literal["last", "mean", "min", "max", "p50", "p90", "p95", "p99"]


@dataclass(frozen=True, slots=True)
class Condition:
    """`metric op value`, over the newest value or an aggregate of a window.

    Metrics: `status`, `response_ms`, `items`, `data_age_s`, `quality`, `failed`, `tls_days_left`, `attempts`,
    `size_bytes`. `value` is in the metric's unit
    (milliseconds, seconds, 0-100 for quality and shares), a Status name for `status`, or `max_data_age` (the source's
    own limit).
    """

    metric: str
    op: Op
    value: float | str
    over_s: int | None = None
    agg: Aggregate = "last"


def recover_key(op: str) -> str:
    """The key of the second limit beside this comparison; "" where values have no order."""
    return {">": "recover_below", "<": "recover_above"}.get(op[0], "")


@dataclass(frozen=True, slots=True)
class Override:
    """For the sources it selects, `changes` replace fields of the rule: value, severity, for_, over_s, min_bad,
    shadow, intervals, sensitivity, budget_s, metrics, recover_limit, confirm.
    """

    select: Selector
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of alerts.yaml. `for_` counts consecutive evaluations; a metric is evaluated only when it has a new
    value. `recover_limit` is a second limit of its one condition: an open alert recovers only beyond it, so that a value which
    drifts around the first one opens one alert.

    `confirm`: it opens only when a further observation finds the same.

    `combine` says whether all or any of `conditions` must hold. `over_s`, `min_bad` belong to the rate pattern,
    `intervals` to
    no_data, `within_s` to trend ("will cross its limit within"), `assets`, `jobs` and `names` (glob patterns) to
    the dagster patterns.
    `shadow` evaluates and records and notifies no one.
    """

    name: str
    pattern: Pattern
    conditions: tuple[Condition, ...] = ()
    combine: Literal["all", "any"] = "all"
    for_: int = 1
    over_s: int | None = None
    min_bad: int = 1
    intervals: int = 3
    within_s: int | None = None
    recover_after: int = 2
    recover_limit: float | None = None
    confirm: bool = False
    severity: Severity = Severity.WARNING
    select: Selector = field(default_factory=Selector)
    shadow: bool = False
    overrides: tuple[Override, ...] = ()
    assets: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    sensitivity: float = 0.0  # anomaly: the dial, added to every threshold; higher is quieter
    budget_s: float = 30 * 86_400.0  # anomaly: one alarm in so many seconds may end by itself and unconfirmed
    metrics: tuple[str, ...] | None = None  # anomaly: judge these alone; None: all that behave
    runbook: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """The effective limits of one source, taken from its slow-response and stale-data rules: what makes it `degraded`.

    None where no rule sets one. Milliseconds, seconds, share of 1 (failure), 0-100 (quality).
    """

    response_ms: float | None = None
    data_age_s: float | None = None
    failure_ratio: float | None = None
    failure_over_s: int | None = None
    failure_min_bad: int = 1
    quality: float | None = None
