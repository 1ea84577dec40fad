"""Theil-Sen's slope: what it says of worked series, and laws that hold for all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.engines.slope import MIN_DAYS, crossing, theil_sen

DAYS = list(range(-29, 1))


def test_a_steady_fall_is_seen_and_its_crossing_counted() -> None:
    slope = theil_sen(DAYS, [95 + 0.25 * d for d in DAYS])
    assert slope is not None
    assert (slope.per_day, slope.low, slope.high, slope.level) == (0.25, 0.25, 0.25, 95)
    falling = theil_sen(DAYS, [95 - 0.25 * d for d in DAYS])
    assert falling is not None
    assert falling.direction == "falling"
    assert crossing(falling, 90, "lower") == (
        20,
        "at -0.25 a day (95%: -0.25 to -0.25) from 95.0, 90 is crossed in 20 days",
    )
    assert crossing(falling, 96, "lower")[0] == 0


def test_one_terrible_day_tilts_nothing() -> None:
    values = [99.0] * 30
    values[27] = 20.0
    slope = theil_sen(DAYS, values)
    assert slope is not None
    assert (slope.direction, slope.per_day, slope.level) == ("flat", 0.0, 99.0)
    assert crossing(slope, 90, "lower")[0] is None


def test_a_week_is_the_least() -> None:
    assert theil_sen(DAYS[: MIN_DAYS - 1], [1.0] * (MIN_DAYS - 1)) is None


@given(st.lists(st.floats(0, 100), min_size=MIN_DAYS, max_size=30), st.floats(-5, 5))
def test_a_tilt_that_is_added_is_the_slope_that_is_added(values: list[float], tilt: float) -> None:
    days = DAYS[-len(values) :]
    plain = theil_sen(days, values)
    tilted = theil_sen(days, [v + tilt * d for v, d in zip(values, days, strict=True)])
    assert plain is not None
    assert tilted is not None
    assert plain.low <= plain.per_day <= plain.high
    assert tilted.per_day == pytest.approx(plain.per_day + tilt, abs=1e-6)
    assert tilted.level == pytest.approx(plain.level, abs=1e-6)
