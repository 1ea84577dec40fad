"""How the sources are, read from the store: the rows behind the terminal, the page, REST and the metrics. Probes nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from busta_health_dagster.domain.health import FleetHealth, SourceHealth, worst_first
from busta_health_dagster.domain.maintenance import MAINTENANCE
from busta_health_dagster.domain.rule import Limits
from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.domain.units import LATEST, config_duration, floor_to, iso
from busta_health_dagster.domain.uptime_and_budget import percent, spoken
from busta_health_dagster.engines.near_events import near_text
from busta_health_dagster.engines.reservations import reservations
from busta_health_dagster.engines.rules import limits_for
from busta_health_dagster.engines.seasons import off_season
from busta_health_dagster.engines.service_levels.timeslices import result
from busta_health_dagster.pipeline.app.calendars import as_watched, calendar_of, calendar_problems, near_events
from busta_health_dagster.pipeline.app.freshness import LAST_TICK, STALE_TICKS, is_stale, ticks_are_stale
from busta_health_dagster.pipeline.gate.impact import impacts
from busta_health_dagster.pipeline.gate.stored_lineage import feeds_without_asset
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.service_levels.windows import DAY_S, WINDOWS_S, counts_of, window_end
from busta_health_dagster.pipeline.views.quota import quotas
from busta_health_dagster.pipeline.views.vantages import seen_from

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from fractions import Fraction

    from busta_health_dagster.domain.documents.sources import SourceConfig, SourceInfo
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.uptime_and_budget import Degraded, SliceCounts
    from busta_health_dagster.engines.maintenance import MaintenanceIndex
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.rollup_queries import Bar, Counts

FAILURES_OVER_S = 6 * 3600
STRIP_BUCKET_S = 1800


def fleet_health(app: App, names: Collection[str] | None = None, *, strips: bool = False) -> FleetHealth:
    """Every source (or these), worst first. `strips` adds the last 24 h as bars of 30 minutes."""
    with app.store.read() as uow:
        states = uow.states.all() if names is None else uow.states.of(list(names))
        health = health_of(app, uow, states, names)
        asked = None if names is None else stored(uow, names)
    return with_strips(app, health, asked) if strips else health


def health_of(
    app: App, uow: UnitOfWork, states: Mapping[str, SourceState], names: Collection[str] | None = None
) -> FleetHealth:
    """The same within a reading that is under way, from the states that it has read."""
    now = app.now()
    tick = uow.meta.get(LAST_TICK)
    until = window_end(uow.states.newest_slot(now), now)
    windows = {label: (until - span, until) for label, span in WINDOWS_S.items()}
    windows["failures"] = (until - FAILURES_OVER_S, until)
    chosen = [s for s in app.config.sources.values() if names is None or s.name in names]
    seen = uow.rollups.counts(None if names is None else stored(uow, names), windows)
    planned = maintenance(app, uow, until - WINDOWS_S["30d"], now + 1)
    alerts = _open_alerts(uow)
    rules = app.config.rules
    rows = [
        _row(
            source,
            states.get(source.name),
            seen.get(source.name, {}),
            windows,
            planned,
            now,
            alerts,
            rules,
        )
        for source in chosen
    ]
    tick_s = app.config.tick_s
    return FleetHealth(
        at=now,
        rows=tuple(sorted(rows, key=worst_first)),
        tick_at=tick["at"] if tick else None,
        next_tick_at=floor_to(now, tick_s) + tick_s,
        stale_monitor=ticks_are_stale(tick["at"] if tick else None, now, tick_s),
        stale_at=None if tick is None else tick["at"] + STALE_TICKS * tick_s,
        config_problem=app.config_problem,
        until=until,
    )


def stored(uow: UnitOfWork, names: Collection[str]) -> list[str]:
    """Those of these sources that the store knows: one that was configured a moment ago it does not."""
    known = uow.sources.among(names)
    return [name for name in names if name in known]


def with_strips(app: App, health: FleetHealth, names: Sequence[str] | None = None) -> FleetHealth:
    """The same with the last 24 h of every source (or of these) as bars of 30 minutes."""
    with app.store.read() as uow:
        bars = strips_of(app, uow, names, health.until - DAY_S, health.until, STRIP_BUCKET_S)
    return replace(
        health,
        strips={name: tuple(bar.word for bar in row) for name, row in bars.items()},
        responses={name: tuple(bar.response_ms for bar in row) for name, row in bars.items()},
    )


def _open_alerts(uow: UnitOfWork) -> Mapping[str, int]:
    return uow.alerts.open_counts()


def strips_of(
    app: App, uow: UnitOfWork, names: Sequence[str] | None, since: int, until: int, bucket_s: int
) -> dict[str, list[Bar]]:
    """Bars of these sources (None: all), each marked where it lies outside their seasons: the store knows only that it is
    left out of what is counted.
    """
    bars = uow.rollups.strip(names, since, until, bucket_s)
    for name, row in bars.items():
        source = app.config.sources.get(name)
        if source is None or source.active is None:
            continue
        gaps = off_season(source.active, since, until)
        bars[name] = [
            bar._replace(off_season=any(a < bar.start + bucket_s and b > bar.start for a, b in gaps))
            if bar.maintenance
            else bar
            for bar in row
        ]
    return bars


def _shares_of(
    source: Source, span: tuple[int, int], seen: Counts | None, planned: Sequence[tuple[int, int]]
) -> tuple[float | None, float | None, float | None]:
    """Uptime, coverage and what is left of the budget, as percentages."""
    if seen is None:
        return None, None, None
    return _shares(counts_of(source, span, seen, planned), source.sla.uptime, source.sla.degraded, source.interval_s)


@lru_cache(16_384)
def _shares(
    counts: SliceCounts, target: Fraction, degraded: Degraded, interval_s: int
) -> tuple[float | None, float | None, float | None]:
    """Exact fractions are slow, and between two ticks, and among sources that are up, the counts are the same."""
    level = result(counts, source="", window="", target=target, degraded=degraded, interval_s=interval_s)
    return percent(level.uptime), percent(level.coverage), percent(level.budget_left)


def _row(
    source: Source,
    state: SourceState | None,
    seen: Mapping[str, Counts],
    windows: Mapping[str, tuple[int, int]],
    index: MaintenanceIndex,
    now: int,
    alerts: Mapping[str, int],
    rules: Sequence[Rule],
) -> SourceHealth:
    planned = index.intervals(source)
    levels = {label: _shares_of(source, windows[label], seen.get(label), planned) for label in WINDOWS_S}
    failed = seen["failures"].failure_ratio if "failures" in seen else None
    current = index.interval_at(source, now, MAINTENANCE)
    gap = index.interval_at(source, now, OFF_SEASON)
    common = {
        "source": source.name,
        "type": source.type,
        "tier": source.tier,
        "probe": source.probe,
        "group": source.group,
        "failure_rate": None if failed is None else round(100 * failed, 2),
        "uptime": {label: spoken(shares[0], shares[1]) for label, shares in levels.items()},
        "coverage_30d": levels["30d"][1],
        "budget_left": levels["30d"][2],
        "open_alerts": alerts.get(source.name, 0),
        "maintenance_until": current[1] if current else None,
        "off_season": gap is not None,
        "off_season_until": None if gap is None or gap[1] >= LATEST else gap[1],
        "target": float(source.sla.uptime * 100),
        "next_slot": floor_to(now, source.interval_s) + source.interval_s,
    }
    if state is None:
        return SourceHealth(
            status="unknown",
            since=None,
            reason="not_looked",
            detail="not checked yet",
            response_ms=None,
            items=None,
            data_age_s=None,
            quality=None,
            observed_at=None,
            stale=True,
            **common,  # type: ignore[arg-type]
        )
    scored = source.quality is not None
    return SourceHealth(
        status=state.status.word,
        since=state.since,
        reason=state.reason,
        detail=state.detail,
        response_ms=state.response_ms,
        items=None if gap is not None else state.items,
        data_age_s=None if gap is not None else state.data_age_s,
        quality=None if gap is not None else state.quality,
        observed_at=state.observed_at,
        stale=is_stale(source, state, now),
        http_status=state.http_status,
        attempts=state.attempts,
        full_at=None if state.full is None else state.full.observed_at,
        facts={} if gap is not None else state.facts,
        metrics={} if gap is not None else state.metrics,
        reservations=reservations(
            source,
            # Most have no figure that a limit could be held against, and 5,000 times the limits are a tenth of a second.
            limits_for(source, rules) if failed or (scored and state.quality is not None) else Limits(),
            quality=state.quality,
            failure_percent=common["failure_rate"],  # type: ignore[arg-type]
            budget_left=spoken(levels["30d"][2], levels["30d"][1]),
            open_alerts=alerts.get(source.name, 0),
        ),
        **common,  # type: ignore[arg-type]
    )


def source_rows(app: App) -> list[SourceConfig]:
    """Every configured source and how it is checked: the shape of `sources list -o json`."""
    return [
        {
            "source": s.name,
            "type": s.type,
            "probe": s.probe,
            "tier": s.tier,
            "group": s.group,
            "interval_s": s.interval_s,
            "stale_after_s": s.stale_after_s,
            "owners": list(s.owners),
            "tags": dict(s.tags),
            "config": s.where,
        }
        for s in app.config.sources.values()
    ]


def source_info(app: App, name: str) -> SourceInfo:
    """All that is known of one source, as plain values: state, last payload, limits, configuration."""
    source = app.config.sources[name]
    row = fleet_health(app, [name]).rows[0]
    with app.store.read() as uow:
        known = uow.sources.among([name])
        state = uow.states.get(name) if name in known else None
        sample = uow.samples.get(name) if name in known else None
        missing = feeds_without_asset(uow, source)
        impact = impacts(app, uow, {} if state is None else {name: state}, [name])[name]
        near = near_events(app, uow, app.now()).get(name)
        limits = limits_for(as_watched(app, uow, name, app.now()), app.config.rules)
        calendar_problem = calendar_of(app, calendar_problems(app, uow), name)
        seen_there = seen_from(app, uow, source) if known else ()
        credits_left = None if state is None else quotas(app, uow, {name: state}, [name]).get(name)
    return {
        **row.as_json(),
        "attempts": row.attempts,
        "http_status": row.http_status,
        "phases_ms": state.phases.as_dict() if state and state.phases else None,
        "payload": dict(row.facts),
        "sample_rows": len(sample[0].rows) if sample else None,
        "sample_taken_at": iso(sample[1]) if sample else None,
        "limits": {
            "response_ms": limits.response_ms,
            "data_age_s": limits.data_age_s,
            "failure_percent": None if limits.failure_ratio is None else limits.failure_ratio * 100,
            "quality": limits.quality,
        },
        "sla": {
            "uptime": row.target,
            "quality": float(source.sla.quality * 100),
            "degraded": source.sla.degraded,
        },
        "probe": source.probe,
        "interval": config_duration(source.interval_s),
        "full_every": config_duration(source.full_every_s),
        "full_observed_at": row.as_json()["observed_at"] if row.full_at is None else iso(row.full_at),
        "timeout": config_duration(source.timeout_s),
        "confirm": source.confirm,
        "group": source.group,
        "owners": list(source.owners),
        "tags": dict(source.tags),
        "feeds": list(source.feeds),
        "feeds_without_asset": missing,
        "usable": impact.verdict.usable,
        "gate": impact.override or impact.verdict.reason,
        "hits": impact.radius.sentence if impact.radius is not None else None,
        "quota": None if credits_left is None else credits_left.as_json(),
        "vantages": [one.as_json() for one in seen_there],
        "near_event": None if near is None else near_text(near, app.now()),
        "calendar_problem": calendar_problem or None,
        "runbook": source.runbook,
        "next_check": iso(row.next_slot),
        "config": source.where,
    }
