"""The seven invariants of section 5, for any sequence of verdicts, people, maintenance, restarts and clock jumps."""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import DOWN, ODDS, POLICY, T0
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Transition
from busta_health_dagster.domain.alert_replay import replay, snapshot
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.alerting import actions
from busta_health_dagster.engines.alerting.lifecycle import advance
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import Context, TransitionResult

RULE = replace(DOWN, for_=2, recover_after=2)
OPEN, RESOLVED = AlertState.OPEN, AlertState.RESOLVED


class AlertLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.alert: Alert | None = None
        self.transitions: list[Transition] = []
        self.steady, self.wall_offset = float(T0), 0
        self.maintenance = self.inhibited_by = ""
        self.rule = RULE
        self.listened: dict[str, bool] = {}  # channel -> does it believe that the alert is firing?
        self.good_in_a_row = 0

    def keep(self, step: TransitionResult) -> None:
        before = self.alert
        if step.superseded is not None:
            assert not step.superseded.active
            self.transitions = []
        if before is not None and step.alert is not None and before.state is OPEN and step.alert.state is OPEN:
            assert step.alert.severity >= before.severity
        self.alert = step.alert
        self.transitions += step.transitions
        for t in step.transitions:
            assert t.reason
            if t.event in (Event.ESCALATED, Event.RESOLVED, Event.PENDING, Event.SUPPRESSED) and not t.notify:
                assert any(n.reason for n in step.not_sent)
        for intent in step.intents:
            assert intent.reason
            for channel in intent.channels:
                if intent.event is Event.RESOLVED:
                    assert self.listened.get(channel), "told that it ended without having been notified that it fired"
                    self.listened[channel] = False
                elif intent.event not in (Event.ACKED, Event.UNACKED, Event.SNOOZED):
                    self.listened[channel] = True

    def look(self, verdict: Verdict | None, reprobed: bool = False) -> None:
        ctx = Context(
            int(self.steady) + self.wall_offset,
            self.steady,
            ODDS,
            self.rule,
            lambda s, r, v: route(POLICY, s, r, v),
            maintenance=self.maintenance,
            inhibited_by=self.inhibited_by,
            reprobed=reprobed,
        )
        before = self.alert
        step = advance(self.alert, verdict, ctx)
        ended = [t for t in step.transitions if t.event is Event.RESOLVED and "trial" not in t.reason]
        if before is not None and before.state is OPEN and ended:
            assert verdict is not None, "missing data resolved it"
            assert verdict.outcome is Outcome.GOOD, "missing data resolved it"
            assert self.good_in_a_row >= self.rule.recover_after
        self.keep(step)

    @rule(severity=st.sampled_from([None, Severity.WARNING, Severity.CRITICAL]))
    def bad(self, severity: Severity | None) -> None:
        self.steady += 300
        self.good_in_a_row = 0
        self.look(Verdict(Outcome.BAD, int(self.steady), "bad", severity=severity))

    @rule()
    def good(self) -> None:
        self.steady += 300
        self.good_in_a_row += 1
        self.look(Verdict(Outcome.GOOD, int(self.steady), "good"))

    @rule(reprobed=st.booleans())
    def nothing_new(self, reprobed: bool) -> None:
        self.look(None, reprobed)

    @rule()
    def unknown(self) -> None:
        self.steady += 300
        self.look(Verdict(Outcome.UNKNOWN, int(self.steady), "could not look"))

    @rule(words=st.text("bg", min_size=1, max_size=25))
    def many(self, words: str) -> None:
        for letter in words:
            self.bad(None) if letter == "b" else self.good()

    @rule(hours=st.sampled_from([0.1, 0.5, 2, 5, 30]))
    def time_passes(self, hours: float) -> None:
        self.steady += hours * 3600
        self.look(None)

    @rule(by=st.sampled_from([-3600, 3600]))
    def the_wall_clock_jumps(self, by: int) -> None:
        before = (self.alert.state, self.alert.step, self.alert.severity) if self.alert else None
        kept = self.alert.suppressed_by if self.alert else ""
        self.look(None)
        settled = (self.alert.state, self.alert.step, self.alert.severity) if self.alert else None
        self.wall_offset += by
        self.look(None)
        after = (self.alert.state, self.alert.step, self.alert.severity) if self.alert else None
        assert settled == after, (before, kept)

    @rule(name=st.sampled_from(["", "upgrade"]))
    def maintenance_begins_or_ends(self, name: str) -> None:
        self.maintenance = name

    @rule(by=st.sampled_from(["", "odds_api/source-down"]))
    def inhibition_begins_or_ends(self, by: str) -> None:
        self.inhibited_by = by

    @rule()
    def the_process_restarts(self) -> None:
        if self.alert is not None:
            self.alert = Alert.from_dict(self.alert.to_dict())

    @precondition(lambda self: self.alert is not None and self.alert.state is OPEN)
    @rule(what=st.sampled_from(["ack", "snooze", "unack", "resolve", "remove"]))
    def somebody_acts(self, what: str) -> None:
        assert self.alert is not None
        at = (int(self.steady) + self.wall_offset, self.steady)
        match what:
            case "ack":
                self.keep(actions.acknowledge(self.alert, *at, "op-1"))
            case "snooze":
                self.keep(actions.snooze(self.alert, *at, "op-1", 7200))
            case "unack" if self.alert.ack is not None:
                self.keep(actions.unacknowledge(self.alert, *at, "op-1"))
            case "resolve":
                self.keep(actions.resolve_by_hand(self.alert, *at, "op-1"))
            case "remove":
                self.keep(actions.close(self.alert, "removed", *at))
            case _:
                pass

    @rule(shadow=st.booleans())
    def the_rule_goes_on_or_off_trial(self, shadow: bool) -> None:
        self.rule = replace(RULE, shadow=shadow)

    @invariant()
    def rebuilding_from_transitions_gives_the_same_state(self) -> None:
        if self.alert is not None and self.transitions:
            assert replay(self.transitions) == snapshot(self.alert)
            assert Alert.from_dict(self.alert.to_dict()) == self.alert

    @invariant()
    def everyone_who_was_told_that_it_fired_is_told_that_it_ended(self) -> None:
        if self.alert is None:
            return
        firing = {c for c, believes in self.listened.items() if believes}
        if self.alert.state is OPEN:
            assert firing == set(self.alert.notified)
        elif self.alert.state is RESOLVED:
            assert not firing
        assert not (self.alert.shadow and self.alert.notified)

    @invariant()
    def an_alert_that_is_not_open_has_no_clock(self) -> None:
        if self.alert is not None and self.alert.state is not OPEN:
            assert self.alert.mark is None
            assert not self.alert.flapping


AlertLife.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAlertLife = AlertLife.TestCase
