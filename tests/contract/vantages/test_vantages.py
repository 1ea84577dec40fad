"""Several vantage points, one verdict of a slot: down from 2 of 3, and a vantage point that is away is unknown, never down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from page_stories import guest, serving
from small_home import environ_of, served
from sqlalchemy import func, select
from typer.testing import CliRunner
from vantage_stories import SOURCES, T0, TICK_S, Api, open_alerts, sees, sensor, state, tick, watching

from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass, due_sources
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.app.store_admin import prune
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.tick.tick import run_vantage
from busta_health_dagster.store import Store
from busta_health_dagster.store.copying import copy_store
from busta_health_dagster.store.schema.vantages import vantage_answer
from busta_health_dagster.web.metrics import render


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def app(api: Api, tmp_path: Path, store_url: str) -> Iterator[App]:
    with watching(tmp_path, api, BUSTA_DATABASE_URL=store_url) as opened:
        yield opened


def rows(app: App) -> int:
    with app.store.read() as uow:
        return int(uow.connection.execute(select(func.count()).select_from(vantage_answer)).scalar_one())


def test_a_source_that_two_of_three_see_down_is_down_and_says_from_where(app: App, api: Api) -> None:
    assert tick(app) == [], "the tick itself does not ask what vantage points ask"
    assert api.asked == 0
    sees(app, api, nyc=503, fra=503, lon=200)
    [closed] = sensor(app)
    assert (closed.status, closed.reason, closed.slot) == (Status.DOWN, "http_status", T0)
    assert closed.detail.startswith("down from 2 of 3 (nyc, fra): answered 503, 2xx wanted")
    assert closed.detail.endswith("up from 1 of 3 (lon)")
    assert open_alerts(app) == {"odds/source-down"}
    for _ in range(2):  # of two good slots it recovers
        app.clock.advance(TICK_S)
        tick(app)
        sees(app, api, nyc=503, fra=200, lon=200)
        [closed] = sensor(app)
        assert closed.status is Status.UP
        assert "down from 1 of 3 (nyc)" in closed.detail
    assert open_alerts(app) == set()


def test_one_that_does_not_answer_is_away_and_the_others_decide(app: App, api: Api) -> None:
    tick(app)
    sees(app, api, nyc=200, fra=200)
    app.clock.advance(59)
    assert sensor(app) == [], "it may be on its way"
    app.clock.advance(1)
    [closed] = sensor(app)
    assert closed.status is Status.UP
    assert closed.detail.endswith("lon away")
    sees(app, api, lon=503)
    assert sensor(app) == []
    found = {row["vantage"]: row["status"] for row in Monitor(app, "ann").source("odds")["vantages"]}
    assert found == {"nyc": "up", "fra": "up", "lon": "down"}, "what comes later is shown, and changes nothing"
    assert state(app).status is Status.UP


def test_an_answer_that_would_decide_is_waited_for_until_the_slot_ends(app: App, api: Api) -> None:
    tick(app)
    sees(app, api, nyc=503, lon=200)
    app.clock.advance(TICK_S - 1)
    assert sensor(app) == []
    app.clock.advance(1)
    [closed] = tick(app)
    assert (closed.slot, closed.status, closed.reason) == (T0, Status.DEGRADED, "vantages")
    assert closed.detail.startswith("a tie; down from 1 of 3 (nyc)")


def test_a_slot_of_which_no_one_reports_is_unknown_with_its_reason_and_never_down(app: App, api: Api) -> None:
    assert tick(app) == []
    assert state(app) is None, "nothing is said of slots in which no one was asked"
    for n in range(4):
        app.clock.advance(TICK_S)
        [closed] = tick(app)
        assert (closed.slot, closed.status) == (T0 + n * TICK_S, Status.UNKNOWN)
        assert closed.detail == "no vantage point has reported: nyc, fra, lon are away"
    assert not any("down" in name for name in open_alerts(app))
    assert "monitor/vantage-away" in open_alerts(app)
    sees(app, api, nyc=200, fra=200, lon=200)
    [closed] = sensor(app)
    assert closed.status is Status.UP


def test_a_vantage_point_that_has_been_away_for_three_ticks_is_an_alert_of_its_own_and_ends(app: App, api: Api) -> None:
    for _ in range(4):
        tick(app)
        sees(app, api, nyc=200, fra=200, lon=200)
        app.clock.advance(TICK_S)
    assert open_alerts(app) == set()
    for _ in range(3):
        tick(app)
        sees(app, api, nyc=200, lon=200)
        app.clock.advance(TICK_S)
    assert open_alerts(app) == set()
    tick(app)
    with app.store.read() as uow:
        [alert] = uow.alerts.open()
    assert alert.fingerprint == "monitor/vantage-away"
    assert alert.reason.startswith("vantage fra has not reported since 2026-11-23 08:15 UTC")
    assert state(app).status is Status.UP, "its sources are as the others see them"
    sees(app, api, fra=200)
    app.clock.advance(TICK_S)
    tick(app)
    assert open_alerts(app) == set()


def test_silence_counts_only_once_the_slot_is_over(app: App, api: Api) -> None:
    """A whole pass in the middle of a slot, as a person's check makes it, takes no one for silent who may still answer."""
    for _ in range(6):
        tick(app)
        app.clock.advance(200)
        alert_pass(app)
        sees(app, api, nyc=200, fra=200, lon=200)
        sensor(app)
        app.clock.advance(100)
    assert open_alerts(app) == set()


