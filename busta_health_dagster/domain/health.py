"""How a source is right now: the row behind `sources health`, the page, REST and the metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.domain.units import from_epoch, iso
from busta_health_dagster.domain.uptime_and_budget import spoken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.documents.sources import SourceRow

WORST_FIRST = ("down", "degraded", "unknown", "maintenance", OFF_SEASON, "up")


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source now. Shares are percentages 0-100 (`budget_left` may be negative); None where there is nothing to say.

    `status` is up, degraded, down or unknown; `maintenance` is a view on top (`maintenance_until`, epoch), and so is
    `off_season` (`off_season_until`: None where no season follows). `stale`
    means no
    observation for 3 intervals: the monitor does not know, whatever it saw before. Instants are epoch seconds.
    """

    source: str
    type: str
    tier: int
    probe: str
    group: str
    status: str
    since: int | None
    reason: str
    detail: str
    response_ms: float | None
    items: int | None
    data_age_s: float | None
    quality: float | None
    failure_rate: float | None
    uptime: Mapping[str, float | None]
    coverage_30d: float | None
    budget_left: float | None
    observed_at: int | None
    stale: bool
    open_alerts: int = 0
    maintenance_until: int | None = None
    target: float = 99.5
    http_status: int | None = None
    attempts: int = 1
    next_slot: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    off_season: bool = False
    off_season_until: int | None = None
    full_at: int | None = None
    """When its data were observed, where light observations came after that."""
    reservations: tuple[str, ...] = ()

    @property
    def but(self) -> str:
        """What is not well with it although it is up; nothing of a source that is not."""
        return "; ".join(self.reservations) if self.shown == "up" else ""

    @property
    def why(self) -> str:
        """Why it is as it is. The reason of an observation that is too old is none: it may be `ok`."""
        if self.stale and self.observed_at is not None:
            return f"no observation since {from_epoch(self.observed_at):%Y-%m-%d %H:%M} UTC, when it was {self.status}"
        return self.detail or self.reason

    @property
    def shown_since(self) -> int | None:
        """Since when it is as it is: one that is stale since it was last observed."""
        return self.observed_at if self.stale else self.since

    @property
    def shown(self) -> str:
        """The status a list shows."""
        return _shown(self._status, self.stale, self.maintenance_until)

    @property
    def _status(self) -> str:
        return OFF_SEASON if self.off_season else "unknown" if self.stale else self.status

    @property
    def budget(self) -> float | None:
        """What is left of it, where enough was seen to say so."""
        return spoken(self.budget_left, self.coverage_30d)

    @property
    def unhealthy(self) -> bool:
        """Unknown is never healthy; maintenance and off season are not unhealthy."""
        return self.shown in {"down", "degraded", "unknown"}

    def as_json(self) -> SourceRow:
        """An entry of `sources health -o json`."""
        return {
            "source": self.source,
            "type": self.type,
            "tier": self.tier,
            "status": self._status,
            "shown": self.shown,
            "last_status": self.status,
            "since": iso(self.shown_since),
            "reason": self.why,
            "reason_code": self.reason,
            "response_ms": self.response_ms,
            "http_status": self.http_status,
            "items": self.items,
            "data_age_s": self.data_age_s,
            "quality": self.quality,
            "failure_rate": self.failure_rate,
            "uptime": dict(self.uptime),
            "coverage_30d": self.coverage_30d,
            "budget_left": self.budget,
            "open_alerts": self.open_alerts,
            "reservations": list(self.reservations) if self.shown == "up" else [],
            "maintenance_until": iso(self.maintenance_until),
            "off_season_until": iso(self.off_season_until),
            "observed_at": iso(self.observed_at),
            "stale": self.stale,
            "metrics": dict(self.metrics),
        }


@dataclass(frozen=True, slots=True)
class FleetHealth:
    """Every source now, worst first, and how fresh that knowledge is.

    `tick_at` is when the monitor last finished a tick; `stale_monitor` says that it is too long ago to believe any row: since
    `stale_at`.
    `strips` are the last 24 h per source, oldest first, as status words (None: no data). `responses` likewise, in
    milliseconds. `until` is the T that every window ends at.
    """

    at: int
    rows: tuple[SourceHealth, ...]
    tick_at: int | None
    next_tick_at: int | None
    stale_monitor: bool
    config_problem: str | None = None
    until: int = 0
    stale_at: int | None = None
    strips: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    responses: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        counts = dict.fromkeys(WORST_FIRST, 0)
        for row in self.rows:
            counts["unknown" if self.stale_monitor else row.shown] += 1
        return counts


def _shown(status: str, stale: bool, maintenance_until: int | None) -> str:
    """Off season comes before all; stale is unknown, and maintenance covers what it covers."""
    covered = maintenance_until is not None and not stale and status != OFF_SEASON
    return "maintenance" if covered else status


def worst_first(row: SourceHealth) -> tuple[int, int, float, str]:
    """Sort key: status, then tier, then the budget that is left, then the name."""
    budget = row.budget_left if row.budget_left is not None else 100.0
    return WORST_FIRST.index(row.shown), row.tier, budget, row.source
