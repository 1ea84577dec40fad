"""Everything that decides who is notified, at once: mutes, people on call, causes at a provider, storms, sources that stand on
others, flapping, trials, seasons, maintenance, people, channels that leave and come back, and restarts.

However it goes: no reader is told the same thing twice, told of what is over, or woken while it is silent; who was told of
a beginning is told of its end, in the same conversation; and what is open and may be told is told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from alert_engine_stories import DOWN, ODDS, SLOW, T0
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Hold
from busta_health_dagster.domain.maintenance import Window, off_season_window
from busta_health_dagster.domain.on_call import Rotation, Shift
from busta_health_dagster.domain.policy import (
    AlertPolicy,
    Escalation,
    Grouping,
    Mute,
    ProviderGrouping,
    Route,
    Step,
)
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.season import ActiveTimes, DateRange, Season
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.domain.weekly_hours import WEEK, WeeklyHours, spans_of
from busta_health_dagster.engines.alerting import actions
from busta_health_dagster.engines.alerting.grouping import NotificationPlan
from busta_health_dagster.engines.alerting.muting import NEVER_MUTED, muted_until
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.changes import Changes
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules
from busta_health_dagster.pipeline.alerting.planned_times import off_season_reason

HOUR, DAY = 3600, 86_400
NIGHT = Mute(WeeklyHours("UTC", spans_of(["20:00-08:00"])), Severity.CRITICAL)
ALL_NIGHT = replace(NIGHT, unless=None)
DATA = Rotation(
    "data",
    "UTC",
    datetime(2026, 11, 23, 8),
    1,
    (Shift(spans_of(["08:00-20:00"]), ("anna", "ben")), Shift(((0, WEEK),), ("night",))),
)
ON_CALL = frozenset(DATA.channels)
LADDER = Escalation(
    "day",
    (Step(0, ("chat", "data"), Severity.WARNING), Step(2 * HOUR, ("data", "mail"), Severity.CRITICAL)),
    repeat_s=6 * HOUR,
)
QUIET = Escalation("quiet", (Step(0, ("log",)), Step(2 * HOUR, ("push",))), repeat_s=3 * HOUR)
POLICY = AlertPolicy(
    {"day": LADDER, "quiet": QUIET},
    (Route(Selector(), "day", continue_=True, mute=NIGHT), Route(Selector(), "quiet", mute=ALL_NIGHT)),
    grouping=Grouping(wait_s=60, storm=4, provider=ProviderGrouping()),
    on_call={"data": DATA},
)
LISTENS = {"chat": None, "mail": frozenset({"opened", "escalated", "resolved"}), "log": None, "push": None}
LISTENS |= dict.fromkeys(ON_CALL)
INSTEAD = {"chat": "team"}
SEASON = Season(
    (ActiveTimes("UTC", (DateRange((2026, 11, 1), (2026, 11, 24)), DateRange((2026, 11, 26), (2027, 3, 1)))),)
)
SOURCES = {
    s.name: s
    for s in (
        *(replace(ODDS, name=n, provider="a", group="all") for n in ("a1", "a2", "a3")),
        *(replace(ODDS, name=n, provider="b", group="all", depends_on=("a1",)) for n in ("b1", "b2")),
        replace(ODDS, name="season", provider="b", group="all", active=SEASON),
        replace(ODDS, name="trial", provider="a", group="all", shadow_until=T0 + DAY),
        replace(ODDS, name="alone", provider="", group="other", tier=3),
    )
}
RULES = (DOWN, replace(SLOW, for_=1))
NAMED = st.sets(st.sampled_from(sorted(SOURCES)))
PLANNED = [off_season_window(s, s.active) for s in SOURCES.values() if s.active is not None]
ADDS_NOTHING = {Event.ACKED, Event.UNACKED, Event.SNOOZED, Event.FLAPPING_ENDED}


class Together(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.at = T0
        self.windows = list(PLANNED)
        self.policy, self.listens = POLICY, dict(LISTENS)
        self.believes: dict[tuple[str, str], str] = {}
        """(channel, alert) that a channel has been told of, and that goes on for all it knows -> the conversation."""
        self.keys: Counter[str] = Counter()
        self.quiet: set[str] = set()
        self.engine = self.engine_of(())

    def engine_of(self, alerts: tuple[Alert, ...]) -> AlertEngine:
        rules = CompiledRules.of(SOURCES.values(), RULES, self.policy, self.listens)
        planned = MaintenanceIndex(self.windows, T0 - DAY, T0 + 400 * DAY)
        return AlertEngine(rules, planned, alerts)

    def pass_(self, *words: dict[str, Outcome], rule_=DOWN) -> None:
        self.quiet = {n for n, a in self.engine.alerts.items() if a.suppressed_by}
        self.engine.begin(self.at, float(self.at))
        self.engine.leave_lost_channels()
        for name in sorted(SOURCES, key=lambda n: (self.engine.rules.dependencies.depth(n), n)):
            for some in words:
                if name in some:
                    self.engine.take(SOURCES[name], rule_, Verdict(some[name], self.at, "said"))
        self.hear_all(self.engine.finish())

    def hear_all(self, changes: Changes) -> None:
        alerts = {r.alert.fingerprint: r.alert for r in changes.records} | self.engine.alerts
        before = dict(self.believes)
        for message in changes.notifications:
            self.keys[message.key] += 1
            assert self.keys[message.key] == 1, "the same message twice"
            for name in message.fingerprints:
                self.hear(message, alerts[name], before)

    def hear(self, message: NotificationPlan, alert: Alert, before: dict[tuple[str, str], str]) -> None:
        about, event = (message.channel, alert.fingerprint), message.event
        assert message.cause in {"", SOURCES[alert.source].provider}, (
            "told of it as a part of another provider's failure"
        )
        believed = about in self.believes
        assert not alert.shadow, "told of a trial"
        if event not in NEVER_MUTED:
            assert muted_until(alert, message.channel, self.at) is None, "told while it is muted"
            assert not off_season_reason(self.engine.planned, SOURCES[alert.source], self.at), "told off season"
            # Who takes over from a channel that has left is told in the pass in which the silence may begin.
            moved = event is Event.RENOTIFIED and alert.fingerprint not in self.quiet
            by_hand = event is Event.UNACKED
            assert moved or by_hand or not alert.suppressed_by, f"told of what {alert.suppressed_by} keeps quiet"
        if believed:
            assert message.thread == self.believes[about], "told of it in another conversation"
            assert event not in {Event.OPENED, Event.REOPENED}, "told twice that it opened"
        if event is Event.RESOLVED:
            assert believed, "told of the end, and not of the beginning"
            del self.believes[about]
            return
        assert alert.state is AlertState.OPEN, "told of what is over"
        if event in ADDS_NOTHING:
            assert believed, f"{event} of what it does not know"
            return
        again = event is Event.REOPENED or alert.reopened  # who was told before hears that it is back
        if message.channel in ON_CALL and not believed and not again:
            assert message.channel == DATA.on_duty(self.at), "someone off duty is woken"
        self.believes[about] = message.thread

    @rule(bad=NAMED, good=NAMED, later=st.sampled_from([30, 300, HOUR]), of=st.sampled_from(RULES))
    def observations_come(self, bad: set[str], good: set[str], later: int, of) -> None:
        self.at += later
        self.pass_(dict.fromkeys(good, Outcome.GOOD) | dict.fromkeys(bad, Outcome.BAD), rule_=of)

    @rule(bad=NAMED, times=st.integers(1, 3), back=st.booleans())
    def a_backlog_is_evaluated_in_one_pass(self, bad: set[str], times: int, back: bool) -> None:
        self.at += 300
        turn = [dict.fromkeys(bad, Outcome.BAD), *([dict.fromkeys(bad, Outcome.GOOD)] * 2)]
        turns = (turn[1:] + turn[:1] if back else turn) * times
        self.pass_(*turns)

    @rule(provider=st.sampled_from("ab"), up=st.booleans())
    def a_provider_fails_or_recovers(self, provider: str, up: bool) -> None:
        mine = [n for n, s in SOURCES.items() if s.provider == provider]
        for _ in range(2):
            self.at += 300
            self.pass_(dict.fromkeys(mine, Outcome.GOOD if up else Outcome.BAD))

    @rule(name=st.sampled_from(sorted(SOURCES)), times=st.integers(3, 12))
    def one_goes_up_and_down(self, name: str, times: int) -> None:
        for n in range(times):
            self.at += 300
            self.pass_({name: Outcome.BAD if n % 2 else Outcome.GOOD})

    @rule(hours=st.sampled_from([0.2, 1, 5, 13]))
    def time_passes(self, hours: float) -> None:
        self.at += int(hours * HOUR)
        self.pass_()

    @rule(what=st.sampled_from(["ack", "unack", "snooze", "resolve"]), nth=st.integers(0, 20))
    def somebody_acts(self, what: str, nth: int) -> None:
        opened = sorted(n for n, a in self.engine.alerts.items() if a.state is AlertState.OPEN)
        if not opened:
            return
        alert, at = self.engine.alerts[opened[nth % len(opened)]], (self.at, float(self.at), "op-1")
        match what:
            case "ack":
                step = actions.acknowledge(alert, *at)
            case "unack":
                step = actions.unacknowledge(replace(alert, ack=alert.ack or Hold("op-1", *at[:2], self.at)), *at)
            case "snooze":
                step = actions.snooze(alert, *at, HOUR)
            case _:
                step = actions.resolve_by_hand(alert, *at)
        self.engine.begin(self.at, float(self.at))
        self.engine.note(step)
        self.hear_all(self.engine.plan())

    @rule(names=NAMED)
    def maintenance_begins_for_an_hour(self, names: set[str]) -> None:
        start = from_epoch(self.at).replace(tzinfo=None)
        select = Selector(names=tuple(sorted(names)) or ("alone",))
        self.windows.append(Window(f"m{len(self.windows)}", select, start, "UTC", HOUR))
        self.the_process_restarts()

    @rule()
    def the_process_restarts(self) -> None:
        kept = tuple(Alert.from_dict(a.to_dict()) for a in self.engine.alerts.values())
        self.engine = self.engine_of(kept)

    @rule()
    def the_chat_is_replaced_or_comes_back(self) -> None:
        old, new = ("chat", "team") if "chat" in self.listens else ("team", "chat")
        self.listens = {new if c == old else c: events for c, events in self.listens.items()}
        steps = tuple(replace(s, notify=tuple(new if c == old else c for c in s.notify)) for s in LADDER.steps)
        self.policy = replace(POLICY, escalations={"day": replace(LADDER, steps=steps), "quiet": QUIET})
        self.believes = {about: thread for about, thread in self.believes.items() if about[0] != old}
        self.at += 60
        self.the_process_restarts()
        self.pass_()

    @rule()
    @precondition(lambda self: any(a.state is AlertState.OPEN for a in self.engine.alerts.values()))
    def the_morning_comes_and_what_is_open_has_been_told(self) -> None:
        while NIGHT.hours.covers(self.at):
            self.at += HOUR // 2
        self.at += 2 * HOUR  # maintenance and snoozes are over
        for _ in range(2):
            self.at += 400  # longer than a group waits
            self.pass_()
        for alert in self.engine.alerts.values():
            quiet = alert.shadow or alert.suppressed_by or NIGHT.hours.covers(self.at)
            if alert.state is not AlertState.OPEN or quiet:
                continue
            told = {c for c, name in self.believes if name == alert.fingerprint}
            for ladder in alert.ladders:
                for step in ladder.policy.steps[: ladder.step]:
                    for channel in set(step.notify) - ON_CALL:
                        assert channel in told, f"{channel} has lost {alert.fingerprint}"
                    assert not ON_CALL & set(step.notify) or ON_CALL & told, f"no one on call has {alert.fingerprint}"

    @invariant()
    def who_was_told_of_a_beginning_will_be_told_of_its_end(self) -> None:
        for channel, name in self.believes:
            alert = self.engine.alerts.get(name)
            assert alert is not None, f"{name} is gone, and {channel} was not told that it ended"
            assert alert.state is AlertState.OPEN, f"{channel} was not told that {name} ended"
            assert channel in alert.notified, f"{channel} will not be told of the end of {name}"

    @invariant()
    def whoever_is_to_be_told_of_an_end_has_been_told_of_the_beginning_or_waits_for_it(self) -> None:
        for alert in self.engine.alerts.values():
            told = {channel for channel, name in self.believes if name == alert.fingerprint}
            assert set(alert.notified) <= told | {channel for h in alert.held for channel in h.channels}

    @invariant()
    def a_conversation_about_a_provider_is_about_that_one_alone(self) -> None:
        causes: dict[str, set[str]] = {}
        for alert in self.engine.alerts.values():
            if alert.thread:
                causes.setdefault(alert.thread, set()).add(alert.cause)
                assert alert.cause in {"", SOURCES[alert.source].provider}
        assert all(len(of_one) == 1 for of_one in causes.values())

    @invariant()
    def a_channel_waits_for_one_thing_and_only_of_what_is_open(self) -> None:
        for alert in self.engine.alerts.values():
            waiting = [c for h in alert.held for c in h.channels]
            assert len(waiting) == len(set(waiting))
            assert not waiting or alert.state is AlertState.OPEN
            assert set(waiting) <= set(alert.notified)


PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
Together.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=PHASES,
    report_multiple_bugs=False,
)
TestTogether = Together.TestCase
