"""Who has it, and until when: an acknowledgement ends with the recovery, and a second one takes over aloud."""

from __future__ import annotations

from dataclasses import replace

from alert_engine_stories import CHANNELS, MIN, ODDS, POLICY, T0, Player

from busta_health_dagster.domain.policy import AlertPolicy
from busta_health_dagster.engines.alerting import actions
from busta_health_dagster.engines.alerting.grouping import plan_notifications

STICKY = replace(POLICY, escalations={n: replace(e, sticky_ack=True) for n, e in POLICY.escalations.items()})


def acknowledged_and_well_again(policy: AlertPolicy = POLICY) -> Player:
    p = Player(policy=policy)
    p.see("bad", 0)
    p.keep(actions.acknowledge(p.alert, T0 + 60, T0 + 60, "op1", "asked the provider"))
    p.every("gg", 5 * MIN)
    return p


def test_the_acknowledgement_of_an_outage_does_not_hold_the_ladder_of_the_next() -> None:
    p = acknowledged_and_well_again()
    assert p.alert.ack is not None, "who had it stays on the record of what is over"
    p.see("bad", 15 * MIN)
    assert p.alert.ack is None
    assert "the acknowledgement by op1 ended with the recovery" in p.transitions[-1].reason
    p.every("bbbbbb", 20 * MIN)
    assert "escalated" in p.events


def test_a_sticky_acknowledgement_holds_when_it_fails_again() -> None:
    p = acknowledged_and_well_again(STICKY)
    p.see("bad", 15 * MIN)
    assert p.alert.ack is not None
    p.every("bbbbbb", 20 * MIN)
    assert "escalated" not in p.events


def test_a_second_acknowledgement_takes_over_and_says_so() -> None:
    p = Player()
    p.see("bad", 0)
    p.keep(actions.acknowledge(p.alert, T0 + 60, T0 + 60, "op1"))
    p.keep(actions.acknowledge(p.alert, T0 + 780, T0 + 780, "op2", "mine"))
    assert (p.alert.ack.by, p.alert.ack.taken_over) == ("op2", "op1")
    assert p.transitions[-1].reason.startswith('op2 has it since 08:03 UTC, taken over from op1: "mine"')
    p.keep(actions.acknowledge(p.alert, T0 + 790, T0 + 790, "op2"))
    assert p.alert.ack.taken_over == ""
    assert p.transitions[-1].reason.startswith("acknowledged again by op2")


def test_two_deeds_of_one_second_are_two_messages() -> None:
    p = Player()
    p.see("bad", 0)
    keys = []
    for deed in (actions.acknowledge, actions.unacknowledge, actions.acknowledge, actions.acknowledge):
        step = p.keep(deed(p.alert, T0 + 60, T0 + 60, "op1"))
        plan = plan_notifications([step], {}, {ODDS.name: ODDS}, POLICY.grouping, CHANNELS, now=T0 + 60, steady=T0 + 60)
        keys += [n.key for n in plan.notifications if n.channel == "slack-data"]
    assert len(set(keys)) == 4
