"""A muted route: what opens at night waits for the morning, critical does not, and the end is never held back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from alert_engine_stories import DOWN, ODDS
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import Alert
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Grouping, Mute, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.domain.weekly_hours import WEEK, WeeklyHours, outside, span_text, spans_of, union
from busta_health_dagster.engines.alerting.actions import snooze
from busta_health_dagster.engines.alerting.grouping import NotificationPlan, plan_notifications
from busta_health_dagster.engines.alerting.lifecycle import advance
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import Context, NotSent

HOURS = 3600
WORK = WeeklyHours("Europe/Berlin", outside(spans_of(["mon-fri 08:00-18:00"])))


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


class Night:
    """One source through a night, at UTC times of the week from Monday 23 November 2026."""

    def __init__(self, mute: Mute | None, *steps: Step, repeat_s: int | None = None) -> None:
        ladder = Escalation("default", steps or (Step(0, ("chat",)),), repeat_s)
        self.policy = AlertPolicy({"default": ladder}, (Route(Selector(), "default", mute=mute),))
        self.alert: Alert | None = None
        self.heard: list[tuple[str, str, str]] = []
        self.plans: list[NotificationPlan] = []
        self.not_sent: list[NotSent] = []

    def at(self, time: str, word: str = "") -> Night:
        now = utc(f"2026-11-{time}")
        verdict = Verdict(Outcome[word.upper()], now, "said") if word else None
        ctx = Context(now, float(now), ODDS, DOWN, lambda s, r, v: route(self.policy, s, r, v))
        step = advance(self.alert, verdict, ctx)
        known = {} if step.alert is None else {step.alert.fingerprint: step.alert}
        plan = plan_notifications(
            [step], known, {ODDS.name: ODDS}, Grouping(), dict.fromkeys(("chat", "pager")), now=now, steady=float(now)
        )
        self.alert = next(iter(plan.alerts.values()), step.alert)
        self.heard += [(time, m.channel, m.event.value) for m in plan.notifications]
        self.plans += plan.notifications
        self.not_sent += plan.not_sent
        return self


def test_what_opens_at_night_is_told_in_the_morning_if_it_is_still_open():
    night = Night(Mute(WORK)).at("23T22:00", "bad").at("24T03:00", "bad").at("24T07:00", "bad")
    assert night.heard == [("24T07:00", "chat", "opened")]
    assert night.alert is not None
    assert night.alert.opened_at == utc("2026-11-23T22:00"), "it opened when it opened"
    assert "muted until Tue 07:00 UTC" in night.not_sent[0].reason
    night.at("24T08:00", "good").at("24T08:05", "good")
    assert night.heard[1:] == [("24T08:05", "chat", "resolved")]


def test_what_is_over_by_the_morning_is_not_told():
    night = Night(Mute(WORK)).at("23T22:00", "bad").at("23T23:00", "good").at("23T23:05", "good").at("24T07:00")
    assert night.heard == []
    assert night.alert is not None
    assert night.alert.held == ()


def test_a_critical_may_be_let_through_at_its_first_minute_and_when_it_rises():
    ladder = (Step(0, ("chat",), Severity.WARNING), Step(2 * HOURS, ("chat", "pager"), Severity.CRITICAL))
    night = Night(Mute(WORK, Severity.CRITICAL), *ladder).at("23T22:00", "bad").at("24T00:00", "bad")
    assert sorted(night.heard) == [("24T00:00", "chat", "opened"), ("24T00:00", "pager", "escalated")]
    assert Night(Mute(WORK, Severity.WARNING)).at("23T22:00", "bad").heard == [("23T22:00", "chat", "opened")]


def test_who_knows_of_it_is_told_of_the_end_at_night_and_of_the_steps_in_the_morning():
    ladder = (Step(0, ("chat",), Severity.WARNING), Step(6 * HOURS, ("chat", "pager"), Severity.CRITICAL))
    evening = Night(Mute(WORK), *ladder, repeat_s=HOURS).at("23T16:00", "bad")
    evening.at("23T18:00", "bad").at("23T22:30", "bad").at("24T07:00")
    assert evening.heard == [
        ("23T16:00", "chat", "opened"),
        ("24T07:00", "chat", "escalated"),
        ("24T07:00", "pager", "escalated"),
    ]
    short = Night(Mute(WORK), *ladder, repeat_s=HOURS).at("23T16:00", "bad").at("23T22:30", "bad")
    short.at("24T01:00", "good").at("24T01:05", "good").at("24T07:00")
    assert short.heard == [("23T16:00", "chat", "opened"), ("24T01:05", "chat", "resolved")], "the pager never knew"


def test_who_heard_nothing_of_a_night_of_steps_hears_once_that_it_is_open():
    ladder = (Step(0, ("chat",), Severity.WARNING), Step(2 * HOURS, ("chat",), Severity.CRITICAL))
    night = Night(Mute(WORK), *ladder, repeat_s=HOURS).at("23T22:00", "bad").at("24T00:00", "bad").at("24T04:00", "bad")
    assert night.at("24T07:00").heard == [("24T07:00", "chat", "opened")]
    assert night.plans[0].severity is Severity.CRITICAL, "as it is now"


def test_what_someone_snoozed_at_night_stays_quiet_until_that_is_over():
    night = Night(Mute(WORK)).at("23T22:00", "bad")
    assert night.alert is not None
    at = utc("2026-11-24T06:00")
    snoozed = snooze(night.alert, at, float(at), "op-1", 3 * HOURS)
    night.alert = snoozed.alert
    assert night.at("24T07:00", "bad").heard == []
    assert night.at("24T09:00", "bad").heard == [("24T09:00", "chat", "opened")]


def test_the_mute_of_an_alert_survives_a_restart():
    night = Night(Mute(WORK, Severity.CRITICAL)).at("23T22:00", "bad")
    assert night.alert is not None
    assert night.alert.held
    assert Alert.from_dict(night.alert.to_dict()) == night.alert


@pytest.mark.parametrize(
    ("texts", "spans"),
    [
        (["mon-fri 08:00-18:00"], ["mon 08:00 to mon 18:00", 5]),
        (["sat-sun"], ["sat 00:00 to mon 00:00", 1]),
        (["22:00-07:00"], ["mon 00:00 to mon 07:00", 8]),
        (["fri-mon 20:00-24:00"], ["mon 20:00 to tue 00:00", 4]),
        (["sun 22:00-06:00"], ["mon 00:00 to mon 06:00", 2]),
        (["mon-sun"], ["mon 00:00 to mon 00:00", 1]),
    ],
)
def test_times_of_the_week_are_read_as_people_write_them(texts, spans):
    found = spans_of(texts)
    assert [span_text(found[0]), len(found)] == spans


@pytest.mark.parametrize("text", ["", "monday", "25:00-26:00", "08:00-08:00", "08:75-09:00", "mon 8-18", "mon,tue"])
def test_what_is_no_time_of_the_week_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="write mon-fri 08:00-18:00"):
        spans_of([text])


SPAN = st.tuples(st.integers(0, WEEK - 1), st.integers(1, WEEK)).map(lambda p: (p[0], min(p[0] + p[1], WEEK)))


@given(st.lists(SPAN, max_size=6))
def test_hours_and_the_rest_are_the_week_and_share_nothing(spans):
    one, other = union(spans), outside(spans)
    assert union([*one, *other]) == ((0, WEEK),)
    assert sum(b - a for a, b in (*one, *other)) == WEEK


@given(
    st.lists(SPAN, min_size=1, max_size=6),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(utc("2026-01-01"), utc("2027-12-31")),
)
def test_the_end_of_a_stretch_is_its_first_instant_outside(spans, zone, at):
    hours = WeeklyHours(zone, union(spans))
    end = hours.until(at)
    if not hours.covers(at) or hours.always:
        assert end is None
        return
    assert end is not None
    assert not hours.covers(end)
    assert hours.covers(end - 1) or end - at <= 2 * HOURS, "only a change of the clocks may lie between"


def test_routes_that_are_not_muted_are_told_at_once():
    ladder = Escalation("default", (Step(0, ("chat",)),))
    night = Night(Mute(WORK))
    night.policy = AlertPolicy(
        {"default": ladder, "pager": replace(ladder, steps=(Step(0, ("pager",)),))},
        (Route(Selector(), "default", continue_=True, mute=Mute(WORK)), Route(Selector(), "pager")),
    )
    night.at("23T22:00", "bad").at("24T07:00", "bad")
    assert night.heard == [("23T22:00", "pager", "opened"), ("24T07:00", "chat", "opened")]
    assert len({m.thread for m in night.plans}) == 1
