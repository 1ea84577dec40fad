"""The channels of an open alert are renamed: it moves to the current route, and no one is left behind."""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import DOWN, HOUR, MIN, ODDS, POLICY, T0, Player

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.policy import Escalation, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting import actions
from busta_health_dagster.engines.alerting.rerouting import lost_channels, move_to_current_route
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import TransitionResult

NEW = Escalation(
    "new",
    (Step(0, ("teams",), Severity.WARNING), Step(20 * MIN, ("teams", "phone"), Severity.CRITICAL)),
    repeat_s=4 * HOUR,
)
CHANNELS = ("teams", "phone")
TODAY = replace(POLICY, escalations={name: replace(NEW, name=name) for name in POLICY.escalations})


def moved(p: Player, at: float, channels: tuple[str, ...] = CHANNELS) -> TransitionResult:
    p.policy = TODAY
    step = move_to_current_route(p.alert, ODDS, lambda s, r, v: route(TODAY, s, r, v), channels, int(T0 + at), T0 + at)
    return p.keep(step)


def opened() -> Player:
    p = Player(rule=replace(DOWN, recover_after=1))
    p.see("bad", 0)
    return p


def test_who_is_reached_on_the_current_route_is_told_and_the_ladder_goes_on_there() -> None:
    p = opened()
    step = moved(p, 5 * MIN)
    assert [(i.event.value, i.channels) for i in step.intents] == [("renotified", ("teams",))]
    assert "slack-data, mail-oncall, pager left the configuration" in step.transitions[0].reason
    p.every("bbbb", 10 * MIN)
    assert p.story[-1] == ("escalated", ("teams", "phone"))
    p.see("good", HOUR)
    assert p.story[-1] == ("resolved", ("teams", "phone"))


def test_nothing_moves_while_every_channel_is_there_though_the_ladder_was_changed() -> None:
    p = opened()
    before = p.alert
    assert moved(p, 5 * MIN, ("slack-data", "mail-oncall", "pager", "teams")).alert is before


def test_a_critical_alert_stays_as_high_as_it_was() -> None:
    p = opened()
    p.every("bbbbbb", 5 * MIN)
    assert p.alert.severity is Severity.CRITICAL
    step = moved(p, 40 * MIN)
    assert step.intents[0].channels == ("teams", "phone")
    assert p.alert.step == 2


def test_a_snoozed_alert_moves_in_silence_and_its_end_is_told() -> None:
    p = opened()
    p.keep(actions.snooze(p.alert, T0 + 60, T0 + 60, "op1", HOUR))
    step = moved(p, 5 * MIN)
    assert step.intents == ()
    assert step.not_sent[0].reason == "snoozed by op1"
    p.see("good", 10 * MIN)
    assert p.story[-1] == ("resolved", ("teams",))


def test_an_alert_that_may_reopen_reopens_on_the_current_route() -> None:
    p = opened()
    p.see("good", 5 * MIN)
    assert moved(p, 6 * MIN).transitions == ()
    p.see("bad", 10 * MIN)
    assert p.alert.state is AlertState.OPEN
    assert p.story[-1] == ("reopened", ("teams",))


def test_what_an_alert_loses_has_names() -> None:
    assert lost_channels(opened().alert, ("slack-data", "pager")) == ("mail-oncall",)
