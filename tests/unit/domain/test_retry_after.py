"""Retry-After as it comes: seconds, dates, the past, 2037 and garbage. One parser for sources and channels."""

from __future__ import annotations

import pytest

from busta_health_dagster.domain.retry_after import longest_pause_s, retry_after

NOW = 1_795_420_800.0  # 2026-11-23T08:00:00Z


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("Mon, 23 Nov 2026 08:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 07:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 08:00:30", 30.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("-5", None),
        ("-1e9", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("nan", None),
        ("²", None),
        ("Mon, 99 Nov 2026 08:00:30 GMT", None),
    ],
)
def test_a_wait_is_seconds_or_a_date_never_negative_and_garbage_is_no_wait(value, seconds):
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2037 07:28:00 GMT", "1e300", "9" * 400, "inf"])
def test_a_wait_of_ages_is_finite_and_bounded_by_who_waits(value):
    assert 86_400 < retry_after(value, NOW) < 4e9
    assert retry_after(value, NOW, at_most=86_400.0) == 86_400.0


def test_a_source_is_left_alone_for_six_intervals_or_an_hour():
    assert [longest_pause_s(s) for s in (60, 300, 600, 3600, 86_400)] == [360, 1800, 3600, 3600, 3600]
