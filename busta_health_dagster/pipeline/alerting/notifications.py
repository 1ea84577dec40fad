"""From a planned message to what it says: the facts of the alert, its source and its group, frozen as they are now."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Transition
from busta_health_dagster.domain.notification import (
    GroupFacts,
    Member,
    Notification,
    NotificationKind,
)
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.self_monitoring import MONITOR
from busta_health_dagster.engines.alerting.root_cause import OWN_THREAD
from busta_health_dagster.engines.near_events import source_near
from busta_health_dagster.pipeline.alerting.monitor_rules import DO
from busta_health_dagster.pipeline.alerting.notification_facts import (
    CLOSED,
    NotificationContext,
    ack_facts,
    alert_facts,
    dagster_url,
    event_sentences,
    impact_sentences,
    incident_of,
    next_facts,
    notified_channels,
    related_alerts,
    rule_facts,
    source_facts,
    verdict_facts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.engines.alerting.grouping import NotificationPlan


def build_notification(plan: NotificationPlan, scene: NotificationContext) -> Notification:
    """The notification of one planned message: of one alert, or of a group with everything its thread has told that channel."""
    first = scene.alerts[plan.fingerprints[0]]
    kind = NotificationKind.OPENED if plan.event is Event.REOPENED else NotificationKind(plan.event.value)
    if not plan.stands_alone([a.fingerprint for a in scene.threads.get((plan.thread, plan.channel), ())]):
        return _group(plan, kind, scene)
    source = scene.sources.get(first.source)
    state = scene.states.get(first.source)
    rule = scene.rules(first.source, first.rule)
    about_us = source is None or source.name not in scene.states
    return Notification(
        kind,
        scene.now,
        alert=alert_facts(first, scene),
        source=source_facts(first, source, state),
        rule=rule_facts(
            first, rule, source_near(source) if source is not None and source.name in scene.near else source
        ),
        verdict=verdict_facts(first, rule, state, kind, scene),
        incident=incident.id if (incident := scene.incidents.get(first.fingerprint)) else incident_of(first, rule),
        reason=plan.reason,
        do=DO.get(first.rule, "") if first.source == MONITOR.name else "",
        related=(
            *event_sentences(first, scene),
            *impact_sentences(first, scene),
            *related_alerts(first, scene),
        ),
        notified=tuple(notified_channels(first, scene)),
        recovered=recovered(first),
        drill=scene.drill,
        base_url="" if about_us else scene.base_url,  # only real sources have a page
        dagster_url=dagster_url(first, scene.dagster_base),
        shared_thread="" if plan.of_one_alert else plan.thread,
    )


def recovered(alert: Alert) -> bool:
    """Did it end because the source recovered?"""
    return alert.state is not AlertState.RESOLVED or not alert.resolve_reason.startswith(CLOSED)


def _group(plan: NotificationPlan, kind: NotificationKind, scene: NotificationContext) -> Notification:
    notified = {a.fingerprint: a for a in scene.threads.get((plan.thread, plan.channel), ())}
    notified |= {name: scene.alerts[name] for name in plan.fingerprints}
    alerts = list(notified.values())
    left = [a for a in alerts if a.state is AlertState.OPEN]
    if kind is NotificationKind.RESOLVED and plan.open_left:
        kind = NotificationKind.UPDATED  # some are up again, the thread goes on
    if kind in {NotificationKind.ACKED, NotificationKind.UNACKED} and not _all_acked(left, plan.fingerprints):
        kind = NotificationKind.UPDATED  # one of several: the message as a whole is as it was
    if plan.joins:
        kind = NotificationKind.UPDATED  # their readers know of the cause
    by_hand = plan.event in {Event.ACKED, Event.UNACKED, Event.SNOOZED}
    acks = [ack_facts(a) for a in left]
    coming = [n for a in left if a.ack is None and (n := next_facts(a, scene)) is not None]
    members = tuple(_member(a, scene) for a in alerts)
    return Notification(
        kind,
        scene.now,
        group=GroupFacts(
            key=_thread_key(plan, alerts),
            members=tuple(sorted(members, key=lambda m: (not m.open, -m.severity, m.tier, m.source, m.rule))),
            fleet=scene.fleet,
            since=min(a.first_bad_slot or a.opened_at or scene.now for a in alerts),
            storm=plan.storm,
            severity=max((a.severity for a in left or alerts), default=plan.severity),
            acked=acks[0] if acks and all(acks) else None,
            next=min(coming, key=lambda n: n.at, default=None),
            cause=plan.cause,
            of=scene.providers.get(plan.cause, 0),
            elsewhere=tuple(_elsewhere(plan, scene)),
        ),
        reason=plan.reason,
        related=(f"{', '.join(plan.fingerprints)}: {plan.reason}.",) if by_hand else (),
        recovered=all(recovered(a) for a in alerts),
        drill=scene.drill,
        base_url=scene.base_url,
    )


def _thread_key(plan: NotificationPlan, alerts: Sequence[Alert]) -> str:
    """Where a lone alert has lent its thread, the message goes on under the name that it began with."""
    lender = next((a for a in alerts if plan.thread == f"{OWN_THREAD}{a.fingerprint}-{a.opened_at}"), None)
    return plan.thread if lender is None else f"{OWN_THREAD}{lender.id}"


def _elsewhere(plan: NotificationPlan, scene: NotificationContext) -> Iterable[str]:
    """Sources of the same provider that fail alike, and were announced before anyone could know that it is one cause."""
    rule = scene.alerts[plan.fingerprints[0]].rule
    for other in sorted(scene.alerts.values(), key=lambda a: a.source):
        source = scene.sources.get(other.source)
        same = source is not None and plan.cause and source.provider == plan.cause and other.rule == rule
        if same and other.state is AlertState.OPEN and other.thread != plan.thread and not other.shadow:
            yield other.source


def _all_acked(left: Sequence[Alert], changed: Sequence[str]) -> bool:
    """Is every open alert of the message acknowledged, or was it before these were taken back?"""
    others = [a for a in left if a.fingerprint not in changed]
    mine = [a.ack is not None for a in left if a.fingerprint in changed]
    return all(a.ack is not None for a in others) and (all(mine) or not any(mine))


def _member(alert: Alert, scene: NotificationContext) -> Member:
    source, state = scene.sources.get(alert.source), scene.states.get(alert.source)
    reason = alert.bad_reason
    if (
        state is not None
        and alert.value is not None
        and int(alert.value) == Status.DOWN
        and state.status is Status.DOWN
    ):
        reason = state.detail or state.reason  # "down" says nothing that the shape does not
    return Member(
        alert.id or 0,
        alert.source,
        source.tier if source else 9,
        state.status if state else Status.UNKNOWN,
        alert.severity,
        alert.rule,
        reason,
        alert.state is AlertState.OPEN,
    )


def by_alert(transitions: Iterable[tuple[int, Transition]]) -> dict[int, list[Transition]]:
    """Transitions by the id of their alert, in order."""
    found: dict[int, list[Transition]] = defaultdict(list)
    for key, t in transitions:
        found[key].append(t)
    return found
