"""A source that answers and is not well: no surface calls it healthy, and all give the same figure for it."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
import requests
from page_stories import SOURCES, history, seen, tick, world
from prometheus_client.parser import text_string_to_metric_families
from small_home import served

from busta_health_dagster.cli.glance_view import glance
from busta_health_dagster.cli.glyphs import UNICODE
from busta_health_dagster.cli.health_view import render
from busta_health_dagster.cli.nagios import line
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.alerting.asset_checks import stored_checks
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.views.fleet_report import what_is_wrong
from busta_health_dagster.pipeline.views.overview import fleet_page
from busta_health_dagster.pipeline.views.status import fleet_health
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App

SCORED = SOURCES.replace("name: odds_api,", "name: odds_api, quality: {suite: odds},")
PLANNED = """\
version: 1
windows: [{name: move, select: {names: [scores_api]}, start: "2026-11-23T08:20", duration: 2h, zone: UTC, reason: move}]
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """odds_api is up with a score of 89; scores_api is down in planned work; espn_nfl is well."""
    clock = FakeClock()
    with world(tmp_path / "home", clock, SCORED, PLANNED) as opened:
        history(opened, clock, 3)
        clock.advance(300)
        with opened.store.write() as uow:
            uow.observations.add([seen(opened, "scores_api", Status.DOWN)], in_maintenance={"scores_api"})
        tick(opened, seen(opened, "odds_api"), seen(opened, "espn_nfl"))
        with opened.store.write() as uow:
            uow.states.set_quality({"odds_api": (89.0, opened.now())})
        yield opened


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_up_and_past_a_limit_is_said_in_the_same_words_everywhere(app: App) -> None:
    past = "quality 89.0, limit 90"
    (row,) = [r for r in fleet_health(app).rows if r.source == "odds_api"]
    assert (row.shown, row.but) == ("up", past)
    assert ("odds_api", f"but {past}") in [(name, why) for name, _, why in what_is_wrong(fleet_health(app))]
    fleet = Monitor(app, "test").fleet(bars=True)
    assert any(f"but {past}" in row.plain for row in render(fleet, width=120, height=40, letters=UNICODE))
    assert any(
        "odds_api" in row.plain and f"but {past}" in row.plain for row in glance(fleet, width=80, letters=UNICODE)
    )
    assert line(fleet)[0].startswith(f"OK - 1 in maintenance, 2 up: odds_api, but {past} | ")
    with served(app) as url:
        overview = words(requests.get(f"{url}/source-health", timeout=30).text)
        page = words(requests.get(f"{url}/source-health/s/odds_api", timeout=30).text)
        listed = {r["source"]: r for r in requests.get(f"{url}/api/v1/sources", timeout=30).json()["items"]}
        picture = words(requests.get(f"{url}/source-health/fleet.svg", timeout=30).text)
        metrics = requests.get(f"{url}/metrics", timeout=30).text
    assert f"Up, but {past}." in overview
    assert f"Up, but {past}." in page
    assert f"its source is up, but {past}" in page
    assert "Healthy" not in page
    assert f"but {past}" in picture
    assert (listed["odds_api"]["shown"], listed["odds_api"]["reservations"]) == ("up", [past])
    assert (listed["espn_nfl"]["shown"], listed["espn_nfl"]["reservations"]) == ("up", [])
    families = {f.name: f.samples for f in text_string_to_metric_families(metrics)}
    scores = {s.labels["source"]: s.value for s in families["busta_source_quality_score_ratio"]}
    assert scores["odds_api"] == 0.89


def test_the_page_shows_the_checks_that_dagster_shows(app: App) -> None:
    checks = stored_checks(app, ["odds_api"])["odds_api"]
    assert checks["quality"].reason == "score 89.0, limit 90"
    with served(app) as url:
        page = words(requests.get(f"{url}/source-health/s/odds_api", timeout=30).text)
    for name, verdict in checks.items():
        assert re.search(rf"{name} (PASS|WARN|ERROR|NO DATA) {re.escape(verdict.reason)}", page), name


