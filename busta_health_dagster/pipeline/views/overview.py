"""What the overview page says, read once per change and shared by all viewers. Probes nothing, decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from busta_health_dagster.domain.uptime_and_budget import MINIMUM_COVERAGE, percent
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.engines.rules import limits_for
from busta_health_dagster.engines.service_levels.timeslices import slice_length
from busta_health_dagster.pipeline.alerting.monotonic_clock import read_clock
from busta_health_dagster.pipeline.app.freshness import LAST_TICK, STALE_TICKS
from busta_health_dagster.pipeline.gate.impact import impacts
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.service_levels.windows import DAY_S, sla_of, window_end
from busta_health_dagster.pipeline.views import page_alerts
from busta_health_dagster.pipeline.views.root_causes import RootCauseLine, root_cause_lines
from busta_health_dagster.pipeline.views.self_monitoring import MonitorAlert, self_monitoring_alerts
from busta_health_dagster.pipeline.views.status import STRIP_BUCKET_S, health_of, stored, strips_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.documents.alerts import NoiseTable
    from busta_health_dagster.domain.health import FleetHealth
    from busta_health_dagster.domain.maintenance import Occurrence
    from busta_health_dagster.domain.rule import Limits
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.gate.impact import Impact
    from busta_health_dagster.pipeline.views.page_alerts import Month, ShownAlert
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.rollup_queries import Bar, Summary

MONTH_S = 30 * DAY_S
MAINTENANCE_AHEAD_S = 7 * DAY_S


@dataclass(frozen=True, slots=True)
class Version:
    """Two pages of one version say the same, but for ages. `event` is what the live stream has reached."""

    event: int
    tick_at: int | None
    minute: int

    @property
    def text(self) -> str:
        return f"{self.event}-{self.tick_at or 0}-{self.minute}"


@dataclass(frozen=True, slots=True)
class PlannedMaintenance:
    """One occurrence of maintenance. `sources` are the names it covers, `now` whether it runs."""

    occurrence: Occurrence
    sources: tuple[str, ...]
    now: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """The fleet over one stretch: shares are percentages, None when no one can say."""

    uptime: float | None
    quality: float | None


UNSEEN = Stretch(None, None)


@dataclass(frozen=True, slots=True)
class Trend:
    """One source's last 24 h as bars of 30 minutes, and its days of a month, oldest first (None: nothing was measured)."""

    bars: tuple[Bar, ...] = ()
    p95_ms: tuple[float | None, ...] = ()
    quality: tuple[float | None, ...] = ()
    answered: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class FleetPage:
    """Everything of the overview but the trends of its rows. `met` and `missed` are names; the rest cannot be said.

    `nearest` has the least budget left of those that meet their target: `spare_s` seconds down and it misses it.
    """

    health: FleetHealth
    month: Stretch
    days: tuple[float | None, ...]
    met: tuple[str, ...]
    missed: tuple[str, ...]
    nearest: str | None
    spare_s: int | None
    week: Stretch
    week_before: Stretch
    planned: tuple[PlannedMaintenance, ...]
    alerts: tuple[ShownAlert, ...]
    incidents: Month
    limits: Mapping[str, Limits]
    stale_after_s: int
    version: Version
    targets: tuple[float, ...] = field(default=())
    monitor_alerts: tuple[MonitorAlert, ...] = ()
    impacts: Mapping[str, Impact] = field(default_factory=dict)
    observing_since: int | None = None
    root_causes: tuple[RootCauseLine, ...] = ()
    noise: NoiseTable | None = None


