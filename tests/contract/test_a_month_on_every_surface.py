"""A month with six outages: every figure that is made of it is the same on the page, over REST, at the command line, in the metrics,
in Dagster, in the message and in the weekly report.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from page_stories import seen, tick
from small_home import environ_of, served
from typer.testing import CliRunner
from weekly_history import DAY, MONDAY, SETTINGS, SEVEN, SOURCES, write_history

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.imports.import_history import import_history
from busta_health_dagster.pipeline.reporting.sending import publish
from busta_health_dagster.pipeline.reporting.weekly_report import sla_now, weekly_report
from busta_health_dagster.testing import FakeClock
from tests.mail_server import QuietController

ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
channels:
  - {name: mail, kind: email, host: 127.0.0.1, port: %d, tls: none, from: h@example.com, to: [dana@example.com]}
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [mail]}]}]
routes: [{select: {}, escalation: default}]
"""


class Mailbox:
    """What was sent, as one line each."""

    def __init__(self) -> None:
        self.letters: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        letter = message_from_bytes(envelope.content, policy=policy.default)
        body = letter.get_body(("plain",))
        self.letters.append(" ".join(f"{letter['subject']} {body.get_content() if body else ''}".split()))
        return "250 taken"


@dataclass
class Surfaces:
    app: App
    base: Path
    url: str
    token: str
    letters: list[str]

    def rest(self, path: str) -> Any:
        return self._get(f"/api/v1/{path}").json()

    def page(self, path: str = "") -> str:
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self._get(f"/source-health{path}").text)).split())

    def metric(self, name: str, **labels: str) -> float:
        inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
        (value,) = re.findall(rf"^{name}{{{inside}}} (\S+)$", self._get("/metrics").text, re.MULTILINE)
        return float(value)

    def cli(self, *words: str) -> str:
        done = CliRunner().invoke(busta, list(words), env=environ_of(self.base) | {"COLUMNS": "200"})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return " ".join(done.output.split())

    def cli_json(self, *words: str) -> Any:
        return json.loads(self.cli(*words, "-o", "json"))

    def _get(self, path: str) -> requests.Response:
        answer = requests.get(self.url + path, headers={"authorization": f"Bearer {self.token}"}, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Surfaces]:
    """30 days until Monday 07:00, in which odds_api lost 43 slices and scores_api 44; then odds_api is down for two checks."""
    clock = FakeClock(SEVEN)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: clock)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mailbox = Mailbox()
    server = QuietController(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    (tmp_path / "config").mkdir()
    for name, text in (("sources", SOURCES), ("alerts", ALERTS % port), ("settings", SETTINGS)):
        (tmp_path / "config" / f"{name}.yaml").write_text(text)
    try:
        with (
            bootstrap.open_app(environ=environ_of(tmp_path), create_store=True, clock=clock) as app,
            served(app) as url,
        ):
            import_history(app, write_history(tmp_path / "month.csv", since=MONDAY - 31 * DAY, until=SEVEN))
            token = access.create_token(app, name="viewer", role=Role.VIEWER, by="test")
            for odds in (Status.UP, Status.DOWN, Status.DOWN):
                tick(app, seen(app, "odds_api", odds), seen(app, "scores_api"))
                clock.advance(300)
            clock.advance(-240)  # between two slots, where a window could end at either
            delivery_pass(app)
            yield Surfaces(app, tmp_path, url, token, mailbox.letters)
    finally:
        server.stop()


def test_the_service_level_of_thirty_days_is_one_figure(month: Surfaces) -> None:
    """45 of 8,640 slices lost, where 43.2 may be."""
    for name, uptime, left, shown, budget in (
        ("odds_api", 99.479, -4.167, "99.47", "−4.2"),
        ("scores_api", 99.49, -1.852, "99.49", "−1.9"),
    ):
        row = month.rest(f"sources/{name}")
        assert (row["uptime"]["30d"], row["budget_left"]) == (uptime, left)
        (level,) = month.rest(f"sla?source={name}")["items"]
        assert (level["uptime"], level["budget_left"], level["until"]) == (uptime, left, "2026-11-23T07:15:00Z")
        assert month.cli_json("sla", name) == [level]
        (kept,) = [r for r in sla_now(month.app) if r.source == name]  # what `health/sla` materializes
        assert (kept.uptime, kept.budget_left) == (uptime, left)
        assert month.metric("busta_slo_uptime_ratio", source=name, window="30d") == pytest.approx(uptime / 100)
        assert month.metric("busta_slo_error_budget_remaining_ratio", source=name) == pytest.approx(left / 100)
        burn = month.metric("busta_slo_burn_rate", source=name, window="30d")
        assert level["burn"]["30d"] == pytest.approx(burn, rel=0.005)
        assert f"30 d {shown} under its target" in month.page()
        assert f"Budget {budget}%" in month.page()
        assert f"Uptime, 30 d {shown} % target 99.50" in month.page(f"/s/{name}")
        assert f"Error budget, 30 d {budget} %" in month.page(f"/s/{name}")
        assert re.search(rf"{name} missed {shown} 99.50 .*? {budget}%", month.page("/sla"))
        assert re.search(rf"{name} 99.50 {shown} .*? {budget} ", month.cli("sla"))
        assert re.search(rf"{name} .*? {shown} .*? {budget}", month.cli("sources", "health"))
    (letter,) = month.letters
    assert "99.47% over 30 days, target 99.50%; budget left −4.2%" in letter
    assert "No source meets its target" in month.page()
    assert "No source meets its target" in month.page("/sla")


def test_the_outage_that_lasts_is_told_alike(month: Surfaces) -> None:
    row = month.rest("sources/odds_api")
    assert (row["status"], row["since"], row["reason"]) == ("down", "2026-11-23T07:05:00Z", "answered 503")
    assert "Answered 503, since 07:05 UTC (6 min)" in month.page()
    assert "DOWN since 07:05 UTC · 6 min Answered 503" in month.page("/s/odds_api")
    assert "answered 503; for 6 min" in month.cli("sources", "health")
    assert month.metric("busta_source_status", source="odds_api", status="down") == 1.0
    (letter,) = month.letters
    assert "odds_api is down: answered 503" in letter
    assert "Since 07:05 UTC" in letter
    (incident,) = [i for i in month.rest("incidents")["incidents"] if i["state"] == "open"]
    assert (incident["id"], incident["started_at"], incident["age_s"]) == ("INC-6", "2026-11-23T07:05:00Z", 360)
    assert re.search(r"INC-6 odds_api open warning 23 Nov 07:05 6 min", month.cli("incidents", "list"))
    assert "INC-6 · odds_api · 07:05 UTC, open for 6 min" in month.page()
    assert month.rest("alerts")["items"][0]["source"] == "odds_api"


def test_incidents_and_how_long_they_took_are_one_figure(month: Surfaces) -> None:
    """2 h 35 min, 1 h 40 min, 30 min, 1 h and 1 h 30 min: 1 h 27 min in the mean."""
    everything = month.rest("incidents")
    assert (everything["resolved"], everything["open"], everything["mttr_s"]["mean"]) == (5, 1, 5220)
    assert month.cli_json("incidents", "list") == everything
    assert "all 5 1 h 27 min" in month.cli("incidents", "list")
    assert "MTTR, 30 d 1 h 27 min" in month.page()
    assert "Incidents, 30 d 6" in month.page()
    assert "2 resolved, MTTR 1 h 47 min" in month.page("/s/odds_api")
    (of_one,) = [month.rest("incidents?source=odds_api")["mttr_s"]["mean"]]
    assert of_one == 6450


def test_the_report_of_the_week_says_what_was_true_at_its_end(month: Surfaces) -> None:
    report = weekly_report(month.app)
    publish(month.app)
    delivery_pass(month.app)
    week = month.rest("incidents?window=2026-W47&at=2026-11-23T00:00:00Z")
    assert (week["resolved"], week["mttr_s"]["mean"]) == (3, 3600)
    figures = {figure.name: figure.now for figure in report.figures}
    assert (figures["Incidents resolved"], figures["MTTR, mean"]) == (3, 3600)
    (level,) = month.rest("sla?source=odds_api&at=2026-11-23T00:00:00Z")["items"]
    (row,) = [r for r in report.sla if r.source == "odds_api"]
    assert (row.uptime, row.budget_left, row.bad) == (level["uptime"], level["budget_left"], level["bad"])
    printed = month.cli("report", "weekly", "--week", "2026-W47")
    page = month.page("/reports/2026-W47")
    for text in (printed, page):
        assert re.search(r"scores_api .*?99.49 .*?−1.9 .*?98.80", text)
        assert re.search(r"odds_api .*?99.50 .*?0.4 .*?99.40", text)
        assert "three incidents took 1 h on average" in text
    letter = month.letters[-1]
    assert "1 of 2 sources met their SLA; scores_api did not" in letter
