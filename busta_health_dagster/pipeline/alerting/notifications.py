"""From a planned message to what it says: the facts of the alert, its source and its group, frozen as they are now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Hold, Transition
from busta_health_dagster.domain.notification import (
    AckFacts,
    AlertFacts,
    GroupFacts,
    Member,
    NextFacts,
    Normal,
    Notification,
    NotificationKind,
    Notified,
    RuleFacts,
    SourceFacts,
    VerdictFacts,
)
from busta_health_dagster.domain.observation import SourceState, Status
from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.domain.self_monitoring import DAGSTER, MONITOR
from busta_health_dagster.domain.sla import percent
from busta_health_dagster.engines.alerting.escalation import is_recovering, upcoming
from busta_health_dagster.engines.alerting.flapping import ratio
from busta_health_dagster.engines.rules.limits import limit_value
from busta_health_dagster.pipeline.alerting.monitor_rules import DO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.incident import Incident
    from busta_health_dagster.domain.sla import SlaResult
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.alerting.grouping import NotificationPlan
    from busta_health_dagster.pipeline.gate.impact import Impact

CLOSED = ("by hand", "removed", "the rule left", "import ended")
"""How the reasons begin that end an alert without a recovery."""
_FIRES = frozenset({Event.OPENED, Event.REOPENED, Event.ESCALATED, Event.RENOTIFIED, Event.FLAPPING_STARTED})
_OWN_THREAD = "alert-"


@dataclass(frozen=True, slots=True)
class NotificationContext:
    """What notices are written from. Alerts have their ids; `transitions` are of the alerts that messages are about.

    `threads` are the alerts of group threads, by thread. `levels` and `good_values` are there for the sources of
    single messages, `incidents` their newest stretch by fingerprint; `normal` answers from the baselines, None where there is none yet.
    """

    now: int
    steady: float
    alerts: Mapping[str, Alert]
    sources: Mapping[str, Source]
    rules: Callable[[str, str], Rule | None]
    states: Mapping[str, SourceState] = field(default_factory=dict)
    transitions: Mapping[int, Sequence[Transition]] = field(default_factory=dict)
    threads: Mapping[str, Sequence[Alert]] = field(default_factory=dict)
    levels: Mapping[str, SlaResult | None] = field(default_factory=dict)
    good_values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    normal: Callable[[str, str], Normal | None] | None = None
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    impacts: Mapping[str, Impact] = field(default_factory=dict)
    fleet: int = 0
    base_url: str = ""
    drill: bool = False


def build_notification(plan: NotificationPlan, scene: NotificationContext) -> Notification:
    """The notice of one planned message: of one alert, or of a group with everything its thread has told."""
    first = scene.alerts[plan.fingerprints[0]]
    kind = NotificationKind.OPENED if plan.event is Event.REOPENED else NotificationKind(plan.event.value)
    if len(plan.fingerprints) > 1 or not plan.thread.startswith(_OWN_THREAD):
        return _group(plan, kind, scene)
    source = scene.sources.get(first.source)
    state = scene.states.get(first.source)
    rule = scene.rules(first.source, first.rule)
    about_us = source is None or source.name not in scene.states
    return Notification(
        kind,
        scene.now,
        alert=alert_facts(first, scene),
        source=_source_facts(first, source, state, scene),
        rule=rule_facts(first, rule, source),
        verdict=_verdict_facts(first, rule, state, kind, scene),
        incident=incident.id if (incident := scene.incidents.get(first.fingerprint)) else incident_of(first, rule),
        reason=plan.reason,
        do=DO.get(first.rule, "") if first.source == MONITOR.name else "",
        related=(*_impact(first, scene), *_related(first, scene)),
        notified=tuple(_notified(first, scene)),
        recovered=recovered(first),
        drill=scene.drill,
        base_url="" if about_us else scene.base_url,  # only real sources have a page
    )


def recovered(alert: Alert) -> bool:
    """Did it end because the source got well?"""
    return alert.state is not AlertState.RESOLVED or not alert.resolve_reason.startswith(CLOSED)


def incident_of(alert: Alert, rule: Rule | None) -> str | None:
    """The incident's name, as `engines.service_levels.incidents` gives it to an alert that stands alone; None where there is none:
    silence, other assets and the monitor itself are no outage of a source.
    """
    if alert.id is None or alert.shadow or alert.source in {MONITOR.name, DAGSTER.name}:
        return None
    return None if rule is not None and rule.pattern is Pattern.NO_DATA else f"INC-{alert.id}"


def alert_facts(alert: Alert, scene: NotificationContext) -> AlertFacts:
    incident = scene.incidents.get(alert.fingerprint)
    first_bad, first_good = alert.first_bad_slot or alert.opened_at or scene.now, alert.first_good_slot
    if incident is not None:
        # The same seconds as `busta incidents`: this stretch alone, and no planned work before it.
        first_bad, first_good = incident.started_at, incident.resolved_at or first_good
    climbed = [t.at for t in scene.transitions.get(alert.id or 0, ()) if t.event is Event.ESCALATED]
    return AlertFacts(
        id=alert.id or 0,
        fingerprint=alert.fingerprint,
        severity=alert.severity,
        opened_at=alert.opened_at or scene.now,
        first_bad_slot=first_bad,
        state=alert.state.value,
        pending_at=alert.pending_at,
        escalated_at=climbed[-1] if climbed else None,
        resolved_at=alert.resolved_at,
        first_good_slot=first_good,
        step=max(alert.step, 1),
        of_steps=max(alert.steps, 1),
        acked=_ack(alert),
        snoozed=_held(alert.snooze),
        flapping=alert.flapping,
        flapping_percent=round(100 * ratio(alert.history), 1) if alert.flapping else None,
        next=_next(alert, scene) if alert.ack is None else None,
    )


def rule_facts(alert: Alert, rule: Rule | None, source: Source | None) -> RuleFacts:
    """The rule as it was effective; of one that is gone only the name is left."""
    if rule is None:
        return RuleFacts(alert.rule, Pattern.THRESHOLD)
    condition = rule.conditions[0] if len(rule.conditions) == 1 else None
    value = None if condition is None else condition.value
    if condition is not None and source is not None and condition.metric != "status":
        value = limit_value(condition, source)
    return RuleFacts(
        rule.name,
        rule.pattern,
        condition.metric if condition else None,
        condition.op if condition else None,
        value,
        rule.for_,
        rule.over_s,
        rule.runbook,
    )


def _group(plan: NotificationPlan, kind: NotificationKind, scene: NotificationContext) -> Notification:
    notified = {a.fingerprint: a for a in scene.threads.get(plan.thread, ())}
    notified |= {name: scene.alerts[name] for name in plan.fingerprints}
    alerts = list(notified.values())
    left = [a for a in alerts if a.state is AlertState.OPEN]
    if kind is NotificationKind.RESOLVED and plan.open_left:
        kind = NotificationKind.UPDATED  # some are well again, the thread goes on
    if kind in {NotificationKind.ACKED, NotificationKind.UNACKED} and not _all_acked(left, plan.fingerprints):
        kind = NotificationKind.UPDATED  # one of several: the message as a whole is as it was
    by_hand = plan.event in {Event.ACKED, Event.UNACKED, Event.SNOOZED}
    acks = [_ack(a) for a in left]
    coming = [n for a in left if a.ack is None and (n := _next(a, scene)) is not None]
    members = tuple(_member(a, scene) for a in alerts)
    return Notification(
        kind,
        scene.now,
        group=GroupFacts(
            key=plan.thread,
            members=tuple(sorted(members, key=lambda m: (not m.open, -m.severity, m.tier, m.source, m.rule))),
            fleet=scene.fleet,
            since=min(a.first_bad_slot or a.opened_at or scene.now for a in alerts),
            storm=plan.storm,
            severity=max((a.severity for a in left or alerts), default=plan.severity),
            acked=acks[0] if acks and all(acks) else None,
            next=min(coming, key=lambda n: n.at, default=None),
        ),
        reason=plan.reason,
        related=(f"{', '.join(plan.fingerprints)}: {plan.reason}.",) if by_hand else (),
        recovered=all(recovered(a) for a in alerts),
        drill=scene.drill,
        base_url=scene.base_url,
    )


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


def _source_facts(
    alert: Alert, source: Source | None, state: SourceState | None, scene: NotificationContext
) -> SourceFacts:
    if source is None:
        return SourceFacts(alert.source)
    level = scene.levels.get(source.name)
    if level is not None and level.met is None:
        level = None  # a month of which an hour was watched: "uptime 0%, budget left -19900%" would be no fact
    facts = SourceFacts(
        source.name,
        source.type,
        source.tier,
        source.group,
        owners=source.owners,
        tags=dict(source.tags),
        feeds=source.feeds,
        runbook=source.runbook,
        uptime_30d=percent(level.uptime) if level else None,
        target=float(source.sla.uptime * 100),
        budget_left=percent(level.budget_left) if level else None,
        detail=alert.label,
        probe=source.probe,
    )
    if state is None:
        return facts
    return replace(
        facts,
        status=state.status,
        since=state.since,
        reason=state.reason,
        detail=state.detail,
        response_ms=state.response_ms,
        items=state.items,
        data_age_s=state.data_age_s,
        attempts=state.attempts,
    )


def _verdict_facts(
    alert: Alert, rule: Rule | None, state: SourceState | None, kind: NotificationKind, scene: NotificationContext
) -> VerdictFacts:
    metric = rule.conditions[0].metric if rule is not None and len(rule.conditions) == 1 else None
    firing = kind is not NotificationKind.RESOLVED
    phases = state.phases.as_dict() if firing and state is not None and state.phases and metric == "response_ms" else {}
    return VerdictFacts(
        slot=alert.evaluated_slot,
        reason=alert.bad_reason if firing else alert.reason,
        value=None if metric == "status" else alert.value,
        limit=None if metric == "status" else alert.limit,
        worst=None if metric in {"status", None} else alert.worst,
        normal=scene.normal(alert.source, metric) if scene.normal is not None and metric else None,
        bad_in_a_row=alert.bad_run or None,
        good_values=scene.good_values.get(alert.fingerprint, ()) if not firing else (),
        phases_ms=phases,
    )


def _impact(alert: Alert, scene: NotificationContext) -> tuple[str, ...]:
    """What it hits, and what somebody did to its gate."""
    found = scene.impacts.get(alert.source)
    return () if found is None or alert.state is AlertState.RESOLVED else found.sentences


def _related(alert: Alert, scene: NotificationContext) -> Iterable[str]:
    """The other alerts of the same source, so that nobody is surprised by the next message."""
    for other in scene.alerts.values():
        if other.source != alert.source or other.fingerprint == alert.fingerprint or other.shadow or not other.active:
            continue
        if alert.label and other.rule == alert.rule:
            continue
        if other.state is AlertState.OPEN:
            quiet = f", kept quiet by {other.suppressed_by}" if other.suppressed_by else ""
            yield f"{other.rule} is open too{quiet}: {other.bad_reason}."
        elif other.suppressed_by:
            yield f"{other.rule}: {other.bad_reason}. Kept quiet by {other.suppressed_by}."
        else:
            yield f"{other.rule}: {other.bad_reason}. Not yet an alert ({other.progress})."


def _notified(alert: Alert, scene: NotificationContext) -> Iterable[Notified]:
    """Whom it had told before this pass, each once, at the first time."""
    first: dict[str, int] = {}
    for t in scene.transitions.get(alert.id or 0, ()):
        if t.event in _FIRES and t.at < scene.now:
            for channel in t.notify:
                first.setdefault(channel, t.at)
    return [Notified(channel, at) for channel, at in first.items()]


def _ack(alert: Alert) -> AckFacts | None:
    return _held(alert.ack)


def _held(hold: Hold | None) -> AckFacts | None:
    return None if hold is None else AckFacts(hold.by, hold.at, hold.note, hold.ends_at, hold.taken_over)


def _next(alert: Alert, scene: NotificationContext) -> NextFacts | None:
    if alert.state is not AlertState.OPEN or alert.suppressed_by or is_recovering(alert) or alert.shadow:
        return None
    coming = upcoming(alert, scene.now, scene.steady)
    if coming is None:
        return None
    severity = None
    if not coming.repeat:
        steps = (x.policy.steps for x in alert.ladders if len(x.policy.steps) >= coming.step)
        severity = next(
            (s[coming.step - 1].severity for s in steps if s[coming.step - 1].notify == coming.channels), None
        )
    return NextFacts(coming.at, coming.channels, severity, coming.repeat)


def by_alert(transitions: Iterable[tuple[int, Transition]]) -> dict[int, list[Transition]]:
    """Transitions by the id of their alert, in order."""
    found: dict[int, list[Transition]] = defaultdict(list)
    for key, t in transitions:
        found[key].append(t)
    return found
