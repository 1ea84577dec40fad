"""Slices, counts and results at their edges: which second belongs to which slice, and what a result is made of."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.uptime_and_budget import QualitySla, SlaResult, SliceCounts
from busta_health_dagster.engines.service_levels.timeslices import (
    Slices,
    burn_rate,
    filled,
    grid,
    quality,
    result,
    slice_counts,
    slice_length,
    slices,
)

U, D, X, N = Status.UP, Status.DEGRADED, Status.DOWN, Status.UNKNOWN
TARGET = Fraction(9, 10)


def test_a_slice_lasts_five_minutes_or_the_interval():
    assert [slice_length(s) for s in (60, 299, 300, 301, 3600)] == [300, 300, 300, 301, 3600]
    assert list(grid(0, 900, 300)) == [0, 300, 600]
    assert list(grid(1, 900, 300)) == [300, 600]
    assert list(grid(300, 901, 300)) == [300, 600, 900]


def test_the_newest_slices_are_the_tail_and_more_than_there_are_is_all():
    whole = Slices(600, 300, bytes([1, 2, 3, 0]))
    assert whole.tail(2) == Slices(1200, 300, bytes([3, 0]))
    assert whole.tail(4) == whole.tail(9) == whole
    assert whole.tail(0) == Slices(1800, 300, b"")
    assert whole.counts() == SliceCounts(up=1, degraded=1, down=1, unknown=1)
    assert Slices(0, 300, bytes([4, 4, 3])).counts() == SliceCounts(down=1, excluded=2)


def test_slices_begin_at_the_first_whole_one_and_what_lies_outside_is_not_counted():
    seen = [(-300, X), (0, U), (300, D), (599, X), (600, X)]
    got = slices(seen, since=1, until=600, interval_s=300)
    assert (got.first, got.step_s, list(got.verdicts)) == (300, 300, [X])
    assert list(slices(seen[:3], since=0, until=600, interval_s=300).verdicts) == [U, D]
    hourly = slices([(3600, U)], since=0, until=7200, interval_s=3600)
    assert (hourly.first, hourly.step_s, list(hourly.verdicts)) == (0, 3600, [0, 1])


@pytest.mark.parametrize(
    ("work", "verdicts"),
    [
        ((0, 1), [4, 1, 1]),
        ((1, 300), [1, 1, 1]),
        ((1, 301), [1, 4, 1]),
        ((300, 600), [1, 4, 1]),
        ((-900, 300), [4, 1, 1]),
        ((600, 9000), [1, 1, 4]),
        ((-900, -300), [1, 1, 1]),
        ((900, 1200), [1, 1, 1]),
        ((-900, 9000), [4, 4, 4]),
    ],
)
def test_a_slice_of_one_slot_is_excluded_when_its_slot_lies_in_maintenance(work, verdicts):
    seen = [(0, U), (300, U), (600, U)]
    assert list(slices(seen, since=0, until=900, interval_s=300, maintenance=[work]).verdicts) == verdicts


def minutes(letters: str, **more) -> list[int]:
    """One letter a minute from 0 on, a dash where nothing came."""
    codes = {"u": U, "d": D, "x": X, "?": N}
    seen = [(60 * i, codes[c]) for i, c in enumerate(letters) if c != "-"]
    return list(slices(seen, since=0, until=60 * len(letters), interval_s=60, **more).verdicts)


def test_slices_of_minutes_begin_where_others_do():
    got = slices([(360, U)], since=1, until=900, interval_s=60)
    assert (got.first, got.step_s, list(got.verdicts)) == (300, 300, [U, 0])


@pytest.mark.parametrize(
    ("letters", "verdicts"),
    [
        ("uuuuuxxxxx", [1, 3]),
        ("xxuuuddxuu", [1, 2]),
        ("xuuu-dduu?", [1, 2]),
        ("xu---du---", [3, 2]),
        ("?????-----", [0, 0]),
        ("?x???u????", [3, 1]),
    ],
)
def test_half_of_what_has_a_verdict_decides_a_slice_of_minutes(letters, verdicts):
    assert minutes(letters) == verdicts


def test_planned_minutes_neither_count_nor_exclude_a_slice_that_has_others():
    assert minutes("xxxuuuuuuu", maintenance=[(0, 180)]) == [1, 1]
    assert minutes("xxxuuuuuuu", maintenance=[(0, 120)]) == [1, 1]
    assert minutes("xxxxuuuuuu", maintenance=[(0, 120)]) == [3, 1]
    assert minutes("xxxxxuuuuu", maintenance=[(0, 300)]) == [4, 1]
    assert minutes("uuuuuxxxxx", maintenance=[(300, 540)]) == [1, 3]
    assert minutes("xxxx-uuuuu", maintenance=[(0, 240)]) == [0, 1], "a minute that was due and never came is unknown"
    assert minutes("xxx", maintenance=[(0, 180)]) == [4], "a slice that is cut by the end has three minutes"
    assert minutes("xxxu", maintenance=[(0, 180)]) == [1]


def test_what_is_seen_after_the_end_of_the_window_is_not_in_its_last_slice():
    seen = [(0, U), (60, X), (120, X), (180, X)]
    assert list(slices(seen, since=0, until=60, interval_s=60).verdicts) == [U]
    assert list(slices(seen, since=0, until=180, interval_s=60).verdicts) == [X]


def test_counted_slices_are_completed_by_the_planned_and_the_missing():
    seen = SliceCounts(up=3, degraded=1, down=1, unknown=9, excluded=9)
    assert filled(seen, since=0, until=3000, interval_s=300, maintenance=[(600, 1200)]) == SliceCounts(3, 1, 1, 3, 2)
    assert filled(seen, since=0, until=3000, interval_s=300) == SliceCounts(3, 1, 1, 5, 0)
    assert filled(seen, since=0, until=900, interval_s=300) == SliceCounts(3, 1, 1, 0, 0)
    edges = [(-600, 300), (2700, 9000)]
    assert filled(SliceCounts(up=1), since=0, until=3000, interval_s=300, maintenance=edges) == SliceCounts(
        1, 0, 0, 7, 2
    )
    assert filled(SliceCounts(), since=0, until=7200, interval_s=3600) == SliceCounts(unknown=2)


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize("work", [(0, 900), (1, 900), (0, 899), (299, 601), (-59, 300), (241, 601), (300, 2000)])
def test_years_before_the_first_observation_are_counted_as_if_each_slice_were_made(interval_s, work):
    about = {"since": 0, "until": 3300, "interval_s": interval_s, "maintenance": [work]}
    assert slice_counts([(3000, U)], **about) == slices([(3000, U)], **about).counts()


def test_a_burn_rate_of_one_spends_exactly_the_budget():
    assert burn_rate(SliceCounts(up=90, down=10), TARGET) == 1
    assert burn_rate(SliceCounts(up=60, degraded=20, down=20, unknown=900), TARGET) == 2
    assert burn_rate(SliceCounts(up=60, degraded=20, down=20), TARGET, "bad") == 4
    assert burn_rate(SliceCounts(up=60, degraded=20, down=20), TARGET, "half") == 3
    assert burn_rate(SliceCounts(up=4), TARGET) == 0
    assert burn_rate(SliceCounts(degraded=1), TARGET, "bad") == 10
    assert burn_rate(SliceCounts(down=1), TARGET) == 10
    assert burn_rate(SliceCounts(unknown=5, excluded=5), TARGET) is None
    assert burn_rate(SliceCounts(up=5), Fraction(1)) is None


def test_a_result_carries_its_counts_its_windows_and_what_it_was_given():
    counts = SliceCounts(up=60, degraded=20, down=20, unknown=7, excluded=3)
    of_quality = QualitySla(90.0, TARGET, 1, 2, 3, 4, None, 0)
    full = result(
        counts,
        source="odds_api",
        window="30d",
        target=TARGET,
        degraded="half",
        interval_s=3600,
        recent={"1h": SliceCounts(down=1), "6h": SliceCounts()},
        burn_tier="A",
        quality=of_quality,
    )
    assert full == SlaResult(
        source="odds_api",
        window="30d",
        target=TARGET,
        good=Fraction(70),
        bad=Fraction(30),
        excluded=3,
        unknown=7,
        slice_s=3600,
        burn={"30d": Fraction(3), "1h": Fraction(10), "6h": None},
        burn_tier="A",
        quality=of_quality,
    )
    plain = result(counts, source="s", window="w", target=TARGET)
    assert (plain.good, plain.bad, plain.slice_s, plain.burn) == (80, 20, 300, {"w": Fraction(2)})
    assert (plain.burn_tier, plain.quality) == (None, None)


def levels(*scores: tuple[int, float | None], **more) -> QualitySla:
    settings = {"since": 0, "until": 3000, "step_s": 300, "threshold": 90.0, "target": TARGET, "max_age_s": 600}
    return quality(scores, **(settings | more))


def test_a_score_holds_from_its_own_second_until_it_is_too_old():
    got = levels((300, 90.0))
    assert (got.good, got.bad, got.unknown, got.excluded) == (3, 0, 7, 0)
    assert levels((300, 89.9)).bad == 3
    assert levels((301, 90.0)).good == 2, "at 600 and 900"
    assert levels((300, 90.0), max_age_s=599).good == 2
    assert (levels((300, 90.0), (600, 80.0)).good, levels((300, 90.0), (600, 80.0)).bad) == (1, 3)
    assert levels((600, 80.0), (300, 90.0)) == levels((300, 90.0), (600, 80.0)), "in any order"


def test_scores_in_maintenance_excuse_their_slices_and_no_data_is_no_score():
    got = levels((0, 80.0), (900, None), maintenance=[(300, 600), (2000, 2800)])
    assert (got.good, got.bad, got.unknown, got.excluded) == (0, 2, 4, 4)
    assert (got.mean, got.scores) == (80, 1)


def test_the_mean_is_of_the_scores_within_the_window():
    got = levels((-1, 10.0), (0, 80.0), (2999, 90.5), (3000, 10.0))
    assert (got.mean, got.scores) == (Fraction(341, 4), 2)
    assert (got.threshold, got.target) == (90.0, TARGET)
    nothing = levels()
    assert (nothing.mean, nothing.scores, nothing.unknown) == (None, 0, 10)


@given(
    st.lists(st.tuples(st.integers(0, 60_000), st.sampled_from(Status)), max_size=12),
    st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 9_000)), max_size=4),
    st.integers(0, 20_000),
    st.integers(0, 40_000),
    st.sampled_from([60, 70, 120, 299, 300, 420, 3600]),
)
def test_counting_from_the_first_observation_on_is_counting_every_slice(seen, work, since, length, interval):
    asked = {
        "since": since,
        "until": since + length,
        "interval_s": interval,
        "maintenance": [(begin, begin + lasts) for begin, lasts in work],
    }
    seen = [(slot - slot % interval, status) for slot, status in seen]
    assert slice_counts(seen, **asked) == slices(seen, **asked).counts()


def test_five_years_with_one_observation_are_counted_in_memory_for_two_slices():
    now, years = 1_795_420_800, 5 * 365 * 86400
    tracemalloc.start()
    got = slice_counts([(now - 600, U)], since=now - years, until=now, interval_s=60)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got == SliceCounts(up=1, unknown=years // 300 - 1)
    assert most < 100_000  # a list of every slice takes 50 MB


def test_quality_before_the_first_score_is_unknown_or_planned_and_counted_at_once():
    scores, work = [(90_000, 80.0)], [(3_000, 6_100), (89_000, 91_000)]
    asked = {"step_s": 300, "threshold": 75, "target": TARGET, "max_age_s": 1800, "maintenance": work}
    got = quality(scores, since=0, until=93_000, **asked)
    assert (got.good, got.bad, got.unknown, got.excluded) == (3, 0, 289, 18)
    assert quality([], since=0, until=93_000, **asked).unknown == 310 - 18


@given(
    st.lists(st.tuples(st.integers(-5_000, 50_000), st.sampled_from([50.0, 75.0, 80.0, None])), max_size=12),
    st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 9_000)), max_size=4),
    st.integers(0, 9_000),
    st.integers(0, 40_000),
    st.sampled_from([60, 300, 420, 3600]),
    st.sampled_from([0, 599, 1800, 7200]),
)
def test_quality_from_score_to_score_is_the_quality_of_every_slice(scores, work, since, length, step, oldest):
    until, maintenance = since + length, [(begin, begin + lasts) for begin, lasts in work]
    want = {"good": 0, "bad": 0, "unknown": 0, "excluded": 0}
    for start in grid(since, until, step):
        newest = max(((at, s) for at, s in scores if s is not None and at <= start), default=None)
        if any(begin <= start < end for begin, end in maintenance):
            want["excluded"] += 1
        elif newest is None or start - newest[0] > oldest:
            want["unknown"] += 1
        else:
            want["good" if newest[1] >= 75 else "bad"] += 1
    asked = {"step_s": step, "threshold": 75, "target": TARGET, "max_age_s": oldest, "maintenance": maintenance}
    got = quality(scores, since=since, until=until, **asked)
    assert {name: getattr(got, name) for name in want} == want
    within = [Fraction(s) for at, s in scores if s is not None and since <= at < until]
    assert (got.scores, got.mean) == (len(within), sum(within) / len(within) if within else None)
