"""Off season is what lies outside the active times: laws that hold for every season, and days whose answer is known."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.season import ActiveTimes, DateRange, Season
from busta_health_dagster.domain.source import Source
from busta_health_dagster.domain.units import EARLIEST, LATEST
from busta_health_dagster.domain.verdict import CheckVerdict, Outcome
from busta_health_dagster.engines import seasons as engine
from busta_health_dagster.engines.seasons import (
    off_season,
    off_season_at,
    off_season_text,
    reachability_only,
    without_verdicts,
)

ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati")
WINTER = DateRange((None, 9, 4), (None, 2, 15))


@pytest.fixture(autouse=True)
def nothing_remembered():
    """What is tested is how the gaps are found, not that they are found again."""
    engine._gaps.cache_clear()


def epoch(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def season(zone: str = "UTC", dates=(), weekdays=(), hours=()) -> Season:
    return Season((ActiveTimes(zone, tuple(dates), tuple(weekdays), tuple(hours)),))


@st.composite
def month_days(draw) -> tuple[None, int, int]:
    day = draw(st.dates(date(2024, 1, 1), date(2024, 12, 31)))
    return None, day.month, day.day


@st.composite
def active_times(draw) -> ActiveTimes:
    dates = draw(st.lists(st.builds(DateRange, month_days(), month_days()), max_size=2))
    weekdays = draw(st.sets(st.integers(0, 6), max_size=6))
    hours = draw(
        st.lists(st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda h: h[0] != h[1]), max_size=2)
    )
    return ActiveTimes(draw(st.sampled_from(ZONES)), tuple(dates), tuple(sorted(weekdays)), tuple(hours))


seasons = st.builds(lambda times: Season(tuple(times)), st.lists(active_times(), min_size=1, max_size=2))
instants = st.integers(epoch("2026-01-01"), epoch("2028-12-31"))


@settings(max_examples=60, deadline=None)
@given(seasons, instants, st.integers(1, 40 * 86_400))
def test_gaps_are_in_order_apart_and_overlap_what_was_asked_for(s: Season, since: int, length: int) -> None:
    gaps = off_season(s, since, since + length)
    assert all(begin < end for begin, end in gaps)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(gaps))
    assert all(begin < since + length and end > since for begin, end in gaps)


@settings(max_examples=60, deadline=None)
@given(seasons, instants, st.integers(1, 40 * 86_400), st.integers(0, 86_400))
def test_an_instant_has_one_answer_whatever_range_it_is_asked_in(s: Season, at: int, length: int, before: int) -> None:
    inside = [gap for gap in off_season(s, at - before, at + length) if gap[0] <= at < gap[1]]
    assert (inside[0] if inside else None) == off_season_at(s, at)


@settings(max_examples=60, deadline=None)
@given(seasons, instants)
def test_a_gap_ends_where_the_source_is_active_and_begins_where_it_was(s: Season, at: int) -> None:
    gap = off_season_at(s, at)
    if gap is None:
        return
    if gap[1] < LATEST:
        assert off_season_at(s, gap[1]) is None
        assert off_season_at(s, gap[1] - 1) == gap
    if gap[0] > EARLIEST:
        assert off_season_at(s, gap[0] - 1) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(active_times(), min_size=1, max_size=3), instants)
def test_several_entries_add_up(times: list[ActiveTimes], at: int) -> None:
    each = [off_season_at(Season((one,)), at) is None for one in times]
    assert (off_season_at(Season(tuple(times)), at) is None) is any(each)


@settings(max_examples=60, deadline=None)
@given(active_times().filter(lambda t: not t.hours), instants)
def test_without_hours_an_instant_is_active_as_its_local_day_is(times: ActiveTimes, at: int) -> None:
    day = datetime.fromtimestamp(at, ZoneInfo(times.zone)).date()
    assert (off_season_at(Season((times,)), at) is None) is times.includes(day)


def test_a_season_over_the_turn_of_the_year_recurs_in_local_days() -> None:
    nfl = season("America/New_York", [WINTER])
    gap = off_season_at(nfl, epoch("2027-06-01"))
    assert gap == (epoch("2027-02-16", "America/New_York"), epoch("2027-09-04", "America/New_York"))
    assert off_season_at(nfl, epoch("2027-02-15T23:59", "America/New_York")) is None
    assert off_season_at(nfl, epoch("2026-12-31")) is None
    assert off_season_text(gap) == "off season until 2027-09-04 04:00 UTC"


def test_a_range_with_years_comes_once() -> None:
    cup = season(dates=[DateRange((2026, 6, 11), (2026, 7, 19))])
    assert off_season_at(cup, epoch("2026-01-01")) == (EARLIEST, epoch("2026-06-11"))
    assert off_season_at(cup, epoch("2026-07-01")) is None
    assert off_season_at(cup, epoch("2027-01-01")) == (epoch("2026-07-20"), LATEST)
    assert off_season_text((epoch("2026-07-20"), LATEST)) == "off season"


def test_far_ahead_a_range_with_years_is_found_all_the_same() -> None:
    games = season(dates=[DateRange((2032, 7, 23), (2032, 8, 8)), DateRange((2028, 7, 14), (2028, 7, 30))])
    assert off_season_at(games, epoch("2026-01-01")) == (EARLIEST, epoch("2028-07-14"))
    assert off_season_at(games, epoch("2030-01-01")) == (epoch("2028-07-31"), epoch("2032-07-23"))


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    sunday_night = season("Europe/Berlin", weekdays=[6], hours=[(20 * 60, 2 * 60)])
    monday = epoch("2026-11-30T01:59", "Europe/Berlin")
    assert off_season_at(sunday_night, monday) is None
    gap = off_season_at(sunday_night, monday + 60)
    assert gap == (epoch("2026-11-30T02:00", "Europe/Berlin"), epoch("2026-12-06T20:00", "Europe/Berlin"))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-29", 24)])
def test_a_whole_day_is_as_long_as_the_clocks_make_it(day: str, hours: int) -> None:
    one = date.fromisoformat(day)
    berlin = season("Europe/Berlin", [DateRange((one.year, one.month, one.day), (one.year, one.month, one.day))])
    before = off_season_at(berlin, epoch(f"{day}T12:00") - 86_400)
    after = off_season_at(berlin, epoch(f"{day}T12:00") + 86_400)
    assert before is not None
    assert after is not None
    assert after[0] - before[1] == hours * 3600


def test_a_leap_day_that_must_be_a_sunday_is_found_and_one_that_never_is_ends_the_search() -> None:
    leap_day = DateRange((None, 2, 29), (None, 2, 29))
    gap = off_season_at(season(dates=[leap_day]), epoch("2026-06-01"))
    assert gap == (epoch("2024-03-01"), epoch("2028-02-29"))
    june_only = season(dates=[DateRange((2027, 6, 1), (2027, 6, 2))], weekdays=[6])
    assert off_season_at(june_only, epoch("2026-06-01")) == (EARLIEST, LATEST)


def test_of_a_source_off_season_only_that_it_answers_is_kept() -> None:
    seen = Observation("odds", 0, 0, Status.DOWN, "payload", "no JSON", items=0, data_age_s=9e6, metrics={"books": 0.0})
    rested = reachability_only(seen)
    assert (rested.status, rested.reason, rested.items, rested.data_age_s, rested.metrics) == (
        Status.UP,
        "ok",
        None,
        None,
        {},
    )
    gone = reachability_only(Observation("odds", 0, 0, Status.DOWN, "timeout", "no answer within 10 s"))
    assert (gone.status, gone.reason) == (Status.DOWN, "timeout")


def test_of_what_a_source_off_season_delivers_nothing_is_kept() -> None:
    seen = Observation(
        "odds",
        0,
        0,
        Status.DOWN,
        "payload",
        "no JSON",
        items=4,
        data_age_s=9.0,
        quality=7.0,
        sample="{",
        metrics={"a": 1.0},
    )
    bare = Observation("odds", 0, 0, Status.DOWN, "timeout", "no answer")
    assert reachability_only(replace(seen, reason="timeout", detail="no answer")) == bare
    assert reachability_only(seen) == replace(
        bare, status=Status.UP, reason="ok", detail="answers; off season, so what it delivers is not evaluated"
    )


def test_off_season_no_check_passes_and_none_fails() -> None:
    winter = Source("odds", "odds", "http", active=season(dates=[WINTER]))
    checks = {"fresh": CheckVerdict("fresh", Outcome.GOOD, "ERROR", "3 min old")}
    assert without_verdicts(checks, winter, epoch("2026-01-10")) == checks
    assert without_verdicts(checks, replace(winter, active=None), epoch("2026-06-10")) == checks
    assert without_verdicts(checks, winter, epoch("2026-06-10")) == {
        "fresh": CheckVerdict("fresh", Outcome.UNKNOWN, "WARN", "off season until 2026-09-04 00:00 UTC")
    }


def test_no_time_lies_in_no_gap() -> None:
    june = epoch("2026-06-10")
    assert off_season(season(dates=[WINTER]), june, june) == ()


def test_a_single_day_is_found_from_far_before_and_from_far_after() -> None:
    once = season(dates=[DateRange((2026, 1, 10), (2026, 1, 10))])
    assert off_season_at(once, epoch("2025-06-01")) == (EARLIEST, epoch("2026-01-10"))
    assert off_season_at(once, epoch("2026-06-01")) == (epoch("2026-01-11"), LATEST)


def test_hours_that_end_where_they_begin_are_a_whole_day() -> None:
    mondays = season(weekdays=[0], hours=[(480, 480)])
    assert off_season_at(mondays, epoch("2026-11-25")) == (epoch("2026-11-24T08:00"), epoch("2026-11-30T08:00"))


def test_an_hour_that_the_clock_skips_ends_no_gap() -> None:
    nightly = season("Europe/Berlin", hours=[(120, 180)])
    assert off_season_at(nightly, epoch("2026-03-29T12:00", "Europe/Berlin")) == (
        epoch("2026-03-28T03:00", "Europe/Berlin"),
        epoch("2026-03-30T02:00", "Europe/Berlin"),
    )
