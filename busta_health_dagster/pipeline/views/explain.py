"""Why was I (not) notified? The whole chain of one alert, or, for a source, why there is none; each link with its reason.

Verdicts are not stored: the rule is run again over the stored observations, which gives the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert
from busta_health_dagster.domain.units import iso
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.alerting.flapping import ratio
from busta_health_dagster.engines.alerting.lifecycle import is_echo
from busta_health_dagster.engines.rules import INSTANCE_PATTERNS, rules_for, survey
from busta_health_dagster.engines.rules.limits import rolled_out
from busta_health_dagster.pipeline.alerting.monotonic_clock import latest
from busta_health_dagster.pipeline.app.calendars import near_events
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.delivery.outbox_view import waiting_reasons, why_waiting
from busta_health_dagster.pipeline.maintenance.index import maintenance, windows
from busta_health_dagster.pipeline.views.alert_list import Row, row_of

if TYPE_CHECKING:
    from busta_health_dagster.domain.maintenance import Occurrence
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import Verdict
    from busta_health_dagster.engines.alerting.routing import Considered
    from busta_health_dagster.engines.alerting.transition import NotSent
    from busta_health_dagster.engines.rules import SourceRules, SourceWindow
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.alerts import StoredTransition
    from busta_health_dagster.store.outbox_rows import Attempt, OutboxRow

DAY_S = 86400
MOST_VERDICTS_S = 7 * DAY_S
"""How much of a long alert's history is run again: its last week."""


