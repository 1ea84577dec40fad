"""One alert pass: read, decide, and write everything in one transaction, so that a kill leaves all of it or none.

A lease, taken and given back inside that transaction, lets one pass run at a time on either database, and cannot be
left behind by a pass that died.
"""

from __future__ import annotations

import os
import platform
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.channels.event_filter import event_filters
from busta_health_dagster.domain import self_monitoring
from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.errors import Refused
from busta_health_dagster.domain.observation import Kind
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.quorum import GRACE_S
from busta_health_dagster.pipeline.alerting import evaluation, monitor_rules
from busta_health_dagster.pipeline.alerting.asset_checks import asset_checks
from busta_health_dagster.pipeline.alerting.changes import Changes
from busta_health_dagster.pipeline.alerting.commit import commit
from busta_health_dagster.pipeline.alerting.digests import send_due
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules
from busta_health_dagster.pipeline.alerting.monotonic_clock import read_clock, save_clock
from busta_health_dagster.pipeline.alerting.on_call_calendars import rotations_now
from busta_health_dagster.pipeline.anomaly import anomaly_pass
from busta_health_dagster.pipeline.app.calendars import near_events
from busta_health_dagster.pipeline.app.failpoints import failpoint
from busta_health_dagster.pipeline.app.freshness import LAST_TICK, STALE_TICKS, clock_set_back
from busta_health_dagster.pipeline.app.overload import slot_count
from busta_health_dagster.pipeline.app.vantages import expect_reports, vantage_reports
from busta_health_dagster.pipeline.gate.jobs import held_facts
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.observing.observe import due

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from busta_health_dagster.domain.observation import Observation, SourceState
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import CheckVerdict, InstanceReading, Verdict
    from busta_health_dagster.engines.maintenance import MaintenanceIndex
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

LEASE = "alert_pass"
LEASE_S = 120.0


@dataclass(frozen=True, slots=True)
class AlertPassResult:
    """What one pass came to. `verdicts` are the asset checks of every source, empty unless the pass was a whole one."""

    verdicts: Mapping[str, Mapping[str, CheckVerdict]] = field(default_factory=dict)
    observations: int = 0
    changes: Changes = field(default_factory=lambda: Changes(0))
    clock_note: str = ""

    @property
    def opened(self) -> int:
        return sum(
            t.to_state is AlertState.OPEN and t.from_state is not AlertState.OPEN for t in self.changes.transitions
        )

    @property
    def resolved(self) -> int:
        return sum(
            t.to_state is AlertState.RESOLVED and t.from_state is AlertState.OPEN for t in self.changes.transitions
        )


def alert_pass(
    app: App,
    *,
    manual: Iterable[Observation] = (),
    instance: InstanceReading | None = None,
    whole: bool = True,
    ticking: bool = False,
    shard: int | None = None,
    stopped: Sequence[str] | None = None,
) -> AlertPassResult:
    """Evaluate every observation that no pass has evaluated, run the timers, and put the messages into the outbox.

    `whole` also reads new scores, silent slots and the asset checks of all sources: the tick's pass. Without it only
    what is pending is read: the sensor's pass, which costs next to nothing when nothing happens. `manual` are observations of
    this moment, stored already; `instance` is what was read of the Dagster instance, whose cursors are kept with what
    they stand for (None: no one has read it); `ticking` says that a tick is at work, and has observed what was due (of its
    `shard`); `stopped` are schedules and sensors of ours that someone stopped (None: unknown).

    No clock speaks on old news: the escalation, repeat or end of a snooze of a source that a tick is about to observe
    waits for that.

    Raises:
        Refused: another pass holds the lease.
        StoreError: the store cannot be used; nothing was written.
    """
    by_hand = tuple(manual)
    with locked(app) as uow:
        now = app.now()
        states = {n: s for n, s in uow.states.all().items() if n in app.config.sources}
        rules = app.rulebook
        pending = {n for n, s in states.items() if s.pending} | {o.source for o in by_hand}
        names = None if whole else pending
        intake = (
            evaluation.load_windows(uow, rules, states, names) if whole or pending else evaluation.EvaluationBatch({})
        )
        steady = read_clock(app, uow)
        book = AlertEngine(
            rules,
            _planned(app, uow, intake, states, now),
            uow.alerts.watched().values(),
            silences=uow.silences.active(now),
            on_call=rotations_now(app, uow),
            rule_states=intake.rule_states,
        )
        waiting = due_sources(app, states, now) - {o.source for o in by_hand}
        if ticking:
            waiting = frozenset(n for n in waiting if _observed_elsewhere(app.config.sources[n], shard))
        book.begin(now, steady.at, _reprobed(app, book, states, now), waiting, near_events(app, uow, now))
        # Only the running monitor knows; a person's check may use other files.
        in_force = ticking or all(o.kind is Kind.CONFIRMATION for o in by_hand)
        if in_force:
            book.leave_lost_channels()
        anomalies = anomaly_pass.evaluate_pending(
            app, uow, intake.cursors, states, book.planned, book.confirms_anomalies()
        )
        evaluation.evaluate_observations(uow, book, intake, states, by_hand=by_hand, anomalies=anomalies)
        tick = uow.meta.get(LAST_TICK)
        if whole:
            evaluation.evaluate_scores(uow, book, intake, states)
            evaluation.close_slots(book, intake, tick["started_at"] if tick else None)
        book.evaluate_external((*(instance.facts if instance is not None else ()), *held_facts(app, uow)))
        slow = monitor_rules.instance_verdict(instance, now)
        if slow is not None:
            book.take(self_monitoring.MONITOR, self_monitoring.INSTANCE_SLOW, slow)
        if in_force:
            _evaluate_monitor(app, uow, book, states, tick["at"] if tick else None, ticking=ticking, stopped=stopped)
            book.close_removed()
        changes = book.finish()
        evaluation.save_windows(uow, intake, states)
        failpoint("after_evaluate")
        commit(app, uow, book, changes, states)
        send_due(app, uow, now)
        save_clock(uow, steady)
        for key, value in (instance.remember if instance is not None else {}).items():
            uow.meta.put(key, value)
        failpoint("before_commit")
    failpoint("after_commit")
    verdicts = asset_checks(app, states, intake.rule_states, book.planned, now) if whole else {}
    return AlertPassResult(verdicts, intake.observations, changes, steady.note)


