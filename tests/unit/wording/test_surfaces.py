"""One value reads the same on the page, in a message, in the report, in the terminal, in Markdown and in Dagster.

Each surface is asked through what really draws it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from channel_stories import OPENED
from page_stories import history, seen, serving, tick, world
from report_stories import FULL
from starlette.applications import Starlette

from busta_health_dagster.channels.mail_payload import plain
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.cli.glyphs import UNICODE
from busta_health_dagster.cli.health_view import render
from busta_health_dagster.defs.alerts import alerts_metadata
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import from_iso, iso
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.views.fleet_report import what_is_wrong
from busta_health_dagster.pipeline.views.status import fleet_health
from busta_health_dagster.reports.markdown import markdown
from busta_health_dagster.reports.text import plain as report_text
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.pages import badges, routes
from busta_health_dagster.web.pages.fleet_picture import fleet_picture
from busta_health_dagster.wording import glyphs

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App

SVG = "{http://www.w3.org/2000/svg}"


def page(app: App, path: str) -> str:
    """A page as a reader sees it, without its tags."""
    with serving(Starlette(routes=routes(app))) as base:
        html = requests.get(f"{base}/source-health{path}", timeout=30).text
    return " ".join(re.sub(r"<[^>]+>", "", html.replace("</", " </")).split())


def terminal(fleet: Any) -> str:
    return "\n".join(line.plain for line in render(fleet, width=160, height=60, letters=UNICODE, note=""))


def dagster_picture(app: App, **changed: Any) -> list[str]:
    """The words of the picture on the fleet's asset, with these values in the row of odds_api."""
    health = fleet_health(app)
    rows = tuple(replace(r, **changed) for r in health.rows if r.source == "odds_api")
    drawn = ET.fromstring(fleet_picture(replace(health, rows=rows), {}))
    return [(text.text or "") + "".join(part.tail or "" for part in text) for text in drawn.iter(f"{SVG}text")]


def message(**changed: Any) -> str:
    """A mail about odds_api, unwrapped."""
    notification = replace(OPENED, **changed)
    return " ".join(plain(notification, text_of(notification)).split())


def report_row(report: Any, name: str) -> str:
    return next(line for line in markdown(report).splitlines() if name in line.replace("\\", ""))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock):
    opened = world(tmp_path / "home", clock)
    history(opened, clock, 2)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("ms", "reads"),
    [(94.4, "94 ms"), (999.6, "1.00 s"), (1499.0, "1.50 s"), (65_000.0, "1 min 05 s"), (None, "—")],
)
def test_a_response_time_reads_the_same_everywhere(app: App, clock: FakeClock, ms: float | None, reads: str) -> None:
    clock.advance(300)
    tick(app, seen(app, "odds_api", response_ms=ms), alerts=False)
    if ms is not None:
        assert f"Answers in {reads}" in page(app, "/s/odds_api")
        verdict = replace(OPENED.verdict, value=ms)
        assert f"is slow: {reads}, normally 128–262 ms" in message(verdict=verdict)
    with Monitor(app, "test") as monitor:
        row = next(line for line in terminal(monitor.fleet(bars=True)).splitlines() if "odds_api" in line)
    assert f" {reads} " in row
    shown = dagster_picture(app, status="up", uptime={"24h": 100.0, "7d": 100.0, "30d": 100.0})[-1]
    assert shown.startswith(reads if ms is not None else "100% in")
    trend = replace(FULL.response[0], source="timed_api", now=ms)
    report = replace(FULL, response=(trend,))
    assert f"| {reads} |" in next(x for x in markdown(report).splitlines() if x.startswith("| timed"))
    assert re.search(rf"timed_api\s+{re.escape(reads)}\s", report_text(report))


@pytest.mark.parametrize(
    ("uptime", "reads"), [(100.0, "100"), (99.996, "99.99"), (99.5, "99.50"), (0.0, "0"), (None, "—")]
)
def test_a_share_reads_the_same_everywhere(app: App, uptime: float | None, reads: str) -> None:
    percent = reads if uptime is None else f"{reads}%"
    health = next(r for r in fleet_health(app).rows if r.source == "odds_api")
    shown = replace(health, uptime={"24h": uptime, "7d": uptime, "30d": uptime})
    if uptime is not None:
        assert dagster_picture(app, status="up", uptime=shown.uptime)[-1].endswith(f"{percent} in 30 days")
        assert f"up · {percent} 30 d" in badges.badge(shown)
        assert f"{percent} over 30 days" in message(source=replace(OPENED.source, uptime_30d=uptime))
    with Monitor(app, "test") as monitor:
        fleet = monitor.fleet(bars=True)
    for row in fleet["sources"]:
        row["uptime"] = dict.fromkeys(row["uptime"], uptime)
    row = next(line for line in terminal(fleet).splitlines() if "odds_api" in line)
    assert row.split()[-7:-4] == [reads] * 3 if uptime is not None else row.count(reads) >= 3
    report = replace(FULL, sla=(replace(FULL.sla[0], source="shared_api", uptime=uptime),))
    assert f" {reads} |" in report_row(report, "shared_api")
    assert re.search(rf"shared_api .*\s{re.escape(reads)}\s", report_text(report))


