from __future__ import annotations

from datetime import datetime

import pytest

GOOD = "name: w, start: 2026-12-01T02:00, zone: America/New_York, duration: 45m"


def text(entry: str) -> str:
    return f"version: 1\nwindows:\n  - {{{entry}}}\n"


@pytest.mark.parametrize(
    ("entry", "field", "message", "remedy"),
    [
        (GOOD.replace(", zone: America/New_York", ""), "windows[0] w", "`zone` is missing.", "zone: America/New_York"),
        (
            GOOD.replace("America/New_York", "America/NewYork"),
            "windows[0] w, zone",
            "not a zone of the tz database",
            "America/New_York",
        ),
        (GOOD.replace("America/New_York", "Europe"), "windows[0] w, zone", "not a zone of the tz database", ""),
        (GOOD.replace("45m", "0m"), "windows[0] w, duration", "longer than nothing", "write for instance 45m"),
        (GOOD.replace("45m", "45"), "windows[0] w, duration", "no unit", "write 30s"),
        (GOOD.replace("45m", "99999999999d"), "windows[0] w, duration", "longer than 10 years", "write 3650d or less"),
        (GOOD.replace("45m", "1.0e+300"), "windows[0] w, duration", "no duration between nothing and 10", "write 30s"),
        (
            GOOD.replace("2026-12-01T02:00", "9999-12-31T23:59"),
            "windows[0] w, start",
            "1970 to 2199",
            "2026-11-26T02:00",
        ),
        (GOOD + ", exdates: ['9999-12-31T23:59']", "windows[0] w, exdates", "1970 to 2199", "2026-11-26T02:00"),
        (GOOD + ", rrule: FREQ=SOMETIMES", "windows[0] w, rrule", "FREQ=SOMETIMES", "write for instance FREQ=WEEKLY"),
        (GOOD + ", rrule: 'FREQ=WEEKLY;INTERVAL=0'", "windows[0] w, rrule", "outside 1 to", ""),
        (GOOD.replace("02:00", "02:00:00Z"), "windows[0] w, start", "carries an offset", "2026-12-01T02:00"),
        (GOOD.replace("2026-12-01T02:00", "tomorrow"), "windows[0] w, start", "not a local time", "2026-11-26T02:00"),
        (GOOD + ", exdates: [12-24]", "windows[0] w, exdates[0]", "not a local time", ""),
        (GOOD + ", untill: x", "windows[0] w, untill", "Unknown key", ""),
    ],
)
def test_a_wrong_window_is_told_with_its_field_and_remedy(problem, entry, field, message, remedy):
    said = problem(maintenance=text(entry))
    assert said.field == field
    assert said.where.startswith("config/maintenance.yaml:3:")
    assert message in said.message
    assert remedy in said.remedy


def test_a_left_out_date_that_is_no_start_is_warned_of(files):
    one = "version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n"
    rule = GOOD + ", rrule: FREQ=WEEKLY;BYDAY=TU, exdates: ['2026-12-08T02:00', 2026-12-24]"
    (warned,) = [
        w for w in files.write(sources=one, maintenance=text(rule)).config().warnings if w.field.endswith("exdates")
    ]
    assert warned.message == "Thu 2026-12-24 00:00 is no start of FREQ=WEEKLY;BYDAY=TU: it leaves nothing out."


def test_two_windows_of_one_name_are_refused(problem):
    assert "is taken" in problem(maintenance=text(GOOD) + f"  - {{{GOOD}}}\n").message


def test_seconds_dates_and_quoted_times_are_local_times(files):
    one = "version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n"
    config = files.write(
        sources=one,
        maintenance=text(
            GOOD.replace("2026-12-01T02:00", "2026-12-01 02:00:30") + ", exdates: [2026-12-24, '2026-12-31T02:00']"
        ),
    ).config()
    assert config.windows[0].start == datetime(2026, 12, 1, 2, 0, 30)
    assert config.windows[0].exdates == (datetime(2026, 12, 24), datetime(2026, 12, 31, 2, 0))
