"""Outage logs that an independent calculation answered otherwise than we did, or that people write otherwise than we
thought. On both databases.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from history_stories import DAY, HOUR, SOURCES, T0, imported, incidents, level, log, open_monitor

from busta_health_dagster.pipeline.facade.maintenance import Maintenance
from busta_health_dagster.pipeline.maintenance import actions
from busta_health_dagster.pipeline.views.explain import explain_alert, explain_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.pipeline.app.app import App

COUNTS = ("good", "bad", "excluded", "unknown")


@pytest.fixture
def monitor(tmp_path: Path, store_url: str) -> Iterator[App]:
    with open_monitor(tmp_path, store_url) as app:
        yield app


def counts(app: App, at: int = T0 + DAY, window: str = "24h", name: str = "feed") -> list[float]:
    found = level(app, at, window, name)
    return [found[key] for key in COUNTS]


def slots(app: App, at: int, *names: str, step: int = 300) -> list[tuple[int, int | None]]:
    """(first bad slot, first good one), oldest first."""
    return [
        ((i.started_at - T0) // step, None if i.resolved_at is None else (i.resolved_at - T0) // step)
        for i in sorted(incidents(app, at, "30d", *names).incidents, key=lambda i: i.started_at)
    ]


def test_good_for_15_minutes_is_one_incident_and_for_20_they_are_two(monitor: App, tmp_path: Path) -> None:
    """The end of the grace period is outside, like that of every window: 15:55 good, 16:15 bad were one incident."""
    imported(monitor, log(tmp_path / "log.csv", 400, [10, 14, 100, 105, 200, 206]))
    assert slots(monitor, T0 + 2 * DAY) == [(10, 15), (100, 101), (105, 106), (200, 201), (206, 207)]


def test_the_log_of_another_monitor_that_looked_every_minute_is_folded_into_the_slots(
    monitor: App, tmp_path: Path
) -> None:
    """The source is configured with five minutes; the first line of each slot alone said that it had been up."""
    down = [*range(61, 65), 71, 72, 80, 81, 82, *range(100, 121)]
    report = imported(monitor, log(tmp_path / "log.csv", 1440, down, step=60, source="watched_api"))
    assert (report.stored, report.folded, report.rejected) == (288, 1440, ())
    assert counts(monitor, name="watched_api") == [282, 6, 0, 0]
    assert slots(monitor, T0 + 2 * DAY, "watched_api") == [(12, 24)], "never good for longer than 15 minutes"


def test_a_file_in_any_order_gives_the_same_answers(monitor: App, tmp_path: Path) -> None:
    """The interval was guessed from the first 2,000 lines: those of a shuffled file are far apart."""
    path = log(tmp_path / "log.csv", 30 * 288, [*range(700, 720), 5000])
    head, *lines = path.read_text().splitlines()
    lines.sort(key=lambda line: (hash_of(line), line))
    path.write_text("\n".join([head, *lines]) + "\n")
    assert imported(monitor, path).rejected == ()
    assert counts(monitor, T0 + 30 * DAY, "30d") == [8619, 21, 0, 0]
    assert slots(monitor, T0 + 31 * DAY) == [(700, 720), (5000, 5001)]


def hash_of(line: str) -> int:
    return int(sum(ord(c) * 31**n for n, c in enumerate(line))) % 9973


def test_imported_sources_have_the_sla_of_their_type_and_of_the_defaults(tmp_path: Path, store_url: str) -> None:
    """What the configuration says of sources in general holds for those that only a file brought, too."""
    with open_monitor(tmp_path, store_url):
        pass
    general = "version: 1\ndefaults: {sla: {uptime: 99%, degraded: bad}}\ntypes: {odds: {sla: {uptime: 90%}}}\n"
    (tmp_path / "config" / "sources.yaml").write_text(SOURCES.replace("version: 1\n", general))
    folder = tmp_path / "history"
    folder.mkdir()
    for name in ("feed", "prices"):
        rows = "".join(f"2026-10-01T{n // 12:02d}:{n % 12 * 5:02d}:00Z,{int(n not in {7, 8, 9})}\n" for n in range(288))
        (folder / f"{name}.csv").write_text("timestamp,up\n" + rows)
    (folder / "sources.json").write_text('{"prices": {"type": "odds"}}')
    with reopened(tmp_path, store_url) as app:
        imported(app, folder)
        imported(app, grey(tmp_path / "grey.csv"))
        found = {name: level(app, T0 + DAY, "24h", name) for name in ("feed", "prices", "grey_feed")}
        assert {n: (x["target"], x["bad"], x["met"]) for n, x in found.items()} == {
            "feed": (99.0, 3, False),
            "prices": (90.0, 3, True),
            "grey_feed": (99.0, 144, False),
        }


def grey(path: Path) -> Path:
    """Half of it degraded."""
    words = ["up" if n < 144 else "degraded" for n in range(288)]
    lines = [f"2026-10-01T{n // 12:02d}:{n % 12 * 5:02d}:00Z,grey_feed,{word}" for n, word in enumerate(words)]
    path.write_text("\n".join(["timestamp,source,status", *lines]) + "\n")
    return path


def reopened(root: Path, url: str, maintenance: str | None = None) -> App:
    """The same home again, by a process that may write, with this maintenance.yaml."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.testing import FakeClock

    if maintenance is not None:
        (root / "config" / "maintenance.yaml").write_text(maintenance)
    return bootstrap.open_app(
        home=root / "home",
        config_dir=root / "config",
        environ={"BUSTA_DATABASE_URL": url},
        create_store=True,
        clock=FakeClock(T0 + 60 * DAY),
    )


