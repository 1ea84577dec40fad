"""What waits for the end of a mute, who takes it over, and what is written of that."""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import HOUR, T0

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Held, Hold
from busta_health_dagster.domain.ladder import Ladder
from busta_health_dagster.domain.policy import Escalation, Step
from busta_health_dagster.engines.alerting.hearing import LOUDEST
from busta_health_dagster.engines.alerting.muting import (
    may_speak,
    muted_until,
    put_aside,
    taken_over,
    with_waiting,
)
from busta_health_dagster.engines.alerting.on_call import hand_over, on_duty_now, staffed

OPEN = Alert("a/down", "a", "down", state=AlertState.OPEN)
GROUP = Held(Event.OPENED, ("chat", "log"), 60.0, "its group")


def aside(alert: Alert, event: Event, reason: str = "again", *, knows: bool = True) -> tuple[Held, ...]:
    return put_aside(alert, event, "chat", reason, knows=knows, loudest=LOUDEST).held


def test_what_a_mute_silences_waits_for_nothing_but_its_end():
    assert aside(OPEN, Event.OPENED, "down", knows=False) == (
        Held(Event.OPENED, ("chat",), 0.0, "down", muted=True, knows=False),
    )
    assert muted_until(OPEN, "chat", T0) is None


def test_one_of_two_channels_that_wait_is_put_aside_alone_and_hears_of_the_beginning_first():
    assert aside(replace(OPEN, held=(GROUP,)), Event.ESCALATED) == (
        replace(GROUP, channels=("log",)),
        Held(Event.OPENED, ("chat",), 0.0, "its group", muted=True, knows=False),
    )


def test_of_those_who_know_the_louder_news_waits():
    waits = Held(Event.RENOTIFIED, ("chat",), 0.0, "first", muted=True, knows=True)
    known = replace(OPEN, held=(waits,))
    assert aside(known, Event.ESCALATED) == (replace(waits, event=Event.ESCALATED, reason="again"),)
    assert aside(known, Event.ESCALATED, knows=False) == aside(known, Event.ESCALATED), "it had heard before it waited"
    assert aside(known, Event.UNACKED) == (waits,)
    assert aside(known, Event.RENOTIFIED) == (waits,)
    unknown = replace(OPEN, held=(replace(waits, knows=False),))
    assert aside(unknown, Event.ESCALATED) == unknown.held


def test_a_channel_waits_for_one_thing():
    held = Held(Event.OPENED, ("chat",), 5.0, "new")
    assert with_waiting(replace(OPEN, held=(GROUP,)), held).held == (replace(GROUP, channels=("log",)), held)
    assert with_waiting(replace(OPEN, held=(replace(GROUP, channels=("chat",)),)), held).held == (held,)


def test_who_takes_over_hears_first_that_it_fires():
    waits = Held(Event.UNACKED, ("chat",), 5.0, "ran out", muted=True, knows=True)
    assert taken_over(waits, "team", knows=False) == Held(Event.RENOTIFIED, ("team",), 5.0, "ran out", muted=True)
    assert taken_over(waits, "team", knows=True) == replace(waits, channels=("team",))
    assert taken_over(replace(waits, event=Event.FLAPPING_ENDED), "team", knows=False).event is Event.RENOTIFIED
    assert taken_over(replace(waits, event=Event.ESCALATED), "team", knows=False).event is Event.ESCALATED
    assert taken_over(replace(waits, knows=False), "team", knows=True).knows


def test_a_snooze_is_over_at_its_last_moment():
    snoozed = replace(OPEN, snooze=Hold("op-1", T0, 50.0, T0 + 50))
    assert not may_speak(snoozed, GROUP, T0, 49.0)
    assert may_speak(snoozed, GROUP, T0, 50.0)
    assert not may_speak(replace(OPEN, suppressed_by="maintenance move"), GROUP, T0, 50.0)


def ladder(*notify: str, named: tuple[str, ...] = ("data",), step: int = 1, route: int = 0) -> Ladder:
    steps = (Step(0, notify, named=named), Step(HOUR, ("boss",)))
    return Ladder(Escalation("day", steps), step=step, route=route)


NIGHT = replace(
    OPEN,
    ladders=(ladder("night"), ladder("night", "log", named=("data", "log"), route=1), ladder("log", named=("log",))),
    notified=("night", "log"),
    held=(Held(Event.OPENED, ("night",), 0.0, "down", muted=True), Held(Event.OPENED, ("log",), 0.0, "down")),
)


def test_who_comes_on_call_takes_over_what_waits_and_that_is_written():
    step = hand_over(NIGHT, {"data": "anna"}, T0, 70.0)
    assert step.alert is not None
    assert step.alert.held == (NIGHT.held[1], replace(NIGHT.held[0], channels=("anna",)))
    assert step.alert.notified == ("log", "anna")
    assert step.knew == ()
    assert [x.policy.steps[0].notify for x in step.alert.ladders] == [("anna",), ("anna", "log"), ("log",)]
    (written,) = step.transitions
    assert (written.at, written.event, written.from_state, written.to_state) == (
        T0,
        Event.RENOTIFIED,
        AlertState.OPEN,
        AlertState.OPEN,
    )
    assert written.reason == "on call now: anna; it waits for them"
    assert written.numbers == {"gone": ["night"], "instead": ["anna"]}


def test_who_has_heard_of_it_stays_among_those_who_hear_of_its_end():
    waits = Held(Event.RENOTIFIED, ("night",), 0.0, "still", muted=True, knows=True)
    known = replace(NIGHT, notified=("night", "anna"), held=(waits,))
    step = hand_over(known, {"data": "anna"}, T0, 70.0)
    assert step.alert is not None
    assert step.alert.notified == ("night", "anna")
    assert step.alert.held == (replace(waits, channels=("anna",)),), "she was on call when it began"


def test_two_rotations_that_change_at_once_are_written_together():
    both = replace(
        NIGHT,
        ladders=(ladder("night"), ladder("late", named=("ops",))),
        notified=("night", "late"),
        held=(NIGHT.held[0], replace(NIGHT.held[0], channels=("late",))),
    )
    step = hand_over(both, {"data": "anna", "ops": "cleo"}, T0, 70.0)
    assert step.transitions[0].reason == "on call now: anna, cleo; it waits for them"
    assert step.transitions[0].numbers == {"gone": ["late", "night"], "instead": ["anna", "cleo"]}


def test_where_nothing_changes_the_alert_is_the_same():
    assert hand_over(NIGHT, {"data": "night"}, T0, 70.0).alert is NIGHT
    assert hand_over(NIGHT, {}, T0, 70.0).alert is NIGHT
    assert on_duty_now(NIGHT, {"data": "night"}) is NIGHT
    assert staffed(NIGHT.ladders[2], {"data": "anna"}) is NIGHT.ladders[2]
    assert hand_over(replace(NIGHT, held=()), {"data": "anna"}, T0, 70.0).transitions == ()
