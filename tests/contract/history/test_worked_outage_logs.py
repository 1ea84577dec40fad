"""Outage logs whose answers were computed by hand (semantics.md 2 and 3), through the import, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from history_stories import DAY, HOUR, T0, imported, incidents, level, log, open_monitor, the_level

from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.pipeline.service_levels.service_levels import ask, next_to_breach, service_levels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.pipeline.app.app import App

MONTH = 8640


@pytest.fixture
def monitor(tmp_path: Path, store_url: str) -> Iterator[App]:
    with open_monitor(tmp_path, store_url) as app:
        yield app


def scattered(count: int, of: int = MONTH) -> list[int]:
    """Single bad slots, far apart: no two of them are one incident."""
    return [7 + n * (of // count) for n in range(count)]


def test_43_bad_of_8640_meet_99_5_and_44_miss_it(monitor: App, tmp_path: Path) -> None:
    log(tmp_path / "log.csv", MONTH, scattered(43), source="just_met")
    imported(monitor, log(tmp_path / "log.csv", MONTH, scattered(44), source="just_missed"))
    end = T0 + 30 * DAY
    met, missed = level(monitor, end, name="just_met"), level(monitor, end, name="just_missed")
    keys = ("good", "bad", "excluded", "unknown", "uptime", "target", "coverage", "budget_left", "met")
    assert [met[k] for k in keys] == [8597, 43, 0, 0, 99.502, 99.5, 100.0, 0.462, True]
    assert met["burn"]["30d"] == 0.995
    assert [missed[k] for k in keys] == [8596, 44, 0, 0, 99.49, 99.5, 100.0, -1.852, False]
    worst = [s.result.source for s in service_levels(monitor, ask(monitor, "30d", "2026-10-31T00:00:00Z"))]
    assert worst == ["just_missed", "just_met", "watched_api"]


def test_a_week_bears_10_bad_slots_and_not_11(monitor: App, tmp_path: Path) -> None:
    log(tmp_path / "log.csv", 2016, scattered(10, 2016), source="ten")
    imported(monitor, log(tmp_path / "log.csv", 2016, scattered(11, 2016), source="eleven"))
    found = {n: level(monitor, T0 + 7 * DAY, "7d", n) for n in ("ten", "eleven")}
    assert (found["ten"]["met"], found["eleven"]["met"]) == (True, False)
    closest = next_to_breach(service_levels(monitor, ask(monitor, "7d", "2026-10-08T00:00:00Z")))
    assert closest is not None
    assert (closest.source, closest.spare_slices) == ("ten", 0)


def test_the_window_takes_its_first_slot_and_leaves_its_last_instant(monitor: App, tmp_path: Path) -> None:
    imported(monitor, log(tmp_path / "log.csv", 600, [0, 288]))
    first_day, second_day = level(monitor, T0 + DAY, "24h"), level(monitor, T0 + DAY + 300, "24h")
    assert (first_day["good"], first_day["bad"]) == (287, 1), "the slot at T - W counts, the one at T does not"
    assert (second_day["good"], second_day["bad"]) == (287, 1), "five minutes later it is the other way round"
    assert level(monitor, T0 + 301, "24h")["bad"] == 1, "T between two slots"


def test_what_was_not_seen_is_unknown_and_below_95_percent_there_is_no_verdict(monitor: App, tmp_path: Path) -> None:
    imported(monitor, log(tmp_path / "log.csv", 288, [100], unknown=range(7), missing=range(200, 207)))
    day = level(monitor, T0 + DAY, "24h")
    assert [day[k] for k in ("good", "bad", "unknown", "uptime", "coverage", "met")] == [
        273,
        1,
        14,
        99.635,
        95.138,
        True,
    ]
    imported(monitor, log(tmp_path / "log2.csv", 288, unknown=range(15), source="dim"))
    dim = level(monitor, T0 + DAY, "24h", "dim")
    assert [dim[k] for k in ("uptime", "coverage", "met", "verdict")] == [100.0, 94.791, None, "insufficient data"]
    nobody = level(monitor, T0, "24h")
    assert [nobody[k] for k in ("good", "bad", "unknown", "uptime", "met", "budget_left")] == [
        0,
        0,
        288,
        None,
        None,
        None,
    ]


def test_mttr_is_51_h_for_outages_of_44_100_40_and_20_h(monitor: App, tmp_path: Path) -> None:
    bad: list[int] = []
    at = 5
    for hours in (44, 100, 40, 20):
        bad += range(at, at + hours)
        at += hours + 10
    imported(monitor, log(tmp_path / "log.csv", 320, bad, step=HOUR))
    notified = incidents(monitor, T0 + 30 * DAY).as_json()
    assert notified["mttr_s"] == {"mean": 51 * HOUR, "median": 42 * HOUR, "p90": 100 * HOUR}
    assert [i["ttr_s"] // HOUR for i in reversed(notified["incidents"])] == [44, 100, 40, 20]


def test_mtbf_is_10_h_for_4_h_down_in_2_incidents_of_a_day(monitor: App, tmp_path: Path) -> None:
    imported(monitor, log(tmp_path / "log.csv", 290, [*range(36, 60), *range(120, 144)]))
    notified = incidents(monitor, T0 + DAY, "24h").as_json()
    assert (notified["resolved"], notified["mtbf_s"], notified["mttr_s"]["mean"]) == (2, 10 * HOUR, 2 * HOUR)
    first = notified["incidents"][1]
    assert [first[k] for k in ("started_at", "opened_at", "resolved_at", "acked_at", "severity", "rules", "state")] == [
        "2026-10-01T03:00:00Z",
        "2026-10-01T03:00:00Z",
        "2026-10-01T05:00:00Z",
        None,
        "critical",
        ["source-down"],
        "resolved",
    ]


def test_the_cohort_is_what_was_resolved_in_the_window_and_what_is_open_is_never_averaged(
    monitor: App, tmp_path: Path
) -> None:
    imported(monitor, log(tmp_path / "log.csv", 3000, [*range(100, 112), *range(280, 300), *range(700, 900)]))
    at = T0 + 800 * 300
    notified = incidents(monitor, at, "24h").as_json()
    assert (notified["resolved"], notified["open"], notified["mttr_s"]["mean"]) == (0, 1, None)
    (open_,) = notified["incidents"]
    assert [open_[k] for k in ("state", "resolved_at", "ttr_s", "age_s")] == ["open", None, None, 100 * 300]
    three_days = incidents(monitor, at, "3d").as_json()
    assert (three_days["resolved"], three_days["open"], three_days["mttr_s"]["mean"]) == (2, 1, 16 * 300)
    cut = incidents(monitor, at, "43h").as_json()
    assert cut["resolved"] == 1, "the second one began before the window and ended in it"
    assert cut["mttr_s"]["mean"] == 20 * 300


def test_good_for_less_than_the_grace_period_is_one_incident(monitor: App, tmp_path: Path) -> None:
    one_good, two_good, long_good = [10, 11, 13, 14], [100, 101, 104, 105], [200, 201, 212, 213]
    imported(monitor, log(tmp_path / "log.csv", 400, one_good + two_good + long_good))
    found = list(reversed(incidents(monitor, T0 + 2 * DAY).incidents))
    slots = [((i.started_at - T0) // 300, ((i.resolved_at or 0) - T0) // 300) for i in found]
    assert slots == [(10, 15), (100, 106), (200, 202), (212, 214)]


def test_missing_data_makes_no_incident_and_ends_none(monitor: App, tmp_path: Path) -> None:
    imported(monitor, log(tmp_path / "log.csv", 300, range(100, 130), unknown=range(110, 120), missing=range(40, 60)))
    (one,) = incidents(monitor, T0 + 2 * DAY).incidents
    assert ((one.started_at - T0) // 300, ((one.resolved_at or 0) - T0) // 300) == (100, 130)


def test_several_alerts_of_one_outage_are_one_incident(monitor: App, tmp_path: Path) -> None:
    lines = ["timestamp,source,status,quality"]
    for n in range(200):
        down, poor = 50 <= n < 60, 56 <= n < 70
        stamp = f"2026-10-01T{n * 5 // 60:02d}:{n * 5 % 60:02d}:00Z"
        lines.append(f"{stamp},feed,{'down' if down else 'up'},{80 if poor else 99}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    imported(monitor, tmp_path / "log.csv")
    (one,) = incidents(monitor, T0 + 2 * DAY).incidents
    assert one.rules == ("low-quality", "source-down")
    assert ((one.started_at - T0) // 300, ((one.resolved_at or 0) - T0) // 300) == (50, 70)


def test_quality_has_its_own_level(monitor: App, tmp_path: Path) -> None:
    lines = ["timestamp,source,status,quality"]
    for n in range(288):
        score = ("80" if 144 <= n < 168 else "100") if n % 12 == 0 else ""
        lines.append(f"2026-10-01T{n * 5 // 60:02d}:{n * 5 % 60:02d}:00Z,feed,up,{score}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    imported(monitor, tmp_path / "log.csv")
    quality = level(monitor, T0 + DAY, "24h")["quality"]
    assert [quality[k] for k in ("threshold", "good", "bad", "unknown", "scores", "mean")] == [
        90.0,
        264,
        24,
        0,
        24,
        98.3,
    ]


def test_planned_work_of_the_calendar_is_excluded_and_its_outage_is_no_incident(monitor: App, tmp_path: Path) -> None:
    folder = tmp_path / "history"
    folder.mkdir()
    for name in ("feed", "other_feed"):
        rows = [f"{_stamp(n)},{0 if 100 <= n < 130 else 1},12,5,99,60" for n in range(288)]
        (folder / f"{name}.csv").write_text(
            "timestamp,up,response_ms,items,quality,freshness_s\n" + "\n".join(rows) + "\n"
        )
    (folder / "sources.json").write_text(json.dumps({"feed": {"type": "odds", "cadence_s": 300}}))
    entry = {"kind": "planned_maintenance", "start": _stamp(98), "end": _stamp(124), "source": "feed"}
    (folder / "calendar.json").write_text(
        json.dumps([entry, {"kind": "nfl_sunday", "start": _stamp(0), "end": _stamp(50)}])
    )
    report = imported(monitor, folder)
    assert (report.windows, report.rejected) == (1, ())
    keys = ("good", "bad", "excluded", "unknown")
    assert [level(monitor, T0 + DAY, "24h")[k] for k in keys] == [256, 6, 26, 0]
    assert [level(monitor, T0 + DAY, "24h", "other_feed")[k] for k in keys] == [258, 30, 0, 0]
    (mine,) = incidents(monitor, T0 + DAY, "24h", "feed").incidents
    assert [(x - T0) // 300 for x in (mine.started_at, mine.opened_at, mine.resolved_at or 0)] == [124, 124, 130]


def test_planned_work_of_the_configuration_counts_for_imported_sources_too(tmp_path: Path, store_url: str) -> None:
    window = "{name: night, select: {names: [feed]}, start: 2026-10-01T04:00, zone: Europe/Berlin, duration: 2h, rrule: FREQ=DAILY}"
    with open_monitor(tmp_path, store_url, maintenance=f"version: 1\nwindows: [{window}]\n") as app:
        imported(app, log(tmp_path / "log.csv", 288, [23, *range(24, 48), 48]))
        day = level(app, T0 + DAY, "24h")
        assert [day[k] for k in ("good", "bad", "excluded")] == [262, 2, 24]


def test_slices_of_a_source_that_is_looked_at_every_minute(monitor: App, tmp_path: Path) -> None:
    """Bad if at least half of a slice's observations are down: 3 of 5 are, 2 of 5 are not, 2 of 4 are."""
    imported(monitor, log(tmp_path / "log.csv", 1440, [5, 6, 7, 10, 11, 15, 16], step=60, missing=[17]))
    day = level(monitor, T0 + DAY, "24h")
    assert [day[k] for k in ("good", "bad", "unknown")] == [286, 2, 0]