def test_planned_work_that_is_written_down_afterwards_counts_for_the_past(tmp_path: Path, store_url: str) -> None:
    """Added by a person it is counted at once, of imported sources too; what the file says, at the next question."""
    with open_monitor(tmp_path, store_url) as app:
        imported(app, log(tmp_path / "log.csv", 288, range(100, 130)))
        assert counts(app) == [258, 30, 0, 0]
        added, warnings = actions.add(app, window(app, "forgotten", "2026-10-01T08:00", 2 * HOUR), actor="amy")
        assert (added.sources, warnings) == (("feed",), ())
        assert counts(app) == [254, 10, 24, 0]
        assert added.window.id is not None
        actions.remove(app, added.window.id, actor="amy")
        assert counts(app) == [258, 30, 0, 0]
    ten = "version: 1\nwindows: [{name: ten, select: {names: [feed]}, start: 2026-10-01T10:00, zone: UTC, duration: 30m}]\n"
    with reopened(tmp_path, store_url, ten) as app:
        assert counts(app) == [258, 24, 6, 0], "counted again when a process that may write came by"
    with reading(tmp_path, store_url, ten.replace("10:00", "10:30")) as app:
        assert counts(app) == [256, 26, 6, 0], "no one has counted yet: read from the observations"
    with reading(tmp_path, store_url, "version: 1\nwindows: []\n") as app:
        assert counts(app) == [258, 30, 0, 0]
        assert level(app, T0 + DAY, "24h", "feed")["burn"]["24h"] == 20.833


