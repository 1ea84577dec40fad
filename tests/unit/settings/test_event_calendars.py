"""Calendars of known events in the files: what they may say, and what the doctor says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.settings.loading import Diagnosis

NEAR = "near_events: {calendar: nfl, before: 2h, after: 4h, interval: 1m}"


def diagnosed(folder: Path, events: str, near: str = NEAR) -> Diagnosis:
    (folder / "sources.yaml").write_text(
        "version: 1\nsources:\n"
        "  - {name: scores, type: scores, probe: http, url: 'https://scores.example.com/'}\n"
        "  - {name: port, type: scores, probe: tcp, host: scores.example.com, port: 443}\n"
        f"  - {{name: odds, type: odds, probe: http, url: 'https://odds.example.com/', {near}}}\n"
    )
    (folder / "maintenance.yaml").write_text(f"version: 1\nevents:\n{events}\n")
    return bootstrap.diagnose_config(folder, {})


@pytest.mark.parametrize(
    ("event", "field", "says", "remedy"),
    [
        (
            "{name: nfl, ical: a.ics, source: scores, path: $}",
            "events[0] nfl",
            "one of `ical` and `source`",
            "ical: https",
        ),
        (
            "{name: nfl, source: scores}",
            "events[0] nfl",
            "`source` and `path` belong together",
            "path: $.events[*].date",
        ),
        (
            "{name: nfl, source: scoers, path: $}",
            "events[0] nfl, source",
            "There is no source 'scoers'.",
            "source: scores",
        ),
        ("{name: nfl, source: port, path: $}", "events[0] nfl, source", "port is of probe tcp", "probe http"),
        ("{name: nfl, ical: a.ics, rrule: FREQ=DAILY}", "events[0] nfl, rrule", "Unknown key `rrule`", "remove it"),
        (
            "{name: nba, ical: 'https://x.example/a.ics'}",
            "sources[2] odds, near_events.calendar",
            "There is no calendar 'nfl': nothing would ever be near.",
            "calendar: nba",
        ),
    ],
)
def test_a_calendar_that_cannot_be_one_is_named(tmp_path: Path, event: str, field: str, says: str, remedy: str) -> None:
    (error,) = diagnosed(tmp_path, f"  - {event}").errors

    assert error.field == field
    assert says in error.message
    assert remedy in error.remedy


def test_two_events_of_one_name_are_refused(tmp_path: Path) -> None:
    (error,) = diagnosed(
        tmp_path,
        "  - {name: nfl, start: '2026-11-23T12:00', zone: UTC, duration: 3h}\n  - {name: nfl, source: scores, path: $}",
    ).errors

    assert (error.field, error.message) == (
        "events[1] nfl, name",
        "The name 'nfl' is taken: events have one name each.",
    )


def test_a_calendar_file_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, "  - {name: nfl, ical: nfl.ics}")

    (said,) = [w for w in found.warnings if w.field.startswith("events")]
    assert said.message == f"The calendar {tmp_path}/nfl.ics cannot be read: No such file or directory."


def test_an_interval_that_is_no_shorter_near_events_is_a_warning(tmp_path: Path) -> None:
    found = diagnosed(
        tmp_path,
        "  - {name: nfl, source: scores, path: $}",
        "near_events: {calendar: nfl, before: 2h, after: 4h, interval: 5m}",
    )

    assert [w.message for w in found.warnings if "near_events" in w.field] == [
        "Near events it is not observed more often: every 5m, as at any other time."
    ]


def test_the_tick_is_as_short_as_the_interval_near_events(tmp_path: Path) -> None:
    config = diagnosed(tmp_path, "  - {name: nfl, source: scores, path: $}").config

    assert config is not None
    assert config.tick_s == 60
    assert config.sources["scores"].event_paths == (("nfl", "$"),)