@pytest.mark.parametrize(
    ("seconds", "reads"),
    [(0, "0 s"), (65, "1 min 05 s"), (300, "5 min"), (26 * 3600, "1 d 2 h"), (5 * 3600 + 56 * 60, "5 h 56 min")],
)
def test_a_duration_reads_the_same_everywhere(app: App, clock: FakeClock, seconds: int, reads: str) -> None:
    clock.advance(300)
    tick(app, seen(app, "odds_api", data_age_s=float(seconds)), alerts=False)
    assert f"the newest {reads} old" in page(app, "/s/odds_api")
    assert f"items, {reads} old." in message(source=replace(OPENED.source, data_age_s=float(seconds)))
    health = fleet_health(app)
    assert reads in dagster_picture(app, since=health.at - seconds)
    with Monitor(app, "test") as monitor:
        fleet = monitor.fleet(bars=True)
    fleet["next_tick_at"] = None
    row = next(r for r in fleet["sources"] if r["source"] == "odds_api")
    row |= {"status": "down", "shown": "down", "reason": "answered 503", "since": iso(from_iso(fleet["at"]) - seconds)}
    assert f"answered 503; for {reads}" in terminal(fleet)
    item = replace(FULL.open[0], since=FULL.week.as_of - seconds)
    assert f"({reads} · unacknowledged)" in markdown(replace(FULL, open=(item,)))


@pytest.mark.parametrize(
    ("names", "reads"),
    [
        (("a",), "a"),
        (("a", "b"), "a and b"),
        (("a", "b", "c"), "a, b and c"),
        (("a", "b", "c", "d"), "a, b, c and d"),
        (("a", "b", "c", "d", "e"), "a, b, c and 2 more"),
    ],
)
def test_names_are_listed_the_same_everywhere(
    tmp_path: Path, clock: FakeClock, names: tuple[str, ...], reads: str
) -> None:
    feeds = "version: 1\nsources:\n  - {name: odds_api, type: odds, probe: http, allow_private: true, "
    feeds += f'url: "http://127.0.0.1:9/odds", feeds: [{", ".join(names)}]}}\n'
    app = world(tmp_path / "home", clock, feeds)
    history(app, clock, 1, odds_api=Status.DOWN)
    assert f"Blocks {reads}." in page(app, "/s/odds_api")
    app.close()
    assert f"Feeds {reads}." in message(source=replace(OPENED.source, feeds=names))
    assert f"Feeds {reads}." in markdown(replace(FULL, open=(replace(FULL.open[0], feeds=names),)))


def test_a_status_has_one_sign_everywhere_and_a_severity_another(app: App, clock: FakeClock) -> None:
    clock.advance(300)
    tick(app, seen(app, "odds_api", Status.DOWN))
    with Monitor(app, "test") as monitor:
        drawn = terminal(monitor.fleet(bars=True))
    assert f"{glyphs.STATUS['down']} DOWN     odds_api" in drawn
    wrong = {row[0]: row[1] for row in what_is_wrong(fleet_health(app))}
    assert wrong["odds_api"].startswith(f"{glyphs.STATUS['down']} down for ")
    assert dagster_picture(app)[2:4] == ["DOWN", "odds_api"]
    for status in Status:
        sent = replace(OPENED, source=replace(OPENED.source, status=status))
        assert text_of(sent).shape == glyphs.STATUS[status.word], "also where the source is up and its data are poor"
    assert f"- {glyphs.STATUS['down']} **weather" in markdown(FULL)
    assert re.search(r"ALERTS +! +warning", drawn)
    first = alerts_metadata(app)[1]["alerts"].value.records[0].data
    assert first["alert"].startswith("! warning ")


def test_no_sign_has_two_meanings() -> None:
    signs = [*glyphs.STATUS.values(), *glyphs.SEVERITY.values(), *set(glyphs.ALERT_STATE.values())]
    assert len(signs) == len(set(signs))
    assert not set(glyphs.STATUS.values()) & set(glyphs.CHECK.values())
