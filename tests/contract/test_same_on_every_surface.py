"""Off season, a rollout, a mute, a root cause, credits: what one surface says of a source, the others say too. The page, REST, the
command line, the metrics, Dagster's metadata and the messages, over one store.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from page_stories import seen, tick
from small_home import environ_of, served
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.defs.alerts import alerts_metadata
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.alerting.asset_checks import stored_checks
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.gate.verdicts import ask
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.testing import FakeClock

MONDAY_8 = int(datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp())
SOURCES = """\
version: 1
sources:
  - {name: preseason, type: odds, probe: http, url: "https://example.com/pre", active: {dates: 08-01..09-01, zone: UTC}}
  - {name: trial, type: odds, probe: http, url: "https://example.org/trial", rollout: {until: 2026-12-24}}
  - {name: night, type: news, probe: http, url: "https://example.net/night"}
  - {name: odds_main, type: odds, probe: http, url: "https://odds.example/main", provider: the-odds-api}
  - {name: odds_props, type: odds, probe: http, url: "https://odds.example/props", provider: the-odds-api}
  - {name: metered, type: odds, probe: http, url: "https://metered.example/", quota: {remaining: {header: x-left}, resets: monthly}}
"""
ALERTS = """\
version: 1
channels: [{name: log, kind: file, path: "%(data)s/notifications.jsonl"}]
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: anomaly, pattern: anomaly, severity: warning}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log]}, {after: 30m, severity: critical, notify: [log]}]}
routes:
  - {select: {names: [night]}, escalation: default, mute: {zone: UTC, outside: [mon-fri 09:00-17:00]}}
  - {select: {}, escalation: default}
