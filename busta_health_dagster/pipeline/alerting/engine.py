"""The decisions of alerting over plain memory: no store, no clock. The live pass and the replay use the same engine.

A pass is `begin(now, steady)`, then for each source that has something new: feed its window and call `evaluate_rules(name)`,
then `finish()`, which runs the timers and plans the messages. Live, `pipeline.alerting.alert_pass` hands in the alerts that are
still watched and writes what `finish` returns. A replay keeps one engine for all slots, in order: nothing has to be saved.

    engine = AlertEngine(CompiledRules.of(...), MaintenanceIndex(windows, since, until))
    for slot, observations in history:  # slots in order
        engine.begin(slot, slot)
        for source, values in observations:
            window = engine.rule_states[source.name].window
            window.feed(slot, *values, maintenance=bool(window_name(engine.planned, source, slot)))
            engine.evaluate_rules(source.name)
        changes = engine.finish()
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, fingerprint
from busta_health_dagster.domain.on_call import duty_list
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.self_monitoring import DAGSTER
from busta_health_dagster.domain.silence import covering, source_labels
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.alerting.actions import close, removal_reason
from busta_health_dagster.engines.alerting.compiled_rules import CompiledRules, SourceRuleState
from busta_health_dagster.engines.alerting.grouping import Plan, plan_notifications
from busta_health_dagster.engines.alerting.inhibition import SOURCE_DOWN, OpenAlerts
from busta_health_dagster.engines.alerting.lifecycle import advance, is_over
from busta_health_dagster.engines.alerting.on_call import hand_over, staffed
from busta_health_dagster.engines.alerting.rerouting import move_to_current_route
from busta_health_dagster.engines.alerting.routing import Routed, route
from busta_health_dagster.engines.alerting.transition import GRACE_S, Context, TransitionResult
from busta_health_dagster.engines.near_events import with_event
from busta_health_dagster.engines.rules import evaluate_external, evaluate_rules
from busta_health_dagster.engines.rules.limits import rolled_out
from busta_health_dagster.pipeline.alerting.changes import Changes, Record
from busta_health_dagster.pipeline.alerting.planned_times import off_season_reason, window_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.near_events import NearEvent
    from busta_health_dagster.domain.on_call import Rotation
    from busta_health_dagster.domain.rule import Rule, Severity
    from busta_health_dagster.domain.silence import Silence
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import ExternalFact
    from busta_health_dagster.engines.maintenance import MaintenanceIndex

__all__ = ["AlertEngine", "CompiledRules", "SourceRuleState"]


class AlertEngine:
    """Every alert that is still watched, and the pass at work on it."""

    def __init__(
        self,
        rules: CompiledRules,
        planned: MaintenanceIndex,
        alerts: Iterable[Alert] = (),
        *,
        silences: Iterable[Silence] = (),
        on_call: Mapping[str, Rotation] | None = None,
        grace_s: int = GRACE_S,
        rule_states: Mapping[str, SourceRuleState] | None = None,
    ) -> None:
        self.rules = rules
        self.planned = planned
        self.silences = tuple(silences)
        self._on_call = rules.policy.on_call if on_call is None else on_call
        self.grace_s = grace_s
        self.rule_states: dict[str, SourceRuleState] = (
            dict(rule_states)
            if rule_states is not None
            else {name: SourceRuleState(compiled, compiled.empty_window()) for name, compiled in rules.compiled.items()}
        )
        self.alerts: dict[str, Alert] = {}
        self.reprobed: frozenset[str] = frozenset()
        self.due: frozenset[str] = frozenset()
        self._watched: dict[str, set[str]] = {}
        self._active: set[str] = set()
        self._held: set[str] = set()
        self._sources: dict[str, Source] = {name: c.source for name, c in rules.compiled.items()}
        self._sources |= {name: source for name, (source, _) in rules.also.items()}
        self._open = OpenAlerts(rules.policy.inhibitions, above=rules.dependencies.above)
        self.now, self.steady = 0, 0.0
        self._duty: dict[str, str] = {}
        self._near: dict[str, NearEvent] = {}
        self._steps: list[TransitionResult] = []
        self._records: dict[str, Record] = {}
        self._past: list[Record] = []
        for alert in alerts:
            self._put(alert)

    # A pass.

    def begin(
        self,
        now: int,
        steady: float,
        reprobed: frozenset[str] = frozenset(),
        due: frozenset[str] = frozenset(),
        near: Mapping[str, NearEvent] | None = None,
    ) -> None:
        """Start a pass at `now` (epoch seconds); `steady` is the clock that durations run on. `reprobed` are sources
        whose newest observation was taken just before their maintenance ended, `due` those that a tick is about to observe:
        their clocks wait for it. `near` are sources with an event at hand: stricter limits and severities hold.
        """
        self._near = dict(near or {})
        self.now, self.steady, self.reprobed, self.due = now, steady, reprobed, due
        self._duty = duty_list(self._on_call, now)
        self._steps, self._records, self._past = [], {}, []
        for name in tuple(self._held):
            step = hand_over(self.alerts[name], self._duty, now, steady)
            if step.alert is not self.alerts[name]:
                self._note(name, step)

    def evaluate_rules(self, name: str, *, may_open: bool = True) -> None:
        """Evaluate what was just pushed into this source's window.

        `may_open=False` is for observations of the past (an import, a long absence): they continue and end what is open, and
        open nothing.
        """
        rule_state = self.rule_states[name]
        near = self._near.get(name)
        rules = rule_state.rules if near is None else self.rules.near[name]
        found = evaluate_rules(rules, rule_state.window, self._watched.get(name, ()))
        if not found:
            return
        if near is not None:
            found = [(rule, with_event(verdict, near, self.now)) for rule, verdict in found]
        if len(found) > 1:
            found.sort(key=_inhibitors_first)
        for rule, verdict in found:
            self.take(rule_state.rules.source, rule, verdict, may_open=may_open)

    def evaluate_external(self, facts: Iterable[ExternalFact]) -> None:
        """Checks and runs of the Dagster instance that are new since the last pass."""
        facts = tuple(facts)
        for rule in self.rules.instance_rules if facts else ():
            for verdict in evaluate_external(rule, facts):
                self.take(DAGSTER, rule, verdict)

    def take(self, source: Source, rule: Rule, verdict: Verdict, *, may_open: bool = True) -> None:
        """Advance one alert by one verdict."""
        if off_season_reason(self.planned, source, verdict.slot):
            return  # whatever was seen then is no verdict on the source; what was open is ended by `finish`
        name = fingerprint(source.name, rule.name, verdict.label)
        alert = self.alerts.get(name)
        if alert is None and verdict.outcome is not Outcome.BAD:
            return
        if not may_open and (alert is None or alert.state is not AlertState.OPEN):
            return
        self._advance(name, verdict, source, rule)

    def confirms_anomalies(self) -> set[str]:
        """Sources that a person or another rule says have a real fault now: an open alert of another pattern, or an
        anomaly that is acknowledged.
        """
        found = set()
        for name in self._active:
            alert = self.alerts[name]
            rule = self.rules.rule(alert.source, alert.rule)
            if rule is None or alert.state is not AlertState.OPEN:
                continue
            if rule.pattern is not Pattern.ANOMALY or alert.ack is not None:
                found.add(alert.source)
        return found

    def current(self, alert: Alert) -> Alert:
        """A stored alert as this pass has it: who is on call may have changed since it was written."""
        mine = self.alerts.get(alert.fingerprint)
        return alert if mine is None or mine.id != alert.id else mine

    def note(self, step: TransitionResult) -> None:
        """Take in what a person, or the configuration, did to an alert (`engines.alerting.actions`)."""
        if step.alert is not None:
            self._note(step.alert.fingerprint, step)

    def finish(self) -> Changes:
        """Run timers, then plan the messages of the pass. What others depend on comes before them."""
        depth = self.rules.dependencies.depth
        for name in sorted(self._active, key=lambda n: (depth(self.alerts[n].source), n)):
            alert = self.alerts[name]
            source = self._sources.get(alert.source)
            rule = self.rules.rule(alert.source, alert.rule) if source is not None else None
            if source is None or rule is None:
                continue
            ended = off_season_reason(self.planned, source, self.now)
            if ended:
                self._note(name, close(alert, f"{ended}: it is not watched until then", self.now, self.steady))
            else:
                self._advance(name, None, source, rule)
        return self.plan()

    def plan(self) -> Changes:
        """The messages and records of this pass, without asking the clocks (a person's action by itself)."""
        plan = Plan()
        if self._held or any(step.intents for step in self._steps):
            plan = plan_notifications(
                self._steps,
                self.alerts,
                self._sources,
                self.rules.policy.grouping,
                self.rules.event_filters,
                now=self.now,
                steady=self.steady,
                due=self.due,
            )
            for name, alert in plan.alerts.items():
                self._record(name, alert)
                self._put(alert)
        for reason in plan.not_sent or [n for step in self._steps for n in step.not_sent]:
            name = reason.fingerprint
            record = self._records[name] if name in self._records else self._record(name, self.alerts[name])
            record.not_sent.append(reason)
        return Changes(self.now, (*self._past, *self._records.values()), plan.notifications)

    def leave_lost_channels(self) -> None:
        """Move open alerts whose channels have left the configuration to the current route, once they are observed."""
        for name, alert in list(self.alerts.items()):
            source = self._sources.get(alert.source)
            if source is None or source.name in self.due:
                continue
            step = move_to_current_route(alert, source, self._route, self.rules.event_filters, self.now, self.steady)
            if step.alert is not alert:
                self._note(name, step)

    def close_removed(self) -> None:
        """End what the configuration does not watch any more: those who know are notified, with the reason `removed`."""
        names = frozenset(self._sources)
        for name, alert in list(self.alerts.items()):
            watched = self.rules.rule(alert.source, alert.rule) is not None
            rules = frozenset({f"{alert.source}/{alert.rule}"}) if watched else frozenset()
            reason = removal_reason(alert, names, rules)
            if not reason:
                continue
            step = close(alert, reason, self.now, self.steady)
            ended = step.alert or alert
            # Nothing will check it again: it must not be watched for the rest of its 21 states.
            self._note(name, replace(step, alert=replace(ended, history=0)))

    # Bookkeeping.

    def _advance(self, name: str, verdict: Verdict | None, source: Source, rule: Rule) -> None:
        alert = self.alerts.get(name)
        at = self.now if verdict is None else verdict.slot
        present = rolled_out(rule, source, self.now)
        # What is over says nothing of how severe the next one is.
        over = alert is None or is_over(alert, present, self.steady, self.grace_s)
        severity = rule.severity if alert is None or over else alert.severity
        if verdict is not None and verdict.severity is not None:
            severity = verdict.severity if over else max(severity, verdict.severity)
        context = Context(
            self.now,
            self.steady,
            source,
            present,
            self._route,
            maintenance=window_name(self.planned, source, at),
            inhibited_by=self._open.inhibitor(name, source, rule.name, severity),
            reprobed=source.name in self.reprobed,
            due=source.name in self.due,
            grace_s=self.grace_s,
            duty=self._duty,
            silence=self._silence(
                source, rule.name, severity, alert.label if alert is not None else verdict.label if verdict else ""
            ),
        )
        step = advance(alert, verdict, context)
        if step.alert is None or (step.alert is alert and not step.transitions and not step.not_sent):
            return
        self._note(name, step)

    def _silence(self, source: Source, rule: str, severity: Severity, label: str) -> Silence | None:
        if not self.silences:
            return None
        labels = source_labels(source, rule, severity, label)
        return next(iter(covering(self.silences, labels, self.now)), None)

    def _note(self, name: str, step: TransitionResult) -> None:
        assert step.alert is not None
        if step.superseded is not None:
            self._record(name, step.superseded)
            self._past.append(self._records.pop(name))
        record = self._record(name, step.alert)
        record.transitions += step.transitions
        if step.considered:
            record.considered = step.considered
        self._steps.append(step)
        self._put(step.alert)

    def _record(self, name: str, alert: Alert) -> Record:
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = Record(alert)
        record.alert = alert
        return record

    def _put(self, alert: Alert) -> None:
        name = alert.fingerprint
        watched = alert.watched
        if watched:
            self.alerts[name] = alert
        else:
            self.alerts.pop(name, None)
        if not alert.label:  # only rules of the Dagster instance have labels, and they see every verdict
            rules = self._watched.setdefault(alert.source, set())
            (rules.add if watched else rules.discard)(alert.rule)
        (self._active.add if alert.active else self._active.discard)(name)
        (self._held.add if alert.held else self._held.discard)(name)
        source = self._sources.get(alert.source)
        if source is not None:
            doubted = alert.flapping or alert.state is AlertState.PENDING
            rule = self.rules.rule(alert.source, alert.rule) if doubted else None
            own, unconfirmed = (None, False) if rule is None else (rule.severity, rule.confirm)
            self._open.update(alert, source, own, unconfirmed=unconfirmed)

    def _route(self, source: Source, rule: str, severity: Severity) -> Routed:
        routed = route(self.rules.policy, source, rule, severity)
        return replace(routed, ladders=tuple(staffed(ladder, self._duty) for ladder in routed.ladders))


def _inhibitors_first(found: tuple[Rule, Verdict]) -> bool:
    """A source that goes down in this observation keeps its other rules quiet from this observation on."""
    return found[0].name != SOURCE_DOWN
