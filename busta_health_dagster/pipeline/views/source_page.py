"""What the page of one source says: how it is, how it was, why, and who is notified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.anomaly import Metric
from busta_health_dagster.domain.verdict import CheckVerdict, Outcome
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.engines.near_events import near_text
from busta_health_dagster.engines.rules import (
    decidable_checks,
    effective_rules,
    limits_for,
    rolled_out,
)
from busta_health_dagster.engines.seasons import without_verdicts
from busta_health_dagster.pipeline.alerting.asset_checks import stored_checks
from busta_health_dagster.pipeline.alerting.monotonic_clock import read_clock
from busta_health_dagster.pipeline.anomaly.anomaly_pass import check_of
from busta_health_dagster.pipeline.anomaly.fleet_detector import anomaly_rule
from busta_health_dagster.pipeline.anomaly.normal_ranges import normal_ranges_of
from busta_health_dagster.pipeline.app.calendars import as_watched, calendar_of, calendar_problems, near_events
from busta_health_dagster.pipeline.gate.impact import impacts
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.service_levels.windows import DAY_S, WINDOWS_S, sla_of, window_end
from busta_health_dagster.pipeline.views import page_alerts
from busta_health_dagster.pipeline.views.overview import MONTH_S, PlannedMaintenance, Version, active_alerts, version_of
from busta_health_dagster.pipeline.views.page_anomalies import ShownAnomaly, anomalies_of
from busta_health_dagster.pipeline.views.quota import quotas
from busta_health_dagster.pipeline.views.self_monitoring import MonitorAlert, self_monitoring_alerts
from busta_health_dagster.pipeline.views.status import fleet_health, strips_of
from busta_health_dagster.pipeline.views.vantages import seen_from
from busta_health_dagster.settings.show import show_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.alert import Transition
    from busta_health_dagster.domain.health import FleetHealth, SourceHealth
    from busta_health_dagster.domain.incident import Incident
    from busta_health_dagster.domain.observation import Observation, Phases
    from busta_health_dagster.domain.quality import QualityScore
    from busta_health_dagster.domain.quota import QuotaForecast
    from busta_health_dagster.domain.rule import Limits, Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.uptime_and_budget import SlaResult
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.gate.impact import Impact
    from busta_health_dagster.pipeline.views.page_alerts import Month, ShownAlert
    from busta_health_dagster.pipeline.views.vantages import SeenFrom
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.alerts import StoredTransition
    from busta_health_dagster.store.history import Mean
    from busta_health_dagster.store.rollup_queries import Bar, Summary

AHEAD_S = 14 * DAY_S
HOUR_S = 3600
BUCKETS_S = {"24h": 300, "7d": 1800, "30d": 3600}
"""How long one point of the chart is, per window."""
NORMAL_RANGE_STEP_S = {"24h": 1800, "7d": 3600, "30d": 10_800}
"""How far apart the points of the normal band lie."""
LAST_OBSERVATIONS = 24


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal range at one moment, in the metric's unit."""

    at: int
    p5: float
    p95: float


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One source over one window. `points` are the chart's buckets, `days` the last 30 UTC days, oldest first.

    `delivered` are items and data age in the same buckets, `custom` the source's own metrics (of 24 h each value, else hourly
    means). `bands` holds the normal ranges that are known, over the
    window; that of quality over the last 30 days, a point per day.
    """

    source: Source
    health: SourceHealth
    fleet: FleetHealth
    window: str
    since: int
    until: int
    bars: tuple[Bar, ...]
    observations: tuple[Observation, ...]
    points: tuple[Bar, ...]
    days: tuple[tuple[int, Summary], ...]
    levels: Mapping[str, SlaResult | None]
    limits: Limits
    rules: tuple[Rule, ...]
    checks: Mapping[str, CheckVerdict]
    phases: Phases | None
    usual_phases: Mapping[str, float]
    slot: int | None
    quality_at: int | None
    sample: tuple[int, int] | None
    alerts: tuple[ShownAlert, ...]
    month: Month
    planned: tuple[PlannedMaintenance, ...]
    events: tuple[PlannedMaintenance, ...]
    config: Mapping[str, Any]
    stale_after_s: int
    version: Version
    causes: Mapping[str, str]
    delivered: tuple[Mean, ...] = ()
    custom: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)
    normal_ranges: Mapping[Metric, tuple[Normal, ...]] = field(default_factory=dict)
    anomalies: tuple[ShownAnomaly, ...] = ()
    anomaly_rule: Rule | None = None
    anomaly: CheckVerdict | None = None
    monitor_alerts: tuple[MonitorAlert, ...] = ()
    impact: Impact | None = None
    observing_since: int | None = None
    quota: QuotaForecast | None = None
    vantages: tuple[SeenFrom, ...] = ()
    quorum: int | None = None
    score: QualityScore | None = None
    scored_by: str = ""
    near: str = ""
    """The known event at hand, as a sentence."""
    calendar_problem: str = ""

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Newest first."""
        return tuple(sorted(self.month.incidents, key=lambda i: -i.started_at))


