"""Numbers are floored toward the worse side; what no one knows is a dash."""

from __future__ import annotations

from busta_health_dagster.domain.uptime_and_budget import spoken
from busta_health_dagster.web.pages import source_facts, texts


def test_times_of_another_day_carry_their_day() -> None:
    now = 1_795_420_800  # Monday 2026-11-23 08:00 UTC
    assert texts.moment(now - 60, now) == "07:59"
    assert texts.moment(now - 86400, now) == "22 Nov 08:00"
    assert texts.span(now + 86400, now + 86400 + 2700, now) == "Tue 24, 08:00–08:45"


def test_the_trend_of_quality_is_said_only_as_far_as_the_days_carry_it() -> None:
    days: list[tuple[int, float | None]] = [(d * 86400, 95 + 0.25 * -d) for d in range(-29, 1)]
    falling = source_facts.quality_trend(days, 0, 90)
    assert falling == "Trend: falling, −0.25 a day (95%: −0.25 to −0.25); from 95.0, 90 is crossed in 20 days."
    level = source_facts.quality_trend([(at, None if at == 0 else 99.0) for at, _ in days], 0, 90)
    assert level == "Trend: flat, +0.00 a day (95%: +0.00 to +0.00). No score on 1 day."
    assert source_facts.quality_trend(days[:5], 0, 90) == ""


def test_a_score_that_is_too_low_or_does_not_come_is_said_before_its_trend() -> None:
    day = 86400
    until = 20_780 * day  # 2026-11-23
    low: list[tuple[int, float | None]] = [
        (until - back * day, 97.0 if back > 5 else 85.0) for back in range(29, -1, -1)
    ]
    assert source_facts.quality_trend(low, until, 90).startswith("Below 90 since 18 Nov, 85.0 now. Trend: ")
    assert "crossed" not in source_facts.quality_trend(low, until, 90)
    silent = [(at, None if until - at < 10 * day else 97.0) for at, _ in low]
    said = source_facts.quality_trend(silent, until, 90)
    assert said.startswith("No score for 10 days, 97.0 on 13 Nov. Trend: flat")
    assert source_facts.quality_trend(low[-4:], until, 90) == "Below 90 since 20 Nov or earlier, 85.0 now."


def test_too_little_seen_is_no_budget_to_speak_of() -> None:
    assert spoken(-19_900.0, 1.4) is None
    assert spoken(93.0, None) is None
    assert spoken(-1.86, 95.0) == -1.86
