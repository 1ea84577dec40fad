"""The stories of `pipeline/views/explain.py` as documents: for `alerts explain -o json`, for REST, and for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.rule import recover_key
from busta_health_dagster.domain.units import config_duration, iso
from busta_health_dagster.engines.alerting.flapping import STARTS_AT
from busta_health_dagster.engines.rules.limits import limit_text
from busta_health_dagster.pipeline.alerting.notification_facts import incident_of
from busta_health_dagster.pipeline.views.alert_list import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain import maintenance
    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.documents.alerts import (
        AlertExplanation,
        AlsoSeen,
        DeliveryRow,
        NotSent,
        Occurrence,
        RuleRow,
        SourceExplanation,
        Standing,
        TransitionRow,
    )
    from busta_health_dagster.domain.ladder import Ladder
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.engines.alerting import transition
    from busta_health_dagster.pipeline.views import explain
    from busta_health_dagster.store.alerts import StoredTransition


def alert_explanation(explanation: explain.AlertExplanation) -> AlertExplanation:
    """Everything about one alert."""
    alert = explanation.row.alert
    return {
        "at": iso(explanation.row.now),
        "alert": explanation.row.as_json(),
        "incident": incident_of(alert, explanation.rule),
        "rule": None if explanation.rule is None else _rule(explanation.rule),
        "rules_read_at": iso(explanation.rules_read_at),
        "policies": [_policy(ladder) for ladder in alert.ladders],
        "flapping_percent": explanation.flapping_percent,
        "flapping_starts_percent": 100.0 * STARTS_AT,
        "unknown": explanation.unknown,
        "verdicts": [
            {
                "slot": iso(x.slot),
                "outcome": x.verdict.outcome.word,
                "reason": x.verdict.reason,
                "value": x.verdict.value,
                "limit": x.verdict.limit,
                "suspect": x.suspect,
                "maintenance": x.maintenance,
            }
            for x in explanation.observations
        ],
        "transitions": [_transition(t) for t in explanation.transitions],
        "routes": [
            {"number": c.number, "select": c.select, "matched": c.matched, "reason": c.reason}
            for c in explanation.considered
        ],
        "maintenance": {"considered": explanation.windows_considered, "covering": occurrences(explanation.covering)},
        "deliveries": [_delivery(sent) for sent in explanation.sent],
        "not_sent": _not_sent(explanation.not_sent),
        "also": [_also(other) for other in explanation.others],
    }


def source_explanation(explanation: explain.SourceExplanation) -> SourceExplanation:
    """Why a source has the alerts it has, or none."""
    state = explanation.state
    return {
        "source": explanation.source,
        "imported": explanation.imported,
        "at": iso(explanation.at),
        "status": state.status.word if state else None,
        "since": iso(state.since) if state else None,
        "detail": (state.detail or state.reason) if state else None,
        "evaluated_slot": iso(state.evaluated_slot) if state and state.evaluated_slot else None,
        "rules": [_standing(rule) for rule in explanation.rules],
        "maintenance": occurrences(explanation.covering),
        "not_sent": _not_sent(explanation.not_sent),
        "alerts": [Row(a, explanation.at).as_json() for a in explanation.alerts],
    }


def occurrences(found: Iterable[maintenance.Occurrence]) -> list[Occurrence]:
    return [{"window": o.window, "start": iso(o.start), "end": iso(o.end)} for o in found]


def rule_text(rule: Rule) -> str:
    """`response_ms > 5 s, for 2, recover_after 2, warning`."""
    said = f" {'and' if rule.combine == 'all' else 'or'} ".join(
        f"{c.metric} {c.op} {limit_text(c.value, c.metric) if isinstance(c.value, int | float) else c.value}"
        for c in rule.conditions
    )
    parts = [said or rule.pattern.value, f"for {rule.for_}", f"recover_after {rule.recover_after}", rule.severity.word]
    if rule.recover_limit is not None:
        key, first = recover_key(rule.conditions[0].op), rule.conditions[0]
        parts.insert(3, f"{key} {limit_text(rule.recover_limit, first.metric)}")
    if rule.confirm:
        parts.insert(2, "confirmed")
    if rule.over_s:
        parts.insert(1, f"over {config_duration(rule.over_s)}")
    return ", ".join(parts) + (", shadow" if rule.shadow else "")


def _rule(rule: Rule) -> RuleRow:
    return {
        "name": rule.name,
        "pattern": rule.pattern.value,
        "metric": rule.conditions[0].metric if len(rule.conditions) == 1 else None,
        "text": rule_text(rule),
        "for": rule.for_,
        "recover_after": rule.recover_after,
        "severity": rule.severity.word,
        "shadow": rule.shadow,
        "config": rule.where or None,
    }


def _policy(ladder: Ladder) -> str:
    """`default: 0m warning, 30m critical, 2h pager, repeat 4h, ack_timeout 4h`."""
    policy = ladder.policy
    steps = [
        f"{config_duration(s.after_s) if s.after_s else '0m'} "
        + (s.severity.word if s.severity is not None else "+".join(s.notify))
        for s in policy.steps
    ]
    if policy.repeat_s:
        changed = " while it changes" if policy.repeat_changed else ""
        steps.append(f"repeat {config_duration(policy.repeat_s)}{changed}")
    return f"{policy.name}: {', '.join(steps)}, ack_timeout {config_duration(policy.ack_timeout_s)}"


def _transition(stored: StoredTransition) -> TransitionRow:
    t = stored.transition
    return {
        "at": iso(t.at),
        "slot": iso(t.slot),
        "event": t.event.value,
        "from": t.from_state.value if t.from_state else None,
        "to": t.to_state.value,
        "severity": t.severity.word,
        "step": t.step,
        "actor": t.actor or None,
        "reason": t.reason,
        "notify": list(t.notify),
    }


def _delivery(sent: explain.Sent) -> DeliveryRow:
    row = sent.row
    return {
        "at": iso(row.created_at),
        "channel": row.message.channel,
        "kind": row.message.kind,
        "state": row.state,
        "attempts": row.attempts,
        "due_at": iso(row.due_at),
        "finished_at": iso(row.finished_at),
        "reason": row.reason or None,
        "key": row.message.key,
        "receipt": dict(row.receipt),
        "tries": [{"at": iso(a.at), "outcome": a.outcome, "reason": a.reason} for a in sent.attempts],
    }


def _not_sent(held: Iterable[transition.NotSent]) -> list[NotSent]:
    return [
        {
            "at": iso(n.at),
            "fingerprint": n.fingerprint,
            "channel": n.channel,
            "event": n.event.value,
            "reason": n.reason,
        }
        for n in held
    ]


def _also(a: Alert) -> AlsoSeen:
    lasted = max(a.resolved_at - a.opened_at, 0) if a.resolved_at and a.opened_at else None
    return {
        "id": a.id,
        "rule": a.rule,
        "state": a.state.value,
        "reason": a.bad_reason,
        "shadow": a.shadow,
        "suppressed_by": a.suppressed_by or None,
        "progress": a.progress,
        "lasted_s": lasted,
    }


def _standing(rule: explain.RuleStanding) -> Standing:
    a = rule.alert
    return {
        "rule": rule.rule,
        "outcome": rule.outcome,
        "reason": rule.reason,
        "shadow": rule.shadow,
        "alert": a.id if a else None,
        "state": a.state.value if a else None,
        "suppressed_by": (a.suppressed_by or None) if a else None,
        "progress": a.progress if a is not None and a.state is AlertState.PENDING else None,
    }
