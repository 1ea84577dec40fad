"""The demo's whole first hour on a virtual clock: the right notifications, in the right order, to the right channel."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.demo.catalogue import HTTP_NAMES, UPSTREAMS
from busta_health_dagster.demo.config import write_config
from busta_health_dagster.demo.history import generate
from busta_health_dagster.demo.scenarios import scenario
from busta_health_dagster.demo.upstreams import Address
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.testing import FakeClock

ANCHOR = 1_795_422_300
EXPECTATIONS = Path(__file__).parents[3] / "busta_health_dagster" / "demo" / "suites"
HOUR = 3600


def address(home: Path) -> Address:
    """Where the fleet would answer; on this clock no one asks it."""
    ports = {name: 41_000 + number for number, name in enumerate(HTTP_NAMES)}
    urls = {name: f"http://127.0.0.1:{port}{UPSTREAMS[name].path}" for name, port in ports.items()}
    urls["postgres_warehouse"] = f"sqlite:///{home}/demo/warehouse.sqlite3"
    paths = {"play_by_play_csv": f"{home}/demo/play_by_play/*.csv", "feature_store": f"{home}/demo/f.parquet"}
    return Address("default", ANCHOR, 1, ports, urls, paths)


@pytest.fixture
def notified(tmp_path: Path, store_url: str) -> list[tuple[int, str, str, str]]:
    """(minutes after the start, source, rule, event) of every notification in the file channel, oldest first."""
    home = tmp_path / "home"
    write_config(home, address(home), expectations=EXPECTATIONS)
    clock = FakeClock(ANCHOR - 2 * HOUR)
    environ = {"BUSTA_HOME": str(home), "BUSTA_DATABASE_URL": store_url}
    with bootstrap.open_app(environ=environ, create_store=True, clock=clock) as app:
        # The detector learns for weeks; this is the story of the rules.
        story = generate(3 * HOUR / 86400, ANCHOR + HOUR, scenario=scenario("default"), anchor=ANCHOR)
        for observations in story:
            clock.advance(observations[0].slot + 4 - clock.now())
            store_observations(app, observations)
            alert_pass(app, ticking=True)
            delivery_pass(app)
    lines = [json.loads(line) for line in (home / "notifications.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({line["key"] for line in lines}) == len(lines), "every notification has a key of its own"
    return [_entry(line) for line in lines]


def _entry(line: dict) -> tuple[int, str, str, str]:
    data = line["data"]
    at = datetime.fromisoformat(line["timestamp"]).timestamp()
    return round((at - ANCHOR) / 60), data["source"]["name"], data["rule"]["name"], line["type"].removeprefix("alert.")


def of(notified: list[tuple[int, str, str, str]], source: str) -> list[tuple[int, str, str]]:
    return [(minute, rule, event) for minute, name, rule, event in notified if name == source]


def test_the_scenario_leads_to_the_right_notices_in_the_right_order(notified) -> None:
    assert [minute for minute, *_ in notified] == sorted(minute for minute, *_ in notified)
    assert of(notified, "weather_api") == [
        (-120, "source-down", "opened"),
        (
            -90,
            "source-down",
            "escalated",
        ),  # half an hour, and no one acknowledged; its failure rate and budget stay quiet
        (30, "source-down", "resolved"),  # the second good observation
    ]
    assert of(notified, "odds_api") == [(-30, "slow-response", "opened"), (15, "slow-response", "resolved")]
    assert of(notified, "rss_transactions") == [(5, "source-down", "opened"), (20, "source-down", "resolved")]
    assert of(notified, "feature_store") == [(30, "source-down", "opened"), (45, "source-down", "resolved")]
    assert of(notified, "rss_fantasy") == [(35, "source-down", "opened"), (50, "source-down", "resolved")]
    assert of(notified, "postgres_warehouse") == [(50, "source-down", "opened")]
    assert of(notified, "injury_reports") == [(40, "low-quality", "opened")]
    assert of(notified, "play_by_play_csv")[-1] == (45, "stale-data", "resolved")
    assert of(notified, "rss_beat_writers") == [], "it was down inside its maintenance window"
    assert of(notified, "scores_api") == [], "429 is a request for patience, not an outage"


def test_everyone_who_is_told_of_an_end_was_told_of_a_beginning(notified) -> None:
    open_now: set[tuple[str, str]] = set()
    for _, source, rule, event in notified:
        if event == "opened":
            assert (source, rule) not in open_now
            open_now.add((source, rule))
        else:
            assert (source, rule) in open_now, event
            if event == "resolved":
                open_now.remove((source, rule))
