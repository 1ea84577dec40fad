"""iCalendar as it is in the wild: zones, rules, exceptions, and entries that no one can read."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

import pytest

from busta_health_dagster.engines.ical import MOST_BYTES, CalendarEvent, read_calendar

HANG_GUARD_S = 60


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOVEMBER, JANUARY = at("2026-11-01"), at("2027-01-01")


def calendar(*entries: str, head: str = "") -> bytes:
    body = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}\r\n{entry.replace(chr(10), chr(13) + chr(10))}\r\nEND:VEVENT\r\n"
        for number, entry in enumerate(entries)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test\r\n{head}{body}END:VCALENDAR\r\n".encode()


def starts(text: bytes, zone: str = "UTC") -> list[str]:
    events = read_calendar(text, NOVEMBER, JANUARY, zone).events
    return [datetime.fromtimestamp(e.start, UTC).strftime("%m-%d %H:%M") for e in events]


def test_a_fixture_is_read_with_its_zone_its_title_and_who_attends() -> None:
    text = calendar(
        "DTSTART;TZID=America/New_York:20261206T130000\nDTEND;TZID=America/New_York:20261206T163000\n"
        "SUMMARY:Jets @ Bills\nATTENDEE;CN=Anna:mailto:Anna@Example.org"
    )

    assert read_calendar(text, NOVEMBER, JANUARY).events == (
        CalendarEvent(at("2026-12-06 18:00"), at("2026-12-06 21:30"), "Jets @ Bills", ("anna@example.org",)),
    )


def test_a_rule_keeps_its_local_time_over_the_change_of_the_clocks_and_leaves_out_its_exceptions() -> None:
    text = calendar(
        "DTSTART;TZID=America/New_York:20261025T130000\nDURATION:PT3H\nRRULE:FREQ=WEEKLY;UNTIL=20261122T235959Z\n"
        "EXDATE;TZID=America/New_York:20261108T130000"
    )

    assert starts(text) == ["11-01 18:00", "11-15 18:00", "11-22 18:00"]


def test_a_game_that_was_moved_takes_the_place_of_the_one_that_was_planned() -> None:
    text = calendar("DTSTART:20261203T180000Z\nRRULE:FREQ=WEEKLY;COUNT=2\nSUMMARY:game").replace(
        b"END:VCALENDAR",
        b"BEGIN:VEVENT\r\nUID:0\r\nRECURRENCE-ID:20261210T180000Z\r\nDTSTART:20261211T200000Z\r\n"
        b"SUMMARY:game\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )

    assert starts(text) == ["12-03 18:00", "12-11 20:00"]


def test_a_cancelled_game_is_no_event() -> None:
    assert starts(calendar("DTSTART:20261203T180000Z\nSTATUS:CANCELLED", "DTSTART:20261204T180000Z")) == ["12-04 18:00"]


def test_days_and_floating_times_are_meant_in_the_zone_that_is_asked_for() -> None:
    text = calendar("DTSTART;VALUE=DATE:20261206", "DTSTART:20261206T130000")

    events = read_calendar(text, NOVEMBER, JANUARY, "America/New_York").events

    assert [(e.start, e.end) for e in events] == [
        (at("2026-12-06 05:00"), at("2026-12-07 05:00")),
        (at("2026-12-06 18:00"), at("2026-12-06 18:00")),
    ]


def test_only_what_overlaps_the_window_is_an_event() -> None:
    text = calendar(
        "DTSTART:20261030T000000Z\nDTEND:20261101T000000Z", "DTSTART:20261231T235959Z", "DTSTART:20270101T000000Z"
    )

    assert starts(text) == ["12-31 23:59"]


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        ("DTSTART:garbage", "1 entry left out: no readable DTSTART"),
        ("SUMMARY:no start at all", "1 entry left out: no readable DTSTART"),
        ("DTSTART:20261206T130000Z\nDTEND:tomorrow", "1 entry left out: DTEND cannot be read"),
        ("DTSTART:20261206T130000Z\nRRULE:FREQ=DAILY;INTERVAL=0", "1 entry left out: RRULE part INTERVAL=0"),
        ("DTSTART:20261206T130000Z\nRRULE:FREQ=SECONDLY", "1 entry left out: RRULE needs FREQ"),
        ("DTSTART:20261206T130000Z\nRRULE:FREQ=DAILY;BYWEEKNO=53;BYMONTH=6", "has BYWEEKNO with FREQ=DAILY"),
        ("DTSTART:20261206T130000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "RRULE never occurs"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named_and_its_neighbours_are_read(entry: str, note: str) -> None:
    began = monotonic()

    read = read_calendar(calendar(entry, "DTSTART:20261204T180000Z"), NOVEMBER, JANUARY)

    assert [e.start for e in read.events] == [at("2026-12-04 18:00")]
    assert note in " ".join(read.notes)
    assert monotonic() - began < HANG_GUARD_S


def test_a_zone_that_no_one_knows_is_read_as_the_calendars_own_and_said() -> None:
    read = read_calendar(calendar("DTSTART;TZID=Mars/Olympus:20261206T130000"), NOVEMBER, JANUARY, "Europe/Berlin")

    assert [e.start for e in read.events] == [at("2026-12-06 12:00")]
    assert read.notes == ("1 entry with the unknown zone 'Mars/Olympus', read as Europe/Berlin",)


def test_zones_as_outlook_names_them_are_known() -> None:
    assert starts(calendar("DTSTART;TZID=Eastern Standard Time:20261206T130000")) == ["12-06 18:00"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"<html>please log in</html>", "not an iCalendar: it begins with '<html>please log in</html>'"),
        (b"", "not an iCalendar: it begins with ''"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n", "cut off: it has no END:VCALENDAR"),
        (b"BEGIN:VCALENDAR" + b" " * MOST_BYTES, "at most 5,000,000 are read"),
        (calendar(*["DTSTART:20261206T130000Z"] * 10_001), "10,001 entries, at most 10,000"),
        (calendar(*["DTSTART:19700101T000000Z\nRRULE:FREQ=HOURLY"] * 3), "at most 1,000,000 are followed"),
        (
            calendar(
                "DTSTART:20000101T000000Z\nRRULE:FREQ=DAILY;BYHOUR="
                + ",".join(map(str, range(24)))
                + ";BYMINUTE="
                + ",".join(map(str, range(60)))
            ),
            "at most 1,000,000 are followed",
        ),
    ],
)
def test_what_is_no_calendar_or_costs_too_much_is_refused_with_the_reason(text: bytes, says: str) -> None:
    began = monotonic()

    with pytest.raises(ValueError, match=says):
        read_calendar(text, NOVEMBER, JANUARY)

    assert monotonic() - began < HANG_GUARD_S
