"""`rules` and `channels` of alerts.yaml as pydantic sees them. Values of thresholds are read later, by the unit of their metric."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from busta_health_dagster.domain.custom_metric import BUILT_IN
from busta_health_dagster.domain.fields import Budget, PositiveDuration, Strict
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.settings.fields import Globs, Label, SelectFields, Word

Metric = Annotated[
    str, Field(pattern="^[a-z][a-z0-9_]{0,62}$", json_schema_extra={"examples": [*BUILT_IN, "a custom metric"]})
]
Op = Literal["==", "!=", ">", ">=", "<", "<="]
Agg = Literal["last", "mean", "min", "max", "p50", "p90", "p95", "p99"]
Event = Literal[
    "opened", "escalated", "renotified", "acked", "unacked", "snoozed", "resolved", "flapping_started", "flapping_ended"
]
Value = Annotated[
    Any, WithJsonSchema({"type": ["string", "number"], "examples": ["5s", "90%", "26h", "max_data_age", "down"]})
]
_COUNT = Field(ge=1)
_Metrics = Annotated[tuple[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")], ...], Field(min_length=1)]


class ConditionFields(Strict):
    """`metric op value`, of the newest value or of an aggregate over a window."""

    metric: Metric = Field(description="What is compared.")
    op: Op = Field(description="How.")
    value: Value = Field(description="With its unit: 5s, 90%, 26h; `max_data_age` is the source's own limit.")
    over: PositiveDuration | None = Field(None, description="Window of the aggregate.")
    agg: Agg | None = Field(None, description="Aggregate over the window (mean if only `over` is given).")


class OverrideFields(Strict):
    """Other numbers for the sources it selects."""

    select: SelectFields = Field(description="Which sources.")
    value: Value | None = Field(None, description="In the unit of the rule's metric.")
    recover_below: Value | None = Field(
        None, description="As in the rule; without it the rule's moves with `value`, in proportion."
    )
    recover_above: Value | None = Field(None, description="The same.")
    severity: Word | None = Field(None, description="Severity.")
    for_: Annotated[int, _COUNT] | None = Field(None, alias="for", description="Consecutive evaluations.")
    over: PositiveDuration | None = Field(None, description="Window.")
    min_bad: Annotated[int, _COUNT] | None = Field(None, description="At least so many failed.")
    intervals: Annotated[int, _COUNT] | None = Field(None, description="Intervals without a verdict.")
    sensitivity: float | None = Field(None, description="anomaly: added to every threshold.")
    budget: Budget | None = Field(None, description="anomaly: how often one may turn out to be nothing.")
    metrics: _Metrics | None = Field(None, description="anomaly: evaluate these metrics alone.")
    confirm: bool | None = Field(None, description="status: as in the rule.")
    shadow: bool | None = Field(None, description="Record and notify no one.")


class RuleFields(Strict):
    """One rule. Without `pattern` it is a threshold (a status rule if its metric is `status`)."""

    name: Label = Field(description="Unique; part of the alert's fingerprint.")
    pattern: Pattern | None = Field(None, description="Which question the rule asks of the store.")
    metric: Metric | None = Field(None, description="What is compared.")
    op: Op | None = Field(None, description="How.")
    value: Value | None = Field(None, description="With its unit.")
    over: PositiveDuration | None = Field(
        None,
        description="Window of the rate or of the aggregate; gate_held: how long a job may wait; dagster_daemon: how long a "
        "daemon may be silent (10m both).",
    )
    agg: Agg | None = Field(None, description="Aggregate over the window.")
    all_: tuple[ConditionFields, ...] | None = Field(None, alias="all", description="Every condition must hold.")
    any_: tuple[ConditionFields, ...] | None = Field(None, alias="any", description="One condition is enough.")
    for_: Annotated[int, _COUNT] = Field(1, alias="for", description="Consecutive evaluations, each on a new value.")
    min_bad: Annotated[int, _COUNT] | None = Field(None, description="rate: at least so many failed in the window (4).")
    intervals: Annotated[int, _COUNT] | None = Field(None, description="no_data: intervals without a verdict (3).")
    within: PositiveDuration | None = Field(None, description="trend: will cross its limit within this time.")
    sensitivity: float | None = Field(None, description="anomaly: added to every threshold; higher is quieter (0).")
    budget: Budget | None = Field(
        None, description="anomaly: how often one may end by itself, unconfirmed; thresholds follow (1 per 30d)."
    )
    metrics: _Metrics | None = Field(
        None,
        description="anomaly: judge these metrics alone, built-in or the source's own; without it all that behave.",
    )
    assets: Globs | None = Field(
        None, description="dagster_check, dagster_freshness, dagster_run: asset keys, * matches; without it all."
    )
    jobs: Globs | None = Field(
        None, description="dagster_run, gate_held: names of jobs, or location/job; * matches; without it all."
    )
    names: Globs | None = Field(
        None,
        description="dagster_tick, dagster_location, dagster_daemon: names of schedules and sensors, of code locations, of "
        "daemons; * matches; without it all.",
    )
    confirm: bool = Field(
        False,
        description="status: opens only when it still holds after 90 s (observed again after 30 s and 90 s), or at the next slot.",
    )
    recover_after: Annotated[int, _COUNT] = Field(2, description="Good evaluations before it resolves.")
    recover_below: Value | None = Field(
        None,
        description="op > or >=: recovers only below this second limit, so that a drift around `value` does not flap.",
    )
    recover_above: Value | None = Field(None, description="op < or <=: recovers only above this second limit.")
    severity: Word = Field("warning", description="Severity at opening.")
    select: SelectFields = Field(default_factory=SelectFields, description="Which sources; empty is all.")
    shadow: bool = Field(False, description="Evaluate and record, notify no one.")
    overrides: tuple[OverrideFields, ...] = Field(
        (), description="Other numbers for some sources; the last that matches wins."
    )
    runbook: str | None = Field(None, description="Link to what to do; in the messages of this rule.")


class ChannelFields(Strict):
    """One channel, without the keys of its kind."""

    name: Label = Field(description="Unique.")
    kind: str = Field(description="What it is.")
    fallback: str | None = Field(None, description="Channel that is notified when this one is dead.")
    events: tuple[Event, ...] | None = Field(
        None, description="Which events it is sent; the kind's own default without it."
    )
    per_minute: Annotated[int, _COUNT] | None = Field(None, description="At most so many messages a minute.")


CHANNEL_COMMON = frozenset(ChannelFields.model_fields)
SECTIONS = ("version", "channels", "on_call", "rules", "escalations", "routes", "inhibit", "grouping")