def test_what_is_in_maintenance_is_shown_so_in_every_list(app: App) -> None:
    with served(app) as url:
        status = requests.get(f"{url}/api/v1/status", timeout=30).json()
        listed = {r["source"]: r for r in requests.get(f"{url}/api/v1/sources", timeout=30).json()["items"]}
    assert status["counts"]["maintenance"] == 1
    assert [name for name, row in listed.items() if row["shown"] == "maintenance"] == ["scores_api"]


def test_a_bar_is_not_red_for_what_is_left_out_of_the_uptime_beside_it(tmp_path: Path) -> None:
    clock = FakeClock()
    with world(tmp_path / "home", clock) as app:
        history(app, clock, 2)
        clock.advance(300)
        planned = seen(app, "odds_api", Status.DOWN)
        with app.store.write() as uow:
            uow.observations.add([planned], in_maintenance={"odds_api"})
        with app.store.read() as uow:
            since = planned.slot - 86_400 + 300
            bars = uow.rollups.strip(["odds_api"], since, since + 86_400, 86_400)["odds_api"]
        assert [bar.word for bar in bars] == ["up"]


def test_of_an_hour_of_observing_no_percentage_of_a_month_is_shown(app: App) -> None:
    with served(app) as url:
        page = words(requests.get(f"{url}/source-health", timeout=30).text)
        of_source = words(requests.get(f"{url}/source-health/s/espn_nfl", timeout=30).text)
        metrics = requests.get(f"{url}/metrics", timeout=30).text
        row = requests.get(f"{url}/api/v1/sources/espn_nfl", timeout=30).json()
        levels = words(requests.get(f"{url}/source-health/sla", timeout=30).text)
    assert "Fleet uptime, 30 d — observing since" in page
    assert "Uptime, 30 d — observing since" in of_source
    assert row["uptime"] == {"24h": None, "7d": None, "30d": None}
    assert row["budget_left"] is None
    assert "espn_nfl insufficient data — 99.50 — — — · — · — " in levels
    assert "Answered in every point that was observed, 5 of 288." in of_source
    assert "Always answered" not in of_source
    assert not re.search(r"^busta_slo_(uptime_ratio|burn_rate|error_budget_remaining_ratio)\{", metrics, re.MULTILINE)


def test_a_young_source_that_is_down_is_not_in_the_fleets_month(tmp_path: Path) -> None:
    clock = FakeClock()
    with world(tmp_path / "home", clock) as app:
        begun = floor_to(clock.now(), 300) - 30 * 86_400
        with app.store.write() as uow:
            uow.observations.add(
                Observation("odds_api", begun + 300 * n, begun + 300 * n, Status.UP) for n in range(8640)
            )
        tick(app, seen(app, "odds_api"), seen(app, "espn_nfl", Status.DOWN))
        page = fleet_page(app, ())
        assert (page.met, page.missed, page.month.uptime) == (("odds_api",), (), 100.0)


def test_what_was_seen_too_long_ago_is_no_reason_and_nothing_that_is_so_now(tmp_path: Path) -> None:
    clock = FakeClock()
    with world(tmp_path / "home", clock) as app:
        history(app, clock, 2)
        clock.advance(3600)
        tick(app, seen(app, "scores_api"), seen(app, "espn_nfl"))
        why = "no observation since 2026-11-23 08:10 UTC, when it was up"
        fleet = Monitor(app, "test").fleet()
        assert what_is_wrong(fleet_health(app)) == [("odds_api", "○ unknown for 59 min", why)]
        assert line(fleet)[0].startswith(f"UNKNOWN - odds_api unknown: {why} | ")
        with served(app) as url:
            page = words(requests.get(f"{url}/source-health/s/odds_api", timeout=30).text)
            picture = words(requests.get(f"{url}/source-health/fleet.svg", timeout=30).text)
    assert f"odds_api is without data: {why}" in picture
    assert "No observation for 59 min; it was up at 08:10 UTC." in page
    assert "Data arrive" not in page
