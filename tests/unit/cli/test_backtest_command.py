"""`busta backtest`, `sla` and `incidents` as a script calls them: real processes and real pipes where that is the point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app
from busta_health_dagster.domain.units import from_iso

RULES = """\
rules: [{name: source-down, metric: status, op: "==", value: down}]
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [chat]}]}]
routes: [{select: {}, escalation: default}]
"""
FULL = (
    """\
version: 1
channels: [{name: chat, kind: slack, token: {env: NOT_SET_ANYWHERE}, channel: "#data"}]
"""
    + RULES
)


def outage(path: Path, slots: int = 40, days: int = 1) -> Path:
    lines = ["timestamp,source,status"]
    for day in range(1, days + 1):
        for n in range(slots):
            at = f"2026-10-{day:02d}T{n * 5 // 60:02d}:{n * 5 % 60:02d}:00Z"
            lines.append(f"{at},feed,{'down' if 10 <= n < 14 else 'up'}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without configuration and without store."""
    monkeypatch.chdir(tmp_path)
    for name in ("BUSTA_HOME", "BUSTA_CONFIG_DIR", "BUSTA_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output + str(result.exception)
    return result.stdout if code == 0 else result.output


def test_files_need_neither_store_nor_configuration_nor_a_secret(nowhere: Path) -> None:
    (nowhere / "alerts.yaml").write_text(FULL)
    text = run("backtest", "--observations", outage(nowhere / "log.csv"), "--alerts", "alerts.yaml")
    events = [json.loads(line) for line in text.splitlines()]
    assert [(e["at"], e["event"], e["notify"]) for e in events] == [
        ("2026-10-01T00:50:00Z", "opened", ["chat"]),
        ("2026-10-01T01:15:00Z", "resolved", ["chat"]),
    ]
    assert list(events[0]) == ["at", "source", "rule", "event", "severity", "notify", "reason"]
    assert not (nowhere / ".busta").exists(), "nothing was created"


def test_an_alerts_file_may_hold_nothing_but_rules_and_they_see_what_the_detector_sees(nowhere: Path) -> None:
    (nowhere / "only.yaml").write_text("rules: [{name: anomaly, pattern: anomaly}]\n")
    folder = nowhere / "sim"
    folder.mkdir()
    rows = ["timestamp,up,response_ms,items,quality,freshness_s"]
    for n in range(8 * 288):
        at = f"2026-10-{1 + n // 288:02d}T{n % 288 * 5 // 60:02d}:{n * 5 % 60:02d}:00Z"
        rows.append(
            f"{at},1,{100 + n * 7919 % 23},{50 + n * 104729 % 11},99,60" if not 2000 <= n < 2012 else f"{at},0,,,,"
        )
    (folder / "feed.csv").write_text("\n".join(rows) + "\n")
    run("backtest", "--observations", folder, "--alerts", "only.yaml", "--out", "alarms.jsonl")
    opened = [e for e in map(json.loads, (nowhere / "alarms.jsonl").read_text().splitlines()) if e["event"] == "opened"]
    assert [(e["source"], e["rule"], e["notify"]) for e in opened] == [("feed", "anomaly", [])]
    assert "2026-10-07T22:40:00Z" <= opened[0]["at"] <= "2026-10-07T23:00:00Z"


def test_maintenance_may_come_from_a_file_to_try(nowhere: Path) -> None:
    (nowhere / "alerts.yaml").write_text(RULES)
    window = "{name: night, select: {}, start: 2026-10-01T00:30, zone: UTC, duration: 2h}"
    (nowhere / "maintenance.yaml").write_text(f"version: 1\nwindows: [{window}]\n")
    log = outage(nowhere / "log.csv")
    text = run("backtest", "--observations", log, "--alerts", "alerts.yaml", "--maintenance", "maintenance.yaml")
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["suppressed"]


def test_the_summary_is_also_json(nowhere: Path) -> None:
    (nowhere / "alerts.yaml").write_text(RULES)
    log = outage(nowhere / "log.csv", days=7)
    notified = json.loads(run("backtest", "--observations", log, "--alerts", "alerts.yaml", "--summary", "-o", "json"))
    assert (notified["rules"][0]["alerts"], notified["rules"][0]["notifications"]) == (7, 14)
    table = run("backtest", "--observations", log, "--alerts", "alerts.yaml", "--summary")
    assert "source-down" in table
    assert "Best trade" not in table, "no quieter number keeps every real alert"


def test_rules_without_a_route_are_priced_by_their_openings(nowhere: Path) -> None:
    (nowhere / "only.yaml").write_text("rules: [{name: source-down, metric: status, op: '==', value: down}]\n")
    log = outage(nowhere / "log.csv", days=7)
    done = CliRunner().invoke(
        app, ["backtest", "--observations", str(log), "--alerts", "only.yaml", "--summary", "-o", "json"]
    )
    assert json.loads(done.stdout)["rules"][0]["notifications"] == 7
    assert "No route would tell anybody" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--observations", "log.csv"), "no rule to try"),
        (("--observations", "log.csv", "--alerts", "nothing.yaml"), "cannot be read"),
        (("--observations", "log.csv", "--alerts", "wrong.yaml"), "Unknown section"),
        (("--observations", "log.csv", "--alerts", "none.yaml"), "has no rule"),
        (("--observations", "nowhere.csv", "--alerts", "alerts.yaml"), "does not exist"),
        (("--observations", "log.csv", "--alerts", "alerts.yaml", "--since", "soon"), "not a duration"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_the_remedy(nowhere: Path, arguments: tuple[str, ...], says: str) -> None:
    outage(nowhere / "log.csv")
    (nowhere / "alerts.yaml").write_text(RULES)
    (nowhere / "wrong.yaml").write_text("rulez: []\n" + RULES)
    (nowhere / "none.yaml").write_text("version: 1\nrules: []\n")
    assert says in " ".join(run("backtest", *arguments, code=2).split())


def test_a_reader_of_the_pipe_sees_events_as_they_come_and_may_leave(nowhere: Path) -> None:
    (nowhere / "alerts.yaml").write_text(RULES)
    log = outage(nowhere / "log.csv", days=28)
    command = [
        sys.executable,
        "-m",
        "busta_health_dagster.cli",
        "backtest",
        "--observations",
        str(log),
        "--alerts",
        "alerts.yaml",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["event"] == "opened"
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
        assert process.wait(timeout=240) == 0


def test_an_imported_log_is_answered_by_sla_and_incidents(nowhere: Path) -> None:
    config = nowhere / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(
        "version: 1\nsources: [{name: api, type: api, probe: tcp, host: h.example.com, port: 443}]\n"
    )
    (config / "alerts.yaml").write_text(FULL)
    run("db", "import", outage(nowhere / "log.csv", slots=288), "-o", "json")
    at = ("--window", "24h", "--at", "2026-10-02T00:00:00Z")
    (level,) = json.loads(run("sla", "feed", *at, "-o", "json"))
    assert [level[k] for k in ("window", "good", "bad", "uptime", "met")] == ["24h", 284, 4, 98.611, False]
    assert "missed" in run("sla", *at)
    run("sla", "feed", *at, "--exit-code", code=1)
    found = json.loads(run("incidents", "list", *at, "-o", "json"))
    assert (found["mttr_s"]["mean"], found["mtbf_s"]) == (1200, 284 * 300)
    name = found["incidents"][0]["id"]
    run("incidents", "cause", name, "a deploy", "--by", "amy")
    assert "a deploy" in run("incidents", "list", *at)
    assert "source-down" in run("incidents", "show", name)
    assert run("incidents", "export", name).startswith(f"# {name}: feed\n")
    assert "Ids: busta incidents list" in " ".join(run("incidents", "show", "nothing", code=2).split())
    since = f"{int(time.time()) - from_iso('2026-09-30T00:00:00Z')}s"  # the log has its dates, today has another
    events = [json.loads(line) for line in run("backtest", "--since", since).splitlines()]
    assert [e["event"] for e in events] == ["opened", "resolved"], "the store's history replayed tells the same"
