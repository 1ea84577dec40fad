"""`alerts test | drill | outbox` as a person meets them: exact words, exit codes, JSON for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from tests.delivery_stories import Receiver, message

SOURCES = """\
version: 1
sources:
  - {name: odds_api, type: odds, probe: file, path: "gone.csv", max_data_age: 26h, tier: 1}
"""
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
channels:
  - {name: log, kind: file, path: "notifications.jsonl"}
  - {name: ops-hook, kind: webhook, url: "%(url)s", allow_private: true, fallback: log}
  - {name: pager, kind: pagerduty, routing_key: {env: PAGER_KEY}}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log]}, {after: 30m, severity: critical, notify: [log, ops-hook]}]}
routes:
  - {select: {}, escalation: default}
"""


class Busta:
    def __init__(self, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        config = tmp_path / "config"
        config.mkdir()
        (config / "sources.yaml").write_text(SOURCES)
        (config / "alerts.yaml").write_text(ALERTS % {"url": url})
        self.environ = {
            "BUSTA_HOME": str(tmp_path / "home"),
            "BUSTA_CONFIG_DIR": str(config),
            "PYTHONIOENCODING": "utf-8",
        }
        for name, value in self.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("BUSTA_DATABASE_URL", raising=False)
        monkeypatch.chdir(tmp_path)

    def __call__(self, *words: str) -> tuple[int, str]:
        done = CliRunner().invoke(busta, ["alerts", *words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    def open(self):
        return bootstrap.open_app(environ=self.environ, create_store=True)


@pytest.fixture
def ops():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def cli(tmp_path: Path, ops: Receiver, monkeypatch: pytest.MonkeyPatch) -> Busta:
    return Busta(tmp_path, ops.url, monkeypatch)


def test_a_test_reports_the_answer_before_there_is_a_store(cli: Busta, ops: Receiver) -> None:
    code, said = cli("test", "ops-hook")
    assert code == 0
    assert said.startswith("✓ ops-hook: delivered in ")
    assert ops.types == ["test"]
    ops.status = 410
    code, said = cli("test", "ops-hook")
    assert code == 1
    assert "✗ ops-hook: rejected" in said
    assert "127.0.0.1 answered 410: it is gone for good. Not retried" in " ".join(said.split())
    assert "Fallback log: not used by a test. Do: Correct url or headers" in said
    assert cli("test", "nobody")[0] == 2


def test_a_test_of_a_channel_without_its_secret_names_the_variable(cli: Busta) -> None:
    code, said = cli("test", "pager", "-o", "json")
    assert code == 1
    assert json.loads(said)["answer"] == "rejected"
    assert "PAGER_KEY is not set" in json.loads(said)["reason"]


def test_the_outbox_shows_what_died_and_why_and_sends_it_again(cli: Busta, ops: Receiver) -> None:
    ops.status = 401
    with cli.open() as app:
        with app.store.write() as uow:
            uow.outbox.enqueue([message("k1", "ops-hook", NotificationKind.OPENED, alert_ids=(4127,))], app.now())
        delivery_pass(app)
    code, said = cli("outbox", "-o", "json")
    assert code == 1
    [dead] = [m for m in json.loads(said)["messages"] if m["state"] == "dead"]
    assert dead["alerts"] == [4127]
    assert dead["why"].endswith("Told log instead")
    assert "1 dead letter waits since" in cli("test", "ops-hook")[1]
    ops.status = 200
    assert cli("outbox", "--retry", "--channel", "ops-hook", "--by", "op-1")[0] == 0
    with cli.open() as app:
        assert delivery_pass(app).delivered >= 1
    assert ops.keys[-1] == "k1"
    assert "0 waiting, 0 being sent, 0 dead" in cli("outbox")[1]


def test_a_drill_prints_each_step_and_passes(cli: Busta, ops: Receiver) -> None:
    code, said = cli("drill", "--source", "odds_api", "--speed", "100000x")
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert code == 0, said
    assert lines[0].startswith("A drill goes through the real rules, routes and channels.")
    assert any(line.startswith("opens, warning log log") and line.endswith("✓ delivered") for line in lines)
    assert any(line.startswith("escalates, critical log, ops-hook log") for line in lines)
    assert any(line.startswith("acknowledged - log") and "no step for 4 h" in line for line in lines)
    assert any("pager (not on the route)" in line and "add --channel pager" in line for line in lines)
    assert lines[-1].startswith("Passed: 4 of 4 steps, 0 lost, 0 sent twice. Anyone who was notified that it fired")
    assert not Path("home/busta.sqlite3").exists(), "a drill leaves nothing behind"
    assert cli("drill", "--source", "nobody")[0] == 2
    assert cli("drill", "--speed", "fast")[0] == 2


def test_a_storm_drill_says_what_was_held_back(cli: Busta) -> None:
    code, said = cli("drill", "--storm", "25")
    assert code == 0, said
    assert "25 alerts, 25 transitions, all stored in" in said
    assert "24   reason: storm, 25 opened in one tick" in said