@contextmanager
def locked(app: App) -> Iterator[UnitOfWork]:
    """A transaction in which no one else moves alerts.

    Raises:
        Refused: someone holds the lease outside a transaction (no version of busta does).
    """
    owner = f"{platform.node()}:{os.getpid()}"
    with app.store.write() as uow:
        if not uow.leases.acquire(LEASE, owner, LEASE_S, app.clock.now()):
            holder = uow.leases.holder(LEASE, app.clock.now())
            raise Refused(
                f"Another alert pass ({holder}) is at work and keeps the lease for at most {LEASE_S:.0f} s. Try again."
            )
        yield uow
        uow.leases.release(LEASE, owner)


def due_sources(app: App, states: Mapping[str, SourceState], now: int) -> frozenset[str]:
    """Sources of which a tick is about to make an observation; not those that no tick has ever observed. For vantage points
    that let the others wait, nothing else does.
    """
    found = due(app.config.sources.values(), states, now)
    return frozenset(
        s.name
        for s, slot in found
        if s.name in states and states[s.name].scheduled_slot is not None and not (s.vantages and now - slot >= GRACE_S)
    )


def _observed_elsewhere(source: Source, shard: int | None) -> bool:
    """Not by the tick of this shard, which has just observed its own."""
    return bool(source.vantages) or (shard is not None and source.shard != shard)


def compile_rules(app: App) -> CompiledRules:
    """Rules compiled for every source, the monitor's own rules, and the events of each channel."""
    config = app.config
    also = {self_monitoring.MONITOR.name: (self_monitoring.MONITOR, self_monitoring.MONITOR_RULES)}
    filters = event_filters(config.policy.channels, app.channels.registry)
    return CompiledRules.of(config.sources.values(), config.rules, config.policy, filters, also)


def _planned(
    app: App, uow: UnitOfWork, intake: evaluation.EvaluationBatch, states: Mapping[str, SourceState], now: int
) -> MaintenanceIndex:
    starts = [now - 86400, *([intake.since] if intake.since is not None else [])]
    newest = max((s.slot for s in states.values()), default=now)
    return maintenance(app, uow, min(starts), max(now, newest) + 1)


def _reprobed(app: App, book: AlertEngine, states: Mapping[str, SourceState], now: int) -> frozenset[str]:
    """Sources whose maintenance has just ended, whose newest observation was the one taken before its end, and of which no
    scheduled observation is due yet.
    """
    found = set()
    for alert in book.alerts.values():
        source, state = app.config.sources.get(alert.source), states.get(alert.source)
        if source is None or state is None or not alert.suppressed_by.startswith("maintenance"):
            continue
        ends = [end for _, end in book.planned.intervals(source) if end <= now]
        if (
            ends
            and max(ends) - app.config.tick_s <= state.slot < max(ends)
            and floor_to(now, source.interval_s) < max(ends)
        ):
            found.add(source.name)
    return frozenset(found)


def _evaluate_monitor(
    app: App,
    uow: UnitOfWork,
    book: AlertEngine,
    states: Mapping[str, SourceState],
    last_tick: int | None,
    *,
    ticking: bool,
    stopped: Sequence[str] | None,
) -> None:
    us = self_monitoring.MONITOR
    network = monitor_rules.network_verdict(states.values(), app.config.tick_s)
    known = book.alerts.get(f"{us.name}/{self_monitoring.NETWORK.name}")
    if network is not None and (known is None or known.evaluated_slot < network.slot):
        book.take(us, self_monitoring.NETWORK, network)
    book.take(us, self_monitoring.CONFIGURATION, monitor_rules.configuration_verdict(app.config_problem, book.now))
    set_back = clock_set_back(app.config.sources, states, book.now)
    ticks = monitor_rules.ticks_verdict(
        last_tick, app.config.tick_s, STALE_TICKS, book.now, ticking=ticking, set_back=set_back
    )
    if ticks is not None:
        book.take(us, self_monitoring.TICKS, ticks)
    asleep = monitor_rules.stopped_verdict(stopped, book.now)
    if asleep is not None:
        book.take(us, self_monitoring.SENSOR_STOPPED, asleep)
    overload = monitor_rules.overload_verdict(slot_count(app, uow), book.now)
    if overload is not None:
        book.take(us, self_monitoring.OVERLOADED, overload)
    away = _vantages_verdict(app, uow, book, ticking=ticking)
    if away is not None:
        book.take(us, self_monitoring.VANTAGE_AWAY, away)


def _vantages_verdict(app: App, uow: UnitOfWork, book: AlertEngine, *, ticking: bool) -> Verdict | None:
    names = tuple(app.config.settings.vantages)
    known = book.alerts.get(f"{self_monitoring.MONITOR.name}/{self_monitoring.VANTAGE_AWAY.name}")
    if not names and known is None:
        return None
    if ticking:
        expect_reports(uow, names, book.now)
    limit_s = STALE_TICKS * app.config.tick_s
    return monitor_rules.vantages_verdict(names, vantage_reports(uow, names), limit_s, book.now)
