"""`active: {ical: FILE}`: the days of a calendar beside the configuration are the season."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster import probes
from busta_health_dagster.engines.seasons import off_season_at
from busta_health_dagster.settings.files import fingerprint
from busta_health_dagster.settings.loading import diagnose

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.settings.loading import Diagnosis

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()
WEEKS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//fixtures//EN
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20260910
DTEND;VALUE=DATE:20260912
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART:20260913T010000Z
DTEND:20260913T040000Z
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART;VALUE=DATE:20260920
END:VEVENT
END:VCALENDAR
"""
SOURCES = """\
version: 1
types: {scores: {active: {ical: season.ics, zone: America/New_York}}}
sources:
  - {name: odds, type: odds, probe: tcp, host: example.com, port: 443, active: %s}
  - {name: scores, type: scores, probe: tcp, host: example.com, port: 443}
"""


def told(base: Path, active: str = "{ical: season.ics, zone: America/New_York}", calendar: str = WEEKS) -> Diagnosis:
    (base / "sources.yaml").write_text(SOURCES % active)
    (base / "season.ics").write_text(calendar)
    return diagnose(base, probes.registry(()).models(), {}, {}, now=NOW)


def test_the_days_of_its_events_are_active_in_the_zone_of_the_source_and_of_its_type(tmp_path: Path) -> None:
    config = told(tmp_path).config
    assert config is not None
    for name in ("odds", "scores"):
        season = config.sources[name].active
        assert season is not None
        assert season.as_config() == [
            {"zone": "America/New_York", "dates": ["2026-09-10..2026-09-12", "2026-09-20..2026-09-20"]}
        ], "the game of 13 September 01:00 UTC is played on the evening of the 12th"
        assert off_season_at(season, int(datetime(2026, 9, 12, 20, tzinfo=UTC).timestamp())) is None
        assert off_season_at(season, int(datetime(2026, 9, 15, tzinfo=UTC).timestamp())) is not None


def test_a_change_of_the_calendar_is_a_change_of_the_configuration(tmp_path: Path) -> None:
    first = told(tmp_path)
    before = fingerprint(tmp_path)
    (tmp_path / "season.ics").write_text(WEEKS.replace("20260920", "20260921"))
    assert fingerprint(tmp_path) != before
    assert "season.ics" in first.files


@pytest.mark.parametrize(
    ("active", "calendar", "says"),
    [
        ("{ical: gone.ics, zone: UTC}", WEEKS, "There is no file gone.ics in"),
        ("{ical: ../season.ics, zone: UTC}", WEEKS, "does not lie in the configuration's directory"),
        ("{ical: 'https://example.com/nfl.ics', zone: UTC}", WEEKS, "is on the web, and a season must be known while"),
        ("{ical: season.ics, zone: UTC}", "<html>Not found</html>", "not an iCalendar"),
        (
            "{ical: season.ics, zone: UTC}",
            WEEKS.replace("2026", "2019"),
            "has no event between 2025-10-24 and 2027-12-28",
        ),
        ("{ical: season.ics, zone: Nowhere/Land}", WEEKS, "zone"),
        ("{ical: season.ics, months: sep-feb, zone: UTC}", WEEKS, "`ical` and `months` both say which days"),
        ("{ical: [season.ics], zone: UTC}", WEEKS, "is not a text"),
    ],
)
def test_a_calendar_that_gives_no_season_is_refused_by_name(
    tmp_path: Path, active: str, calendar: str, says: str
) -> None:
    diagnosis = told(tmp_path, active, calendar)
    assert diagnosis.config is None
    assert any(says in problem.message for problem in diagnosis.errors), [p.message for p in diagnosis.errors]
    assert all("sources.yaml" in problem.where for problem in diagnosis.errors)


def test_a_calendar_whose_name_a_for_each_fills_in_is_refused_as_its_changes_would_go_unseen(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(
        "version: 1\nsources:\n  - {for_each: {league: [nfl]}, name: '{league}_odds', type: odds, probe: tcp, "
        "host: example.com, port: 443, active: {ical: '{league}.ics', zone: UTC}}\n"
    )
    (tmp_path / "nfl.ics").write_text(WEEKS)
    diagnosis = diagnose(tmp_path, probes.registry(()).models(), {}, {}, now=NOW)
    assert [p.message for p in diagnosis.errors if "for_each" in p.message] == [
        "A `for_each` cannot fill in the name of a calendar, here nfl.ics: its changes would go unseen."
    ]


@pytest.mark.parametrize("beside", ["months: [sep]", "dates: ['2026-01-01..2026-02-01']"])
def test_days_beside_a_calendar_are_not_dropped_in_silence(tmp_path: Path, beside: str) -> None:
    found = told(tmp_path, f"{{ical: season.ics, zone: UTC, {beside}}}")
    key = beside.partition(":")[0]
    assert [(p.field, p.message) for p in found.errors] == [
        (f"sources[0] odds, active.{key}", f"`ical` and `{key}` both say which days; `{key}` would not count.")
    ]
