"""The last level and its age come before any slope: since when it is past its limit, and how long there has been nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from busta_health_dagster.engines.latest_level import latest_level
from busta_health_dagster.wording import durations, numbers

UNTIL = date(2026, 11, 23)


def level(*values: float | None, limit: float | None = 90.0, side="lower"):
    days = [(UNTIL - timedelta(days=len(values) - 1 - i), value) for i, value in enumerate(values)]
    return latest_level(days, UNTIL, limit, side)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([96.0, 96.2], "96.2 now"),
        ([96.0, 85.0, 88.0], "below 90 since 22 Nov, 88.0 now"),
        ([96.0, 85.0, None, 88.0], "below 90 since 21 Nov, 88.0 now"),
        ([85.0, 95.0, 88.0], "below 90 since 23 Nov, 88.0 now"),
        ([85.0, 88.0], "below 90 since 22 Nov or earlier, 88.0 now"),
        ([96.0, None], "96.0 on 22 Nov"),
        ([96.0, *[None] * 10], "no score for 10 days, 96.0 on 13 Nov"),
        ([95.0, 85.0, None, None], "no score for 2 days, 85.0 on 21 Nov, below 90 since 21 Nov"),
    ],
)
def test_the_last_level_and_its_age_are_said(values, words) -> None:
    assert level(*values).words(numbers.score) == words


def test_what_is_worse_upward_is_above_its_limit() -> None:
    found = level(100.0, 6000.0, 7000.0, limit=5000.0, side="higher")
    assert found.words(durations.milliseconds_text, "answer") == "above 5.00 s since 22 Nov, 7.00 s now"


def test_without_a_limit_or_a_value_nothing_is_claimed() -> None:
    assert level(50.0, limit=None).words(numbers.score) == "50.0 now"
    assert level(None, None) is None
    assert level(90.0).is_well, "the limit itself is within it"


def test_days_after_the_day_asked_for_are_not_known_yet() -> None:
    days = [(UNTIL, 95.0), (UNTIL + timedelta(days=1), 50.0)]
    assert latest_level(days, UNTIL, 90.0, "lower").value == 95.0
