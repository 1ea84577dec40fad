"""What we watch: a source and how it is checked; selectors that name groups of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from busta_health_dagster.domain.gate import GatePolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.custom_metric import CustomMetric
    from busta_health_dagster.domain.near_events import NearEvents
    from busta_health_dagster.domain.quota import Quota
    from busta_health_dagster.domain.season import Season


IMPORTED = "imported"
"""The probe of a source that no one configured: its history came from files."""


CONFIRMATIONS = 2
"""Re-probes before a failure counts, where nothing else is configured."""
CONFIRM_DELAYS_S = (2.0, 5.0)
"""Seconds before the first and each later re-probe."""


@dataclass(frozen=True, slots=True)
class Sla:
    """Targets as exact shares of 1. `explicit` says that the file sets the uptime itself: only then is an unmeasurable
    one refused.
    """

    uptime: Fraction = Fraction(995, 1000)
    quality: Fraction = Fraction(9, 10)
    degraded: Literal["good", "bad", "half"] = "good"
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Reconcile:
    """What a source is compared with: the other source, the columns that identify a record, and those that must agree.

    `columns` gives the other source's name of a column where it has another one; `names` is a mapping of spellings, or
    the file in expectations/ that holds it. `found` is the share of records that the other one must have; `tolerance`
    is by column, in the column's own unit, or seconds for times.
    """

    other: str
    on: tuple[str, ...]
    compare: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] | str = field(default_factory=dict)
    found: float = 0.9
    tolerance: Mapping[str, float] = field(default_factory=dict)

    def theirs(self, column: str) -> str:
        """What the other source calls this column."""
        return self.columns.get(column, column)


@dataclass(frozen=True, slots=True)
class DbtSpec:
    """Whose tests of dbt count: those of `node`, as the files in dbt's folder `target` tell them, while they are no older than
    `max_age_s`.
    """

    target: str
    node: str
    max_age_s: int = 26 * 3600


@dataclass(frozen=True, slots=True)
class QualitySpec:
    """How the sample is scored: by a suite, by the platform's validator, or both with the worse one ruling.

    `rows` is a JSON path to the records; `fetch` asks the source again instead of using the stored sample.
    `push_down`: a source of probe sql is counted by its own database, where the suite permits it.
    """

    suite: str | None = None
    validator: str | None = None
    validator_scale: int | None = None
    every_s: int = 3600
    rows: str | None = None
    fetch: bool = False
    public_columns: tuple[str, ...] = ()
    key_columns: tuple[str, ...] = ()
    push_down: bool = True
    reconcile: Reconcile | None = None
    dbt: DbtSpec | None = None

    @property
    def evaluated_by(self) -> str:
        """What the score comes from; empty where nothing is named."""
        return " and ".join(n for n in (self.suite, self.validator, self.dbt and f"dbt {self.dbt.node}") if n)


MONTH_S = 31 * 86_400
"""The longest month: a quota has to last it."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What a metered API is paid for: credits per month, and how many of them one observation costs."""

    per_month: int
    each: int = 1

    def asked(self, interval_s: int) -> int:
        """Credits that full observations at this interval take in a month, without re-probes."""
        return MONTH_S // interval_s * self.each

    def lasts_s(self, interval_s: int) -> int:
        """How long the credits last at this interval."""
        return self.per_month // self.each * interval_s

    def shortest_interval_s(self) -> int:
        """The shortest interval, in whole minutes, at which they last the month."""
        return -(-MONTH_S * self.each // self.per_month // 60) * 60


@dataclass(frozen=True, slots=True)
class Light:
    """How a source is observed between its full observations: that it answers, at a place that costs nothing. `config` is the
    probe's own model.
    """

    every_s: int
    config: Any = None


@dataclass(frozen=True, slots=True)
class Source:
    """One source, resolved: the defaults of its type and of the file are already in it. Durations are seconds.

    Sources of one `provider` are likely to fail together; it is what is configured, its tag of that name, or the host of its
    address.

    `event_paths`: (calendar, JSON path) of the calendars that are read from its payload.

    With `vantages` it is observed from there, and not by the tick.

    Before `shadow_until` (epoch seconds) its rules are evaluated and recorded, and notify no one.

    `config` is the probe's own validated model; only that probe reads it. `where` names the line of the file it came
    from.
    """

    name: str
    type: str
    probe: str
    config: Any = None
    interval_s: int = 300
    timeout_s: float = 10.0
    confirm: int = CONFIRMATIONS
    tier: int = 2
    group: str = "sources"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    runbook: str | None = None
    feeds: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    cadence_s: int | None = None
    max_data_age_s: int | None = None
    sla: Sla = field(default_factory=Sla)
    quality: QualitySpec | None = None
    provider: str = ""
    gate: GatePolicy = field(default_factory=lambda: GatePolicy(unknown="block"))
    asset: str | None = None
    concurrency: int | None = None
    concurrency_per_host: int | None = None
    allow_private: bool = False
    metrics: tuple[CustomMetric, ...] = ()
    metered: Metered | None = None
    light: Light | None = None
    active: Season | None = None
    near_events: NearEvents | None = None
    event_paths: tuple[tuple[str, str], ...] = ()
    quota: Quota | None = None
    shadow_until: int | None = None
    shard: int = 0
    vantages: tuple[str, ...] = ()
    where: str = ""

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Its custom metrics, in the order of the configuration."""
        return tuple(metric.name for metric in self.metrics)

    @property
    def full_every_s(self) -> int:
        """How often its payload is observed; its light observations come in between."""
        return self.interval_s if self.light is None else self.light.every_s

    @property
    def stale_after_s(self) -> int | None:
        """The limit of rule stale-data: the source's own, else from its cadence; None when neither is given."""
        if self.max_data_age_s is not None:
            return self.max_data_age_s
        if self.cadence_s is None:
            return None
        return int(max(self.cadence_s + 900, 1.3 * self.cadence_s + 600))


@dataclass(frozen=True, slots=True)
class Selector:
    """Criteria that must all hold; within one criterion any value will do. An empty selector matches everything.

    `rules` and `severities` are only checked where an alert is selected (routes, inhibition).
    """

    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    tiers: tuple[int, ...] = ()
    owners: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()

    def matches(self, source: Source) -> bool:
        return (
            (not self.names or source.name in self.names)
            and (not self.types or source.type in self.types)
            and all(source.tags.get(k) == v for k, v in self.tags.items())
            and (not self.tiers or source.tier in self.tiers)
            and (not self.owners or any(o in self.owners for o in source.owners))
            and (not self.groups or source.group in self.groups)
        )

    def matches_alert(self, source: Source, rule: str, severity: str) -> bool:
        return (
            (not self.rules or rule in self.rules)
            and (not self.severities or severity in self.severities)
            and self.matches(source)
        )