def reading(root: Path, url: str, maintenance: str) -> App:
    """A reading command, after maintenance.yaml was edited."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.testing import FakeClock

    (root / "config" / "maintenance.yaml").write_text(maintenance)
    environ: Mapping[str, str] = {"BUSTA_DATABASE_URL": url}
    clock = FakeClock(T0 + 60 * DAY)
    return bootstrap.open_app(home=root / "home", config_dir=root / "config", environ=environ, clock=clock)


def window(app: App, name: str, start: str, lasts: int) -> Window:
    from datetime import datetime

    from busta_health_dagster.domain.source import Selector

    ask = Maintenance(app, "amy")
    return ask.window(name, Selector(names=("feed",)), datetime.fromisoformat(start), "UTC", lasts, None, (), "")


def test_an_outage_that_outlasts_planned_work_begins_with_the_first_bad_slot_after_it(
    tmp_path: Path, store_url: str
) -> None:
    """Work of 07:00 to 09:37 on an hourly source: the slot of 10:00 is the first that counts, 09:37 was never checked."""
    work = "version: 1\nwindows: [{name: work, select: {names: [feed]}, start: 2026-10-01T07:00, zone: UTC, duration: 157m}]\n"
    with open_monitor(tmp_path, store_url, maintenance=work) as app:
        imported(app, log(tmp_path / "log.csv", 48, range(8, 17), step=HOUR))
        assert slots(app, T0 + 3 * DAY, step=HOUR) == [(10, 17)]
        assert counts(app, T0 + 2 * DAY, "2d") == [38, 7, 3, 0]


def test_a_failure_during_planned_work_prolongs_no_outage_that_was_over(tmp_path: Path, store_url: str) -> None:
    """A flapping source stays one alert for a while: what it does during maintenance is no one's incident."""
    work = "version: 1\nwindows: [{name: work, select: {names: [feed]}, start: 2026-10-01T09:40, zone: UTC, duration: 90m}]\n"
    with open_monitor(tmp_path, store_url, maintenance=work) as app:
        imported(app, log(tmp_path / "log.csv", 288, [94, 95, 98, 101, 104, 105, 106, 107, 108, 119]))
        assert slots(app, T0 + 2 * DAY) == [(94, 109)]


def test_explain_answers_for_sources_that_nobody_configured(monitor: App, tmp_path: Path) -> None:
    """`busta alerts explain feed`: what each rule says of the last observation, and why no one was notified."""
    imported(monitor, log(tmp_path / "log.csv", 288, range(270, 288)))
    story = explain_source(monitor, "feed")
    assert (story.imported, story.at) == (True, T0 + DAY)
    said = {r.rule: (r.outcome, r.reason) for r in story.rules}
    assert said["source-down"] == ("bad", "down")
    assert said["failure-rate"][1].startswith("25.00% failed (18 of 72)")
    assert {n.reason for n in story.not_sent} == {"imported history: no one was notified"} | {
        n.reason for n in story.not_sent if n.reason.startswith("suppressed (source-down)")
    }
    alert = next(a for a in story.alerts if a.rule == "source-down")
    assert alert.id is not None
    whole = explain_alert(monitor, alert.id)
    assert whole.rule is not None
    assert [x.verdict.outcome.word for x in whole.observations] == ["good", *["bad"] * 18]


def test_explain_says_that_planned_work_kept_an_alert_from_opening(tmp_path: Path, store_url: str) -> None:
    work = "version: 1\nwindows: [{name: work, select: {names: [feed]}, start: 2026-10-01T20:00, zone: UTC, duration: 2h}]\n"
    with open_monitor(tmp_path, store_url, maintenance=work) as app:
        imported(app, log(tmp_path / "log.csv", 288, range(244, 250)))
        assert slots(app, T0 + 2 * DAY) == []
        (why,) = {n.reason for n in explain_source(app, "feed").not_sent}
        assert why == "suppressed (maintenance work): down; imported history: no one was notified"


def test_explain_of_a_watched_source_reads_the_values_that_an_import_brought(monitor: App, tmp_path: Path) -> None:
    """An import leaves the rules' memory to be built again; until then it said `no new value to evaluate` of all."""
    now = monitor.now()
    imported(monitor, log(tmp_path / "log.csv", 100, range(90, 98), source="watched_api", start=now - 100 * 300))
    said = {r.rule: (r.outcome, r.reason) for r in explain_source(monitor, "watched_api").rules}
    assert said["source-down"] == ("good", "up")
    assert said["failure-rate"][0] == "bad"
    assert said["failure-rate"][1].endswith("and after one no alert opens"), "it is true, and the outage is over"
