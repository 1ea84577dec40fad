"""Maintenance windows at their edges, and every problem of a window in its whole wording."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from busta_health_dagster.domain.errors import Problem
from busta_health_dagster.domain.maintenance import Occurrence, Window
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.domain.units import LONGEST_S, config_duration
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
ONLY_ODDS = Selector(names=("odds_api",))
WHERE = "config/maintenance.yaml:3:5"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def window(start: str, zone: str = "UTC", *, seconds: int = 7200, exdates: tuple[str, ...] = (), **more) -> Window:
    left_out = tuple(datetime.fromisoformat(d) for d in exdates)
    begin = datetime.fromisoformat(start)
    more = {"name": "w", "select": Selector(), "where": WHERE, **more}
    return Window(start=begin, zone=zone, duration_s=seconds, exdates=left_out, **more)


NO_OCCURRENCE = (
    "rrule",
    "The rule has no occurrence in five years from its start.",
    "check UNTIL, the exdates and BYDAY",
    "warning",
)
OFFSET = (
    "start",
    "Start and exdates are local times; an offset is written in them.",
    "start: 2026-11-26T02:00 and zone: Europe/Berlin",
    "error",
)
NO_ZONE = (
    "zone",
    "The window has no zone; 02:00 could mean any of 38 instants.",
    "zone: Europe/Berlin, or zone: UTC",
    "error",
)
THURSDAYS = {"rrule": "FREQ=WEEKLY;BYDAY=TH"}


A_LOCAL_TIME = "a local time such as 2026-11-26T02:00"


@pytest.mark.parametrize(
    ("bad", "problems"),
    [
        (window("2026-11-26T02:00", **THURSDAYS), []),
        (window("2026-11-26T02:00"), []),
        (window("2026-11-26T02:00", seconds=1), []),
        (window("2026-11-26T02:00", exdates=("2026-11-26T02:00",), **THURSDAYS), []),
        (
            window("2026-11-26T02:00", rrule="every thursday"),
            [
                (
                    "rrule",
                    "RRULE part 'EVERY THURSDAY' is not NAME=VALUE.",
                    "write for instance FREQ=WEEKLY;BYDAY=TH",
                    "error",
                )
            ],
        ),
        (window("2026-11-26T02:00", rrule="FREQ=WEEKLY;BYDAY=TH;UNTIL=20260101"), [NO_OCCURRENCE]),
        (window("2026-11-26T02:00", rrule="FREQ=DAILY;COUNT=1", exdates=("2026-11-26T02:00",)), [NO_OCCURRENCE]),
        (
            window("2026-11-25T02:00", "America/New_York", **THURSDAYS),
            [
                (
                    "start",
                    "Wed 2026-11-25 02:00 does not fit FREQ=WEEKLY;BYDAY=TH; the first window is 2026-11-26T07:00:00Z.",
                    "let start be the first occurrence",
                    "warning",
                )
            ],
        ),
        (
            window("2026-11-26T02:00", exdates=("2026-12-03T03:00", "2026-12-10T02:00"), **THURSDAYS),
            [
                (
                    "exdates",
                    "Thu 2026-12-03 03:00 is no start of FREQ=WEEKLY;BYDAY=TH: it leaves nothing out.",
                    "write the local start that is to be left out",
                    "warning",
                )
            ],
        ),
        (window("2026-11-26T02:00", ""), [NO_ZONE]),
        (
            window("2026-11-26T02:00", "Europe/Berln", seconds=-60, rrule="nonsense"),
            [
                ("zone", "'Europe/Berln' is not in the tz database.", "an IANA name such as America/New_York", "error"),
                ("duration", "The window lasts 0s.", "duration: 45m", "error"),
            ],
        ),
        (window("2026-11-26T02:00+01:00"), [OFFSET]),
        (window("2026-11-26T02:00", exdates=("2026-11-27T02:00", "2026-11-26T02:00+01:00")), [OFFSET]),
        (
            window("2026-11-26T02:00", seconds=0),
            [("duration", "The window lasts 0s.", "duration: 45m", "error")],
        ),
        (window("2026-11-26T02:00", seconds=LONGEST_S), []),
        (
            window("2026-11-26T02:00", seconds=LONGEST_S + 86_400),
            [
                (
                    "duration",
                    f"The window lasts {config_duration(LONGEST_S + 86_400)}, longer than 10 years.",
                    "duration: 45m, or an rrule for what recurs",
                    "error",
                )
            ],
        ),
        (
            window("2200-01-01T00:00", exdates=("2199-12-31T23:59", "1969-12-31T23:59")),
            [
                ("start", "2200-01-01 00:00 lies outside 1970 to 2199.", A_LOCAL_TIME, "error"),
                ("exdates", "1969-12-31 23:59 lies outside 1970 to 2199.", A_LOCAL_TIME, "error"),
            ],
        ),
        (window("2199-12-31T23:59"), []),
    ],
)
def test_each_problem_of_a_window_names_field_and_remedy(bad, problems):
    assert validate(bad) == tuple(Problem(WHERE, f"window w, {field}", *rest) for field, *rest in problems)


def test_a_rule_that_first_occurs_in_the_fifth_year_has_an_occurrence():
    leap_day = window("2024-03-01T02:00", rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")
    (off,) = validate(leap_day)
    assert off.message.endswith("the first window is 2028-02-29T02:00:00Z.")


def test_an_occurrence_carries_the_window_its_reason_and_whom_it_is_for():
    w = window("2026-06-01T02:00", reason="upgrade", name="fleet", select=ONLY_ODDS)
    whole = Occurrence("fleet", at("2026-06-01T02:00"), at("2026-06-01T04:00"), "upgrade", ONLY_ODDS)
    assert occurrences(w, at("2026-06-01"), at("2026-06-02")) == [whole]
    assert occurrences(w, at("2026-06-01T03:59:59"), at("2026-06-02")) == [whole]
    assert occurrences(w, at("2026-06-01T04:00"), at("2026-06-02")) == []
    assert occurrences(w, at("2026-06-01"), at("2026-06-01T02:00:01")) == [whole]
    assert occurrences(w, at("2026-06-01"), at("2026-06-01T02:00")) == []
    assert occurrences(w, at("2026-06-01T03:00"), at("2026-06-01T03:00")) == []
    assert occurrences(w, at("2026-06-01T03:00"), at("2026-06-01T02:59")) == []
    left_out = window("2026-06-01T02:00", exdates=("2026-06-01T02:00",))
    assert occurrences(left_out, at("2026-06-01"), at("2026-06-02")) == []


def test_a_range_that_begins_before_1970_and_one_far_from_utc_lose_nothing():
    daily = window("1970-01-01T00:30", rrule="FREQ=DAILY", seconds=600)
    assert [o.start for o in occurrences(daily, 0, 2 * 86400)] == [1800, 88200]
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        local = window("2026-06-01T23:50", zone, rrule="FREQ=DAILY", seconds=1200)
        for start in (o.start for o in occurrences(local, at("2026-06-05"), at("2026-06-08"))):
            assert [o.start for o in occurrences(local, start, start + 1)] == [start]
            assert [o.start for o in occurrences(local, start + 1199, start + 1200)] == [start]


def test_a_long_window_is_found_from_its_last_second():
    long = window("2026-06-01T00:00", rrule="FREQ=MONTHLY", seconds=20 * 86400)
    (found,) = occurrences(long, at("2026-06-20T23:59:59"), at("2026-06-21"))
    assert found.start == at("2026-06-01")
    assert occurrences(long, at("2026-06-21"), at("2026-07-01")) == []


def test_an_end_in_utc_is_compared_with_the_instant_of_each_start():
    rule = "FREQ=DAILY;UNTIL=20260603T063000Z"
    w = window("2026-06-01T02:30", "America/New_York", rrule=rule, seconds=60)
    assert [o.start for o in occurrences(w, at("2026-06-01"), at("2026-06-30"))] == [
        at(f"2026-06-0{day}T06:30") for day in (1, 2, 3)
    ]


def test_active_lists_the_windows_of_a_source_at_a_second():
    windows = [window("2026-06-01T02:00", name="odds", select=ONLY_ODDS), window("2026-06-01T03:00", name="fleet")]
    names = [
        [o.window for o in active(windows, source, at(f"2026-06-01T{clock}"))]
        for source, clock in ((ODDS, "01:59:59"), (ODDS, "02:00"), (ODDS, "03:30"), (NEWS, "03:30"), (ODDS, "05:00"))
    ]
    assert names == [[], ["odds"], ["odds", "fleet"], ["fleet"], []]


def test_unions_join_what_touches_and_drop_what_is_empty():
    assert merged([(5, 9), (1, 3), (3, 4), (6, 7), (12, 12), (20, 19)]) == ((1, 4), (5, 9))
    assert merged([]) == ()
    assert merged([(1, 5), (2, 3)]) == ((1, 5),)
    assert merged([(1, 5), (5, 5)]) == ((1, 5),)


def test_differences_are_what_only_one_of_two_unions_covers():
    assert differences([(0, 10)], [(4, 6)]) == ((0, 4), (6, 10))
    assert differences([(0, 10)], [(0, 10)]) == ()
    assert differences([(0, 5)], [(5, 9)]) == ((0, 9),)
    assert differences([], [(-3, 2)]) == ((-3, 2),)
    assert differences([(0, 4), (2, 8)], []) == ((0, 8),)


def index(*windows: Window) -> MaintenanceIndex:
    return MaintenanceIndex(windows, at("2026-06-01"), at("2026-06-03"))


def test_an_index_answers_from_its_first_second_to_before_its_end():
    i = index(window("2026-05-31T23:00"), window("2026-06-02T23:00", name="late"))
    assert i.interval_at(ODDS, at("2026-06-01")) == (at("2026-05-31T23:00"), at("2026-06-01T01:00"))
    assert i.covers(ODDS, at("2026-06-02T23:59:59"))
    assert not i.covers(ODDS, at("2026-06-01T01:00"))
    assert i.intervals(ODDS) == (
        (at("2026-05-31T23:00"), at("2026-06-01T01:00")),
        (at("2026-06-02T23:00"), at("2026-06-03T01:00")),
    )
    for outside, text in (
        (at("2026-05-31T23:59:59"), "2026-05-31T23:59:59Z"),
        (at("2026-06-03"), "2026-06-03T00:00:00Z"),
    ):
        says = f"{text} is outside this index, 2026-06-01T00:00:00Z to 2026-06-03T00:00:00Z; build one for that time"
        with pytest.raises(ValueError, match=f"^{says}$"):
            i.interval_at(ODDS, outside)


def test_an_index_keeps_sources_apart():
    i = index(window("2026-06-01T02:00", name="b", select=ONLY_ODDS), window("2026-06-01T02:00", name="a", seconds=60))
    assert (i.covers(ODDS, at("2026-06-01T03:00")), i.covers(NEWS, at("2026-06-01T03:00"))) == (True, False)
    assert i.intervals(ODDS) is i.intervals(ODDS), "answered once"
    assert [o.window for o in i.occurrences()] == ["a", "b"]
    assert [o.window for o in i.occurrences(NEWS)] == ["a"]
    assert [o.window for o in i.occurrences(ODDS)] == ["a", "b"]


def test_overlapping_windows_are_warned_of_once_a_pair_with_the_first_instant():
    night = window("2026-06-01T02:00", name="night", rrule="FREQ=DAILY")
    odds = window("2026-06-01T03:00", name="odds", select=ONLY_ODDS, rrule="FREQ=DAILY", where="config/m.yaml:9:1")
    after = window("2026-06-01T04:00", name="after", select=Selector(names=("espn_nfl",)))
    says = "Overlaps 'night' on odds_api from 2026-06-01T03:00:00Z; the union counts, once."
    remedy = "shorten or merge them, if it is not meant"
    expected = Problem("config/m.yaml:9:1", "window odds, start", says, remedy, "warning")
    assert index(night, odds, after).overlaps([NEWS, ODDS]) == (expected,)
    assert index(night, after).overlaps([NEWS, ODDS]) == ()
    hourly = window("2026-06-01T00:00", name="long", rrule="FREQ=HOURLY", seconds=5400)
    (itself,) = index(hourly).overlaps([ODDS])
    assert itself.message == "Overlaps itself on odds_api from 2026-06-01T01:00:00Z; the union counts, once."


def test_three_windows_at_once_are_three_pairs():
    trio = [window(f"2026-06-01T0{i}:00", name=n, seconds=6 * 3600) for i, n in enumerate("abc")]
    pairs = [(p.field, p.message.split(" on ")[0]) for p in index(*trio).overlaps([ODDS])]
    assert pairs == [
        ("window b, start", "Overlaps 'a'"),
        ("window c, start", "Overlaps 'a'"),
        ("window c, start", "Overlaps 'b'"),
    ]
