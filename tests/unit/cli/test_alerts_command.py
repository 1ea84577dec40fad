"""`busta alerts` and `busta maintenance` as a person at a terminal sees them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from alert_stories import TICK, Story
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.testing import FakeClock

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    monkeypatch.setenv("COLUMNS", "140")
    return fake


@pytest.fixture
def story(tmp_path: Path, clock: FakeClock):
    """The Monday of the design: odds_api slow from 07:50 on, weather_api down. The shipped rules, each at its first slot."""
    shutil.copytree(CONFIG, tmp_path / "config")
    shutil.copytree(CONFIG.parent / "expectations", tmp_path / "expectations")
    alerts = tmp_path / "config" / "alerts.yaml"
    alerts.write_text(alerts.read_text().replace("confirm: true", "confirm: false"))
    app = bootstrap.open_app(home=tmp_path, config_dir=alerts.parent, environ={}, create_store=True)
    yield Story(app)
    app.close()


def _config(story: Story) -> Path:
    return story.app.home.root / "config"


def run(story: Story, *args: str, code: int = 0) -> str:
    result = CliRunner().invoke(busta, ["--home", str(story.app.home.root), "--config-dir", str(_config(story)), *args])
    assert result.exit_code == code, result.output
    return result.output


def parsed(story: Story, *args: str) -> Any:
    return json.loads(run(story, *args, "-o", "json"))


def test_the_list_shows_what_is_open_who_has_it_and_what_comes_next(story: Story) -> None:
    story.tick()
    story.ticks(2, odds_api=6_412.0)
    story.ticks(8, odds_api=6_412.0, weather_api="down")
    run(story, "alerts", "ack", "1", "--by", "op-1", "-m", "asked the provider")
    lines = run(story, "alerts", "list").splitlines()
    assert lines[0].split() == ["SEVERITY", "ID", "SOURCE", "RULE", "OPEN", "FOR", "STEP", "ACKNOWLEDGED", "NEXT"]
    assert lines[1].split() == [
        *["!!", "critical", "2", "weather_api", "source-down", "40", "min", "L2", "of", "3", "no", "pager"],
        "10:15",
    ]
    assert lines[2].split() == [
        *[
            "!",
            "warning",
            "1",
            "odds_api",
            "slow-response",
            "45",
            "min",
            "L1",
            "of",
            "2",
            "op-1,",
            "08:55",
            "resumes",
            "12:55",
        ]
    ]
    assert lines[3].startswith("2 open, 1 not acknowledged.")
    assert lines[-1] == "Ask why: busta alerts explain 2"
    run(story, "alerts", "list", "--exit-code", code=1)


def test_an_incident_tells_what_people_did_in_its_order_and_names_them_once(story: Story) -> None:
    story.tick()
    story.ticks(3, weather_api="down")
    run(story, "alerts", "snooze", "1", "--for", "2h", "--by", "op-1")
    run(story, "alerts", "ack", "1", "--by", "op-1")
    run(story, "alerts", "unack", "1", "--by", "op-1")
    notified = run(story, "incidents", "show", "INC-1")
    at = [notified.index(f"source-down  {event}") for event in ("snoozed", "acked", "unacked")]
    assert at == sorted(at)
    assert "by op-1, by op-1" not in notified
    assert not [line for line in notified.splitlines() if line.count("by op-1") > 1]


def test_the_list_as_json_has_a_stable_shape(story: Story) -> None:
    story.tick()
    story.ticks(2, weather_api="down")
    story.ticks(1, weather_api="down")
    (row,) = parsed(story, "alerts", "list")
    assert {"id", "source", "rule", "severity", "state", "opened_at", "step", "steps", "acked_by", "next"} <= row.keys()
    assert (row["id"], row["source"], row["state"], row["acked_by"]) == (1, "weather_api", "open", None)
    assert row["next"]["notify"] == ["slack-data", "mail-oncall"]
    assert row["opened_at"] == "2026-11-23T08:15:00Z"
    assert parsed(story, "alerts", "show", "1") == row
    assert parsed(story, "alerts", "list", "--state", "acked") == []


def test_explain_tells_the_whole_chain_of_an_alert(story: Story) -> None:
    story.tick()
    for ms in (6_180.0, 6_412.0, 7_020.0, *([6_000.0] * 5), 231.0, 209.0):
        story.tick(odds_api=ms)
    text = run(story, "alerts", "explain", "1")
    assert (
        text.splitlines()[0]
        == "✓ 1 odds_api slow-response: resolved 08:50:00, open for 40 min. Worst 7.02 s, limit 5 s."
    )
    for said in (
        "fingerprint  odds_api/slow-response",
        "slow: 0m warning, 4h critical, repeat 1d while it changes, ack_timeout 4h     frozen at 08:10:00",
        "VERDICTS       11 evaluated, 8 bad",
        "bad   6,412 ms                   2 of 2   fires",
        "bad   7,020 ms                   worst",
        "08:20 to 08:40  bad   5 more, 6,000 to 6,000 ms",
        "good  209 ms                     2 of 2   recovers",
        "None suspect. None unknown.",
        "08:10:00  pending  -> open      2 of 2 bad: 6.41 s, limit 5 s; severity warning, step L1",
        "matches -> slow; stop",
        "none covers odds_api",
        "slack-data  opened",
        "08:50:00  mail-oncall  resolved  was never notified that it fired",
    ):
        assert said in text, text
    story_json = parsed(story, "alerts", "explain", "1")
    assert [v["outcome"] for v in story_json["verdicts"]].count("bad") == 8
    assert {"transitions", "routes", "deliveries", "not_sent", "also", "maintenance"} <= story_json.keys()


def test_explain_of_a_source_says_why_there_is_no_alert(story: Story) -> None:
    story.tick()
    story.tick(odds_api=6_180.0)
    text = run(story, "alerts", "explain", "odds_api")
    assert "odds_api is degraded since 08:05: 6.18 s, limit 5 s. No open alert." in text
    assert "1 pending, 1 of 2" in text
    assert "MAINTENANCE    none now" in text
    assert "1 of 2 bad: the rule asks for 2 in a row" in text
    assert "shadow: notifies no one." in text
    assert "Did you mean odds_api" in run(story, "alerts", "explain", "odds_apo", code=2)


def test_a_source_stands_for_all_its_open_alerts(story: Story) -> None:
    story.ticks(2, weather_api="down")
    assert "1 weather_api/source-down: acknowledged" in run(story, "alerts", "ack", "weather_api", "--by", "op-1")
    assert "1 weather_api/source-down: snoozed" in run(story, "alerts", "snooze", "weather_api", "1", "--for", "1h")
    assert "No alert of odds_api is open." in run(story, "alerts", "ack", "odds_api", code=2)
    assert "weather" in run(story, "alerts", "ack", "wether_api", code=2)


def test_what_the_state_does_not_allow_is_a_clear_error(story: Story) -> None:
    story.ticks(2, weather_api="down")
    assert "1 weather_api/source-down: resolved" in run(story, "alerts", "resolve", "1")
    said = run(story, "alerts", "ack", "1", code=2)
    assert "Alert 1 weather_api/source-down is resolved; only an open alert can be acknowledged." in " ".join(
        said.split()
    )
    assert "There is no alert 77" in run(story, "alerts", "ack", "77", code=2)
    assert "is not a duration" in run(story, "alerts", "snooze", "1", "--for", "soon", code=2)


def test_maintenance_is_added_listed_previewed_and_ended(story: Story) -> None:
    story.tick()
    added = run(
        story, "maintenance", "add", "host-move", "--for", "2h", "-s", "rss_league_news", "--reason", "new host"
    )
    assert "1 host-move: Mon 23 Nov 08:05 to 10:05 UTC, 1 source" in added
    lines = run(story, "maintenance", "list").splitlines()
    assert lines[1].startswith("◆  host-move")
    assert "new host" in lines[1]
    assert lines[-1].startswith("2 windows, 1 on now.")
    found = parsed(story, "maintenance", "preview", "--from", "2026-11-23", "--until", "7d")
    assert found == [
        {"window": "host-move", "start": "2026-11-23T08:05:00Z", "end": "2026-11-23T10:05:00Z"},
        {"window": "warehouse-upgrade", "start": "2026-11-26T07:00:00Z", "end": "2026-11-26T07:45:00Z"},
    ]
    story.clock.advance(2 * TICK)
    assert "host-move: ended 08:15:00 UTC" in run(story, "maintenance", "end", "host-move")
    assert "config/maintenance.yaml" in run(story, "maintenance", "end", "warehouse-upgrade", code=2)


def test_wrong_maintenance_is_refused_with_the_remedy(story: Story) -> None:
    add = ("maintenance", "add", "w", "--for", "1h")
    assert "Which sources?" in run(story, *add, code=2)
    assert "is no zone" in run(story, *add, "--all", "--zone", "Mars/Olympus", code=2)
    assert "No source is called" in run(story, *add, "-s", "nobody", code=2)
    assert "rrule" in run(story, *add, "--all", "--rrule", "FREQ=SOMETIMES", code=2)
    assert "ends" in run(story, "maintenance", "preview", "--from", "2026-11-23", "--until", "2026-11-22", code=2)


def test_noise_says_what_each_source_sent_and_what_anyone_acted_upon(story: Story) -> None:
    story.tick()
    story.ticks(8, odds_api=6_412.0, weather_api="down")
    run(story, "alerts", "ack", "odds_api", "--by", "op-1")
    story.ticks(4)
    found = parsed(story, "alerts", "noise", "--since", "1d")
    weather, odds = found["items"]
    assert (weather["source"], weather["rule"], weather["acknowledged_percent"]) == ("weather_api", "source-down", 0.0)
    assert weather["unheeded"] == weather["notifications"] > 0
    assert (odds["source"], odds["rule"], odds["acknowledged_percent"]) == ("odds_api", "slow-response", 100.0)
    assert found["notifications"] == weather["notifications"] + odds["notifications"]
    assert [row["source"] for row in parsed(story, "alerts", "noise", "odds_api")["items"]] == ["odds_api"]
    said = run(story, "alerts", "noise").splitlines()
    assert said[0].split() == ["SOURCE", "RULE", "MESSAGES", "PER", "WEEK", "ALERTS", "ACTED", "UPON", "SELF-RESOLVED"]
    assert said[1].split()[:2] == ["weather_api", "source-down"]
    story.clock.advance(40 * 86400)
    assert run(story, "alerts", "noise").strip() == "No message about an alert was sent in the last 28d."


def test_an_alert_is_named_by_its_id_its_incident_or_its_source(story: Story) -> None:
    story.tick()
    story.ticks(3, weather_api="down")
    (shown,) = {run(story, "alerts", "show", name) for name in ("1", "#1", "INC-1", "inc-1", "weather_api")}
    assert "1 weather_api source-down: open" in shown
    for name in ("1", "#1", "INC-1"):
        assert "weather_api" in run(story, "alerts", "explain", name)
    for deed, name in (("ack", "INC-1"), ("unack", "#1"), ("snooze", "weather_api"), ("resolve", "inc-1")):
        more = ("--for", "2h") if deed == "snooze" else ()
        assert run(story, "alerts", deed, name, *more).startswith("1 weather_api/source-down: ")
    assert "There is no incident INC-99" in run(story, "alerts", "show", "INC-99", code=2)
    assert "There is no alert 99" in run(story, "alerts", "ack", "#99", code=2)
    assert "No alert of weather_api is open" in run(story, "alerts", "show", "weather_api", code=2)


def test_the_example_in_the_help_of_each_deed_works_where_that_source_is_down(story: Story) -> None:
    story.tick()
    story.ticks(3, weather_api="down")
    for name in ("show", "explain", "ack", "unack", "snooze", "resolve"):
        help_text = " ".join(run(story, "alerts", name, "--help").replace("│", " ").split())
        example = re.search(r"Example: busta (alerts .*?)(?: ╭| Arguments| Options|$)", help_text)
        assert example is not None, help_text
        assert "weather_api" in run(story, *shlex.split(example[1]))


@pytest.mark.parametrize("width", [80, 100])
def test_a_list_keeps_to_the_columns_that_its_reader_has(
    story: Story, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    story.tick()
    story.ticks(6, weather_api="down", odds_api="down", scores_api="down", rss_league_news="down")
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run(story, "alerts", "list", "--state", "all").splitlines()
    assert any(line.startswith(("1 ", "2 ", "3 ", "4 ", "5 ", "6 ")) for line in lines), lines
    assert max(map(len, lines)) <= width, max(lines, key=len)
