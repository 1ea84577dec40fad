"""However the sources of a few providers fail and recover: no one is told anything twice, everyone hears of the end, and no
message of a provider is about another one's source.
"""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import CHANNELS, DOWN, ODDS, POLICY, T0
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.policy import Grouping, ProviderGrouping
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.alerting import actions
from busta_health_dagster.engines.alerting.grouping import NotificationPlan, plan_notifications
from busta_health_dagster.engines.alerting.lifecycle import advance
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import Context, TransitionResult

NAMES = ("a1", "a2", "a3", "a4", "b1", "b2", "c1")
OPEN = AlertState.OPEN
CAUSES = Grouping(provider=ProviderGrouping())
NAMED = st.sets(st.sampled_from(NAMES))


class ProviderLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sources = {n: replace(ODDS, name=n, provider=n[0], group="all") for n in NAMES}
        self.alerts: dict[str, Alert] = {}
        self.at = float(T0)
        self.believes: set[tuple[str, str]] = set()
        """(channel, alert) that a channel has been told of, and that goes on for all it knows."""

    def plan(self, steps: list[TransitionResult]) -> None:
        known = {a.fingerprint: a for a in self.alerts.values() if a.watched}
        plan = plan_notifications(steps, known, self.sources, CAUSES, CHANNELS, now=int(self.at), steady=self.at)
        for alert in plan.alerts.values():
            self.alerts[alert.source] = alert
        for message in plan.notifications:
            self.hear(message)

    def hear(self, message: NotificationPlan) -> None:
        if message.cause:
            assert {name[0] for name in message.fingerprints} == {message.cause}, "a source of another provider"
        for name in message.fingerprints:
            about = (message.channel, name)
            if message.event is Event.OPENED:
                assert about not in self.believes, "told twice that it opened"
            if message.event is Event.RESOLVED:
                assert about in self.believes, "told of the end, and never of the beginning"
                self.believes.discard(about)
            elif message.event not in {Event.ACKED, Event.UNACKED, Event.SNOOZED}:
                self.believes.add(about)

    def pass_(self, words: dict[str, Outcome]) -> None:
        steps = []
        for name, source in self.sources.items():
            verdict = Verdict(words[name], int(self.at), "said") if name in words else None
            ctx = Context(int(self.at), self.at, source, DOWN, lambda s, r, v: route(POLICY, s, r, v))
            step = advance(self.alerts.get(name), verdict, ctx)
            if step.alert is not None:
                self.alerts[name] = step.alert
                steps.append(step)
        self.plan(steps)

    @rule(bad=NAMED, good=NAMED, later=st.sampled_from([30, 60, 300]))
    def look(self, bad: set[str], good: set[str], later: int) -> None:
        self.at += later
        self.pass_(dict.fromkeys(good, Outcome.GOOD) | dict.fromkeys(bad, Outcome.BAD))

    @rule(provider=st.sampled_from("abc"), up=st.booleans())
    def a_provider_fails_or_recovers(self, provider: str, up: bool) -> None:
        for _ in range(2):
            self.at += 300
            self.pass_({n: Outcome.GOOD if up else Outcome.BAD for n in NAMES if n[0] == provider})

    @rule(hours=st.sampled_from([0.2, 1, 5]))
    def time_passes(self, hours: float) -> None:
        self.at += hours * 3600
        self.pass_({})

    @rule(name=st.sampled_from(NAMES), what=st.sampled_from(["ack", "snooze", "resolve"]))
    def somebody_acts(self, name: str, what: str) -> None:
        alert = self.alerts.get(name)
        if alert is None or alert.state is not OPEN:
            return
        at = (int(self.at), self.at)
        match what:
            case "ack":
                step = actions.acknowledge(alert, *at, "op-1")
            case "snooze":
                step = actions.snooze(alert, *at, "op-1", 3600)
            case _:
                step = actions.resolve_by_hand(alert, *at, "op-1")
        self.alerts[name] = step.alert or alert
        self.plan([step])

    @rule()
    def the_process_restarts(self) -> None:
        self.alerts = {name: Alert.from_dict(alert.to_dict()) for name, alert in self.alerts.items()}

    @invariant()
    def who_believes_that_it_fires_will_be_told_of_its_end(self) -> None:
        for channel, fingerprint in self.believes:
            alert = self.alerts[fingerprint.partition("/")[0]]
            assert alert.state is OPEN
            assert channel in alert.notified

    @invariant()
    def a_thread_of_a_cause_is_of_one_provider(self) -> None:
        for alert in self.alerts.values():
            mates = [other for other in self.alerts.values() if other.thread == alert.thread and alert.thread]
            if alert.cause:
                assert {other.source[0] for other in mates} == {alert.cause}
                assert all(other.cause for other in mates)

    @invariant()
    def what_is_open_has_been_told_or_waits(self) -> None:
        for alert in self.alerts.values():
            if alert.state is OPEN:
                told = {channel for channel, name in self.believes if name == alert.fingerprint}
                waiting = {channel for held in alert.held for channel in held.channels}
                assert set(alert.notified) == told | waiting


ProviderLife.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestProviderLife = ProviderLife.TestCase
