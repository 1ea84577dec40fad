"""Windows in local time, answered in instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.maintenance import (
    MaintenanceIndex,
    active,
    differences,
    merged,
    occurrences,
    validate,
)

ODDS = Source("odds_api", "odds", "http")
NEWS = Source("espn_nfl", "news", "feed")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def window(start: str, zone: str = "UTC", *, hours: float = 2, **more) -> Window:
    more["exdates"] = tuple(datetime.fromisoformat(d) for d in more.get("exdates", ()))
    return Window(
        more.pop("name", "w"),
        more.pop("select", Selector()),
        datetime.fromisoformat(start),
        zone,
        int(hours * 3600),
        **more,
    )


def spans(w: Window, since: str, until: str) -> list[tuple[str | None, str | None]]:
    return [(iso(o.start), iso(o.end)) for o in occurrences(w, at(since), at(until))]


def test_a_weekly_night_in_berlin_keeps_its_local_start_and_its_two_hours_on_both_dst_nights():
    w = window("2026-01-03T23:00", "Europe/Berlin", rrule="FREQ=WEEKLY;BYDAY=SA")
    assert spans(w, "2026-03-28", "2026-03-30") == [("2026-03-28T22:00:00Z", "2026-03-29T00:00:00Z")]
    assert spans(w, "2026-10-24", "2026-10-26") == [("2026-10-24T21:00:00Z", "2026-10-24T23:00:00Z")]


def test_a_rule_until_the_last_day_of_the_calendar_recurs_as_one_without_an_end():
    w = window("2026-01-03T23:00", rrule="FREQ=WEEKLY;BYDAY=SA;UNTIL=99991231")
    assert validate(w) == ()
    assert len(spans(w, "2026-03-02", "2026-03-29")) == 4


def test_a_start_in_the_gap_shifts_forward_by_the_gap_and_an_ambiguous_one_is_the_first():
    gap = window("2026-03-08T02:30", "America/New_York", hours=1)
    fold = window("2026-11-01T01:30", "America/New_York", hours=1)
    assert spans(gap, "2026-03-08", "2026-03-09") == [("2026-03-08T07:30:00Z", "2026-03-08T08:30:00Z")]  # 03:30 EDT
    assert spans(fold, "2026-11-01", "2026-11-02") == [
        ("2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z")
    ]  # EDT, the first


def test_an_hourly_rule_meets_itself_in_the_gap_only_once():
    w = window("2026-03-08T00:30", "America/New_York", hours=0.25, rrule="FREQ=HOURLY;COUNT=5")
    assert [s for s, _ in spans(w, "2026-03-08", "2026-03-09")] == [f"2026-03-08T0{h}:30:00Z" for h in (5, 6, 7, 8)]


def test_occurrences_that_reach_into_the_range_are_listed_unclipped_and_the_end_is_exclusive():
    w = window("2026-06-01T22:00", hours=4, rrule="FREQ=DAILY")
    assert spans(w, "2026-06-10T00:00", "2026-06-10T01:00") == [("2026-06-09T22:00:00Z", "2026-06-10T02:00:00Z")]
    assert spans(w, "2026-06-10T02:00", "2026-06-10T22:00") == []
    assert spans(w, "2026-06-10T02:00", "2026-06-10T02:00") == []


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20261126T070000Z", "2026-11-26T07:00:00Z"),  # inclusive, in UTC although the start is local
        ("20261126T065959Z", "2026-11-19T07:00:00Z"),
        ("20261126T020000", "2026-11-26T07:00:00Z"),  # local
        ("20261126", "2026-11-26T07:00:00Z"),  # the whole day
        ("20261125", "2026-11-19T07:00:00Z"),
    ],
)
def test_until_may_be_utc_local_or_a_day(until: str, last: str):
    w = window("2026-11-05T02:00", "America/New_York", hours=1, rrule=f"FREQ=WEEKLY;BYDAY=TH;UNTIL={until}")
    assert spans(w, "2026-11-01", "2027-01-01")[-1][0] == last
    assert validate(w) == ()


def test_exdates_are_local_starts_and_do_not_use_up_the_count():
    w = window(
        "2026-12-17T02:00", "America/New_York", hours=1, rrule="FREQ=WEEKLY;COUNT=3", exdates=["2026-12-24T02:00"]
    )
    assert [s for s, _ in spans(w, "2026-12-01", "2027-03-01")] == ["2026-12-17T07:00:00Z", "2026-12-31T07:00:00Z"]


@given(
    freq=st.sampled_from(
        ["HOURLY", "DAILY", "WEEKLY;BYDAY=MO,TH", "WEEKLY;BYDAY=SU;WKST=SU", "MONTHLY;BYDAY=-1FR", "DAILY;BYMONTH=3,11"]
    ),
    interval=st.integers(1, 5),
    days=st.integers(0, 700),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_looking_at_a_late_range_finds_what_counting_up_from_the_start_finds(freq, interval, days, zone):
    w = window("2025-01-06T01:30", zone, hours=3, rrule=f"FREQ={freq};INTERVAL={interval}")
    low = at("2025-01-06") + days * 86400
    everything = occurrences(w, at("2025-01-01"), low + 3 * 86400)
    assert occurrences(w, low, low + 3 * 86400) == [o for o in everything if o.end > low]


def transitions_2026_2027() -> list[tuple[str, datetime, timedelta]]:
    """(zone, first instant after the transition, change of offset) for all of the tz database."""
    first, found = datetime(2025, 12, 31, tzinfo=UTC), []
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        before = first.astimezone(zone).utcoffset()
        for day in range(1, 733):
            now = (first + timedelta(days=day)).astimezone(zone).utcoffset()
            if now == before:
                continue
            low, high = first + timedelta(days=day - 1), first + timedelta(days=day)
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
            assert before is not None
            assert now is not None
            found.append((name, high.replace(microsecond=0), now - before))
            before = now
    return found


def test_around_every_transition_of_every_zone_a_daily_window_occurs_once_a_day_with_its_elapsed_length():
    found = transitions_2026_2027()
    assert len(found) > 600
    for name, instant, change in found:
        zone = ZoneInfo(name)
        # In a gap: the middle of the hour that does not exist. In a fold: the middle of the hour that comes twice.
        wall = (instant - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) + abs(change) / 2 * (
            1 if change > timedelta(0) else -1
        )
        wall = wall.replace(microsecond=0)
        w = Window("w", Selector(), wall - timedelta(days=3), name, 5400, rrule="FREQ=DAILY")
        got = occurrences(w, int(instant.timestamp()) - 6 * 86400, int(instant.timestamp()) + 4 * 86400)
        met = [datetime.fromtimestamp(o.start, zone) for o in got]
        due = [wall + timedelta(days=k) for k in range(-3, 3)]
        due[3] = wall + max(change, timedelta(0))  # Nuuk's gap ends at midnight: the shift may lead into the next day
        assert [d.replace(tzinfo=None) for d in met[:6]] == due, name
        assert met[3].fold == 0, name
        assert all(o.end - o.start == 5400 for o in got), name


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rrule": "every thursday"}, "NAME=VALUE"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=XX"}, "cannot be read"),
        ({"rrule": "FREQ=WEEKLY;INTERVAL=0"}, "INTERVAL"),
        ({"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "never occurs"),
        ({"rrule": "FREQ=SECONDLY"}, "faster than hourly"),
        ({"rrule": "FREQ=DAILY;BYHOUR=24"}, "outside 0 to 23"),
        ({"rrule": "FREQ=DAILY;UNTIL=tomorrow"}, "UNTIL"),
        ({"rrule": "FREQ=DAILY;COUNT=2;UNTIL=20270101"}, "COUNT and UNTIL"),
        ({"rrule": "FREQ=DAILY;FREQ=DAILY"}, "twice"),
        ({"rrule": "FREQ=DAILY;COLOUR=RED"}, "unknown"),
        ({"zone": ""}, "no zone"),
        ({"zone": "Europe/Berln"}, "tz database"),
        ({"zone": "Europe"}, "tz database"),
        ({"zone": "../etc/passwd"}, "tz database"),
        ({"hours": 0}, "lasts 0s"),
    ],
)
def test_what_cannot_be_followed_is_an_error_that_names_window_and_field(change, says):
    (problem,) = validate(window("2026-11-26T02:00", **{"where": "config/maintenance.yaml:3:5", **change}))
    assert says in problem.message
    assert problem.level == "error"
    assert (problem.where, problem.field[:8]) == ("config/maintenance.yaml:3:5", "window w")


def test_a_start_off_the_rule_and_a_rule_that_has_ended_before_it_began_are_warnings():
    (off,) = validate(window("2026-11-25T02:00", rrule="FREQ=WEEKLY;BYDAY=TH"))
    (never,) = validate(window("2026-11-26T02:00", rrule="FREQ=WEEKLY;BYDAY=TH;UNTIL=20260101"))
    assert (off.level, never.level) == ("warning", "warning")
    assert "2026-11-26T02:00:00Z" in off.message
    assert "no occurrence" in never.message


def test_the_index_answers_per_source_with_the_union_and_refuses_to_guess_outside_its_range():
    both = window("2026-06-01T01:00", name="fleet", rrule="FREQ=DAILY")
    odds = window("2026-06-01T02:00", name="odds", select=Selector(names=("odds_api",)), rrule="FREQ=DAILY")
    index = MaintenanceIndex([both, odds], at("2026-06-10"), at("2026-06-11"))
    assert index.interval_at(ODDS, at("2026-06-10T01:30")) == (at("2026-06-10T01:00"), at("2026-06-10T04:00"))
    assert index.interval_at(NEWS, at("2026-06-10T01:30")) == (at("2026-06-10T01:00"), at("2026-06-10T03:00"))
    edges = ["2026-06-10T00:59:59", "2026-06-10T01:00", "2026-06-10T02:59:59", "2026-06-10T03:00"]
    assert [index.covers(NEWS, at(t)) for t in edges] == [False, True, True, False]
    assert [o.window for o in active([both, odds], ODDS, at("2026-06-10T02:30"))] == ["fleet", "odds"]
    with pytest.raises(ValueError, match="outside this index"):
        index.covers(ODDS, at("2026-06-11"))
    (warning,) = index.overlaps([ODDS, NEWS])
    assert "Overlaps 'fleet' on odds_api from 2026-06-10T02:00:00Z" in warning.message


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=8), st.integers(0, 90))
def test_a_union_covers_exactly_what_its_parts_cover(parts, moment):
    intervals = [(s, s + d) for s, d in parts]
    union = merged(intervals)
    assert any(s <= moment < e for s, e in union) == any(s <= moment < e for s, e in intervals)
    assert all(a[1] < b[0] for a, b in pairwise(union))


def test_an_unbounded_hourly_rule_of_1990_is_answered_without_counting_up_from_it():
    w = window("1990-01-01T00:00", hours=0.5, rrule="FREQ=HOURLY")
    assert len(occurrences(w, at("2026-06-01"), at("2026-06-02"))) == 24  # counting up: 320,000 steps


@given(*[st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)).map(lambda x: (x[0], x[0] + x[1])))] * 2)
def test_two_unions_differ_where_one_covers_what_the_other_does_not(one, other):
    def covered(intervals):
        return {n for a, b in intervals for n in range(a, b)}

    found = differences(one, other)
    assert covered(found) == covered(one) ^ covered(other)
    assert found == merged(found), "in order, and none touches the next"