def version_of(app: App) -> Version:
    """Two small reads: is there anything new?"""
    with app.store.read() as uow:
        tick = uow.meta.get(LAST_TICK)
        return Version(uow.events.last_id(), tick["at"] if tick else None, app.now() // 60)


def fleet_page(app: App, days: tuple[float | None, ...], noise: NoiseTable | None = None) -> FleetPage:
    """The facts of the overview as they are now; `days` are those of `FleetDays`, `noise` what the last weeks have sent."""
    version = version_of(app)
    sources = app.config.sources
    with app.store.read() as uow:
        states = uow.states.all()
        health = health_of(app, uow, states)
        now, until = health.at, health.until
        windows = {
            "30d": (until - MONTH_S, until),
            "week": (until - 7 * DAY_S, until),
            "before": (until - 14 * DAY_S, until - 7 * DAY_S),
        }
        known = {s.name for s in uow.sources.all()} & sources.keys()
        seen = uow.rollups.summary(None if len(known) == len(sources) else known, windows)
        index = maintenance(app, uow, until - MONTH_S, now + MAINTENANCE_AHEAD_S)
        alerts = active_alerts(uow)
        steady = read_clock(app, uow).at
        slices = {name: seen[name]["30d"].slices for name in sources if name in seen}
        up_s = {
            n: float(c.good(sources[n].sla.degraded)) * slice_length(sources[n].interval_s) for n, c in slices.items()
        }
        incidents = page_alerts.month(app, uow, sources, now, up_s)
        monitor_alerts = self_monitoring_alerts(app, uow, alerts)
        gates = impacts(app, uow, states, list(sources))
        began = uow.reports.first_slot()
    met, missed, nearest = _budgets(health)
    spare = None
    if nearest is not None:
        source = sources[nearest]
        level = sla_of(source, "30d", windows["30d"], seen[nearest]["30d"], index.intervals(source))
        spare = level.spare_slices * level.slice_s if level and level.spare_slices is not None else None
    return FleetPage(
        health=health,
        month=_stretch("30d", {name: sources[name] for name in (*met, *missed)}, seen),
        days=days,
        met=met,
        missed=missed,
        nearest=nearest,
        spare_s=spare,
        week=_stretch("week", sources, seen) if _seen_enough(began, *windows["week"]) else UNSEEN,
        week_before=_stretch("before", sources, seen) if _seen_enough(began, *windows["before"]) else UNSEEN,
        planned=_planned(app, index, now),
        alerts=page_alerts.shown(alerts, now, steady),
        incidents=incidents,
        limits={name: limits_for(source, app.config.rules) for name, source in sources.items()},
        stale_after_s=STALE_TICKS * app.config.tick_s,
        version=version,
        targets=tuple(sorted({float(s.sla.uptime * 100) for s in sources.values()})),
        monitor_alerts=monitor_alerts,
        impacts=gates,
        observing_since=began,
        root_causes=root_cause_lines(sources, alerts, states),
        noise=noise,
    )


def _budgets(health: FleetHealth) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """Who meets the target, who misses it (worst first), and who has least left to lose. As SlaResult.met says it."""
    evaluated = [
        (r.budget_left if r.budget_left is not None else 100.0, r.source, (r.uptime["30d"] or 0.0) >= r.target)
        for r in health.rows
        if r.uptime["30d"] is not None and (r.coverage_30d or 0.0) >= float(100 * MINIMUM_COVERAGE)
    ]
    met = sorted((left, name) for left, name, well in evaluated if well)
    missed = sorted((left, name) for left, name, well in evaluated if not well)
    return tuple(n for _, n in met), tuple(n for _, n in missed), met[0][1] if met else None


def trends(app: App, names: Collection[str]) -> dict[str, Trend]:
    """What the rows of these sources draw."""
    now = app.now()
    with app.store.read() as uow:
        asked = stored(uow, names)
        until = window_end(uow.states.newest_slot(now), now)
        since = until - DAY_S
        bars = strips_of(app, uow, asked, since, until, STRIP_BUCKET_S) if asked else {}
        daily = uow.rollups.daily(asked, now - MONTH_S, now) if asked else {}
    first = (now - MONTH_S) // DAY_S + 1
    return {name: _trend(bars.get(name, []), dict(daily.get(name, [])), first) for name in names}


def _trend(bars: Iterable[Bar], days: Mapping[int, Summary], first: int) -> Trend:
    month = [days.get(DAY_S * day) for day in range(first, first + 30)]
    return Trend(
        bars=tuple(bars),
        p95_ms=tuple(day.p95 if day else None for day in month),
        quality=tuple(day.mean_quality if day else None for day in month),
        answered=tuple(bool(day and (day.up or day.degraded)) for day in month),
    )


def active_alerts(uow: UnitOfWork, source: str | None = None) -> list[Alert]:
    """Pending and open ones, of one source or of all."""
    return [a for a in uow.alerts.watched().values() if a.active and source in (None, a.source)]


class FleetDays:
    """The fleet's uptime of each of the last 30 days. A whole day is read once an hour at most: 1,000 sources x 30 days
    take most of a second to decode.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[int, Fraction | None]] = {}

    def known(self, now: int) -> tuple[float | None, ...]:
        """As far as it was read; None for a day without a verdict, or one that is not read yet."""
        today = now // DAY_S
        return tuple(percent(self._kept.get(day, (0, None))[1]) for day in range(today - 29, today + 1))

    def read(self, app: App) -> None:
        """Today, and what is missing or older than an hour."""
        now, sources = app.now(), app.config.sources
        today = now // DAY_S
        wanted = [d for d in range(today - 29, today) if d not in self._kept or now - self._kept[d][0] > 3600]
        since = min(wanted, default=today)
        good: dict[int, Fraction] = {}
        evaluated: dict[int, int] = {}
        with app.store.read() as uow:
            found = uow.rollups.daily(None, since * DAY_S, now)
        for name, days in found.items():
            if name not in sources:
                continue
            for start, seen in days:
                day, counts = start // DAY_S, seen.slices
                good[day] = good.get(day, Fraction(0)) + counts.good(sources[name].sla.degraded)
                evaluated[day] = evaluated.get(day, 0) + counts.up + counts.degraded + counts.down
        fresh = {d: (now, good[d] / evaluated[d] if evaluated.get(d) else None) for d in range(since, today + 1)}
        self._kept = {d: kept for d, kept in {**self._kept, **fresh}.items() if d > today - 30}


def _stretch(label: str, sources: Mapping[str, Source], seen: Mapping[str, Mapping[str, Summary]]) -> Stretch:
    """Every timeslice of every source counts the same; planned ones are not among them."""
    good, evaluated = Fraction(0), 0
    scores = []
    for name, windows in seen.items():
        if name in sources:
            counts = windows[label].slices
            good += counts.good(sources[name].sla.degraded)
            evaluated += counts.up + counts.degraded + counts.down
            quality = windows[label].mean_quality
            if quality is not None:
                scores.append(quality)
    return Stretch(percent(good / evaluated) if evaluated else None, sum(scores) / len(scores) if scores else None)


def _seen_enough(began: int | None, since: int, until: int) -> bool:
    """A monitor that began in the middle of a stretch has no figure for it."""
    return began is not None and until - max(since, began) >= MINIMUM_COVERAGE * (until - since)


def _planned(app: App, index: MaintenanceIndex, now: int) -> tuple[PlannedMaintenance, ...]:
    return tuple(
        PlannedMaintenance(
            one, tuple(n for n, s in app.config.sources.items() if one.select.matches(s)), one.start <= now
        )
        for one in index.occurrences()
        if one.end > now
    )
