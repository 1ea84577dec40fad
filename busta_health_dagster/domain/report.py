"""What a week was, in numbers: the one model that every face of the report is drawn from.

Shares are percentages, floored to 3 decimals (`budget_left` may be negative); None is "no one can say". Times are epoch
seconds, durations seconds. Nothing here is formatted. A report survives in the store as JSON: `to_json`, `from_json`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from busta_health_dagster.domain.report_running import Delivery, Maintenance, Monitor, Noise

AT_RISK_BELOW = 10.0
"""Percent of the budget left: a source that still meets its target is called at risk below."""
SELF_RESOLVED_S = 600


@dataclass(frozen=True, slots=True)
class Week:
    """[since, until) from Monday 00:00 of `zone`. `ends` is when the calendar week ends; `until` is earlier while it
    still runs. `as_of` is the instant as of which open items are described.
    """

    label: str
    since: int
    until: int
    ends: int
    as_of: int
    zone: str = "UTC"

    @property
    def number(self) -> int:
        return int(self.label.rpartition("W")[2])

    @property
    def year(self) -> int:
        return int(self.label.partition("-")[0])

    @property
    def complete(self) -> bool:
        return self.until >= self.ends

    @property
    def slices(self) -> int:
        """Five-minute slices of the whole week: 2,016, twelve fewer or more when the clocks change."""
        return (self.ends - self.since) // 300


@dataclass(frozen=True, slots=True)
class Figure:
    """One key number with last week's. `worse` says which direction is bad: `up`, `down`, or "" for neither."""

    name: str
    now: float | None
    before: float | None
    unit: str = ""
    worse: str = ""
    of: int | None = None


@dataclass(frozen=True, slots=True)
class OpenItem:
    """Something that still needs someone. `status` draws its shape; `reason` is the rule's own sentence.

    `spare_s` is how long it may still be down before it misses its target, where that is near.
    """

    source: str
    status: str
    state: str
    since: int
    reason: str
    do: str
    rules: tuple[str, ...] = ()
    incident: str = ""
    acked_by: str = ""
    feeds: tuple[str, ...] = ()
    runbook: str = ""
    bad_slices: float = 0.0
    spare_s: int | None = None
    budget_left: float | None = None


@dataclass(frozen=True, slots=True)
class SlaRow:
    """One source over the 30 days that end with the week, and its uptime in this week and the one before."""

    source: str
    tier: int
    target: float
    met: bool | None
    verdict: str
    uptime: float | None
    coverage: float | None
    budget_left: float | None
    bad: float
    allowed_bad: float
    slice_s: int
    excluded: int
    unknown: int
    week: float | None
    week_before: float | None
    spare_s: int | None = None
    forecast: str = ""
    quality: float | None = None
    quality_met: bool | None = None

    @property
    def at_risk(self) -> bool:
        return self.met is True and self.budget_left is not None and self.budget_left < AT_RISK_BELOW

    @property
    def words(self) -> str:
        return "at risk" if self.at_risk else self.verdict

    @property
    def status(self) -> str:
        """The shape beside it."""
        if self.met is None:
            return "unknown"
        return ("degraded" if self.at_risk else "up") if self.met else "down"


@dataclass(frozen=True, slots=True)
class Took:
    """Mean, median and p90 of one kind of duration, of so many; and last week's mean."""

    name: str
    mean: float | None
    median: float | None
    p90: float | None
    of: int
    before: float | None


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident that was resolved in the week."""

    id: str
    source: str
    severity: str
    rules: tuple[str, ...]
    started_at: int
    lasted_s: int
    detect_s: int
    acknowledge_s: int | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class Incidents:
    """The cohort resolved in the week, the longest first."""

    rows: tuple[IncidentRow, ...] = ()
    took: tuple[Took, ...] = ()
    mtbf_s: float | None = None
    open: int = 0


@dataclass(frozen=True, slots=True)
class TrendRow:
    """30 days of one source: `days` are (start of the UTC day, value or None), oldest first; `now` and `before` are of
    the two weeks.
    """

    source: str
    now: float | None
    before: float | None
    limit: float | None
    days: tuple[tuple[int, float | None], ...]
    slope: float | None = None
    outlook: str = ""
    crosses_in_days: int | None = None
    last: float | None = None
    half_width: float | None = None

    @property
    def over(self) -> float | None:
        """`now` in percent of the limit."""
        return None if self.now is None or not self.limit else 100 * self.now / self.limit

    @property
    def change_percent(self) -> float | None:
        return None if self.now is None or not self.before else 100 * (self.now / self.before - 1)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A source's own metric over the week: its mean beside that of the week before, the lowest and the highest value."""

    source: str
    metric: str
    now: float | None
    before: float | None
    lowest: float | None
    highest: float | None

    @property
    def change_percent(self) -> float | None:
        return None if self.now is None or not self.before else 100 * (self.now / self.before - 1)


@dataclass(frozen=True, slots=True)
class WeeklyReport:
    """The whole week. Lists are worst first. `first` says that nothing was observed before it; `began` is
    when the monitor did, if that was within this week.
    """

    week: Week
    written_at: int
    sources: int
    observed: int
    first: bool = False
    began: int | None = None
    figures: tuple[Figure, ...] = ()
    open: tuple[OpenItem, ...] = ()
    sla: tuple[SlaRow, ...] = ()
    incidents: Incidents = Incidents()
    response: tuple[TrendRow, ...] = ()
    quality: tuple[TrendRow, ...] = ()
    metrics: tuple[MetricRow, ...] = ()
    noise: Noise = field(default_factory=Noise)
    maintenance: Maintenance = field(default_factory=Maintenance)
    delivery: Delivery = field(default_factory=Delivery)
    monitor: Monitor = field(default_factory=Monitor)
    bad_slices: float = 0.0
    base_url: str = ""

    def figure(self, name: str) -> Figure:
        return next((f for f in self.figures if f.name == name), Figure(name, None, None))

    @property
    def empty(self) -> bool:
        """Nothing was observed in the whole week."""
        return self.observed == 0

    @property
    def page(self) -> str:
        """Where people read it; "" without a public address."""
        return f"{self.base_url.rstrip('/')}/source-health/reports/{self.week.label}" if self.base_url else ""

    def to_json(self) -> str:
        return str(_adapter().dump_json(self), "utf-8")

    @staticmethod
    def from_json(text: str | bytes) -> WeeklyReport:
        """Read back what `to_json` wrote.

        Raises:
            ValueError: not a report.
        """
        report: WeeklyReport = _adapter().validate_json(text)
        return report


UPTIME, MET, RESOLVED, MTTR = "Fleet uptime", "SLA met, 30 d", "Incidents resolved", "MTTR, mean"
QUALITY, NOTIFICATIONS = "Quality, mean", "Notifications"
"""Names of the key numbers."""


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(WeeklyReport)
