"""What a forecast of credits holds, to the last field, and where its limits lie to the last second."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from busta_health_dagster.domain.quota import Quota, QuotaForecast
from busta_health_dagster.domain.units import LATEST
from busta_health_dagster.engines.quota import forecast, next_reset, reset_at

AT = 1_795_953_600  # 2026-11-29T12:00:00Z
DAILY = Quota("daily", limit=500)
MIDNIGHT = AT + 12 * 3600


def falling(*left: float, each_s: int = 300) -> list[tuple[int, float]]:
    return [(AT - (len(left) - 1 - i) * each_s, some) for i, some in enumerate(left)]


def epoch(text: str, zone: str = "UTC", fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def test_credits_that_are_gone():
    gone = falling(3, 1, 0, 0)
    reset = ", the reset is 2026-11-30 00:00 UTC"
    assert forecast(DAILY, gone) == QuotaForecast(AT, 0, 500, None, AT - 300, MIDNIGHT, True, f"no credits left{reset}")
    unknown = "no credits left; the time of the reset is not known"
    assert forecast(Quota(), gone) == QuotaForecast(AT, 0, None, None, AT - 300, None, True, unknown)
    over = forecast(Quota(), gone, reset=0)
    assert over is not None
    assert (over.resets_at, over.short) == (AT, False), "new ones have come at this very moment"
    last = forecast(DAILY, falling(4, 3, 2, 1))
    assert last is not None
    assert last.remaining == 1, "one is not none"


def test_credits_of_which_no_rate_is_known():
    reason = "38 credits left; 2 of 4 observations that a rate needs"
    assert forecast(DAILY, falling(40, 38)) == QuotaForecast(AT, 38, 500, None, None, MIDNIGHT, None, reason)
    enough = forecast(DAILY, falling(44, 42, 40, 38))
    assert enough is not None
    assert enough.per_day == 576


def test_credits_that_nobody_uses():
    reason = "77 credits left, 0 a day: they do not end"
    assert forecast(DAILY, falling(77, 77, 77, 77)) == QuotaForecast(AT, 77, 500, 0.0, None, MIDNIGHT, False, reason)


def test_credits_without_a_reset():
    reason = "36 credits left, 576 a day: they end 2026-11-29 13:30 UTC; the time of the reset is not known"
    found = forecast(Quota(limit=500), falling(42, 40, 38, 36))
    assert found == QuotaForecast(AT, 36, 500, 576.0, AT + 5400, None, None, reason)


def test_the_newest_answer_says_limit_and_reset():
    found = forecast(Quota(limit=500), falling(42, 40, 38, 36), limit=600, reset=7200)
    assert found is not None
    assert (found.at, found.limit, found.resets_at, found.short) == (AT, 600, AT + 7200, True)
    at_once = forecast(Quota(), falling(42, 40, 38, 36), reset=5400)
    assert at_once is not None
    assert at_once.short is False, "the new ones come when the last is used"


def test_a_rate_begins_with_the_last_gift_wherever_that_was():
    found = forecast(DAILY, falling(10, 100, 90, 80, 70))
    assert found is not None
    assert found.per_day == 2880
    all_of_it = forecast(DAILY, falling(100, 90, 80, 70, 60))
    assert all_of_it is not None
    assert "60 credits left, 2,880 a day" in all_of_it.reason
    assert forecast(DAILY, falling(60, 90, 80)) == forecast(DAILY, falling(90, 80))


@pytest.mark.parametrize(
    ("each_s", "said"), [(8640, "10 a day"), (8230, "10 a day"), (9600, "9.0 a day"), (86_400, "1.0 a day")]
)
def test_a_slow_rate_has_a_digit_more(each_s: int, said: str):
    found = forecast(DAILY, falling(103, 102, 101, 100, each_s=each_s))
    assert found is not None
    assert f"100 credits left, {said}:" in found.reason


def test_a_calendar_begins_its_day_at_midnight_and_not_at_a_second_of_it():
    assert next_reset(DAILY, AT + 61) == MIDNIGHT
    halves = int(datetime(2026, 11, 29, 12, 0, 1, tzinfo=ZoneInfo("UTC")).timestamp())
    assert next_reset(Quota("weekly"), halves) == MIDNIGHT
    assert next_reset(Quota("monthly", 28), epoch("2026-01-31T10:00")) == epoch("2026-02-28")
    assert next_reset(Quota("monthly", 1), epoch("2026-01-01T00:00:01")) == epoch("2026-02-01")


def test_of_a_midnight_that_comes_twice_the_first_counts():
    havana = Quota("daily", zone="America/Havana")
    assert next_reset(havana, epoch("2026-10-31T12:00", "America/Havana")) == epoch("2026-11-01", "America/Havana")


def test_what_an_answer_says_of_its_reset():
    assert reset_at(0, AT) == AT
    assert reset_at(0.5, AT) == AT
    assert reset_at(-1, AT) is None
    assert reset_at(1e9, AT) == 1_000_000_000
    assert reset_at(1e12, AT) == 1_000_000_000
    assert reset_at(999_999_999, AT) == AT + 999_999_999
    assert reset_at(LATEST, AT) is None
    assert reset_at(LATEST - 1, AT) == LATEST - 1
    assert reset_at(1e17, AT) is None
