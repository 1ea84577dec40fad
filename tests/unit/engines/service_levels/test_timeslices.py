"""Uptime, budget and burn, against the worked numbers of the design."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import to_epoch
from busta_health_dagster.domain.uptime_and_budget import SliceCounts
from busta_health_dagster.engines.service_levels.periods import period
from busta_health_dagster.engines.service_levels.timeslices import filled, grid, quality, result, slices

TARGET = Fraction(995, 1000)
U, D, X, N = Status.UP, Status.DEGRADED, Status.DOWN, Status.UNKNOWN


def month(bad: int, *, total: int = 8640, **more):
    return result(SliceCounts(up=total - bad, down=bad), source="odds_api", window="30d", target=TARGET, **more)


def test_43_bad_of_8640_meets_the_target_with_less_than_half_a_percent_of_the_budget_left():
    shown = month(43).as_json()
    assert (shown["uptime"], shown["budget_left"], shown["burn"]["30d"], shown["met"]) == (99.502, 0.462, 0.995, True)
    assert shown["allowed_bad"] == 43.2


def test_44_bad_of_8640_miss_it_and_every_figure_is_floored_toward_the_worse_side():
    shown = month(44).as_json()
    assert (shown["uptime"], shown["budget_left"], shown["met"]) == (99.49, -1.852, False)


def test_of_a_week_of_2016_ten_bad_meet_and_eleven_miss():
    assert [month(bad, total=2016).met for bad in (10, 11)] == [True, False]


def test_almost_perfect_never_reads_100():
    shown = result(SliceCounts(up=999_999, down=1), source="s", window="30d", target=TARGET).as_json()
    assert shown["uptime"] == 99.999


def test_nothing_seen_is_null_and_not_0_or_100():
    shown = result(SliceCounts(excluded=12), source="s", window="1h", target=TARGET).as_json()
    assert [shown[k] for k in ("uptime", "coverage", "met", "budget_left", "verdict")] == [
        None,
        None,
        None,
        None,
        "no data",
    ]
    assert shown["burn"] == {"1h": None}


def test_below_95_percent_of_coverage_nobody_can_say_whether_it_was_met():
    edge = result(SliceCounts(up=95, unknown=5), source="s", window="w", target=TARGET)
    below = result(SliceCounts(up=94, unknown=6), source="s", window="w", target=TARGET)
    assert (edge.met, edge.verdict) == (True, "met")
    assert (below.met, below.verdict, below.uptime) == (None, "insufficient data", 1)


def test_degraded_counts_as_the_source_says():
    counts = SliceCounts(up=90, degraded=5, down=5)
    shown = [
        result(counts, source="s", window="w", target=TARGET, degraded=d).as_json() for d in ("good", "bad", "half")
    ]
    assert [(s["good"], s["bad"], s["uptime"]) for s in shown] == [(95, 5, 95.0), (90, 10, 90.0), (92.5, 7.5, 92.5)]


def test_a_target_of_100_percent_has_no_budget_to_divide_by():
    for bad, met in ((0, True), (1, False)):
        shown = result(SliceCounts(up=100, down=bad), source="s", window="w", target=Fraction(1)).as_json()
        assert (shown["met"], shown["budget_left"], shown["burn"]) == (met, None, {"w": None})


def test_expected_slots_that_never_came_are_unknown_and_planned_ones_are_excluded():
    seen = [(0, U), (300, X), (1200, U)]  # 600 and 900 are missing; 1200 and 1500 are planned
    counts = slices(seen, since=0, until=1800, interval_s=300, maintenance=[(1200, 1700)]).counts()
    assert counts == SliceCounts(up=1, down=1, unknown=2, excluded=2)


def test_maintenance_takes_the_slots_from_its_start_to_before_its_end():
    got = slices(
        [(s, X) for s in range(0, 3000, 300)],
        since=0,
        until=3000,
        interval_s=300,
        maintenance=[(299, 301), (900, 1500)],
    )
    assert list(got.verdicts) == [3, 4, 3, 4, 4, 3, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([X, X, U, U, U], 1),  # 2 of 5
        ([X, X, X, U, U], 3),
        ([X, X, U, U, None], 3),  # half of what was seen is enough
        ([D, D, X, U, U], 2),
        ([D, U, U, U, U], 1),
        ([None, N, N, U, None], 1),
        ([N, N, None, None, None], 0),
    ],
)
def test_with_several_observations_in_a_slice_half_of_them_decide(minutes, expected):
    seen = [(60 * m, status) for m, status in enumerate(minutes) if status is not None]
    assert list(slices(seen, since=0, until=300, interval_s=60).verdicts) == [expected]


def test_a_slice_of_minutes_is_excluded_only_when_all_of_it_was_planned():
    seen = [(60 * m, X) for m in range(10)]
    got = slices(seen, since=0, until=600, interval_s=60, maintenance=[(0, 300), (360, 600)])
    assert list(got.verdicts) == [4, 3]


def test_the_window_ends_before_t():
    seen = [(s, U) for s in range(0, 1200, 300)] + [(900, X)]
    assert slices(seen, since=0, until=900, interval_s=300).counts() == SliceCounts(up=3)
    assert list(grid(100, 900, 300)) == [300, 600]


@given(
    codes=st.lists(st.sampled_from([None, N, U, D, X]), min_size=1, max_size=60),
    interval=st.sampled_from([60, 120, 300, 900]),
    cut=st.integers(0, 60),
    planned=st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 3_000)), max_size=3),
)
def test_uptime_lies_between_0_and_1_and_the_parts_of_a_window_add_up(codes, interval, cut, planned):
    seen = [(k * interval, code) for k, code in enumerate(codes) if code is not None]
    step, end = max(interval, 300), len(codes) * interval
    middle = min(cut * step, end)
    work = [(a, a + d) for a, d in planned]

    def counted(since: int, until: int) -> SliceCounts:
        return slices(seen, since=since, until=until, interval_s=interval, maintenance=work).counts()

    whole = counted(0, end)
    assert counted(0, middle) + counted(middle, end) == whole
    assert whole.all == len(grid(0, end, step))
    uptime = result(whole, source="s", window="w", target=TARGET, interval_s=interval).uptime
    assert uptime is None or 0 <= uptime <= 1


@given(codes=st.lists(st.sampled_from([N, U, D, X]), min_size=1, max_size=40), data=st.data())
def test_maintenance_over_bad_slices_alone_never_lowers_the_uptime(codes, data):
    bad = [k for k, code in enumerate(codes) if code is X]
    chosen = data.draw(st.lists(st.sampled_from(bad), unique=True)) if bad else []
    seen = [(300 * k, code) for k, code in enumerate(codes)]

    def uptime(work):
        return result(
            slices(seen, since=0, until=300 * len(codes), interval_s=300, maintenance=work).counts(),
            source="s",
            window="w",
            target=TARGET,
        ).uptime

    before, after = uptime([]), uptime([(300 * k, 300 * k + 300) for k in chosen])
    assert after is None or before is None or after >= before


@given(
    codes=st.lists(st.sampled_from([None, N, U, D, X]), min_size=1, max_size=60),
    planned=st.lists(st.tuples(st.integers(-900, 18_000), st.integers(1, 3_000)), max_size=3),
)
def test_counted_rollups_give_the_same_figures_as_the_observations(codes, planned):
    work = [(a, a + d) for a, d in planned]
    end = 300 * len(codes)
    seen = [(300 * k, code) for k, code in enumerate(codes) if code is not None]
    outside = [code for slot, code in seen if not any(a <= slot < b for a, b in work)]
    rolled = SliceCounts(up=outside.count(U), degraded=outside.count(D), down=outside.count(X))
    exact = slices(seen, since=0, until=end, interval_s=300, maintenance=work).counts()
    assert filled(rolled, since=0, until=end, interval_s=300, maintenance=work) == exact


def test_the_weeks_of_a_dst_change_have_2016_slices_and_twelve_more_or_less():
    at = 1_893_456_000  # 2030
    weeks = [period(w, at, "Europe/Berlin") for w in ("2026-W13", "2026-W14", "2026-W43")]
    assert [len(grid(w.since, w.until, 300)) for w in weeks] == [2004, 2016, 2028]


def test_calendar_periods_begin_at_local_midnight_and_end_no_later_than_now():
    from datetime import UTC, datetime

    now = to_epoch(datetime(2026, 11, 25, 12, tzinfo=UTC))
    week, month_, done = period("week", now, "America/New_York"), period("month", now), period("2026-W47", now)
    assert (week.label, week.since, week.until) == ("2026-W48", to_epoch(datetime(2026, 11, 23, 5, tzinfo=UTC)), now)
    assert (month_.label, month_.since) == ("2026-11", to_epoch(datetime(2026, 11, 1, tzinfo=UTC)))
    assert (done.until - done.since, period("24h", now).since) == (7 * 86400, now - 86400)
    for wrong, says in (
        ("2026-W54", "ISO week"),
        ("2026-13", "month"),
        ("lately", "not a window"),
        ("0h", "length"),
        ("2027-01", "begins after"),
    ):
        with pytest.raises(ValueError, match=says):
            period(wrong, now)


def test_quality_is_good_while_the_newest_score_holds_and_unknown_when_it_is_too_old():
    scores = [(-600, 95.0), (3600, 80.0), (7200, None), (10_800, 90.0)]
    got = quality(
        scores,
        since=0,
        until=18_000,
        step_s=1800,
        threshold=90,
        target=Fraction(9, 10),
        max_age_s=5400,
        maintenance=[(16_200, 18_000)],
    )
    #          0     1800  3600  5400  7200  9000  10800 12600 14400 16200
    # verdict  good  good  bad   bad   bad   bad   good  good  good  planned
    assert (got.good, got.bad, got.unknown, got.excluded) == (5, 4, 0, 1)
    assert (got.as_json()["attained"], got.as_json()["mean"], got.scores) == (55.555, 85.0, 2)
    late = quality(scores, since=0, until=36_000, step_s=1800, threshold=90, target=Fraction(9, 10), max_age_s=5400)
    assert (late.unknown, late.met) == (10, None)
