"""Sources of one provider that fail together: one message, its parts, and who is never among them."""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import CHANNELS, DOWN, ODDS, T0, TICK, Player

from busta_health_dagster.domain.policy import Grouping, ProviderGrouping
from busta_health_dagster.engines.alerting.actions import acknowledge
from busta_health_dagster.engines.alerting.grouping import NotificationPlan, Plan, plan_notifications

CAUSES = Grouping(provider=ProviderGrouping())


class Providers:
    """`a1` is a source of provider `a`; pass by pass through lifecycle and planner."""

    def __init__(self, *names: str, grouping: Grouping = CAUSES) -> None:
        self.sources = {n: replace(ODDS, name=n, provider=n[0], group="all") for n in names}
        self.players = {n: Player(DOWN, s) for n, s in self.sources.items()}
        self.grouping = grouping

    def go(self, at: float, bad: str = "", good: str = "") -> Plan:
        words = dict.fromkeys(bad.split(), "bad") | dict.fromkeys(good.split(), "good")
        steps = [p.see(words.get(n, "pass"), at) for n, p in self.players.items()]
        plan = plan_notifications(steps, {}, self.sources, self.grouping, CHANNELS, now=int(T0 + at), steady=T0 + at)
        for alert in plan.alerts.values():
            self.players[alert.source].alert = alert
        return plan


def said(plan: Plan) -> list[tuple[str, str, list[str]]]:
    """(cause, event, sources) of each message."""
    return [(m.cause, "joins" if m.joins else m.event.value, _names(m)) for m in plan.notifications]


def _names(message: NotificationPlan) -> list[str]:
    return [name.partition("/")[0] for name in message.fingerprints]


def test_what_fails_together_at_one_provider_is_one_message_and_another_provider_keeps_its_own():
    fleet = Providers("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert said(fleet.go(0, bad="a1 a2 a3 a4 c1")) == [
        ("a", "opened", ["a1", "a2", "a3", "a4"]),
        ("", "opened", ["c1"]),
    ]
    fleet.go(TICK, bad="a4 c1", good="a1 a2 a3")
    partly = fleet.go(2 * TICK, bad="a4 c1", good="a1 a2 a3")
    assert [(m.cause, m.event.value, m.open_left) for m in partly.notifications] == [("a", "resolved", 1)]
    fleet.go(3 * TICK, bad="c1", good="a4")
    ended = fleet.go(4 * TICK, bad="c1", good="a4")
    assert [(m.cause, m.event.value, m.open_left) for m in ended.notifications] == [("a", "resolved", 0)]


def test_less_than_two_or_less_than_half_is_no_root_cause():
    fleet = Providers("a1", "a2", "a3", "a4", "a5", "b1")
    assert said(fleet.go(0, bad="a1 a2 b1")) == [("", "opened", ["a1", "a2", "b1"])]
    assert said(Providers("b1").go(0, bad="b1")) == [("", "opened", ["b1"])]


def test_without_the_setting_nothing_is_said_of_providers():
    fleet = Providers("a1", "a2", grouping=Grouping())
    assert said(fleet.go(0, bad="a1 a2")) == [("", "opened", ["a1", "a2"])]


def test_a_late_one_joins_the_message_quietly():
    fleet = Providers("a1", "a2", "a3")
    first = fleet.go(0, bad="a1 a2")
    late = fleet.go(60, bad="a3")
    assert said(late) == [("a", "joins", ["a3"])]
    assert late.notifications[0].thread == first.notifications[0].thread


def test_the_message_of_the_first_becomes_that_of_the_provider():
    fleet = Providers("a1", "a2", "a3", "a4")
    alone = fleet.go(0, bad="a1")
    assert said(alone) == [("", "opened", ["a1"])]
    second = fleet.go(TICK, bad="a1 a2")
    assert said(second) == [("a", "opened", ["a2"])], "that it is the provider is news"
    assert second.notifications[0].thread == alone.notifications[0].thread
    third = fleet.go(TICK + 60, bad="a3")
    assert said(third) == [("a", "joins", ["a3"])]
    fleet.go(2 * TICK, good="a1 a2 a3")
    ended = fleet.go(3 * TICK, good="a1 a2 a3")
    assert [(m.cause, m.open_left, _names(m)) for m in ended.notifications] == [("a", 0, ["a1", "a2", "a3"])]


def test_what_waited_for_its_group_is_told_with_the_cause():
    fleet = Providers("a1", "a2", "c1")
    fleet.go(0, bad="c1")
    assert said(fleet.go(60, bad="a1")) == [], "its group has just spoken"
    assert said(fleet.go(120, bad="a2")) == [("a", "opened", ["a1", "a2"])]
    assert said(fleet.go(TICK + 1)) == [], "and not once more when the wait is over"


def test_an_old_outage_is_no_part_of_a_new_cause():
    fleet = Providers("a1", "a2", "a3", "a4")
    fleet.go(0, bad="a1")
    fleet.go(3600, bad="a1")
    assert said(fleet.go(4000, bad="a2")) == [("", "opened", ["a2"])]


def test_a_storm_is_said_as_a_storm():
    names = [f"{p}{n}" for p in "abcdef" for n in range(4)]
    plan = Providers(*names).go(0, bad=" ".join(names))
    assert [(m.storm, m.cause) for m in plan.notifications] == [(True, "")]


def test_its_parts_are_acknowledged_one_by_one():
    fleet = Providers("a1", "a2")
    fleet.go(0, bad="a1 a2")
    step = acknowledge(fleet.players["a1"].alert, T0 + 60, T0 + 60, "op-1")
    known = {p.alert.fingerprint: p.alert for p in fleet.players.values()}
    plan = plan_notifications([step], known, fleet.sources, CAUSES, CHANNELS, now=T0 + 60, steady=T0 + 60.0)
    assert [(m.event.value, _names(m), m.cause) for m in plan.notifications] == [("acked", ["a1"], "a")]