def source_page(app: App, name: str, window: str = "24h") -> SourcePage:
    """The facts of one source's page; `window` is 24h, 7d or 30d. Raises KeyError for a source that no one configured."""
    source = app.config.sources[name]
    version = version_of(app)
    fleet = fleet_health(app, [name])
    health = fleet.rows[0]
    now = fleet.at
    with app.store.read() as uow:
        states = uow.states.of([name])
        until = window_end(uow.states.newest_slot(now), now)
        spans = {label: (until - span, until) for label, span in WINDOWS_S.items()}
        since = until - WINDOWS_S[window]
        index = maintenance(app, uow, until - MONTH_S, now + AHEAD_S)
        known = name in uow.sources.among([name])
        seen = uow.rollups.summary([name], spans)[name] if known else {}
        bars = strips_of(app, uow, [name], until - DAY_S, until, 1800)[name] if known else []
        points = strips_of(app, uow, [name], since, until, BUCKETS_S[window])[name] if known else []
        delivered = uow.observations.means(name, since, until, BUCKETS_S[window]) if known else []
        custom = _custom(uow, source, since, until, window) if known and source.metrics else {}
        days = uow.rollups.daily([name], now - MONTH_S, now)[name] if known else []
        observations = uow.observations.recent(LAST_OBSERVATIONS, [name], manual=True)[name] if known else []
        sample = uow.samples.get(name) if known else None
        active = active_alerts(uow)
        alerts = [a for a in active if a.source == name]
        watching = anomaly_rule(source, app.config.rules, now)
        strange = anomalies_of(uow, name, watching, now - MONTH_S, alerts) if watching is not None else ()
        monitor_alerts = self_monitoring_alerts(app, uow, active)
        impact = impacts(app, uow, states, [name]).get(name)
        open_ids = [a.id for a in alerts if a.id is not None]
        past = uow.transitions.of_all(open_ids) if open_ids else []
        sent = {
            a.id: tuple(uow.outbox.of_alert(a.id, a.opened_at))
            for a in alerts
            if a.id is not None and a.opened_at is not None
        }
        causes = uow.notes.causes()
        credits_left = quotas(app, uow, states, [name]).get(name) if known else None
        vantages = seen_from(app, uow, source) if known else ()
        event = _event(app, uow, name, now)
        limits = limits_for(as_watched(app, uow, name, now), app.config.rules)
        steady = read_clock(app, uow).at
        began = uow.reports.first_slot(name) if known else None
        scored = uow.quality.newest([name]).get(name) if known else None
        planned = index.intervals(source)
        levels = {label: sla_of(source, label, span, seen.get(label), planned) for label, span in spans.items()}
        good = levels["30d"]
        up_s = {name: float(good.good) * good.slice_s} if good else {}
        month = page_alerts.month(app, uow, {name: source}, now, up_s)
        learned = uow.baselines.learned([name]).get(name) if known else None
    state = states.get(name)
    return SourcePage(
        source=source,
        health=health,
        fleet=fleet,
        window=window,
        since=since,
        until=until,
        bars=tuple(bars),
        observations=tuple(observations),
        points=tuple(points),
        days=tuple(days),
        levels=levels,
        limits=limits,
        rules=tuple(rolled_out(rule, source, now) for rule in effective_rules(source, app.config.rules)),
        checks=_checks(app, source, limits, now, observed=state is not None),
        phases=state.phases if state else None,
        usual_phases=_usual([o for o in observations if state is None or o.slot != state.slot]),
        slot=state.slot if state else None,
        quality_at=state.quality_at if state else None,
        sample=(sample[0].total_rows, sample[1]) if sample else None,
        alerts=page_alerts.shown(alerts, now, steady, _by_alert(past), sent),
        month=month,
        planned=_coming(source, index, now),
        impact=impact,
        observing_since=began,
        quota=credits_left,
        vantages=vantages,
        quorum=app.config.settings.quorum,
        events=_coming(source, MaintenanceIndex(app.config.events, now, now + AHEAD_S), now),
        config=show_source(source, app.secrets),
        stale_after_s=3 * app.config.tick_s,
        version=version,
        causes=causes,
        delivered=tuple(delivered),
        custom=custom,
        normal_ranges=_normal(app, name, [at for at, _ in days], range(since, until + 1, NORMAL_RANGE_STEP_S[window])),
        anomalies=strange,
        anomaly_rule=watching,
        anomaly=None if watching is None else check_of(app, name, learned, now),
        monitor_alerts=monitor_alerts,
        score=scored.score if scored else None,
        scored_by=(scored.suite or "") if scored else "",
        near=event[0],
        calendar_problem=event[1],
    )


