"""The profile finds what repeats: by the day, on weekends, over an event; and is not fooled by a wild day."""

import numpy as np
import pytest

from busta_health_dagster.engines.baseline import clock, noise, profile
from busta_health_dagster.engines.baseline.history import History
from busta_health_dagster.engines.baseline.units import ITEMS, QUALITY, backward, forward

MONDAY = 1_788_134_400


def three_weeks(seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    at = MONDAY + 300 * np.arange(21 * 288, dtype=np.int64)
    hour = (at % 86_400) / 3600 + shift
    shape = 0.8 * np.cos((hour - 18) * np.pi / 12) + 0.5 * profile.weekend(at)
    kinds, positions = np.full(len(at), -1), np.zeros(len(at))
    for day in (1, 8, 15):
        inside = (at >= MONDAY + day * 86_400 + 3600) & (at < MONDAY + day * 86_400 + 18_000)
        kinds[inside], positions[inside] = 0, (at[inside] - at[inside][0]) / 14_400
        shape[inside] += 0.9
    return at, 5 + shape + 0.15 * rng.standard_normal(len(at)), kinds, positions, shape


def fit(at, u, kinds, positions):
    return profile.fit(ITEMS, at, u, kinds=kinds, positions=positions, prior=np.zeros(profile.P), prior_polls=0.0)


def test_day_weekend_and_event_are_found():
    at, u, kinds, positions, shape = three_weeks()
    found = fit(at, u, kinds, positions)
    off = (u - found.residual) - (5 + shape)
    assert np.abs(off).mean() < 0.05
    assert 1.4826 * np.nanmedian(np.abs(found.residual)) < 0.18


def test_a_wild_day_does_not_bend_the_profile():
    at, u, kinds, positions, _ = three_weeks()
    plain = fit(at, u, kinds, positions).coef
    u[8 * 288 + 100 : 8 * 288 + 180] -= 3
    assert np.abs(fit(at, u, kinds, positions).coef - plain)[:36].max() < 0.12


def test_the_matrix_and_the_evaluation_agree():
    at, _, kinds, positions, _ = three_weeks()
    coef = np.random.default_rng(1).standard_normal(profile.P)
    pick = slice(0, None, 37)
    x = profile.design(ITEMS, at[pick], kinds[pick], positions[pick])
    assert np.allclose(x @ coef, profile.evaluate(ITEMS, coef, at[pick], kinds[pick], positions[pick]))


def test_doubt_falls_with_every_day_and_ends_at_three_weeks():
    widths = [profile.uncertainty(ITEMS, np.full(profile.SEEN, float(d)), 0.3, 1.0)[0] for d in (0, 1, 3, 7, 21)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.9
    assert widths[-1] == 0


def test_a_type_prior_halves_the_doubt_of_the_first_day():
    nothing = np.zeros(profile.SEEN)
    alone, helped = (profile.uncertainty(ITEMS, nothing, 0.3, d)[0] for d in (1.0, 0.3))
    assert helped < 0.5 * alone


@pytest.mark.parametrize("late", [1, -1])
def test_a_clock_change_is_seen_on_the_day_after(late):
    at, u, kinds, positions, _ = three_weeks()
    coef = fit(at, u, kinds, positions).coef
    _, moved, _, _, _ = three_weeks(seed=4, shift=-late)
    history = History.empty(300, int(at[0] // 300))
    values = np.full((3, 288), np.nan, np.float32)
    values[ITEMS] = moved[2 * 288 : 3 * 288]
    history.append(int(at[0] // 300), values, np.full(288, -1, np.int8), np.zeros(288, np.uint8))
    assert clock.detect(coef, 0.2, 0, history) == late * 3600
    values[ITEMS] = u[2 * 288 : 3 * 288]
    history.values[ITEMS] = values[ITEMS]
    assert clock.detect(coef, 0.2, 0, history) == 0


def test_ar_and_white_noise_are_told_apart():
    rng = np.random.default_rng(5)
    a, out = 0.0, np.empty(6048)
    for i in range(len(out)):
        a = 0.8 * a + np.sqrt(1 - 0.64) * rng.standard_normal()
        out[i] = a + 0.7 * rng.standard_normal()
    found = noise.estimate(QUALITY, out, out)
    assert found is not None
    assert found.phi == pytest.approx(0.8, abs=0.1)
    assert found.share == pytest.approx(1 / 1.49, abs=0.12)
    assert found.variance == pytest.approx(1.49, rel=0.15)


def test_values_go_to_the_models_scale_and_back():
    u = forward(np.array([250.0, -1.0, np.inf]), np.array([0.0, 12.0, -3.0]), np.array([99.5, np.nan, 80.0]))
    assert [backward(m, u[m, 0]) for m in range(3)] == pytest.approx([250.0, 0.0, 99.5])
    assert np.isnan(u[0, 1:]).all()
    assert np.isnan(u[1, 2])


def test_history_keeps_three_weeks_and_fills_holes_with_nothing():
    history = History.empty(300, 0)
    for day in range(30):
        if day != 28:
            history.append(
                day * 288, np.full((3, 288), day, np.float32), np.full(288, -1, np.int8), np.zeros(288, np.uint8)
            )
    assert history.values.shape == (3, 6048)
    assert np.isnan(history.values[0, -2 * 288 : -288]).all()
    again = History.from_bytes(history.to_bytes())
    assert again.to_bytes() == history.to_bytes()
    assert np.array_equal(again.epochs(), history.epochs())
