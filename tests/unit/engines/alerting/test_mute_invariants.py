"""However alerts come and go through the nights: a muted channel hears nothing while it is muted, nothing is lost over it, nothing
is told twice, and everyone who was told of a beginning is told of its end.
"""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import DOWN, ODDS, T0
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Grouping, Mute, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.domain.weekly_hours import WeeklyHours, spans_of
from busta_health_dagster.engines.alerting import actions
from busta_health_dagster.engines.alerting.grouping import NotificationPlan, plan_notifications
from busta_health_dagster.engines.alerting.lifecycle import advance
from busta_health_dagster.engines.alerting.muting import NEVER_MUTED, muted_until
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import Context, TransitionResult

NAMES = ("a", "b", "c", "d")
NAMED = st.sets(st.sampled_from(NAMES))
HOUR = 3600
NIGHT = Mute(WeeklyHours("Europe/Berlin", spans_of(["20:00-08:00", "sat-sun"])), Severity.CRITICAL)
ALWAYS_SILENT_AT_NIGHT = replace(NIGHT, unless=None)
LADDER = Escalation(
    "day",
    (Step(0, ("chat",), Severity.WARNING), Step(4 * HOUR, ("chat", "mail"), Severity.CRITICAL)),
    repeat_s=6 * HOUR,
)
QUIET = Escalation("quiet", (Step(0, ("log",)), Step(2 * HOUR, ("push",))), repeat_s=3 * HOUR)
POLICY = AlertPolicy(
    {"day": LADDER, "quiet": QUIET},
    (
        Route(Selector(), "day", continue_=True, mute=NIGHT),
        Route(Selector(), "quiet", mute=ALWAYS_SILENT_AT_NIGHT),
    ),
)
CHANNELS = dict.fromkeys(("chat", "mail", "log", "push"))


class MutedLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sources = {n: replace(ODDS, name=n) for n in NAMES}
        self.alerts: dict[str, Alert] = {}
        self.at = float(T0)
        self.believes: set[tuple[str, str]] = set()
        self.acted: set[str] = set()

    def plan(self, steps: list[TransitionResult]) -> None:
        known = {a.fingerprint: a for a in self.alerts.values() if a.watched}
        grouping = Grouping(wait_s=60)
        plan = plan_notifications(steps, known, self.sources, grouping, CHANNELS, now=int(self.at), steady=self.at)
        for alert in plan.alerts.values():
            self.alerts[alert.source] = alert
        for message in plan.notifications:
            self.hear(message)

    def hear(self, message: NotificationPlan) -> None:
        for name in message.fingerprints:
            about, alert = (message.channel, name), self.alerts[name.partition("/")[0]]
            if message.event not in NEVER_MUTED:
                assert muted_until(alert, message.channel, self.at) is None, "told while it is muted"
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

    @rule(bad=NAMED, good=NAMED, later=st.sampled_from([30, 300, HOUR]))
    def look(self, bad: set[str], good: set[str], later: int) -> None:
        self.at += later
        self.pass_(dict.fromkeys(good, Outcome.GOOD) | dict.fromkeys(bad, Outcome.BAD))

    @rule(hours=st.sampled_from([0.2, 1, 5, 13]))
    def time_passes(self, hours: float) -> None:
        self.at += hours * HOUR
        self.pass_({})

    @rule(name=st.sampled_from(NAMES), what=st.sampled_from(["ack", "snooze", "resolve"]))
    def somebody_acts(self, name: str, what: str) -> None:
        alert = self.alerts.get(name)
        if alert is None or alert.state is not AlertState.OPEN:
            return
        at = (int(self.at), self.at)
        match what:
            case "ack":
                step = actions.acknowledge(alert, *at, "op-1")
            case "snooze":
                step = actions.snooze(alert, *at, "op-1", HOUR)
            case _:
                step = actions.resolve_by_hand(alert, *at, "op-1")
        self.alerts[name] = step.alert or alert
        self.plan([step])

    @rule()
    def the_process_restarts(self) -> None:
        self.alerts = {name: Alert.from_dict(alert.to_dict()) for name, alert in self.alerts.items()}

    @rule()
    def the_morning_comes_and_everything_open_has_been_told(self) -> None:
        while any(x.mute and x.mute.hours.covers(self.at) for a in self.alerts.values() for x in a.ladders):
            self.at += HOUR / 2
        for _ in range(2):
            self.at += 400  # longer than a group waits
            self.pass_({})
        for alert in self.alerts.values():
            quiet = alert.snooze is not None or any(x.mute and x.mute.hours.covers(self.at) for x in alert.ladders)
            if alert.state is AlertState.OPEN and not quiet and not alert.flapping:
                for channel in {c for x in alert.ladders for s in x.policy.steps[: x.step] for c in s.notify}:
                    assert (channel, alert.fingerprint) in self.believes, f"{channel} has lost {alert.fingerprint}"

    @invariant()
    def who_believes_that_it_fires_will_be_told_of_its_end(self) -> None:
        for channel, name in self.believes:
            alert = self.alerts[name.partition("/")[0]]
            assert alert.state is AlertState.OPEN
            assert channel in alert.notified

    @invariant()
    def a_channel_waits_for_one_thing(self) -> None:
        for alert in self.alerts.values():
            waiting = [c for h in alert.held for c in h.channels]
            assert len(waiting) == len(set(waiting))
            assert not alert.held or alert.state is AlertState.OPEN


MutedLife.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMutedLife = MutedLife.TestCase
