"""A source off season: observed without counting, no alert, never green and never red, and its gate says why it is shut."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.nagios import line
from busta_health_dagster.pipeline.alerting.asset_checks import stored_checks
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.gate.verdicts import USABLE_CHECK, ask
from busta_health_dagster.pipeline.maintenance import actions
from busta_health_dagster.pipeline.quality.quality_pass import run_quality
from busta_health_dagster.pipeline.service_levels.service_levels import ask as window
from busta_health_dagster.pipeline.service_levels.service_levels import service_levels
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.pipeline.views.source_page import source_page
from busta_health_dagster.pipeline.views.status import fleet_health
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.metrics import render
from busta_health_dagster.web.pages.badges import badge
from busta_health_dagster.web.pages.fleet_view import reason

FEB_14 = int(datetime(2027, 2, 14, 22, tzinfo=UTC).timestamp())
"""Two hours before the season ends."""
SOURCES = """\
version: 1
sources:
  - {name: odds, type: odds, probe: file, path: "%(data)s/odds.csv", confirm: 0, expect: {min_items: 1}, active: {dates: 09-04..02-14, zone: UTC}}
  - {name: scores, type: scores, probe: file, path: "%(data)s/scores.csv", confirm: 0}
"""
ALERTS = """\
version: 1
channels:
  - {name: log, kind: file, path: "%(data)s/notifications.jsonl"}
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: no-data, pattern: no_data, intervals: 3, severity: warning}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log]}]}
routes:
  - {select: {}, escalation: default}
"""


class Story:
    def __init__(self, app: App, clock: FakeClock, data: Path) -> None:
        self.app, self.clock, self.data = app, clock, data

    def delivers(self, text: str = "game,price\nKC-BUF,1.9\n") -> None:
        (self.data / "odds.csv").write_text(text)

    def ticks(self, n: int) -> None:
        for _ in range(n):
            run_tick(self.app)
            self.clock.advance(300)

    def until(self, at: int) -> None:
        while self.clock.now() < at:
            self.ticks(1)

    @property
    def alerts(self) -> list[tuple[str, str]]:
        with self.app.store.read() as uow:
            return [(a.source, a.rule) for a in uow.alerts.open()]

    @property
    def row(self):
        return next(r for r in fleet_health(self.app).rows if r.source == "odds")


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    data, config = tmp_path / "data", tmp_path / "config"
    data.mkdir()
    config.mkdir()
    (data / "scores.csv").write_text("a\n1\n")
    (config / "sources.yaml").write_text(SOURCES % {"data": data})
    (config / "alerts.yaml").write_text(ALERTS % {"data": data})
    clock = FakeClock(FEB_14)
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config)}
    with bootstrap.open_app(environ=environ, create_store=True, clock=clock) as app:
        told = Story(app, clock, data)
        told.delivers()
        yield told


def counted(app: App) -> tuple[int, int, int]:
    """Good, bad and excluded slices of the source in the last three hours."""
    level = service_levels(app, window(app, "3h"), ["odds"])[0].as_json()
    return level["good"], level["bad"], level["excluded"]


MIDNIGHT = FEB_14 + 2 * 3600


def test_an_empty_board_off_season_is_neither_up_nor_down_on_any_surface(story: Story) -> None:
    story.until(MIDNIGHT)
    story.delivers("game,price\n")
    story.ticks(12)
    row = story.row
    assert (row.shown, row.unhealthy, row.items, row.data_age_s) == ("off_season", False, None, None)
    assert row.off_season_until == int(datetime(2027, 9, 4, tzinfo=UTC).timestamp())
    assert (
        reason(row, story.clock.now())
        == "Off season until 4 Sep 00:00 UTC: only whether it answers is observed. It answers."
    )
    assert "odds: off season" in badge(row)
    fleet = Monitor(story.app, "someone").fleet(None, bars=True)
    document = next(r for r in fleet["sources"] if r["source"] == "odds")
    assert (document["status"], document["off_season_until"]) == ("off_season", "2027-09-04T00:00:00Z")
    assert document["shown"] == "off_season"
    assert fleet["counts"]["off_season"] == 1
    assert "off_season" in fleet["strips"]["odds"]
    assert "maintenance" not in fleet["strips"]["odds"]
    assert line(fleet)[1] == 0
    page = source_page(story.app, "odds")
    assert {c.outcome.word for name, c in page.checks.items() if name != USABLE_CHECK} == {"unknown"}
    metrics = render(story.app).decode()
    assert 'busta_source_up{source="odds"}' not in metrics
    assert 'busta_source_status{source="odds",status="off_season"} 1' in metrics


def test_off_season_does_not_count_for_the_sla(story: Story) -> None:
    story.until(MIDNIGHT)
    (story.data / "odds.csv").unlink()
    story.ticks(12)
    assert counted(story.app) == (24, 0, 12)


def test_a_source_that_is_gone_off_season_opens_no_alert_and_is_watched_again_when_the_season_begins(
    story: Story,
) -> None:
    story.clock.advance(int(datetime(2027, 9, 3, 23, tzinfo=UTC).timestamp()) - story.clock.now())
    (story.data / "odds.csv").unlink()
    story.ticks(6)
    assert story.alerts == []
    assert "It is down" in reason(story.row, story.clock.now())
    story.until(int(datetime(2027, 9, 4, tzinfo=UTC).timestamp()))
    assert story.alerts == []
    story.ticks(1)
    assert story.alerts == [("odds", "source-down")]


def test_an_alert_that_is_open_when_the_season_ends_is_resolved_with_that_reason(story: Story) -> None:
    (story.data / "odds.csv").unlink()
    story.ticks(2)
    assert story.alerts == [("odds", "source-down")]
    story.until(MIDNIGHT)
    story.ticks(1)
    assert story.alerts == []
    with story.app.store.read() as uow:
        ended = uow.alerts.list(sources=["odds"], limit=5)[0]
    assert ended.resolve_reason == "off season until 2027-09-04 00:00 UTC: it is not watched until then"


def test_the_gate_of_a_source_off_season_is_shut_and_says_what_to_do(story: Story) -> None:
    story.until(MIDNIGHT)
    story.ticks(1)
    answer = ask(story.app, ["odds"])
    assert not answer.usable
    assert answer.reason == (
        "odds is off season until 2027-09-04 00:00 UTC, and its data are not evaluated; where they are wanted now, widen its "
        "`active`, or busta gate open odds --for 2h --reason ..."
    )
    checks = stored_checks(story.app, ["odds"])["odds"]
    assert checks["connectivity"].outcome.word == "unknown"
    assert (checks["usable"].outcome.word, checks["usable"].severity) == ("bad", "WARN")


def test_maintenance_lists_know_nothing_of_seasons(story: Story) -> None:
    now = story.clock.now()
    assert actions.listing(story.app) == []
    assert actions.preview(story.app, now, now + 90 * 86_400) == []


def test_what_is_delivered_off_season_is_not_scored(story: Story) -> None:
    story.until(MIDNIGHT)
    story.ticks(1)
    assert run_quality(story.app, ["odds"], force=True).outcomes == ()


def test_a_season_that_is_written_later_holds_for_the_past_too(story: Story, tmp_path: Path) -> None:
    story.until(MIDNIGHT)
    story.ticks(12)
    sources = tmp_path / "config" / "sources.yaml"
    sources.write_text(sources.read_text().replace("09-04..02-14", "09-04..02-15"))
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(tmp_path / "config")}
    with bootstrap.open_app(environ=environ, clock=story.clock) as app:
        assert counted(app) == (36, 0, 0)
