"""When the credits of a metered API end: at the present rate, since they were last given, and against the reset."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.quota import Quota
from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.domain.source import Source
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.quota import forecast, next_reset, reset_at
from busta_health_dagster.engines.rules.compile import Inputs, evaluate, rules_for
from busta_health_dagster.probes.http_config import HttpConfig

MONTHLY = Quota("monthly")


def epoch(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


NOON = epoch("2026-11-29T12:00")


def falling(first: float, each: float, n: int = 12, until: int = NOON) -> list[tuple[int, float]]:
    return [(until - (n - 1 - i) * 300, first - i * each) for i in range(n)]


def test_credits_that_end_before_the_reset_are_short() -> None:
    found = forecast(Quota("monthly", limit=500), falling(40, 2))
    assert found is not None
    assert (found.remaining, found.limit, found.short) == (18, 500, True)
    assert found.ends_at == NOON + 9 * 300
    assert found.resets_at == epoch("2026-12-01")
    assert found.reason == (
        "18 credits left, 576 a day: they end 2026-11-29 12:45 UTC, 1 d 11 h before the reset (2026-12-01 00:00 UTC)"
    )


def test_credits_that_last_are_not() -> None:
    found = forecast(MONTHLY, falling(20_000, 2))
    assert found is not None
    assert found.short is False
    assert "after the reset" in found.reason


def test_credits_below_zero_are_none_and_said_so() -> None:
    found = forecast(MONTHLY, [(NOON - 300, 3.0), (NOON, -5.0)])
    assert found is not None
    assert (found.remaining, found.short, found.ends_at) == (0, True, NOON)
    assert found.reason == "no credits left (the API says -5), the reset is 2026-12-01 00:00 UTC"


def test_the_rate_is_that_since_the_credits_were_last_given() -> None:
    before = falling(900, 100, 8, until=NOON - 12 * 300)
    found = forecast(MONTHLY, [*before, *falling(20_000, 1)])
    assert found is not None
    assert found.per_day == pytest.approx(288)
    fresh = forecast(MONTHLY, [*before, (NOON, 20_000.0)])
    assert fresh is not None
    assert (fresh.short, fresh.ends_at) == (None, None)
    assert "1 of 4 observations that a rate needs" in fresh.reason


def test_what_is_not_used_does_not_end_and_what_is_gone_has_ended() -> None:
    idle = forecast(MONTHLY, falling(77, 0))
    assert idle is not None
    assert (idle.ends_at, idle.short) == (None, False)
    gone = forecast(MONTHLY, [(NOON - 600, 3.0), (NOON - 300, 0.0), (NOON, 0.0)])
    assert gone is not None
    assert (gone.ends_at, gone.short) == (NOON - 300, True)
    assert gone.reason.startswith("no credits left, the reset is 2026-12-01")


def test_without_a_known_reset_nothing_is_short_until_it_is_gone() -> None:
    found = forecast(Quota(), falling(40, 2))
    assert found is not None
    assert (found.short, found.resets_at) == (None, None)
    assert found.reason.endswith("the time of the reset is not known")
    assert forecast(Quota(), []) is None


@pytest.mark.parametrize(
    ("quota", "at", "expected"),
    [
        (Quota("monthly"), "2026-11-29T12:00", "2026-12-01T00:00"),
        (Quota("monthly", 28), "2026-11-29T12:00", "2026-12-28T00:00"),
        (Quota("monthly", 29 - 1), "2026-02-01T00:00", "2026-02-28T00:00"),
        (Quota("monthly"), "2026-12-01T00:00", "2027-01-01T00:00"),
        (Quota("weekly"), "2026-11-29T12:00", "2026-11-30T00:00"),
        (Quota("weekly"), "2026-11-30T00:00", "2026-12-07T00:00"),
        (Quota("weekly", 7), "2026-11-30T00:00", "2026-12-06T00:00"),
        (Quota("daily"), "2026-11-29T23:59", "2026-11-30T00:00"),
        (Quota("hourly"), "2026-11-29T23:59", "2026-11-30T00:00"),
    ],
)
def test_the_next_reset_of_a_calendar(quota: Quota, at: str, expected: str) -> None:
    assert next_reset(quota, epoch(at)) == epoch(expected)


def test_a_period_begins_in_its_own_zone() -> None:
    at = epoch("2026-12-01T03:00")
    assert next_reset(Quota("monthly", zone="America/New_York"), at) == epoch("2026-12-01", "America/New_York")


@given(
    st.builds(
        Quota,
        st.sampled_from(["hourly", "daily", "weekly", "monthly"]),
        st.integers(1, 7),
        st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    ),
    st.integers(epoch("2026-01-01"), epoch("2030-01-01")),
)
def test_a_reset_lies_ahead_and_within_one_period(quota: Quota, at: int) -> None:
    ahead = next_reset(quota, at) - at
    longest = {"hourly": 3600, "daily": 25 * 3600, "weekly": 7 * 86_400 + 3600, "monthly": 31 * 86_400 + 3600}
    assert quota.period is not None
    assert 0 < ahead <= longest[quota.period]


def test_what_an_answer_says_of_the_reset() -> None:
    assert reset_at(3600, NOON) == NOON + 3600
    assert reset_at(NOON + 60, NOON) == NOON + 60
    assert reset_at((NOON + 60) * 1000, NOON) == NOON + 60
    assert reset_at(None, NOON) is None
    assert reset_at(-1, NOON) is None


def metered() -> Source:
    config = HttpConfig.model_validate(
        {"url": "https://example.com", "quota": {"remaining": {"header": "x-left"}, "resets": "monthly"}}
    )
    assert config.quota is not None
    return Source("odds", "odds", "http", config, metrics=config.custom_metrics, quota=config.quota.domain())


def test_the_rule_fires_when_the_credits_end_before_the_reset() -> None:
    rule = Rule("quota-ends", Pattern.QUOTA)
    seen = [Observation("odds", at, at, Status.UP, metrics={"quota_remaining": left}) for at, left in falling(40, 2)]
    verdict = evaluate(rule, metered(), Inputs(tuple(seen)))
    assert verdict.outcome is Outcome.BAD
    assert verdict.value == 18
    assert "before the reset" in verdict.reason
    assert evaluate(rule, metered(), Inputs(tuple(seen[:3]))).outcome is Outcome.UNKNOWN
    lasting = [
        Observation("odds", at, at, Status.UP, metrics={"quota_remaining": left}) for at, left in falling(20_000, 2)
    ]
    assert evaluate(rule, metered(), Inputs(tuple(lasting))).outcome is Outcome.GOOD


def test_the_rule_does_not_apply_to_a_source_without_a_quota() -> None:
    assert rules_for(Source("one", "odds", "http"), [Rule("quota-ends", Pattern.QUOTA)]).not_applied == (
        ("quota-ends", "the source has no quota"),
    )
