"""Causal, and restartable anywhere: the state is the bytes, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busta_health_dagster.engines.anomaly.bank import ColdMissing, DetectorBank, WatchedSource
from busta_health_dagster.engines.anomaly.rows import StateUnreadable
from busta_health_dagster.engines.baseline.history import History, HistoryUnreadable
from tests.unit.engines.anomaly.fleet import Days, bank_of


def bent(days: Days, seed: int) -> Days:
    """Something of everything, so that every branch of the state is walked."""
    rng = np.random.default_rng(seed)
    t = len(days.slots)
    days.status[rng.random(days.status.shape) < 0.02] = -1
    for _ in range(4):
        a, i = int(rng.integers(0, t - 60)), int(rng.integers(0, days.n))
        match int(rng.integers(0, 5)):
            case 0:
                days.status[a : a + 20, i] = 3
            case 1:
                days.items[a : a + 40, i] *= 0.2
            case 2:
                days.quality[a:, i] -= 10
            case 3:
                days.maintenance[a : a + 20, i] = True
            case _:
                days.items[a : a + 30, i], days.quality[a : a + 30, i] = 7, 90.0
    return days


@settings(max_examples=4)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 340))
def test_findings_of_a_prefix_do_not_depend_on_what_follows(seed, cut):
    whole, other = bent(Days(3, 1.2, seed=seed), seed), bent(Days(3, 1.2, seed=seed), seed)
    for name in ("items", "quality", "response_ms", "data_age_s"):
        getattr(other, name)[cut:] *= 3.7
    other.status[cut:] = 3
    until = whole.slots[cut - 1]
    a, b = whole.play(bank_of(whole)), other.play(bank_of(other))
    assert [f for f in a if f.at <= until] == [f for f in b if f.at <= until]


@settings(max_examples=4)
@given(seed=st.integers(0, 10_000), stops=st.lists(st.integers(1, 570), min_size=1, max_size=4))
def test_stop_and_restore_anywhere_equals_an_uninterrupted_run(seed, stops):
    days = bent(Days(3, 2, seed=seed), seed)
    straight = bank_of(days)
    expected = days.play(straight)
    found, hot, cold, first = [], {}, {}, 0
    for stop in [*sorted(stops), len(days.slots)]:
        bank = DetectorBank(days.sources)
        bank.load_hot(hot)
        for i in range(first, stop):
            tick = days.tick(i)
            for name in bank.cold_due(tick):
                bank.load_cold(name, cold[name])
            found += bank.step(tick)
            cold |= bank.take_cold()
        hot, first = bank.dump_hot(), stop
    assert found == expected
    assert hot == straight.dump_hot()
    assert cold == {name: history.to_bytes() for name, history in straight._cold.items()}


def test_sources_may_come_go_and_change_places():
    days = Days(3, 1, seed=5)
    plain, moved = bank_of(days), bank_of(days)
    days.play(plain)
    order = [2, 0]
    days.play(moved, last=100)
    moved.sync([days.sources[i] for i in order])
    for i in range(100, len(days.slots)):
        moved.step(days.tick(i, order))
    a, b = plain.dump_hot(["source0", "source2"]), moved.dump_hot()
    assert {name: len(blob) for name, blob in b.items()} == {name: len(blob) for name, blob in a.items()}
    assert moved.names == ["source2", "source0"]
    for name in ("items", "status"):
        assert plain.verdict("source0").judgement is moved.verdict("source0").judgement, name
    with pytest.raises(KeyError):
        moved.verdict("source1")


def test_a_changed_interval_starts_the_source_again():
    days = Days(1, 0.5)
    bank = bank_of(days)
    days.play(bank)
    bank.sync([WatchedSource("source0", "odds_api", 600, 300.0)])
    assert bank.rows.n[0, 0] == 0
    assert bank.rows.interval_s[0] == 600


def test_a_full_day_without_its_history_is_refused_with_the_remedy():
    days = Days(1, 2)
    bank = DetectorBank(days.sources)

    def forgetful():
        for i in range(len(days.slots)):
            bank.step(days.tick(i))
            bank.take_cold()

    with pytest.raises(ColdMissing, match="load_cold"):
        forgetful()


def test_state_of_another_version_is_refused(learned):
    bank = DetectorBank([WatchedSource("source0", "odds_api", 300)])
    with pytest.raises(StateUnreadable, match="start again"):
        bank.load_hot({"source0": b"BHr0" + learned[0]["source0"][4:]})
    with pytest.raises(HistoryUnreadable):
        History.from_bytes(b"nothing")


def test_state_fits_its_budget(learned):
    hot, cold, _ = learned
    assert max(map(len, hot.values())) <= 3 * 4096
    assert max(map(len, cold.values())) <= 3 * 80_000
