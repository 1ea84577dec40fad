"""Near a kick-off: which event it is, how it is said, and which limits hold."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.near_events import KnownTime, NearEvent, NearEvents
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Light, Source
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.near_events import (
    extra_slot,
    full_every_s,
    near_event,
    near_text,
    rule_near,
    source_near,
    with_event,
)

KICK_OFF = 1_795_420_800
GAME = KnownTime(KICK_OFF, KICK_OFF + 10_800, "Jets @ Bills")
SPEC = NearEvents("nfl", 7200, 14_400, max_data_age_s=120, interval_s=60, severity=Severity.CRITICAL)
NEAR = NearEvent("nfl", GAME, KICK_OFF + 14_400)


@pytest.mark.parametrize(
    ("now", "near"),
    [
        (KICK_OFF - 7201, False),
        (KICK_OFF - 7200, True),
        (KICK_OFF, True),
        (KICK_OFF + 14_399, True),
        (KICK_OFF + 14_400, False),
    ],
)
def test_an_event_is_near_from_before_until_after(now: int, near: bool) -> None:
    assert (near_event(SPEC, [GAME], now) is not None) is near


def test_an_event_that_lasts_longer_is_near_until_it_ends() -> None:
    tournament = KnownTime(KICK_OFF, KICK_OFF + 86_400)

    found = near_event(SPEC, [tournament], KICK_OFF + 80_000)

    assert found == NearEvent("nfl", tournament, KICK_OFF + 86_400)
    assert near_event(SPEC, [tournament], KICK_OFF + 86_400) is None


def test_of_several_events_the_one_that_begins_closest_is_named() -> None:
    late = KnownTime(KICK_OFF + 12_000, KICK_OFF + 20_000, "Rams @ Bears")

    assert near_event(SPEC, [GAME, late], KICK_OFF + 11_000) == NearEvent("nfl", late, late.start + 14_400)


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (KICK_OFF - 2400, "kick-off in 40 min (nfl: Jets @ Bills)"),
        (KICK_OFF - 59, "kick-off now (nfl: Jets @ Bills)"),
        (KICK_OFF + 59, "kick-off now (nfl: Jets @ Bills)"),
        (KICK_OFF + 5400, "kick-off 1 h 30 min ago (nfl: Jets @ Bills)"),
    ],
)
def test_how_far_away_it_is_is_said(now: int, says: str) -> None:
    assert near_text(NEAR, now) == says


def test_an_event_without_a_title_is_named_by_its_calendar() -> None:
    assert (
        near_text(NearEvent("nfl", KnownTime(KICK_OFF, KICK_OFF), KICK_OFF), KICK_OFF - 600)
        == "kick-off in 10 min (nfl)"
    )


def test_limits_and_severity_are_stricter_near_an_event_and_what_is_not_said_stays() -> None:
    rule = Rule(
        "stale-data", Pattern.THRESHOLD, (Condition("data_age_s", ">", "max_data_age"),), severity=Severity.WARNING
    )
    source = Source("odds", "odds", "http", max_data_age_s=600, near_events=SPEC)
    lax = Source("odds", "odds", "http", max_data_age_s=600, near_events=NearEvents("nfl", 60, 60))

    assert source_near(source).stale_after_s == 120
    assert rule_near(rule, source).severity is Severity.CRITICAL
    assert source_near(lax) is lax
    assert rule_near(rule, lax) is rule


def test_a_severity_is_never_lowered() -> None:
    calm = Source("odds", "odds", "http", near_events=NearEvents("nfl", 60, 60, severity=Severity.INFO))
    rule = Rule("source-down", Pattern.THRESHOLD, (Condition("status", "==", "down"),), severity=Severity.CRITICAL)

    assert rule_near(rule, calm) is rule


def test_only_a_bad_verdict_says_what_is_at_stake() -> None:
    bad = Verdict(Outcome.BAD, KICK_OFF, "data 3 min old, limit 2 min")

    assert with_event(bad, NEAR, KICK_OFF - 2400).reason == (
        "data 3 min old, limit 2 min; kick-off in 40 min (nfl: Jets @ Bills)"
    )
    good = Verdict(Outcome.GOOD, KICK_OFF, "fine")
    assert with_event(good, NEAR, KICK_OFF) is good


def test_between_its_slots_a_source_is_observed_at_the_interval_of_the_event() -> None:
    source = Source("odds", "odds", "http", interval_s=300, near_events=SPEC)

    assert extra_slot(source, NEAR, KICK_OFF, KICK_OFF + 59) is None
    assert extra_slot(source, NEAR, KICK_OFF, KICK_OFF + 61) == KICK_OFF + 60
    assert extra_slot(source, NEAR, None, KICK_OFF + 61) == KICK_OFF + 60
    assert extra_slot(source, None, KICK_OFF, KICK_OFF + 61) is None
    assert (
        extra_slot(Source("odds", "odds", "http", interval_s=60, near_events=SPEC), NEAR, KICK_OFF, KICK_OFF + 61)
        is None
    )


def test_the_payload_is_asked_for_as_often_as_the_event_wishes() -> None:
    source = Source("odds", "odds", "http", light=Light(3600), near_events=SPEC)

    assert full_every_s(source, NEAR) == 60
    assert full_every_s(source, None) == 3600
