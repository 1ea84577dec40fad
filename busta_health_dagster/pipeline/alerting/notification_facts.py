"""What a notification says of its alert, rule, source and verdict, read from one consistent state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Hold, Transition
from busta_health_dagster.domain.notification import (
    AckFacts,
    AlertFacts,
    NextFacts,
    Normal,
    NotificationKind,
    Notified,
    RuleFacts,
    SourceFacts,
    VerdictFacts,
)
from busta_health_dagster.domain.observation import SourceState
from busta_health_dagster.domain.rule import NO_OUTAGE, Pattern, Rule
from busta_health_dagster.domain.self_monitoring import MONITOR
from busta_health_dagster.engines.alerting.digest import digest_of
from busta_health_dagster.engines.alerting.escalation import is_recovering, upcoming
from busta_health_dagster.engines.alerting.flapping import ratio
from busta_health_dagster.engines.near_events import near_text
from busta_health_dagster.engines.rules.limits import limit_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.incident import Incident
    from busta_health_dagster.domain.near_events import NearEvent
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.gate.impact import Impact

_FIRES = frozenset({Event.OPENED, Event.REOPENED, Event.ESCALATED, Event.RENOTIFIED, Event.FLAPPING_STARTED})
CLOSED = ("by hand", "removed", "the rule left", "import ended")
"""How the reasons begin that end an alert without a recovery."""


_OWN_THREAD = "alert-"


@dataclass(frozen=True, slots=True)
class NotificationContext:
    """What notifications are written from. Alerts have their ids; `transitions` are of the alerts that messages are about.

    `threads` are the alerts of group threads, by thread and channel. `good_values` are there for the sources of single
    messages, `incidents` their newest stretch by fingerprint; `providers` is how many sources each has; `normal` answers from
    the baselines, None where there is none yet.
    """

    now: int
    steady: float
    alerts: Mapping[str, Alert]
    sources: Mapping[str, Source]
    rules: Callable[[str, str], Rule | None]
    states: Mapping[str, SourceState] = field(default_factory=dict)
    transitions: Mapping[int, Sequence[Transition]] = field(default_factory=dict)
    threads: Mapping[tuple[str, str], Sequence[Alert]] = field(default_factory=dict)
    good_values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    normal: Callable[[str, str], Normal | None] | None = None
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    impacts: Mapping[str, Impact] = field(default_factory=dict)
    near: Mapping[str, NearEvent] = field(default_factory=dict)
    fleet: int = 0
    providers: Mapping[str, int] = field(default_factory=dict)
    base_url: str = ""
    dagster_base: str = ""
    drill: bool = False


def incident_of(alert: Alert, rule: Rule | None) -> str | None:
    """The incident's name, as `engines.service_levels.incidents` gives it to an alert that stands alone; None where there is none:
    silence, a job at the gate and the monitor itself are no outage.
    """
    if alert.id is None or alert.shadow or alert.source == MONITOR.name:
        return None
    return None if rule is not None and rule.pattern in NO_OUTAGE else f"INC-{alert.id}"


def dagster_url(alert: Alert, base_url: str) -> str:
    """Where Dagster's UI shows the run, sensor or asset that the newest verdict is about; empty where there is no page."""
    path = str(alert.numbers.get("path", ""))
    return f"{base_url.rstrip('/')}{path}" if path and base_url else ""


def alert_facts(alert: Alert, scene: NotificationContext) -> AlertFacts:
    incident = scene.incidents.get(alert.fingerprint)
    first_bad, first_good = alert.first_bad_slot or alert.opened_at or scene.now, alert.first_good_slot
    if incident is not None:
        # The same seconds as `busta incidents`: this stretch alone, and no maintenance before it.
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
        acked=ack_facts(alert),
        snoozed=hold_facts(alert.snoozed),
        flapping=alert.flapping,
        flapping_percent=round(100 * ratio(alert.history), 1) if alert.flapping else None,
        next=next_facts(alert, scene) if alert.ack is None else None,
        interrupted=_interrupted(scene.transitions.get(alert.id or 0, ()), first_bad),
    )


def _interrupted(history: Sequence[Transition], since: int) -> bool:
    """Was it well in between: did it end and begin again, or flap?"""
    events = [t.event for t in history if t.at > since]
    ended = events.index(Event.RESOLVED) if Event.RESOLVED in events else len(events)
    return Event.FLAPPING_STARTED in events or Event.REOPENED in events[ended:]


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


def source_facts(alert: Alert, source: Source | None, state: SourceState | None) -> SourceFacts:
    if source is None:
        return SourceFacts(alert.source)
    facts = SourceFacts(
        source.name,
        source.type,
        source.tier,
        source.group,
        owners=source.owners or tuple(alert.numbers.get("owners", ())),
        tags=dict(source.tags),
        feeds=source.feeds,
        runbook=source.runbook,
        target=float(source.sla.uptime * 100),
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


def verdict_facts(
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


def impact_sentences(alert: Alert, scene: NotificationContext) -> tuple[str, ...]:
    """What it hits, and what was done to its gate by hand."""
    found = scene.impacts.get(alert.source)
    return () if found is None or alert.state is AlertState.RESOLVED else found.sentences


def event_sentences(alert: Alert, scene: NotificationContext) -> tuple[str, ...]:
    """Why it is stricter now: the known event that its source is near."""
    near = scene.near.get(alert.source)
    if near is None or alert.state is AlertState.RESOLVED:
        return ()
    said = near_text(near, scene.now)
    return (f"{said[:1].upper()}{said[1:]}.",)


def related_alerts(alert: Alert, scene: NotificationContext) -> Iterable[str]:
    """The other alerts of the same source, so that no one is surprised by the next message."""
    for other in scene.alerts.values():
        if other.source != alert.source or other.fingerprint == alert.fingerprint or other.shadow or not other.active:
            continue
        if alert.label and other.rule == alert.rule:
            continue
        if other.state is AlertState.OPEN:
            quiet = f", suppressed by {other.suppressed_by}" if other.suppressed_by else ""
            yield f"{other.rule} is open too{quiet}: {other.bad_reason}."
        elif other.suppressed_by:
            yield f"{other.rule}: {other.bad_reason}. Suppressed by {other.suppressed_by}."
        else:
            yield f"{other.rule}: {other.bad_reason}. Not yet an alert ({other.progress})."


def notified_channels(alert: Alert, scene: NotificationContext) -> Iterable[Notified]:
    """Channels it had notified before this pass, each once, at the first time."""
    first: dict[str, int] = {}
    waiting = {c for h in alert.held if not h.knows for c in h.channels}
    for t in scene.transitions.get(alert.id or 0, ()):
        if t.event in _FIRES and t.at < scene.now:
            for channel in t.notify:
                if channel not in waiting and digest_of(alert.ladders, channel, t.severity) is None:
                    first.setdefault(channel, t.at)
    return [Notified(channel, at) for channel, at in first.items()]


def ack_facts(alert: Alert) -> AckFacts | None:
    return hold_facts(alert.ack)


def hold_facts(hold: Hold | None) -> AckFacts | None:
    return None if hold is None else AckFacts(hold.by, hold.at, hold.note, hold.ends_at, hold.taken_over)


def next_facts(alert: Alert, scene: NotificationContext) -> NextFacts | None:
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
