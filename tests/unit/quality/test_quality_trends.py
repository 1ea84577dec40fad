"""A trend is only called one when the evidence carries it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from busta_health_dagster.quality.trends import daily, rolling, trend_svg

DAY = date(2026, 11, 30)


def history(values, source="odds", per_day=4):
    first = DAY - timedelta(days=len(values) - 1)
    return pd.DataFrame(
        [
            {"source": source, "at": datetime(d.year, d.month, d.day, h * 6, tzinfo=UTC), "score": v}
            for i, v in enumerate(values)
            for d in [first + timedelta(days=i)]
            for h in range(per_day)
        ]
    )


def trend(values, **options):
    (found,) = rolling(daily(history(values)), DAY, **options)
    return found


def test_a_steady_fall_has_a_slope_an_interval_and_a_day_it_crosses_90():
    found = trend([99 - 0.2 * i + 0.05 * (i % 3) for i in range(30)])
    assert found.slope == pytest.approx(-0.2, abs=0.005)
    assert found.slope_low <= found.slope <= found.slope_high < 0
    assert found.crosses_in_days == 17
    assert found.reason.endswith("90 is crossed in 17 days")


def test_noise_points_nowhere_and_says_so():
    found = trend([95 + (i * 7 % 5 - 2) for i in range(30)])
    assert found.slope_low <= 0 <= found.slope_high
    assert found.crosses_in_days is None
    assert "does not point to 90 for sure" in found.reason
    assert found.change_point is None


def test_one_terrible_day_tilts_nothing_but_is_in_the_minimum():
    values = [97.0] * 30
    values[20] = 10.0
    found = trend(values)
    assert (found.slope, found.minimum, found.p10) == (0.0, 10.0, 97.0)
    assert found.mean == pytest.approx(97 - 87 / 30)


def test_a_step_is_found_on_its_day():
    found = trend([98.0 + i % 2 for i in range(18)] + [92.0 + i % 2 for i in range(12)])
    assert found.change_point.day == DAY - timedelta(days=11)
    assert (found.change_point.before, found.change_point.after) == (98.5, 92.5)
    assert found.change_point.p < 0.01


def test_days_without_data_are_gaps_and_counted_never_zeros():
    found = trend([None if i % 3 == 0 else 96.0 for i in range(30)])
    assert (found.days, found.mean, found.no_data_share) == (20, 96.0, pytest.approx(1 / 3))
    nothing = trend([None] * 5)
    assert (nothing.mean, nothing.slope, nothing.no_data_share, nothing.reason) == (
        None,
        None,
        1.0,
        "no value in 30 days",
    )
    assert rolling(daily([]), DAY) == ()


def test_few_days_give_figures_and_no_slope():
    found = trend([95.0, 94.0, 93.0])
    assert (found.mean, found.slope) == (94.0, None)
    assert "7 are needed" in found.reason


def test_the_window_is_thirty_days_and_back_filling_a_day_sees_no_later_one():
    days = daily(history([50.0] * 10 + [95.0] * 30))
    assert rolling(days, DAY)[0].minimum == 95.0
    assert rolling(days, DAY - timedelta(days=30))[0].maximum == 50.0


def test_response_times_are_worse_upward_and_a_level_past_the_limit_is_already_there():
    rising = daily(history([100 + 20.0 * i for i in range(30)]).rename(columns={"score": "ms"}), metric="ms")
    assert rolling(rising, DAY, limit=1000, worse="higher")[0].crosses_in_days == 16
    assert trend([80.0 + i % 2 for i in range(30)]).crosses_in_days == 0


def test_a_chart_names_its_axes_and_its_limit():
    days = daily(history([95.0 + i % 2 for i in range(30)]))
    svg = trend_svg(days, rolling(days, DAY)[0], written=lambda value: f"{value:g} points")
    assert svg.count("<circle") == 30
    words = "".join(ET.fromstring(svg).itertext())
    assert "limit 90 points" in words
    assert "96 points" in words
    assert f"{DAY.day} {DAY:%b}" in words
    assert "<script" not in svg


def test_what_goes_nowhere_is_flat_and_too_few_days_are_not():
    assert trend([95.0 + i % 2 for i in range(30)]).is_flat
    assert not trend([99.0 - 0.2 * i for i in range(30)]).is_flat
    assert not trend([95.0] * 15 + [92.0] * 15).is_flat
    assert not trend([95.0] * 3).is_flat, "no one can tell yet"
    assert not trend([95.0 + i % 2 for i in range(27)] + [80.0] * 3).is_flat, "three bad days are no slope, and no calm"


def test_a_score_below_its_limit_on_its_last_day_or_without_one_is_not_flat():
    low = trend([95.0 + i % 2 for i in range(29)] + [89.0])
    assert not low.is_flat
    assert low.level.past_since == DAY
    silent = trend([95.0 + i % 2 for i in range(25)] + [None] * 5)
    assert not silent.is_flat
    assert silent.level.silent_days == 5