def test_calendar_windows_are_in_the_configured_zone_and_cut_off_at_the_time_asked_for(
    monitor: App, tmp_path: Path
) -> None:
    imported(monitor, log(tmp_path / "log.csv", MONTH, [2016]))
    week = the_level(monitor, T0 + 8 * DAY + 300, "week")
    assert (week.period.label, int(week.result.good), int(week.result.bad)) == ("2026-W41", 1152, 1)
    assert level(monitor, T0 + 30 * DAY, "2026-10")["window"] == "2026-10"


@pytest.mark.parametrize("window", ["soon", "0d", "2026-W60", "2026-12"])
def test_a_window_that_is_none_is_refused(monitor: App, window: str) -> None:
    with pytest.raises(BadInput, match="window: "):
        ask(monitor, window, "2026-10-31T00:00:00Z")


def test_a_time_without_zone_and_an_unknown_source_are_refused(monitor: App) -> None:
    with pytest.raises(BadInput, match="with its zone"):
        ask(monitor, "30d", "2026-10-31T00:00:00")
    with pytest.raises(UnknownName, match="Did you mean watched_api"):
        service_levels(monitor, ask(monitor, "30d"), ["watched_apy"])


def _stamp(n: int) -> str:
    return f"2026-10-01T{n * 5 // 60:02d}:{n * 5 % 60:02d}:00Z"
