"""When a digest is sent, and what it keeps waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.ladder import Ladder
from busta_health_dagster.domain.policy import Escalation, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting.digest import digest_items, digest_of
from busta_health_dagster.engines.alerting.transition import NotSent

EIGHT = Digest(8 * 60, "Europe/Berlin")
ONE_STEP = Escalation("calm", (Step(0, ("chat",)),))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("after", "sent"),
    [
        ("2026-11-30T06:59", "2026-11-30T07:00"),
        ("2026-11-30T07:00", "2026-12-01T07:00"),
        ("2026-03-28T07:00", "2026-03-29T06:00"),  # the clock goes forward that night
        ("2026-10-24T06:00", "2026-10-25T07:00"),  # and back
        ("2026-12-31T22:30", "2027-01-01T07:00"),  # it is 2027 there already, or soon
    ],
)
def test_a_digest_is_sent_at_its_local_time(after: str, sent: str) -> None:
    assert EIGHT.next(at(after)) == at(sent)


def test_a_time_that_the_clock_skips_is_sent_when_it_has_moved_on() -> None:
    skipped = Digest(2 * 60 + 30, "Europe/Berlin")
    assert skipped.next(at("2026-03-29T00:00")) == at("2026-03-29T01:30")
    assert skipped.next(at("2026-03-29T01:30")) == at("2026-03-30T00:30")


@given(
    st.integers(0, 1439),
    st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Apia"]),
    st.integers(0, 2**31),
)
def test_there_is_a_digest_every_day_and_never_one_of_the_past(minute: int, zone: str, now: int) -> None:
    digest = Digest(minute, zone)
    first = digest.next(now)
    assert now < first <= now + 50 * 3600  # a zone that once left out a whole day
    assert digest.next(first) > first


def test_what_is_critical_waits_for_no_digest() -> None:
    ladders = (Ladder(ONE_STEP, 1, digest=EIGHT),)
    assert digest_of(ladders, "chat", Severity.WARNING) == EIGHT
    assert digest_of(ladders, "chat", Severity.CRITICAL) is None


def test_a_channel_of_two_routes_waits_where_both_have_a_digest() -> None:
    ladders = (Ladder(ONE_STEP, 1, digest=EIGHT), Ladder(ONE_STEP, 2))
    assert digest_of(ladders, "chat", Severity.WARNING) is None
    assert digest_of((), "chat", Severity.WARNING) is None


def test_an_alert_that_began_five_times_is_one_item() -> None:
    def collected(name: str, event: Event) -> NotSent:
        return NotSent(0, name, "chat", event, EIGHT.reason)

    over = Alert("a/slow", "a", "slow", state=AlertState.RESOLVED)
    still = replace(over, fingerprint="b/slow", source="b", state=AlertState.OPEN)
    rows = [collected("a/slow", e) for e in (Event.OPENED, Event.RESOLVED) * 5]
    rows += [collected("b/slow", Event.OPENED), collected("gone/slow", Event.OPENED)]
    items = digest_items(rows, {"a/slow": over, "b/slow": still})
    assert [(i.alert.fingerprint, i.times) for i in items] == [("b/slow", 1), ("a/slow", 5)]
