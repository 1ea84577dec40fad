"""Outages with a habit: found where there is one, and only there."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.engines.maintenance_suggestions import LEAST, Outage, habits, outages

UTC, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
DAY, MIN = 86400, 60


def at(text: str, zone: ZoneInfo = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


NOW = at("2026-11-29T12:00")


def nightly(days: int, minutes: int = 20, hour: int = 3) -> list[Outage]:
    begins = [at(f"2026-11-{29 - n:02}T{hour:02}:00") for n in reversed(range(days))]
    return [Outage(b, b + minutes * MIN) for b in begins]


def test_every_night_at_three_for_twenty_minutes():
    (habit,) = habits(nightly(14), NOW, UTC)
    assert (habit.every, habit.next, habit.duration_s, habit.rrule) == (
        "day",
        datetime(2026, 11, 30, 3, 0),
        1200,
        "FREQ=DAILY",
    )
    assert (len(habit.nights), habit.of, habit.nights[-1]) == (14, 14, date(2026, 11, 29))


def test_every_sunday_at_two():
    begins = [at(f"2026-11-{day:02}T02:00") for day in (8, 15, 22, 29)]
    (habit,) = habits([Outage(b, b + 7200) for b in begins], NOW, UTC)
    assert (habit.every, habit.next, habit.duration_s, habit.rrule, habit.of) == (
        "week",
        datetime(2026, 12, 6, 2, 0),
        7200,
        "FREQ=WEEKLY;BYDAY=SU",
        4,
    )


def test_one_long_night_does_not_stretch_the_window():
    found = nightly(20)
    found[7] = Outage(found[7].start, found[7].start + 3 * 3600)
    (habit,) = habits(found, NOW, UTC)
    assert habit.duration_s == 1200
    assert (len(habit.nights), habit.of) == (19, 20), "that night is not among those covered"


def test_a_habit_around_midnight_is_one_habit():
    midnights = [at(f"2026-11-{19 + n:02}T00:00") for n in range(11)]
    for early in (0, 1):  # whichever side of midnight comes first
        begins = [m + (300 if n % 2 == early else -300) for n, m in enumerate(midnights)]
        (habit,) = habits([Outage(b, b + 600) for b in begins], NOW, UTC)
        assert (habit.every, habit.next, habit.duration_s) == ("day", datetime(2026, 11, 29, 23, 55), 1200)
        assert len(habit.nights) == habit.of == 11, "the same night is not two, and none is left out"


def test_a_habit_around_the_end_of_a_week_is_one_habit():
    mondays = [at(f"2026-11-{day:02}T00:00") for day in (2, 9, 16, 23)]
    begins = [m + (300 if n % 2 else -300) for n, m in enumerate(mondays)]
    (habit,) = habits([Outage(b, b + 600) for b in begins], NOW, UTC)
    assert (habit.every, habit.next, habit.duration_s) == ("week", datetime(2026, 11, 29, 23, 55), 1200)
    assert (habit.rrule, len(habit.nights)) == ("FREQ=WEEKLY;BYDAY=SU", 4)


def test_two_outages_of_every_other_midnight_are_no_habit_of_every_night():
    begins = [at(f"2026-11-{20 + n:02}T{'23:55' if n % 2 else '00:05'}") for n in range(9)]
    assert habits([Outage(b, b + 300) for b in begins], NOW, UTC) == []


def test_local_time_is_what_recurs_when_the_clocks_change():
    begins = [at(f"2026-10-{20 + n:02}T03:30", BERLIN) for n in range(11)]
    (habit,) = habits([Outage(b, b + 600) for b in begins], at("2026-10-31T00:00"), BERLIN)
    assert (habit.next.hour, habit.next.minute, habit.duration_s, len(habit.nights)) == (3, 30, 600, 11)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], "nothing happened"),
        (nightly(4), "four nights are no habit"),
        ([o for i, o in enumerate(nightly(20)) if i % 2], "every other night is not every night"),
        (nightly(10) + nightly(10, hour=9)[:7] + nightly(10, hour=15)[:7], "more of its outages have no habit"),
        ([Outage(o.start, o.start + 5 * 3600) for o in nightly(14)], "five hours are no maintenance"),
        ([Outage(NOW - n * 600, NOW - n * 600 + 300) for n in range(432, 0, -1)], "three days of flapping"),
        ([Outage(o.start - 20 * DAY, o.end - 20 * DAY) for o in nightly(5)], "it has ended"),
    ],
)
def test_what_is_no_habit_is_not_proposed(found, why):
    assert habits(sorted(found, key=lambda o: o.start), NOW, UTC) == [], why


def test_slots_in_a_row_are_one_outage():
    slots = [(0, False), (300, True), (600, True), (900, False), (1200, True), (1800, True)]
    assert outages(slots, 300) == [Outage(300, 900), Outage(1200, 1500), Outage(1800, 2100)]


@given(
    st.lists(st.integers(0, 30 * 288), unique=True, max_size=12),
    st.integers(0, 287),
    st.lists(st.tuples(st.integers(-6, 6), st.integers(0, 56)), min_size=5, max_size=31),
    st.sampled_from([UTC, BERLIN, ZoneInfo("America/New_York")]),
)
def test_law_a_proposal_lies_ahead_is_short_and_rests_on_enough_nights(slots, usual, nights, zone):
    # Random failures, and around a usual time of day outages that begin a little earlier or later, and last as they like.
    slots = {
        *slots,
        *(
            (29 - day) * 288 + usual + off + n
            for day, (off, length) in enumerate(reversed(nights))
            for n in range(length)
        ),
    }
    found = outages(((NOW - 30 * DAY + n * 300, True) for n in sorted(s for s in slots if 0 <= s < 30 * 288)), 300)
    for habit in habits(found, NOW, zone):
        assert habit.next > datetime.fromtimestamp(NOW, zone).replace(tzinfo=None)
        assert 0 < habit.duration_s <= 5 * 3600 + 600
        assert len(set(habit.nights)) == len(habit.nights) <= habit.of
        assert len(habit.nights) >= LEAST[habit.every]
        assert 10 * len(habit.nights) >= 7 * habit.of, "it would have covered seven of ten nights"
        assert 2 * len(habit.nights) >= len(found), "and half of all outages of the source"


@given(st.integers(0, 286), st.integers(1, 24), st.integers(7, 28))
def test_law_a_perfect_habit_is_found_with_its_time_and_length(slot, slots, days):
    begins = [at("2026-11-01T00:00") + n * DAY + slot * 300 for n in range(days)]
    now = begins[-1] + DAY // 2
    (habit,) = habits([Outage(b, b + slots * 300) for b in begins], now, UTC)
    assert (habit.every, habit.next.hour * 60 + habit.next.minute, habit.duration_s) == ("day", slot * 5, slots * 300)
    assert len(habit.nights) == days
