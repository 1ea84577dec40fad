"""What alerts looked like at an instant, from their transitions: the stretches that incidents are built of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.incident import AlertSpan, Incident
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import NO_OUTAGE, Pattern
from busta_health_dagster.engines.service_levels import incidents as engine
from busta_health_dagster.pipeline.maintenance.index import maintenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.maintenance import Interval
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.alerts import StoredTransition

BEFORE_S = 2 * 86400
"""How far before a window alerts are read, because they may be one incident with the first of the window."""
_PAGE = 1000


def spans_of(app: App, uow: UnitOfWork, sources: Mapping[str, Source], *, since: int, at: int) -> list[AlertSpan]:
    """What the alerts of these sources that were open after `since` looked like at the instant `at`."""
    alerts = {a.id: a for a in _alerts(uow, sources, since, at) if a.id is not None}
    if not alerts:
        return []
    silent = {rule.name for rule in app.config.rules if rule.pattern in NO_OUTAGE} | {"no-data"}
    history: dict[int, list[StoredTransition]] = defaultdict(list)
    begin = min(a.pending_at or a.opened_at or 0 for a in alerts.values())
    for stored in uow.transitions.between(begin, at):
        if stored.alert_id in alerts:
            history[stored.alert_id].append(stored)
    planned = maintenance(app, uow, begin, min(at, app.now() + BEFORE_S) + 1)
    statuses = {rule.name for rule in app.config.rules if rule.pattern is Pattern.STATUS} or {"source-down"}
    spans = []
    for key, alert in alerts.items():
        for bare in _spans(alert, history[key], at, makes_incident=alert.rule not in silent):
            source = sources[alert.source]
            span = _outside(bare, planned.intervals(source), source.interval_s)
            exact = (
                alert.rule in statuses
                or bool(alert.label)
                or span.first_good_slot_after is None
                or not span.makes_incident
            )
            spans.append(span if exact else _with_first_good(uow, span))
    return spans


def stretch_of(app: App, uow: UnitOfWork, alert: Alert, source: Source, at: int) -> Incident | None:
    """What this alert alone makes of its newest stretch, as `list_incidents` says it at the instant `at`; None where it
    makes no incident.
    """
    begun = min(x for x in (alert.pending_at, alert.opened_at, at) if x is not None)
    spans = [s for s in spans_of(app, uow, {source.name: source}, since=begun, at=at) if s.alert_id == alert.id]
    found = engine.build(spans)
    return found[-1] if found else None


def _alerts(uow: UnitOfWork, sources: Mapping[str, Source], since: int, until: int) -> list[Alert]:
    found: list[Alert] = []
    before: int | None = None
    while True:
        page = uow.alerts.list(since=since, until=until, shadow=False, before=before, limit=_PAGE)
        found += [a for a in page if a.source in sources]
        if len(page) < _PAGE:
            return found
        before = page[-1].id


def _spans(alert: Alert, history: Sequence[StoredTransition], at: int, *, makes_incident: bool) -> list[AlertSpan]:
    """One span per stretch that the alert was open: a reopened one has several."""
    assert alert.id is not None
    spans: list[AlertSpan] = []
    acked: int | None = None
    freed: int | None = None
    running: AlertSpan | None = None
    for t in (stored.transition for stored in history):
        if t.event in {Event.OPENED, Event.REOPENED} and running is None:
            first = t.numbers.get("first_bad_slot") or t.slot or t.at
            kept = t.event is Event.REOPENED and bool(t.numbers.get("ack_kept"))
            acked, freed = (acked, freed) if kept else (None, None)
            running = AlertSpan(
                alert.id,
                alert.source,
                alert.rule,
                t.severity,
                t.at,
                first,
                first,
                acked_at=acked,
                freed_at=freed,
                makes_incident=makes_incident,
                subject=alert.label,
            )
        elif t.event is Event.ACKED:
            acked, freed = t.at if acked is None else acked, None
        elif t.event is Event.UNACKED:
            freed = t.at
        if running is None:
            continue
        running = replace(running, severity=max(running.severity, t.severity), acked_at=acked, freed_at=freed)
        if t.event is Event.RESOLVED:
            last = t.numbers.get("last_bad_slot") or running.last_bad_slot
            good = t.numbers.get("first_good_slot")
            good = good if good is not None and good > last else None
            spans.append(replace(running, last_bad_slot=last, first_good_slot_after=good, resolved_at=t.at))
            running = None
    if running is not None:
        newest = alert.last_bad_slot if alert.state is AlertState.OPEN else None
        last = max(running.first_bad_slot, min(newest or running.first_bad_slot, at - 1))
        spans.append(replace(running, last_bad_slot=last))
    return spans


def _outside(span: AlertSpan, planned: Sequence[Interval], interval_s: int) -> AlertSpan:
    """Bad slots inside maintenance are no part of an incident: it begins with the first slot after it that was bad."""
    for begin, end in planned:
        if begin <= span.first_bad_slot < end:
            first = min(end + -end % interval_s, max(span.opened_at, span.first_bad_slot))
            return replace(span, first_bad_slot=first, last_bad_slot=max(first, span.last_bad_slot))
    return span


def _with_first_good(uow: UnitOfWork, span: AlertSpan) -> AlertSpan:
    """The first good slot of the source, which a share over a window or a score sees later than it was."""
    assert span.first_good_slot_after is not None
    observations = uow.observations.columns(span.last_bad_slot + 1, span.first_good_slot_after + 1, [span.source])
    good = next((x.slot for x in observations[span.source] if x.status in {Status.UP, Status.DEGRADED}), None)
    return span if good is None else replace(span, first_good_slot_after=good)
