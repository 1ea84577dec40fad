"""Outages, maintenance, gaps and incidents teach nothing; unknown is never good."""

import numpy as np

from busta_health_dagster.domain.anomaly import Judgement, Metric
from busta_health_dagster.engines.anomaly.thresholds import RESTLESS
from busta_health_dagster.engines.anomaly.tick import NOT_DUE
from busta_health_dagster.engines.baseline.units import RESPONSE
from tests.unit.engines.anomaly.fleet import DAY, Days, bank_of, opened


def test_maintenance_never_alarms_and_is_taken_out_before_windowing(grown):
    bank, days = grown()
    days.status[100:120, 0] = 3
    days.maintenance[100:120, 0] = True
    days.status[99, 0] = 3  # one failure before and one after: two of twelve only if the window's slots counted as good
    days.status[135, 0] = 3
    assert not opened(days.play(bank, last=160))


def test_in_maintenance_the_verdict_is_unknown(grown):
    bank, days = grown()
    days.maintenance[10, 0] = True
    days.play(bank, last=11)
    assert bank.verdict("source0").judgement is Judgement.UNKNOWN
    assert "maintenance" in bank.verdict("source0").reason
    assert bank.verdict("source1").judgement is Judgement.GOOD


def test_an_outage_moves_neither_level_nor_noise_nor_history(grown):
    bank, days = grown()
    days.play(bank, last=60)
    rows = bank.rows
    before = {
        name: getattr(rows, name)[..., 0].copy()
        for name in ("level", "offset", "ar", "white", "coef", "spike_n", "age_today")
    }
    written = int(np.isfinite(rows.day[:, :, 0]).sum())
    days.status[60:110, 0] = 3
    days.play(bank, 60, 110)
    assert bank.verdict("source0").open
    for name, value in before.items():
        assert np.array_equal(getattr(rows, name)[..., 0], value, equal_nan=True), name
    assert int(np.isfinite(rows.day[:, :, 0]).sum()) <= written


def test_a_long_gap_does_not_alarm_and_the_incident_outlives_it(grown):
    bank, days = grown()
    days.status[100:, 0] = 3
    days.play(bank, last=105)
    assert bank.verdict("source0").open
    days.status[105:300] = NOT_DUE
    days.status[300:] = 1
    assert not opened(days.play(bank, 105, 300))
    verdict = bank.verdict("source0")
    assert (verdict.open, verdict.judgement) == (True, Judgement.UNKNOWN)
    days.play(bank, 300, 320)
    assert not bank.verdict("source0").open


def test_the_same_slot_counts_once(grown):
    bank, days = grown()
    days.play(bank, last=50)
    blob = bank.dump_hot()
    assert bank.step(days.tick(49)) == []
    assert bank.dump_hot() == blob


def test_a_source_whose_items_are_mostly_zero_has_no_level_to_fall_from():
    days = Days(1, 4)
    days.items[:] = 0
    days.items[::50] = 140
    assert not opened(days.play(bank_of(days)))


def test_constant_values_are_not_frozen_and_do_not_alarm():
    days = Days(1, 4)
    days.items[:], days.quality[:], days.response_ms[:] = 500, 100.0, 80.0
    assert not opened(days.play(bank_of(days)))


def test_a_new_source_of_a_known_type_has_its_shape_from_the_first_day(grown):
    bank, days = grown()
    newcomer = Days(3, 1, seed=9)
    bank.sync([*bank.sources, newcomer.sources[2]])
    rows = bank.rows
    for i in range(40):
        tick = newcomer.tick(i)
        tick.slots[:] = days.slots[i]
        bank.step(tick)
    assert np.ptp(rows.coef[:36, 1, 2]) > 0.8
    assert rows.fit_days[1, 2] == 0


def test_a_source_that_was_down_from_the_first_poll_is_seen():
    days = Days(1, 1)
    days.status[:] = 3
    assert len(opened(days.play(bank_of(days), last=20))) == 1


def test_noise_that_comes_and_goes_widens_the_detector_and_steady_noise_does_not():
    days = Days(2, 10, seed=8)
    rng = np.random.default_rng(8)
    loud = np.repeat(np.exp(rng.normal(0, 0.6, 40)), 72)
    days.response_ms[:, 0] = np.exp(5.5 + 0.25 * loud * rng.standard_normal(len(loud)))
    bank = bank_of(days)
    days.play(bank)
    restless, steady = bank.rows.restless[RESPONSE]
    assert steady < RESTLESS < restless


def test_an_hour_of_clock_change_is_no_step_and_is_learned_by_the_next_day():
    days = Days(2, 12, seed=9, swing=2.4)
    late = np.arange(len(days.slots)) >= 10 * DAY + 30
    days.items[late, 0] = np.roll(days.items[:, 0], 12)[late]
    bank = bank_of(days)
    assert [f for f in days.play(bank, last=10 * DAY) if f.metric is Metric.ITEMS] == []
    found = days.play(bank, 10 * DAY)
    assert [f.text for f in found if f.metric is Metric.ITEMS] == []
    assert bank.rows.clock.tolist() == [3600, 0]