def test_runs_that_overlap_answer_once_and_a_slot_has_one_verdict(app: App, api: Api) -> None:
    tick(app)
    sees(app, api, nyc=200, fra=200, lon=200)
    asked = api.asked
    sees(app, api, nyc=503, fra=503, lon=503)
    assert api.asked == asked, "a second run finds nothing due"
    assert len(sensor(app)) == 1
    assert sensor(app) == []
    with app.store.read() as uow:
        assert len(uow.observations.window(["odds"], T0, T0 + TICK_S)["odds"]) == 1


def test_a_source_that_asks_for_a_pause_is_left_alone_from_everywhere(app: App, api: Api) -> None:
    tick(app)
    api.headers = {"Retry-After": "1200"}
    sees(app, api, nyc=429, fra=429, lon=429)
    [closed] = sensor(app)
    assert (closed.status, closed.reason) == (Status.DEGRADED, "rate_limited")
    asked = api.asked
    app.clock.advance(TICK_S)
    tick(app)
    sees(app, api, nyc=200, fra=200, lon=200)
    assert api.asked == asked
    [closed] = sensor(app)
    assert (closed.status, closed.reason) == (Status.UNKNOWN, "rate_limited")


def test_what_the_payload_was_is_known_although_another_run_made_the_verdict(app: App, api: Api) -> None:
    tick(app)
    sees(app, api, nyc=200, fra=200, lon=200)
    sensor(app)
    assert state(app).facts["type"] == "application/json"
    with app.store.read() as uow:
        kept = uow.connection.execute(select(vantage_answer.c.facts)).scalars().all()
    assert kept == [None] * 3, "it is not kept a second time"


def test_each_surface_shows_how_every_vantage_point_sees_it(app: App, api: Api) -> None:
    tick(app)
    sees(app, api, nyc=503, fra=200)
    app.clock.advance(60)
    sensor(app)
    nyc, fra, lon = Monitor(app, "ann").source("odds")["vantages"]
    assert (nyc["vantage"], nyc["status"], nyc["reason_code"], nyc["slots"][-1]) == (
        "nyc",
        "down",
        "http_status",
        "down",
    )
    assert (fra["status"], fra["response_ms"] is not None) == ("up", True)
    assert (lon["status"], lon["reason_code"], lon["slots"][-1]) == ("unknown", "away", None)
    assert Monitor(app, "ann").source("here")["vantages"] == []
    text = render(app).decode()
    assert 'busta_vantage_up{source="odds",vantage="nyc"} 0.0' in text
    assert 'busta_vantage_up{source="odds",vantage="fra"} 1.0' in text
    assert 'vantage="lon"' not in text, "absent while no one knows"
    assert 'busta_vantage_last_report_timestamp_seconds{vantage="nyc"}' in text


def test_the_page_and_the_terminal_have_a_row_for_each(app: App, api: Api, tmp_path: Path) -> None:
    tick(app)
    sees(app, api, nyc=503, fra=200)
    app.clock.advance(60)
    sensor(app)
    with serving(guest(app, lambda: Role.VIEWER)) as url:
        page = requests.get(f"{url}/source-health/s/odds", timeout=20).text
        here = requests.get(f"{url}/source-health/s/here", timeout=20).text
    _, _, card = page.partition('id="h-vantages"')
    words = re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", card.partition("</section>")[0], flags=re.DOTALL))
    assert "down once more than half of those that answered see it down" in words
    assert "nyc DOWN Answered 503, 2xx wanted" in words
    assert re.search(r"fra UP [\d.]+ ms", words)
    assert "lon NO DATA No answer in the last 24 slots" in words
    assert "h-vantages" not in here
    with served(app) as url:
        done = CliRunner().invoke(busta, ["--url", url, "sources", "info", "odds"], env=environ_of(tmp_path))
    lines = {line.partition(" ")[0]: line.partition(" ")[2].strip() for line in done.output.splitlines()}
    assert lines["vantages.nyc"] == "down: answered 503, 2xx wanted"
    assert re.fullmatch(r"up: [\d.]+ ms", lines["vantages.fra"])
    assert lines["vantages.lon"] == "unknown: no answer in the last 24 slots"


def test_answers_are_pruned_with_the_observations_and_copied_with_the_store(app: App, api: Api, tmp_path: Path) -> None:
    tick(app)
    sees(app, api, nyc=503, fra=200, lon=200)
    copy = Store(f"sqlite:///{tmp_path / 'copy.db'}")
    copied = {each.name: each.rows for each in copy_store(app.store, copy, lambda _done, _total: None)}
    copy.close()
    assert copied["vantage_answer"] == 3
    app.clock.advance(36 * 86_400)
    prune(app)
    assert rows(app) == 0


def test_without_vantage_points_nothing_is_asked_written_or_shown(api: Api, tmp_path: Path, store_url: str) -> None:
    with watching(
        tmp_path, api, settings="", sources=SOURCES.replace(", vantages: []", ""), BUSTA_DATABASE_URL=store_url
    ) as app:
        [seen] = tick(app)
        assert (seen.status, seen.detail.partition(" ")[0]) == (Status.UP, "answered")
        run_vantage(app, "nyc")
        assert rows(app) == 0
        with app.store.read() as uow:
            assert uow.meta.get("vantages_expected") is None
            assert uow.meta.get("vantage_reported:nyc") is None
        assert "vantage" not in render(app).decode()


def test_clocks_of_an_alert_wait_a_minute_for_vantage_points_and_not_for_ever(app: App, api: Api) -> None:
    """The next escalation, repeat or end of a snooze does not speak before the slot does, nor wait for one that is away."""
    tick(app)
    sees(app, api, nyc=503, fra=503, lon=503)
    sensor(app)
    app.clock.advance(TICK_S)
    now, states = app.now(), {"odds": state(app)}
    assert due_sources(app, states, now) == {"odds"}
    assert due_sources(app, states, now + 59) == {"odds"}
    assert due_sources(app, states, now + 60) == set()
