"""Sources as documents: how they are, how they are checked, and what was seen of them."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from busta_health_dagster.domain.documents.alerts import AlertRow, Number


class SourceRow(TypedDict):
    """One source now: an entry of `sources health -o json`. `shown` is what every list shows and what `counts` count: the
    status, or maintenance. `status` is unknown when `stale`, and `off_season` outside the
    season of the source (until `off_season_until`; null: no season follows);
    `last_status` is what was seen last. `reason` is a sentence, `reason_code` its stable code. `reservations`: what is not well
    although it is up; only with none of them is it healthy.
    """

    source: str
    type: str
    tier: int
    status: str
    shown: str
    last_status: str
    since: str | None
    reason: str
    reason_code: str
    response_ms: Number | None
    http_status: int | None
    items: int | None
    data_age_s: Number | None
    quality: Number | None
    failure_rate: Number | None
    uptime: dict[str, Number | None]
    coverage_30d: Number | None
    budget_left: Number | None
    open_alerts: int
    reservations: list[str]
    maintenance_until: str | None
    off_season_until: str | None
    observed_at: str | None
    stale: bool
    metrics: dict[str, Number]


class Freshness(TypedDict):
    """How fresh the monitor's knowledge is. After `stale_at` (null: at once) no row is to be believed."""

    at: str
    tick_at: str | None
    next_tick_at: str | None
    stale_at: str | None
    stale: bool
    config_problem: str | None
    counts: dict[str, int]


class FleetStatus(Freshness):
    """The fleet in one object."""

    sources: int
    open_alerts: int


class Fleet(Freshness):
    """The whole fleet at one moment, worst first: what `sources health --watch` draws. `strips` are the last 24 h in bars
    of 30 minutes, oldest first (null: no data), `responses` likewise in milliseconds.
    """

    sources: list[SourceRow]
    alerts: list[AlertRow]
    strips: dict[str, list[str | None]]
    responses: dict[str, list[Number | None]]


class SourceConfig(TypedDict):
    """How a source is checked: an entry of `sources list -o json`. `stale_after_s` is null where nothing is expected."""

    source: str
    type: str
    probe: str
    tier: int
    group: str
    interval_s: int
    stale_after_s: int | None
    owners: list[str]
    tags: dict[str, str]
    config: str


class QuotaRow(TypedDict):
    """What is left of the credits of a metered API. `ends_at`: at the present rate; null where it cannot be said, or they do
    not end. `short`: they end before the reset (null: unknown).
    """

    remaining: Number
    limit: Number | None
    per_day: Number | None
    ends_at: str | None
    resets_at: str | None
    short: bool | None
    reason: str


class VantageRow(TypedDict):
    """A source from one vantage point: how it is seen there now, unknown where it is away (`reason_code`); and in the newest
    slots, oldest first (null: no answer).
    """

    vantage: str
    status: str
    reason: str
    reason_code: str
    response_ms: Number | None
    observed_at: str | None
    slots: list[str | None]


class SourceInfo(SourceRow):
    """All that is known of one source: `sources info -o json`. `feeds_without_asset`: what it feeds by its configuration, and
    no code location has; `hits`: what is downstream. `full_observed_at`: when items, age, payload and metrics were observed; later
    observations were light. `vantages` is empty where it is observed from the monitor's own machine.
    """

    attempts: int
    phases_ms: dict[str, Number] | None
    payload: dict[str, Any]
    sample_rows: int | None
    sample_taken_at: str | None
    limits: dict[str, Number | None]
    sla: dict[str, Any]
    probe: str
    interval: str
    full_every: str
    full_observed_at: str | None
    timeout: str
    confirm: int
    group: str
    owners: list[str]
    tags: dict[str, str]
    feeds: list[str]
    feeds_without_asset: list[str]
    usable: bool
    gate: str
    hits: str | None
    quota: QuotaRow | None
    vantages: list[VantageRow]
    near_event: str | None
    calendar_problem: str | None
    runbook: str | None
    next_check: str | None
    config: str


class ObservationRow(TypedDict):
    """One observation: an entry of `sources history -o json` and `sources check -o json`."""

    source: str
    slot: str
    observed_at: str
    kind: str
    status: str
    reason: str
    detail: str
    response_ms: Number | None
    items: int | None
    data_age_s: Number | None
    quality: Number | None
    attempts: int
    suspect: bool
    light: bool
    phases_ms: dict[str, Number] | None
    metrics: dict[str, Number]


class HeartbeatAccepted(TypedDict):
    """A beat was recorded."""

    source: str
    at: str


class MetricBehaviour(TypedDict):
    """One metric as the detector sees it. The smallest lasting change that it can tell, as a share of the usual value
    (null: that side is not evaluated).
    """

    metric: str
    use: str
    usual: Number | None
    smallest_fall: Number | None
    smallest_rise: Number | None
    why: str


class AnomalyExplanation(TypedDict):
    """What the detector makes of one source: `anomalies explain -o json` and `baselines suggest -o json`."""

    source: str
    state: str
    reason: str
    budget: str
    stricter: str | None
    metrics: list[MetricBehaviour]


class Range(TypedDict):
    """Nine of ten good observations lie between p5 and p95."""

    p5: Number
    p50: Number
    p95: Number


class HourRange(Range):
    """The range of one coming hour."""

    at: str


class MetricRange(TypedDict):
    """The range of one metric. `basis` is own (learned from the source itself) or type (from others of its type)."""

    basis: str
    now: Range
    hours: list[HourRange]


class BaselineRow(TypedDict):
    """What is normal for a source: `baselines show NAME -o json`. `rule` is null where no one asked for a range."""

    source: str
    type: str
    at: str
    rule: str | None
    shadow: bool | None
    learned_until: str | None
    state: str
    reason: str
    metrics: dict[str, MetricRange]
