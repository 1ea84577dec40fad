"""Any series gets a finite, causal score per row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busta_health_dagster.engines.anomaly.series import UnorderedSeries, score_series

T0 = 1_788_134_400


def noise(n, seed=0, step=300):
    rng = np.random.default_rng(seed)
    return T0 + step * np.arange(n), 50 + 2 * rng.standard_normal(n)


def test_a_jump_is_the_strangest_row_of_its_series():
    at, x = noise(900)
    x[700:] += 25
    scores = score_series(at, x)
    assert np.isfinite(scores).all()
    assert 700 <= int(scores.argmax()) <= 703
    assert scores.max() > 1.0


def test_scores_do_not_depend_on_later_rows():
    at, x = noise(700, seed=2)
    x[400:] *= np.linspace(1, 3, 300)
    whole = score_series(at, x)
    for cut in (10, 24, 25, 288, 289, 500):
        assert np.array_equal(score_series(at[:cut], x[:cut]), whole[:cut])


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 3.0], [5.0] * 400, [float("nan")] * 50, [0.0] * 30 + [1e300] + [0.0] * 30, [-1e-300] * 60]
)
def test_odd_series_score_finite(values):
    at = T0 + 60 * np.arange(len(values))
    scores = score_series(at, values)
    assert scores.shape == (len(values),)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


def test_a_constant_is_never_strange_and_its_end_is():
    x = np.full(500, 7.0)
    x[450:] = 9.0
    scores = score_series(T0 + 300 * np.arange(500), x)
    assert scores[:450].max() < 0.5
    assert scores[450:455].max() > 1.0


def test_nan_and_duplicates_and_a_year_without_data_are_kept():
    at, x = noise(800, seed=3)
    x[100:120] = np.nan
    at[200:210] = at[200]
    at[400:] += 366 * 86_400
    scores = score_series(at, x)
    assert (scores[100:120] == 0).all()
    assert np.isfinite(scores).all()
    assert scores[400:].max() < 1.0


def test_unordered_rows_are_refused_with_their_number():
    with pytest.raises(UnorderedSeries, match="row 3"):
        score_series([100, 200, 150], [1.0, 2.0, 3.0])


def test_nothing_in_nothing_out():
    assert score_series([], []).shape == (0,)


@settings(max_examples=12)
@given(
    step=st.sampled_from([1, 60, 900, 21_600, 86_400, 604_800]),
    seed=st.integers(0, 2**16),
    holes=st.sets(st.integers(0, 399), max_size=30),
    cut=st.integers(1, 399),
)
def test_at_any_cadence_scores_are_finite_and_those_of_a_prefix_are_the_same(step, seed, holes, cut):
    at, x = noise(400, seed, step)
    x[sorted(holes)] = np.nan
    at[cut:] += 40 * step
    whole = score_series(at, x)
    assert np.isfinite(whole).all()
    assert np.array_equal(score_series(at[:cut], x[:cut]), whole[:cut])


@pytest.mark.parametrize("step", [86_400, 604_800])
def test_daily_and_weekly_figures_keep_their_noise_and_show_their_jump(step):
    at, x = noise(700, seed=4, step=step)
    x[600:640] += 25
    scores = score_series(at, x)
    assert scores[:600].max() < 1.0
    assert scores[600:604].max() > 1.0
