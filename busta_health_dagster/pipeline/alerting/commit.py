"""One pass into the store: alerts, transitions, what was not sent, the outbox; all in the caller's transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.engines.alerting.root_cause import provider_sizes
from busta_health_dagster.pipeline.alerting.digests import note_collected
from busta_health_dagster.pipeline.alerting.notification_facts import NotificationContext
from busta_health_dagster.pipeline.alerting.notifications import build_notification, by_alert
from busta_health_dagster.pipeline.anomaly.normal_ranges import normal_range_lookup
from busta_health_dagster.pipeline.app.calendars import near_events
from busta_health_dagster.pipeline.app.links import base_url, dagster_base
from busta_health_dagster.pipeline.gate.impact import impacts
from busta_health_dagster.pipeline.service_levels.alert_spans import stretch_of
from busta_health_dagster.store.outbox_rows import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.incident import Incident
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.engines.alerting.grouping import NotificationPlan
    from busta_health_dagster.pipeline.alerting.changes import Changes, Record
    from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

CHANGED = "alerts"
"""Kind of the live event that makes a page read again."""
_BY_HAND = frozenset({Event.ACKED, Event.UNACKED, Event.SNOOZED})
_MEASURED = {"response_ms": "response_ms", "data_age_s": "data_age_s", "items": "items"}


def commit(
    app: App, uow: UnitOfWork, book: AlertEngine, changes: Changes, states: Mapping[str, SourceState]
) -> dict[str, Alert]:
    """Write everything a pass changed, -> the saved alerts by fingerprint, with their ids."""
    saved, ids = _save(uow, changes.records)
    entries = [(key, r.transitions, r.considered) for key, r in zip(ids, changes.records, strict=True) if r.transitions]
    uow.transitions.append_all(entries)
    note_collected(uow, changes.records, changes.at)
    uow.suppressions.append(changes.not_sent, {name: alert.id for name, alert in saved.items() if alert.id is not None})
    if changes.notifications:
        alerts = {**book.alerts, **saved}
        scene = notification_context(
            app, uow, alerts, changes.notifications, now=changes.at, steady=book.steady, states=states
        )
        uow.outbox.enqueue((_message(plan, scene) for plan in changes.notifications), changes.at)
    if entries:
        uow.events.append(CHANGED, {"alerts": sorted(key for key, _, _ in entries)[:100]}, changes.at)
    return saved


def _save(uow: UnitOfWork, records: Sequence[Record]) -> tuple[dict[str, Alert], list[int]]:
    """In layers: an alert that was superseded has to be down before the new one of its fingerprint is written."""
    saved: dict[str, Alert] = {}
    ids = [0] * len(records)
    left = list(range(len(records)))
    while left:
        layer: dict[str, int] = {}
        for i in left:
            layer.setdefault(records[i].alert.fingerprint, i)
        written = uow.alerts.save(records[i].alert for i in layer.values())
        for name, i in layer.items():
            ids[i] = written[name].id or 0
        saved |= written
        taken = set(layer.values())
        left = [i for i in left if i not in taken]
    return saved, ids


def _message(plan: NotificationPlan, scene: NotificationContext) -> Message:
    notification = build_notification(plan, scene)
    ids = tuple(key for name in plan.fingerprints if (key := scene.alerts[name].id) is not None)
    if plan.cause and notification.group is not None and plan.event not in _BY_HAND:
        # It tells of every part: of those that wait to be sent, an older one need not be.
        ids = tuple(dict.fromkeys((*ids, *(m.alert_id for m in notification.group.members if m.open))))
    return Message(
        plan.key,
        plan.channel,
        notification.kind.value,
        json.loads(notification.to_json()),
        plan.thread,
        int(plan.severity),
        ids,
    )


def notification_context(
    app: App,
    uow: UnitOfWork,
    alerts: Mapping[str, Alert],
    plans: Sequence[NotificationPlan],
    *,
    now: int,
    steady: float,
    states: Mapping[str, SourceState],
) -> NotificationContext:
    """Read what these messages need beyond the alerts (by fingerprint), with one query per table."""
    rules = app.rulebook
    shared = {(p.thread, p.channel): "" if p.tells_of_all else p.channel for p in plans if not p.of_one_alert}
    notified = {at: uow.outbox.event_words(at[0], only) for at, only in shared.items()}
    earlier = {a.id: a for a in uow.alerts.by_ids({key for ids in notified.values() for key in ids})}
    earlier |= {a.id: a for a in alerts.values() if a.id is not None}
    threads = {at: [earlier[key] for key in sorted(ids) if key in earlier] for at, ids in notified.items()}
    known = {at: [a.fingerprint for a in members] for at, members in threads.items()}
    single = [alerts[p.fingerprints[0]] for p in plans if p.stands_alone(known.get((p.thread, p.channel), ()))]
    names = sorted({a.source for a in single if a.source in states})
    about = {a.id for a in single if a.id is not None}
    about |= {key for ids in notified.values() for key in ids}
    about |= {key for p in plans for name in p.fingerprints if (key := alerts[name].id) is not None}
    stored = uow.transitions.of_all(about)
    return NotificationContext(
        now=now,
        steady=steady,
        alerts=alerts,
        sources={a.source: s for a in alerts.values() if (s := rules.source(a.source)) is not None},
        rules=rules.rule,
        states=states,
        transitions=by_alert((t.alert_id, t.transition) for t in stored),
        threads=threads,
        good_values=_good_values(uow, rules, single),
        incidents=_incidents(app, uow, single, now),
        impacts=impacts(app, uow, states, names),
        near=near_events(app, uow, now),
        normal=normal_range_lookup(app, uow, now),
        fleet=len(app.config.sources),
        providers=provider_sizes(app.config.sources.values()),
        base_url=base_url(app, uow),
        dagster_base=dagster_base(app, uow),
        drill=app.drill,
    )


def _incidents(app: App, uow: UnitOfWork, single: Sequence[Alert], now: int) -> dict[str, Incident]:
    """What these alerts alone are as incidents, this pass included."""
    found: dict[str, Incident] = {}
    for alert in single:
        source = app.config.sources.get(alert.source)
        if source is None or alert.shadow or alert.opened_at in {None, now}:
            continue  # one that opens in this pass has no past yet
        incident = stretch_of(app, uow, alert, source, now + 1)
        if incident is not None:
            found[alert.fingerprint] = incident
    return found


def _good_values(uow: UnitOfWork, rules: CompiledRules, single: Sequence[Alert]) -> dict[str, tuple[float, ...]]:
    """The values of the good observations that ended an alert, where the metric is one that every observation measures."""
    wanted: dict[str, tuple[Alert, str]] = {}
    for alert in single:
        rule = rules.rule(alert.source, alert.rule)
        metric = rule.conditions[0].metric if rule is not None and len(rule.conditions) == 1 else ""
        if alert.state is AlertState.RESOLVED and alert.good_run and metric in _MEASURED:
            wanted[alert.fingerprint] = (alert, metric)
    if not wanted:
        return {}
    most = max(min(a.good_run, 5) for a, _ in wanted.values())
    recent = uow.observations.recent(most, sorted({a.source for a, _ in wanted.values()}))
    found = {}
    for name, (alert, metric) in wanted.items():
        values = [getattr(o, metric) for o in recent[alert.source][-min(alert.good_run, 5) :]]
        found[name] = tuple(float(v) for v in values if v is not None)
    return found