def _event(app: App, uow: UnitOfWork, name: str, now: int) -> tuple[str, str]:
    """The known event at hand, and what is wrong with its calendar, as sentences."""
    near = near_events(app, uow, now).get(name)
    return "" if near is None else near_text(near, now), calendar_of(app, calendar_problems(app, uow), name)


def _normal(app: App, name: str, days: list[int], instants: Sequence[int]) -> dict[Metric, tuple[Normal, ...]]:
    """What the detector has learned: over the chart's window, and of quality at the noon of each day."""
    noons = [at + DAY_S // 2 for at in days]
    found = {
        **normal_ranges_of(app, name, (Metric.RESPONSE, Metric.ITEMS), instants),
        **normal_ranges_of(app, name, (Metric.QUALITY,), noons),
    }
    at = {Metric.QUALITY: days}
    return {
        metric: tuple(Normal(x, b.p5, b.p95) for x, b in zip(at.get(metric, instants), some, strict=True))
        for metric, some in found.items()
    }


def _custom(
    uow: UnitOfWork, source: Source, since: int, until: int, window: str
) -> dict[str, tuple[tuple[int, float], ...]]:
    """Of each custom metric that has a value in the window, in the order of the configuration."""
    if window == "24h":
        rows = uow.observations.measured(source.name, since, until)
        found = {m: [(r.slot, r.metrics[m]) for r in rows if m in r.metrics] for m in source.metric_names}
    else:
        hours = uow.metric_rollups.series(source.name, since, until, step_s=HOUR_S)
        found = {m: [(at, stats.mean) for at, stats in hours.get(m, ())] for m in source.metric_names}
    return {metric: tuple(points) for metric, points in found.items() if points}


def _by_alert(stored: list[StoredTransition]) -> dict[int, tuple[Transition, ...]]:
    found: dict[int, list[Transition]] = {}
    for one in stored:
        found.setdefault(one.alert_id, []).append(one.transition)
    return {key: tuple(some) for key, some in found.items()}


def _checks(app: App, source: Source, limits: Limits, now: int, *, observed: bool) -> Mapping[str, CheckVerdict]:
    """Those that Dagster shows, as it shows them."""
    if observed:
        return stored_checks(app, [source.name])[source.name]
    unknown = {
        name: CheckVerdict(name, Outcome.UNKNOWN, "WARN", "not checked yet")
        for name in decidable_checks(source, limits)
    }
    return without_verdicts(unknown, source, now)


def _usual(observations: list[Observation]) -> dict[str, float]:
    """The median of each phase over the observations that answered well."""
    found: dict[str, list[float]] = {}
    for observation in observations:
        if observation.phases is not None and observation.status.word == "up":
            for name, ms in observation.phases.as_dict().items():
                found.setdefault(name, []).append(ms)
    return {name: sorted(values)[len(values) // 2] for name, values in found.items()}


def _coming(source: Source, index: MaintenanceIndex, now: int) -> tuple[PlannedMaintenance, ...]:
    return tuple(
        PlannedMaintenance(o, (source.name,), o.start <= now) for o in index.occurrences(source) if o.end > now
    )
