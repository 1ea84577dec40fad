"""Which undelivered message is still worth sending."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.notification import NotificationKind as Kind
from busta_health_dagster.engines.undelivered import Unsent, why_dropped


def message(kind: Kind, *alerts: int, at: float = 0.0, thread: str = "group-1") -> Unsent:
    return Unsent(int(at), kind, thread, alerts, at)


@pytest.mark.parametrize("action", [Kind.ACKED, Kind.UNACKED, Kind.SNOOZED])
def test_what_a_person_did_to_one_of_a_group_is_not_said_by_what_was_done_to_another(action: Kind) -> None:
    on_two, on_three = message(action, 2), message(Kind.SNOOZED, 3, at=1)
    assert why_dropped(on_two, [on_three], ended=()) == ""
    again = message(Kind.SNOOZED, 2, at=2)
    assert why_dropped(on_two, [on_three, again], ended=()) == "a newer message of the thread says it: snoozed"


def test_of_two_announcements_of_a_group_the_newer_is_enough() -> None:
    first, second = message(Kind.OPENED, 1, 2), message(Kind.ESCALATED, 1, at=1)
    assert why_dropped(first, [second], ended=()) == "a newer message of the thread says it: escalated"


def test_what_is_over_is_not_announced() -> None:
    assert why_dropped(message(Kind.OPENED, 1, 2), [], ended={1, 2}) == "it was over before it could be sent"
    assert why_dropped(message(Kind.OPENED, 1, 2), [], ended={1}) == ""
