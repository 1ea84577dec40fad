"""Why was I (not) told? The whole chain of one alert, or, for a source, why there is none; each link with its reason.

Verdicts are not stored: the rule is run again over the stored looks, which gives the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.flapping import ratio
from busta_health_dagster.engines.rules import INSTANCE_PATTERNS, rules_for, survey
from busta_health_dagster.pipeline.alert_view import Row, row_of
from busta_health_dagster.pipeline.outbox import waiting_reasons, why_waiting
from busta_health_dagster.pipeline.pass_clock import latest
from busta_health_dagster.pipeline.planned import maintenance, windows

if TYPE_CHECKING:
    from busta_health_dagster.domain.maintenance import Occurrence
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.verdict import Verdict
    from busta_health_dagster.engines.alert_record import NotSent
    from busta_health_dagster.engines.routing import Considered
    from busta_health_dagster.pipeline.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.alerts import StoredTransition
    from busta_health_dagster.store.outbox import Attempt, OutboxRow

DAY_S = 86400
MOST_VERDICTS_S = 7 * DAY_S
"""How much of a long alert's history is run again: its last week."""


@dataclass(frozen=True, slots=True)
class JudgedLook:
    """One look, what the rule said of it, and whether it counted (maintenance counts, and holds the alert back)."""

    slot: int
    verdict: Verdict
    suspect: bool = False
    maintenance: bool = False
    status: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that told of the alert, with every attempt."""

    row: OutboxRow
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class AlertStory:
    """Everything about one alert. `rule` is the effective one, None when nothing of its name watches the source."""

    row: Row
    rule: Rule | None
    rules_read_at: int
    looks: tuple[JudgedLook, ...]
    unknown: int
    transitions: tuple[StoredTransition, ...]
    considered: tuple[Considered, ...]
    windows_looked_at: int
    covering: tuple[Occurrence, ...]
    sent: tuple[Sent, ...]
    not_sent: tuple[NotSent, ...]
    others: tuple[Alert, ...]

    @property
    def flapping_percent(self) -> float:
        return round(100 * ratio(self.row.alert.history), 1)

    def as_json(self) -> dict[str, Any]:
        """The shape of `alerts explain ID -o json`."""
        return {
            "alert": self.row.as_json(),
            "rule": None if self.rule is None else _rule_json(self.rule),
            "flapping_percent": self.flapping_percent,
            "verdicts": [
                {
                    "slot": iso(x.slot), "outcome": x.verdict.outcome.word, "reason": x.verdict.reason,
                    "value": x.verdict.value, "limit": x.verdict.limit, "suspect": x.suspect,
                    "maintenance": x.maintenance,
                }
                for x in self.looks
            ],
            "transitions": [
                {
                    "at": iso(t.transition.at), "event": t.transition.event.value,
                    "from": t.transition.from_state.value if t.transition.from_state else None,
                    "to": t.transition.to_state.value, "severity": t.transition.severity.word,
                    "step": t.transition.step, "actor": t.transition.actor or None, "reason": t.transition.reason,
                    "notify": list(t.transition.notify),
                }
                for t in self.transitions
            ],
            "routes": [
                {"number": c.number, "select": c.select, "matched": c.matched, "reason": c.reason}
                for c in self.considered
            ],
            "maintenance": {
                "looked_at": self.windows_looked_at,
                "covering": [{"window": o.window, "start": iso(o.start), "end": iso(o.end)} for o in self.covering],
            },
            "deliveries": [
                {
                    "at": iso(s.row.created_at), "channel": s.row.message.channel, "kind": s.row.message.kind,
                    "state": s.row.state, "attempts": s.row.attempts, "finished_at": iso(s.row.finished_at),
                    "reason": s.row.reason or None, "key": s.row.message.key, "receipt": dict(s.row.receipt),
                }
                for s in self.sent
            ],
            "not_sent": [
                {"at": iso(n.at), "channel": n.channel, "event": n.event.value, "reason": n.reason}
                for n in self.not_sent
            ],
            "also": [{"id": a.id, "rule": a.rule, "state": a.state.value, "reason": a.bad_reason} for a in self.others],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """One rule of one source: what it says of the newest values, and what became of that."""

    rule: str
    outcome: str
    reason: str
    shadow: bool
    alert: Alert | None


@dataclass(frozen=True, slots=True)
class SourceStory:
    """Why a source has the alerts that it has, or none."""

    source: str
    at: int
    state: SourceState | None
    rules: tuple[RuleStanding, ...]
    covering: tuple[Occurrence, ...]
    not_sent: tuple[NotSent, ...]
    alerts: tuple[Alert, ...]

    @property
    def open(self) -> tuple[Alert, ...]:
        return tuple(a for a in self.alerts if a.state is AlertState.OPEN and not a.shadow)

    def as_json(self) -> dict[str, Any]:
        """The shape of `alerts explain SOURCE -o json`."""
        state = self.state
        return {
            "source": self.source, "at": iso(self.at), "status": state.status.word if state else None,
            "since": iso(state.since) if state else None, "detail": (state.detail or state.reason) if state else None,
            "evaluated_slot": iso(state.evaluated_slot) if state and state.evaluated_slot else None,
            "rules": [
                {
                    "rule": r.rule, "outcome": r.outcome, "reason": r.reason, "shadow": r.shadow,
                    "alert": r.alert.id if r.alert else None, "state": r.alert.state.value if r.alert else None,
                    "suppressed_by": (r.alert.suppressed_by or None) if r.alert else None,
                }
                for r in self.rules
            ],
            "maintenance": [{"window": o.window, "start": iso(o.start), "end": iso(o.end)} for o in self.covering],
            "not_sent": [
                {
                    "at": iso(n.at), "fingerprint": n.fingerprint, "channel": n.channel, "event": n.event.value,
                    "reason": n.reason,
                }
                for n in self.not_sent
            ],
            "alerts": [Row(a, self.at).as_json() for a in self.alerts],
        }  # fmt: skip


def explain_alert(app: App, key: int) -> AlertStory:
    """The story of one alert. Raises UnknownName."""
    row = row_of(app, key)
    alert = row.alert
    begun = alert.pending_at or alert.opened_at or row.now
    ended = alert.resolved_at or row.now
    rule = app.rulebook.rule(alert.source, alert.rule)
    source = app.config.sources.get(alert.source)
    with app.store.read() as uow:
        transitions = tuple(uow.transitions.of(key))
        looks, unknown = _verdicts(app, uow, alert, ended)
        rows = uow.outbox.of_alert(key, begun - 1)
        clock = latest(app, uow)
        held = waiting_reasons(app, uow, clock)
        rows = [r if r.state in {"done", "dead"} else replace(r, reason=why_waiting(r, held, clock)) for r in rows]
        sent = tuple(Sent(r, tuple(uow.outbox.attempts(r.id))) for r in rows)
        not_sent = tuple(uow.suppressions.of(key))
        index = maintenance(app, uow, begun, max(ended, begun) + 1)
        looked_at = len(windows(app, uow))
        others = [
            a for a in uow.alerts.list(sources=[alert.source], limit=200) if a.id != key and _overlap(a, begun, ended)
        ]
    opened = [t for t in transitions if t.considered]
    return AlertStory(
        row=row, rule=rule, rules_read_at=int(app.config.loaded_at), looks=looks, unknown=unknown,
        transitions=transitions, considered=opened[-1].considered if opened else (), windows_looked_at=looked_at,
        covering=tuple(index.occurrences(source)) if source is not None else (), sent=sent, not_sent=not_sent,
        others=tuple(others),
    )  # fmt: skip


def explain_source(app: App, name: str) -> SourceStory:
    """What every rule says of a source now, what is held back, and what was not sent in the last day."""
    source, now = app.config.sources[name], app.now()
    with app.store.read() as uow:
        known = {s.name for s in uow.sources.all()}
        state = uow.states.get(name) if name in known else None
        kept = uow.rule_windows.all([name]) if name in known else {}
        watched = uow.alerts.watched()
        recent = uow.alerts.list(sources=[name], limit=20)
        not_sent = tuple(uow.suppressions.of_source(name, now - DAY_S))
        covering = tuple(maintenance(app, uow, now, now + 1).occurrences(source))
    compiled = app.rulebook.compiled[name]
    window = compiled.window(kept.get(name)) or compiled.empty_window()
    shadows = {e.rule.name for e in compiled.evaluators if e.rule.shadow}
    standings = []
    for rule, verdict, reason in survey(compiled, window):
        outcome = "not evaluated" if verdict is None else verdict.outcome.word
        standings.append(RuleStanding(rule, outcome, reason, rule in shadows, watched.get(f"{name}/{rule}")))
    week = [a for a in recent if a.active or (a.resolved_at or a.pending_at or 0) >= now - 7 * DAY_S]
    return SourceStory(name, now, state, tuple(standings), covering, not_sent, tuple(week))


def _verdicts(app: App, uow: UnitOfWork, alert: Alert, ended: int) -> tuple[tuple[JudgedLook, ...], int]:
    """Run the rule again over the looks from before the first bad one to the last that counted."""
    source = app.config.sources.get(alert.source)
    rules = [r for r in app.config.rules if r.name == alert.rule and r.pattern not in INSTANCE_PATTERNS]
    if source is None or not rules:
        return (), 0
    compiled = rules_for(source, rules)
    if not compiled.evaluators:
        return (), 0
    evaluator, window = compiled.evaluators[0], compiled.empty_window()
    first = min(x for x in (alert.first_bad_slot, alert.run_since, alert.pending_at, ended) if x is not None)
    since = max(first - source.interval_s, ended - MOST_VERDICTS_S)
    begin, until = since - window.lookback_s(), max(alert.evaluated_slot, ended) + 1
    planned = maintenance(app, uow, begin, until)
    found: list[JudgedLook] = []
    unknown = 0
    for o in uow.observations.window([source.name], begin, until, manual=True).get(source.name, []):
        inside = planned.covers(source, o.slot)
        if not window.push(o, maintenance=inside):
            continue
        verdict = evaluator.verdict(window)
        window.fresh = 0
        if o.slot < since or verdict is None or o.slot > ended:
            continue
        unknown += verdict.outcome.value == 0
        found.append(JudgedLook(o.slot, verdict, o.suspect, inside, o.status.word))
    return tuple(found), unknown


def _overlap(other: Alert, begun: int, ended: int) -> bool:
    start = other.pending_at or other.opened_at or 0
    stop = other.resolved_at or (ended if other.active else start)
    return start <= ended and stop >= begun


def _rule_json(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name, "pattern": rule.pattern.value, "for": rule.for_, "recover_after": rule.recover_after,
        "severity": rule.severity.word, "shadow": rule.shadow, "config": rule.where or None,
    }  # fmt: skip


def fired_at(story: AlertStory) -> set[int]:
    """The slots at which it opened or reopened."""
    events = {Event.OPENED, Event.REOPENED}
    return {
        t.transition.slot for t in story.transitions if t.transition.event in events and t.transition.slot is not None
    }
