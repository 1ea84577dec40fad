"""What decides together who hears what of an alert: each case once, as `test_alerts_together` found it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from alert_engine_stories import CHANNELS, DOWN, HOUR, MIN, ODDS, POLICY, T0, TICK, Player

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.on_call import Rotation, Shift
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Grouping, Mute, ProviderGrouping, Route, Step
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.domain.weekly_hours import WEEK, WeeklyHours, spans_of
from busta_health_dagster.engines.alerting.actions import acknowledge, close
from busta_health_dagster.engines.alerting.grouping import Plan, plan_notifications
from busta_health_dagster.engines.alerting.rerouting import move_to_current_route
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import TransitionResult
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules

ONCE = replace(DOWN, recover_after=1)
Heard = list[tuple[str, str]]


class Reader:
    """One source, pass by pass, through lifecycle and planner."""

    def __init__(self, rule=ONCE, grouping: Grouping | None = None, channels=CHANNELS) -> None:
        self.player = Player(rule)
        self.grouping, self.channels = grouping or Grouping(), channels
        self.threads: list[str] = []

    def go(self, at: float, *words: str, **more) -> Heard:
        now = {"now": int(T0 + at), "steady": T0 + at}
        return self.plan(
            at, *(self.player.see(word, at + n, **now, **more) for n, word in enumerate(words or ("pass",)))
        )

    def plan(self, at: float, *steps: TransitionResult) -> Heard:
        plan: Plan = plan_notifications(
            steps, {}, {ODDS.name: ODDS}, self.grouping, self.channels, now=int(T0 + at), steady=T0 + at
        )
        for alert in plan.alerts.values():
            self.player.alert = alert
        self.threads += [m.thread for m in plan.notifications]
        return [(m.channel, m.event.value) for m in plan.notifications]

    @property
    def alert(self) -> Alert:
        assert self.player.alert is not None
        return self.player.alert


def test_the_end_of_a_known_alert_is_told_though_something_new_began_in_it_in_the_same_pass():
    reader = Reader()
    assert reader.go(0, "bad") == [("slack-data", "opened")]
    news = reader.player.see("bad", TICK, news="no items, 28 before", now=T0 + HOUR, steady=float(T0 + HOUR))
    end = reader.player.see("good", 2 * TICK, now=T0 + HOUR, steady=float(T0 + HOUR))
    assert reader.plan(HOUR, news, end)[-1] == ("slack-data", "resolved")


def test_what_ended_and_fired_again_in_one_pass_goes_on_for_those_who_know_it():
    reader = Reader()
    reader.go(0, "bad")
    assert reader.go(HOUR, "good", "bad") == [("mail-oncall", "escalated"), ("slack-data", "escalated")]
    reader = Reader()
    reader.go(0, "bad")
    assert reader.go(TICK, "good", "bad") == [], "told that it ended, people would not know that it is open"
    assert reader.alert.state is AlertState.OPEN
    assert reader.go(2 * TICK, "good") == [("slack-data", "resolved")]


def test_who_never_heard_of_an_alert_that_began_to_flap_and_ended_in_one_pass_hears_nothing():
    reader = Reader()
    reader.go(0, "bad")
    reader.player.alert = replace(reader.alert, state=AlertState.CANCELLED, history=0b10101010101010101010, notified=())
    at = 8 * HOUR
    step = reader.player.see("bad", at)
    assert [i.event.value for i in step.intents] == ["flapping_started"]
    end = close(reader.alert, "off season", int(T0 + at), T0 + at)
    assert reader.plan(at, step, reader.player.keep(end)) == []


def test_an_open_alert_that_begins_to_flap_stays_in_its_conversation_and_its_end_is_told_there():
    reader = Reader(replace(DOWN, recover_after=3))
    heard = [reader.go(n * TICK, word) for n, word in enumerate(["bad", "good"] * 6)]
    assert any(("slack-data", "flapping_started") in some for some in heard)
    at = 12 * TICK
    while reader.alert.state is AlertState.OPEN:
        at += TICK
        heard.append(reader.go(at, "good"))
    assert heard[-1] == [("mail-oncall", "resolved"), ("slack-data", "resolved")]
    assert len(set(reader.threads)) == 1, "the first message would be open for ever"


@pytest.mark.parametrize("what", ["inhibited_by", "maintenance"])
def test_what_waits_for_its_group_when_something_begins_to_keep_it_quiet_waits_for_the_end_of_that(what):
    reader = Reader(grouping=Grouping(wait_s=MIN))
    assert reader.go(0, "bad") == []
    assert reader.go(2 * MIN, **{what: "warehouse/source-down"}) == []
    assert reader.go(HOUR / 4) == [("slack-data", "opened")]


def test_what_waits_and_ends_in_silence_is_told_to_no_one():
    reader = Reader(grouping=Grouping(wait_s=MIN))
    reader.go(0, "bad")
    reader.go(2 * MIN, inhibited_by="warehouse/source-down")
    assert reader.go(TICK, "good", inhibited_by="warehouse/source-down") == []


def test_a_step_that_is_climbed_in_the_pass_in_which_it_ends_is_told_to_no_one():
    reader = Reader()
    reader.go(0, "bad")
    assert reader.go(6 * HOUR, "bad", "good") == [("slack-data", "resolved")]


def test_who_was_muted_all_the_time_hears_in_the_morning_of_what_ended_and_came_back():
    reader = Reader()
    ladder = Escalation("default", (Step(0, ("slack-data",)), Step(MIN, ("pager",))))
    reader.player.policy = AlertPolicy({"default": ladder}, (Route(Selector(), "default", mute=NIGHT),))
    assert [reader.go(n * MIN, word) for n, word in enumerate(("bad", "bad", "good", "bad"))] == [[]] * 4
    assert sorted(reader.go(11 * MIN)) == [("pager", "reopened"), ("slack-data", "reopened")]


def test_what_waits_for_its_group_and_begins_to_flap_waits_for_one_thing():
    reader = Reader(DOWN, grouping=Grouping(wait_s=10 * MIN))
    reader.go(0, "bad")
    reader.player.alert = replace(reader.alert, history=0b1010101010101010101)
    assert reader.go(TICK, "good") == []
    assert [(h.event.value, h.channels) for h in reader.alert.held] == [("flapping_started", ("slack-data",))]
    assert reader.go(10 * MIN) == [("slack-data", "flapping_started")]


NIGHT = Mute(WeeklyHours("UTC", spans_of(["00:00-08:00"])))
"""T0 is 07:50."""


def test_who_knows_an_alert_alone_hears_of_it_there_though_others_of_its_provider_fail_later():
    day, night = Escalation("day", (Step(0, ("slack-data",)),)), Escalation("night", (Step(0, ("pager",)),))
    policy = AlertPolicy(
        {"day": day, "night": night},
        (Route(Selector(), "day", continue_=True), Route(Selector(), "night", mute=NIGHT)),
    )
    sources = {n: replace(ODDS, name=n, provider="a") for n in ("a1", "a2", "a3")}
    players = {n: Player(ONCE, s, policy) for n, s in sources.items()}
    grouping = Grouping(interval_s=0, provider=ProviderGrouping(within_s=60))
    threads: dict[tuple[str, str], set[str]] = {}
    for at, bad in ((0, "a1"), (120, "a2"), (150, "a3")):
        steps = [p.see("bad" if n == bad else "pass", at) for n, p in players.items()]
        plan = plan_notifications(steps, {}, sources, grouping, CHANNELS, now=T0 + at, steady=float(T0 + at))
        for alert in plan.alerts.values():
            players[alert.source].alert = alert
        for message in plan.notifications:
            for name in message.fingerprints:
                threads.setdefault((message.channel, name), set()).add(message.thread)
    alone = players["a1"].alert
    assert alone is not None
    assert threads["slack-data", alone.fingerprint] == {alone.thread}


def moved(reader: Reader, at: float, policy: AlertPolicy, channels: tuple[str, ...]) -> Heard:
    reader.channels, reader.player.policy = dict.fromkeys(channels), policy
    now = (int(T0 + at), T0 + at)
    step = move_to_current_route(reader.alert, ODDS, lambda s, r, v: route(policy, s, r, v), channels, *now)
    return reader.plan(at, reader.player.keep(step))


def of_channels(*channels: str) -> AlertPolicy:
    ladder = Escalation("new", (Step(0, channels),))
    return replace(POLICY, escalations={name: replace(ladder, name=name) for name in POLICY.escalations})


def test_who_takes_over_what_waits_for_its_group_is_told_of_its_end_too():
    reader = Reader(grouping=Grouping(wait_s=10 * MIN))
    assert reader.go(0, "bad") == []
    assert moved(reader, MIN, of_channels("teams"), ("teams",)) == []
    assert reader.go(11 * MIN) == [("teams", "opened")]
    assert reader.go(15 * MIN, "good") == [("teams", "resolved")]


def test_who_knows_of_it_is_not_told_again_when_another_channel_that_was_muted_leaves():
    reader = Reader()
    one, two = Escalation("one", (Step(0, ("slack-data",)),)), Escalation("two", (Step(0, ("pager",)),))
    reader.player.policy = AlertPolicy(
        {"one": one, "two": two},
        (Route(Selector(), "one", continue_=True, mute=NIGHT), Route(Selector(), "two")),
    )
    assert reader.go(0, "bad") == [("pager", "opened")]
    assert moved(reader, MIN, of_channels("teams", "pager"), ("teams", "pager")) == [("teams", "opened")]
    assert reader.go(11 * MIN) == []
    assert sorted(reader.go(15 * MIN, "good")) == [("pager", "resolved"), ("teams", "resolved")]


def test_who_takes_over_while_it_is_quiet_hears_of_it_when_that_ends():
    quiet = {"maintenance": "move"}
    reader = Reader()
    reader.go(0, "bad")
    reader.go(MIN, **quiet)
    assert moved(reader, 2 * MIN, of_channels("teams"), ("teams",)) == []
    assert reader.go(3 * MIN, **quiet) == []
    assert reader.go(10 * MIN) == [("teams", "renotified")]
    reader = Reader()
    reader.go(0, "bad")
    reader.go(MIN, **quiet)
    moved(reader, 2 * MIN, of_channels("teams"), ("teams",))
    assert reader.go(10 * MIN, "good") == [], "told of the end, and never of the beginning"


def test_who_takes_over_the_news_that_an_acknowledgement_ran_out_hears_that_it_fires():
    reader = Reader()
    hours = Mute(WeeklyHours("UTC", spans_of(["09:00-21:00"])))
    ladder = Escalation("default", (Step(0, ("slack-data", "pager")),), ack_timeout_s=2 * HOUR)
    reader.player.policy = AlertPolicy({"default": ladder}, (Route(Selector(), "default", mute=hours),))
    reader.go(0, "bad")
    reader.plan(MIN, reader.player.keep(acknowledge(reader.alert, T0 + MIN, float(T0 + MIN), "op-1")))
    assert reader.go(3 * HOUR) == []
    policy = AlertPolicy(
        {"default": replace(ladder, steps=(Step(0, ("teams", "pager")),))}, reader.player.policy.routes
    )
    assert moved(reader, 4 * HOUR, policy, ("teams", "pager")) == []
    assert reader.go(14 * HOUR) == [("teams", "renotified"), ("pager", "unacked")]


def test_what_waits_for_the_morning_is_for_who_is_on_call_then():
    shifts = (Shift(spans_of(["08:00-20:00"]), ("anna",)), Shift(((0, WEEK),), ("night",)))
    rotation = Rotation("data", "UTC", datetime(2026, 11, 23, 8), 1, shifts)
    ladder = Escalation("default", (Step(0, ("data",)),))
    policy = AlertPolicy({"default": ladder}, (Route(Selector(), "default", mute=NIGHT),), on_call={"data": rotation})
    rules = CompiledRules.of([ODDS], (ONCE,), policy, dict.fromkeys(("anna", "night")))
    no_windows: tuple[Window, ...] = ()
    engine = AlertEngine(rules, MaintenanceIndex(no_windows, 0, T0 + 10 * HOUR))

    def at(time: str, word: str = "") -> Heard:
        now = int(datetime.fromisoformat(f"2026-11-24T{time}").replace(tzinfo=UTC).timestamp())
        engine.begin(now, float(now))
        if word:
            engine.take(ODDS, ONCE, Verdict(Outcome[word.upper()], now, "said"))
        return sorted((m.channel, m.event.value) for m in engine.finish().notifications)

    assert at("03:00", "bad") == []
    assert at("08:00") == [("anna", "opened")], "the night has gone home"
    assert at("08:05", "good") == [("anna", "resolved")]
