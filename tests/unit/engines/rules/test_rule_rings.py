"""The fixed-size memories inside a window: what they forget, and that they go on where they were kept."""

from __future__ import annotations

import json

from busta_health_dagster.engines.rules.rings import BurnRing, FlapBits, RateRing, Series


def test_a_series_forgets_what_is_as_old_as_its_window():
    series = Series(10)
    for at, value in ((0, 1.0), (5, 2.0), (10, 3.0)):
        series.push(at, value)
    assert list(series.values) == [(5, 2.0), (10, 3.0)]
    assert series.since(5) == [(10, 3.0)]
    assert series.to_state() == [[5, 2.0], [10, 3.0]]


def test_a_rate_counts_what_comes_and_what_goes_and_is_kept_as_a_line_of_marks():
    ring = RateRing(40)
    assert ring.to_state(10) == [0, ""]
    for slot, failed in ((0, True), (10, False), (30, True)):
        ring.push(slot, failed)
    assert (ring.bad, ring.observed) == (2, 3)
    assert ring.to_state(10) == [0, "10-1"]
    ring.push(40, False)
    assert (ring.bad, ring.observed) == (1, 3)
    kept = RateRing(40)
    kept.restore(ring.to_state(10), 10)
    assert (list(kept.slots), kept.bad) == ([(10, False), (30, True), (40, False)], 1)


def test_a_burn_ring_remembers_864_slots_and_sums_five_windows():
    ring = BurnRing()
    for weight in (2, 1, 0, 2):
        ring.push(weight)
    assert [ring.bad(n) for n in (3, 6, 12, 72, 864)] == [1.5, 2.5, 2.5, 2.5, 2.5]
    assert ring.to_state() == [4, [0, 2, 3], [2, 1, 2]]
    ring.skip(2)
    assert [ring.bad(n) for n in (3, 6)] == [1.0, 2.5]
    ring.skip(5000)
    assert ([ring.bad(n) for n in (3, 6, 12, 72, 864)], ring.seen) == ([0] * 5, 864)
    ring.push(2)
    for _ in range(863):
        ring.push(0)
    assert (ring.bad(864), ring.bad(72)) == (1, 0)
    ring.push(0)
    assert ring.bad(864) == 0


def test_a_burn_ring_goes_on_where_it_was_kept():
    ring = BurnRing()
    for i in range(1000):
        ring.push(2 if i % 7 == 0 else 0)
    kept = BurnRing()
    kept.restore(json.loads(json.dumps(ring.to_state())))
    for weight in (2, 0, 1) * 300:
        assert [ring.bad(n) for n in (3, 6, 12, 72, 864)] == [kept.bad(n) for n in (3, 6, 12, 72, 864)]
        ring.push(weight)
        kept.push(weight)
    assert ring.to_state() == kept.to_state()


def test_flapping_starts_at_its_own_threshold():
    bits = FlapBits()
    assert bits.active is False
    for bad in (False, True, False, True, False):
        bits.push(bad)
    assert 0.2 < bits.ratio < 0.3
    assert bits.active is False


def test_flapping_goes_on_below_its_start_until_it_is_at_its_end():
    bits = FlapBits()
    for _ in range(6):
        bits.push(True)
        bits.push(False)
    between = []
    while bits.ratio > 0.2:
        assert bits.active
        between.append(bits.ratio)
        bits.push(False)
    assert min(between) < 0.3
    assert not bits.active


def test_a_source_that_starts_bad_has_not_changed():
    bits = FlapBits()
    bits.push(True)
    assert bits.bits == (1 << 21) - 1
    assert (bits.ratio, bits.active, bits.seen) == (0, False, 1)
    for _ in range(30):
        bits.push(False)
        bits.push(True)
    assert (bits.ratio, bits.active, bits.seen) == (1.0, True, 21)
    kept = FlapBits()
    kept.restore(bits.to_state())
    assert (kept.bits, kept.seen, kept.active) == (bits.bits, 21, True)
    assert bits.to_state() == {"bits": bits.bits, "seen": 21, "active": 1}