"""
DOWN = ("preseason", "trial", "night", "odds_main", "odds_props")


@dataclass
class Surfaces:
    """Everything that says how the sources are."""

    app: App
    clock: FakeClock
    base: Path
    url: str
    token: str

    def rest(self, path: str) -> Any:
        return self._get(f"/api/v1/{path}").json()

    def page(self, path: str = "") -> str:
        """Without its tags, in one line."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self._get(f"/source-health{path}").text)).split())

    def metrics(self) -> set[str]:
        return set(self._get("/metrics").text.splitlines())

    def cli(self, *words: str) -> str:
        done = CliRunner().invoke(busta, list(words), env=environ_of(self.base))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return " ".join(done.output.split())

    def dagster(self) -> dict[str, Any]:
        """What `health/open_alerts` shows; a table as its rows in words."""
        metadata = alerts_metadata(self.app)[1]
        rows = [" ".join(map(str, row.data.values())) for row in metadata["alerts"].records]
        return {name: value.value for name, value in metadata.items()} | {"alerts": rows}

    def sent(self) -> list[str]:
        delivery_pass(self.app)
        file = self.base / "data" / "notifications.jsonl"
        return file.read_text().splitlines() if file.exists() else []

    def alert(self, source: str) -> Any:
        (row,) = [
            row
            for row in self.rest("alerts?state=all")["items"]
            if (row["source"], row["rule"]) == (source, "source-down")
        ]
        return row

    def _get(self, path: str) -> requests.Response:
        answer = requests.get(self.url + path, headers={"authorization": f"Bearer {self.token}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer

    def tick(self, *down: str) -> None:
        """Five minutes later."""
        self.clock.advance(300)
        credits_left = {"quota_remaining": 900.0 - (self.clock.now() - MONDAY_8) / 300}
        looks = [
            seen(self.app, n, Status.DOWN)
            if n in down
            else seen(self.app, n, metrics=credits_left if n == "metered" else {})
            for n in self.app.config.sources
        ]
        store_observations(self.app, looks)
        tick(self.app)


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Surfaces]:
    """Four quiet ticks, then one in which five sources are down."""
    clock = FakeClock(MONDAY_8)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: clock)
    for folder in ("data", "config"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(SOURCES)
    (tmp_path / "config" / "alerts.yaml").write_text(ALERTS % {"data": tmp_path / "data"})
    with bootstrap.open_app(environ=environ_of(tmp_path), create_store=True, clock=clock) as app, served(app) as url:
        token = access.create_token(app, name="viewer", role=Role.VIEWER, by="test")
        found = Surfaces(app, clock, tmp_path, url, token)
        for _ in range(4):
            found.tick()
        found.tick(*DOWN)
        yield found


def test_off_season_is_neither_up_nor_down_anywhere(said: Surfaces) -> None:
    until = "2027-08-01T00:00:00Z"
    rows = {row["source"]: row for row in said.rest("sources")["items"]}
    assert (rows["preseason"]["status"], rows["preseason"]["off_season_until"]) == ("off_season", until)
    assert [row["source"] for row in said.rest("sources?state=off_season")["items"]] == ["preseason"]
    assert said.rest("sources/preseason")["status"] == "off_season"
    assert "Off season until 1 Aug 2027 00:00 UTC" in said.page()
    chosen = said.page("?state=off_season")
    assert ("preseason" in chosen, "metered" in chosen) == (True, False)
    assert "maintenance off season up" in chosen, "its filter knows all states"
    assert json.loads(said.cli("sources", "health", "preseason", "-o", "json"))[0]["off_season_until"] == until
    assert said.cli("sources", "health", "preseason", "--nagios").startswith("OK - 1 off season"), "nor healthy"
    metrics = said.metrics()
    assert 'busta_source_status{source="preseason",status="off_season"} 1.0' in metrics
    assert not [line for line in metrics if line.startswith('busta_source_up{source="preseason"}')]
    assert "preseason" not in " ".join(said.dagster()["alerts"])
    assert not [text for text in said.sent() if "preseason" in text]
    assert ask(said.app, ["preseason"]).reason.startswith("preseason is off season until 2027-08-01 00:00 UTC")


def test_what_an_answer_delivered_before_the_season_ended_is_not_shown_after_it(said: Surfaces) -> None:
    sources = said.base / "config" / "sources.yaml"
    sources.write_text(
        sources.read_text().replace("name: metered,", "name: metered, active: {dates: 08-01..09-01, zone: UTC},")
    )
    with bootstrap.open_app(environ=environ_of(said.base), clock=said.clock) as app, served(app) as url:
        now = Surfaces(app, said.clock, said.base, url, said.token)
        row = now.rest("sources/metered")
        assert (row["status"], row["items"], row["metrics"], row["payload"]) == ("off_season", None, {}, {})
        assert not [line for line in now.metrics() if line.startswith('busta_source_metric{source="metered"')]


def test_a_rollout_is_counted_as_down_and_called_shadow_wherever_its_alert_is_shown(said: Surfaces) -> None:
    assert {row["source"]: row["status"] for row in said.rest("sources")["items"]}["trial"] == "down"
    assert said.alert("trial")["shadow"] is True
    listed = said.rest("alerts")
    assert "trial" not in [row["source"] for row in listed["items"]]
    assert [row["source"] for row in listed["summary"]["shadow"]] == ["trial"]
    assert said.rest("sources/trial")["open_alerts"] == 0
    assert "1 shadow, not sent" in said.cli("alerts", "list")
    assert "trial" in said.cli("alerts", "rollout")
    page = said.page("/s/trial")
    assert "shadow: recorded, notifies no one" in page
    assert "source-down (shadow) · anomaly (shadow)" in page, "its rules are in shadow, as `alerts explain` says"
    assert "Anomalies, 30 d shadow: recorded, notifies no one" in page
    assert said.rest("sources/trial/baseline")["shadow"] is True
    assert 'busta_alerts_active{severity="warning"} 3.0' in said.metrics()
    shown = said.dagster()
    assert (shown["in shadow mode"], "trial" in " ".join(shown["alerts"])) == (1, False)
    checks = stored_checks(said.app, ["trial", "night"])
    assert ["anomaly" in checks[name] for name in ("trial", "night")] == [False, True]
    assert not [text for text in said.sent() if "trial" in text]


def test_a_mute_is_said_wherever_the_alert_is_shown(said: Surfaces) -> None:
    muted = "log is muted until 09:00"
    assert said.alert("night")["coming"] == muted
    assert muted in said.cli("alerts", "show", str(said.alert("night")["id"]))
    assert muted in said.page()
    assert muted in said.page("/s/night")
    (row,) = [row for row in said.dagster()["alerts"] if "night" in row]
    assert row.endswith(f"not acknowledged; {muted}")
    assert not [text for text in said.sent() if "night" in text]
    for _ in range(8):
        said.tick(*DOWN)
    assert muted not in said.page()
    assert said.alert("night")["coming"] != muted
    assert [text for text in said.sent() if "night" in text]


def test_a_root_cause_is_said_wherever_its_alerts_are_listed(said: Surfaces) -> None:
    cause = "the-odds-api: 2 of 2 sources down"
    assert [line["text"] for line in said.rest("alerts")["summary"]["causes"]] == [cause]
    assert said.alert("odds_main")["cause"] == "the-odds-api"
    assert cause in said.cli("alerts", "list")
    assert cause in said.page()
    assert said.dagster()["what they share"] == cause
    assert [cause in text for text in said.sent()] == [True]


def test_credits_are_said_alike_and_no_longer_than_someone_knows_them(said: Surfaces) -> None:
    info = said.rest("sources/metered")["quota"]
    reason = info["reason"]
    assert reason.startswith("895 credits left, 288 a day: they end ")
    assert reason in said.page("/s/metered")
    assert reason in said.cli("sources", "info", "metered")
    ends = datetime.fromisoformat(info["ends_at"]).timestamp()
    assert {
        'busta_quota_remaining{source="metered"} 895.0',
        f'busta_quota_ends_at{{source="metered"}} {ends!r}',
    } <= said.metrics()
    said.clock.advance(86_400 + 300)
    assert said.rest("sources/metered")["quota"] is None, "nothing was observed for a day"
    assert "credits left" not in said.page("/s/metered")
    assert not [line for line in said.metrics() if line.startswith("busta_quota_remaining{")]