@dataclass(frozen=True, slots=True)
class EvaluatedObservation:
    """One observation, what the rule said of it, and whether it counted (maintenance counts, and holds the alert back)."""

    slot: int
    verdict: Verdict
    suspect: bool = False
    maintenance: bool = False
    status: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message about the alert, with every attempt."""

    row: OutboxRow
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class AlertExplanation:
    """Everything about one alert. `rule` is the effective one, None when nothing of its name watches the source."""

    row: Row
    rule: Rule | None
    rules_read_at: int
    observations: tuple[EvaluatedObservation, ...]
    unknown: int
    transitions: tuple[StoredTransition, ...]
    considered: tuple[Considered, ...]
    windows_considered: int
    covering: tuple[Occurrence, ...]
    sent: tuple[Sent, ...]
    not_sent: tuple[NotSent, ...]
    others: tuple[Alert, ...]

    @property
    def flapping_percent(self) -> float:
        return round(100 * ratio(self.row.alert.history), 1)


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """One rule of one source: what it says of the newest values, and what became of that."""

    rule: str
    outcome: str
    reason: str
    shadow: bool
    alert: Alert | None


@dataclass(frozen=True, slots=True)
class SourceExplanation:
    """Why a source has the alerts that it has, or none. `imported`: no one watches it, its history came from files."""

    source: str
    at: int
    state: SourceState | None
    rules: tuple[RuleStanding, ...]
    covering: tuple[Occurrence, ...]
    not_sent: tuple[NotSent, ...]
    alerts: tuple[Alert, ...]
    imported: bool = False


def explain_alert(app: App, key: int) -> AlertExplanation:
    """The story of one alert. Raises UnknownName."""
    row = row_of(app, key)
    alert = row.alert
    begun = alert.pending_at or alert.opened_at or row.now
    ended = alert.resolved_at or row.now
    with app.store.read() as uow:
        source = known_sources(app, uow, None).get(alert.source)
        rule = app.rulebook.rule(alert.source, alert.rule) or _rule_of_import(app, source, alert.rule)
        transitions = tuple(uow.transitions.of(key))
        observations, unknown = _verdicts(app, uow, alert, source, ended)
        rows = uow.outbox.of_alert(key, begun - 1)
        clock = latest(app, uow)
        held = waiting_reasons(app, uow, clock)
        rows = [
            r if r.state in {"done", "dead", "dropped"} else replace(r, reason=why_waiting(r, held, clock))
            for r in rows
        ]
        sent = tuple(Sent(r, tuple(uow.outbox.attempts(r.id))) for r in rows)
        not_sent = tuple(uow.suppressions.of(key))
        index = maintenance(app, uow, begun, max(ended, begun) + 1)
        considered = len(windows(app, uow))
        others = [
            a for a in uow.alerts.list(sources=[alert.source], limit=200) if a.id != key and _overlap(a, begun, ended)
        ]
    opened = [t for t in transitions if t.considered]
    return AlertExplanation(
        row=row,
        rule=rule,
        rules_read_at=int(app.config.loaded_at),
        observations=observations,
        unknown=unknown,
        transitions=transitions,
        considered=opened[-1].considered if opened else (),
        windows_considered=considered,
        covering=tuple(index.occurrences(source)) if source is not None else (),
        sent=sent,
        not_sent=not_sent,
        others=tuple(others),
    )


def explain_source(app: App, name: str) -> SourceExplanation:
    """What every rule says of a source now, what is held back, and what was not sent in the last day.

    Of a source that only an import brought, "now" is the end of its history.

    Raises:
        UnknownName: neither configured nor imported.
    """
    now = app.now()
    with app.store.read() as uow:
        source = known_sources(app, uow, [name])[name]
        imported = name not in app.config.sources
        known = {s.name for s in uow.sources.all()}
        state = uow.states.get(name) if name in known else None
        if imported and state is not None:
            now = min(now, state.slot + source.interval_s)
        near = {} if imported else near_events(app, uow, now)
        compiled = (
            rules_for(source, app.config.rules)
            if imported
            else (app.rulebook.near if name in near else app.rulebook.compiled)[name]
        )
        window = compiled.window((uow.rule_windows.all([name]) if name in known else {}).get(name))
        if (window is None or not window.slot) and state is not None:
            window = _newest_values(app, uow, source, compiled, state.slot)
        watched = uow.alerts.watched()
        recent = uow.alerts.list(sources=[name], until=now + 1, limit=20)
        not_sent = tuple(uow.suppressions.of_source(name, now - DAY_S))
        covering = tuple(maintenance(app, uow, now, now + 1).occurrences(source))
    shadows = {e.rule.name for e in compiled.evaluators if rolled_out(e.rule, source, now).shadow}
    standings = []
    for rule, verdict, reason in survey(compiled, window or compiled.empty_window()):
        outcome = "not evaluated" if verdict is None else verdict.outcome.word
        alert = watched.get(f"{name}/{rule}")
        if alert is None and verdict is not None and is_echo(verdict):
            reason += f"; the last failure was {iso(verdict.last_bad)}, and after one no alert opens"
        standings.append(RuleStanding(rule, outcome, reason, rule in shadows, alert))
    week = [a for a in recent if a.active or (a.resolved_at or a.pending_at or 0) >= now - 7 * DAY_S]
    return SourceExplanation(name, now, state, tuple(standings), covering, not_sent, tuple(week), imported)


def _newest_values(app: App, uow: UnitOfWork, source: Source, compiled: SourceRules, last: int) -> SourceWindow:
    """What the rules would remember of the stored observations: an import leaves that to be built again."""
    window = compiled.empty_window()
    begin = last - window.lookback_s()
    planned = maintenance(app, uow, begin, last + 1)
    for o in uow.observations.window([source.name], begin, last + 1, manual=True).get(source.name, []):
        window.push(o, maintenance=planned.covers(source, o.slot))
    return window


def _rule_of_import(app: App, source: Source | None, name: str) -> Rule | None:
    """The rule as it watched a source that no one configured, while its history was replayed."""
    if source is None or source.name in app.config.sources:
        return None
    found = rules_for(source, [r for r in app.config.rules if r.name == name]).evaluators
    return found[0].rule if found else None


def _verdicts(
    app: App, uow: UnitOfWork, alert: Alert, source: Source | None, ended: int
) -> tuple[tuple[EvaluatedObservation, ...], int]:
    """Run the rule again over the observations from before the first bad one to the last that counted."""
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
    found: list[EvaluatedObservation] = []
    unknown = 0
    for o in uow.observations.window([source.name], begin, until, manual=True).get(source.name, []):
        inside = planned.covers(source, o.slot)
        if not window.push(o, maintenance=inside):
            continue
        verdict = evaluator.verdict(window)
        window.fresh = 0
        if o.slot < since or verdict is None or o.slot > ended:
            continue
        if not verdict.recovered and alert.first_bad_slot is not None and o.slot <= (alert.last_bad_slot or 0):
            verdict = replace(verdict, outcome=Outcome.BAD)  # between its limits: it kept the alert open
        unknown += verdict.outcome.value == 0
        found.append(EvaluatedObservation(o.slot, verdict, o.suspect, inside, o.status.word))
    return tuple(found), unknown


def _overlap(other: Alert, begun: int, ended: int) -> bool:
    start = other.pending_at or other.opened_at or 0
    stop = other.resolved_at or (ended if other.active else start)
    return start <= ended and stop >= begun
