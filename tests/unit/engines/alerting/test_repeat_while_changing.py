"""`repeat: {every: 4h, when: changed}`: the last step is sent again when it has something new to say, and the ladder is as ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from busta_health_dagster.domain.alert import Alert
from busta_health_dagster.engines.alerting.actions import acknowledge, unacknowledge
from busta_health_dagster.engines.alerting.escalation import upcoming, what_it_says
from tests.alert_engine_stories import DEFAULT, HOUR, MIN, POLICY, SLOW, T0, Player

CHANGING = replace(POLICY, escalations={**POLICY.escalations, "default": replace(DEFAULT, repeat_changed=True)})


def player() -> Player:
    p = Player(policy=CHANGING)
    p.see("bad", 0, value=6000.0, limit=5000.0)
    return p


def pass_until(p: Player, start: float, end: float) -> list[tuple[int, str]]:
    before = len(p.transitions)
    for n in range(int(start), int(end), 5 * MIN):
        p.see("pass", n)
    return [(t.at - T0, t.event.value) for t in p.transitions[before:] if t.notify]


def test_the_ladder_climbs_as_ever_and_what_has_not_changed_is_not_repeated() -> None:
    p = player()
    assert pass_until(p, 0, 30 * HOUR) == [(30 * MIN, "escalated"), (2 * HOUR, "renotified")]
    reasons = [n.reason for n in p.not_sent if n.event == "renotified"]
    assert set(reasons) == {"not repeated: nothing has changed since it was sent"}
    assert len(reasons) == 6, "every four hours once, and not at every pass"
    assert upcoming(p.alert, T0 + 30 * HOUR, T0 + 30 * HOUR) is None, "no message promises a repeat"


def test_it_is_repeated_once_it_is_worse_by_half_of_its_limit() -> None:
    p = player()
    pass_until(p, 0, 3 * HOUR)
    p.see("bad", 3 * HOUR, value=6900.0, limit=5000.0)
    assert pass_until(p, 3 * HOUR, 7 * HOUR) == []
    p.see("bad", 7 * HOUR, value=9000.0, limit=5000.0)
    assert pass_until(p, 7 * HOUR, 15 * HOUR) == [(10 * HOUR, "renotified")]


def test_an_acknowledgement_that_was_taken_back_is_a_change() -> None:
    p = player()
    pass_until(p, 0, 3 * HOUR)
    for action, at in ((acknowledge, 3 * HOUR), (unacknowledge, 3 * HOUR + 60)):
        p.keep(action(p.alert, int(T0 + at), T0 + at, "anna"))
    assert [event for _, event in pass_until(p, 3 * HOUR + 300, 12 * HOUR)] == ["renotified"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bad_reason": "9.99 s, limit 5 s"}, False),
        ({"bad_reason": "4.30 s, limit 5 s, recovers below 4 s"}, False),
        ({"bad_reason": "HTTP 503"}, True),
        ({"worst": 6100.0}, False),
        ({"worst": 7600.0}, True),
        ({"flapping": True}, True),
        ({"reopened": 1}, True),
        ({"value": 1.0, "evaluated_slot": 9}, False),
    ],
)
def test_numbers_that_only_wander_are_no_news(changes: dict, says: bool) -> None:
    alert = Alert("a/slow", "a", SLOW.name, bad_reason="6.00 s, limit 5 s", worst=6000.0, limit=5000.0)
    assert (what_it_says(replace(alert, **changes)) != what_it_says(alert)) is says
