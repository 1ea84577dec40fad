"""Payloads are what their formats promise: they parse, they count right, they move with time and are the same for the same time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.demo.catalogue import HTTP_NAMES, UPSTREAMS
from busta_health_dagster.demo.payloads import markets, tables
from busta_health_dagster.demo.payloads.league import CODES, games
from busta_health_dagster.demo.server import render
from busta_health_dagster.domain.units import iso, to_epoch
from busta_health_dagster.probes.ages import to_epoch as read_time
from busta_health_dagster.probes.feed_reading import read_feed

EXPECTATIONS = Path(__file__).parents[3] / "busta_health_dagster" / "demo" / "suites"
NOW = 1_795_422_372.0
DIALECTS = {
    "rss_league_news": "RSS 2.0",
    "rss_fantasy": "Atom 1.0",
    "rss_transactions": "RSS 2.0",
    "rss_beat_writers": "JSON Feed 1.1",
}


@pytest.mark.parametrize("name", HTTP_NAMES)
def test_the_same_instant_gives_the_same_bytes_and_a_later_one_others(name: str) -> None:
    upstream = UPSTREAMS[name]

    def body(at: float) -> bytes:
        return render(name, at, upstream.newest(at), 0.0)

    assert body(NOW) == body(NOW)
    assert body(NOW) != body(NOW + 8 * 3600)


@pytest.mark.parametrize(("name", "dialect"), DIALECTS.items())
def test_a_feed_is_read_as_its_dialect_with_its_newest_entry_first(name: str, dialect: str) -> None:
    upstream = UPSTREAMS[name]
    newest = upstream.newest(NOW)
    kind, rows, _, problem, _ = read_feed(render(name, NOW, newest, 0.0), upstream.content)
    assert (kind, problem, len(rows)) == (dialect, None, upstream.count(NOW))
    times = [read_time(row["published"]) for row in rows]
    assert times == sorted(times, reverse=True)  # type: ignore[type-var]
    assert times[0] == newest
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["title"] and row["link"] for row in rows)


def test_odds_are_american_with_a_margin_on_every_market_and_move_within_ten_minutes() -> None:
    events = markets.odds(NOW, NOW - 110, 14, 0.0)
    for event in events:
        assert len(event["bookmakers"]) == 10
        for book in event["bookmakers"]:
            for market in book["markets"]:
                prices = [o["price"] for o in market["outcomes"]]
                if None in prices:
                    continue
                assert all(abs(p) >= 100 for p in prices)
                implied = sum(-p / (100 - p) if p < 0 else 100 / (100 + p) for p in prices)
                assert 1.0 < implied < 1.15
    later = markets.odds(NOW + 600, NOW + 490, 14, 0.0)
    assert [e["id"] for e in later][:10] != [] and events != later  # noqa: PT018
    assert max(b["last_update"] for e in events for b in e["bookmakers"]) == iso(NOW - 110)


def test_scores_only_rise_and_end_as_they_stood() -> None:
    game = games(NOW - 5400, 1)[0]
    totals = [sum(game.score(game.kickoff + t)) for t in range(0, 20_000, 500)]
    assert totals == sorted(totals)
    assert totals[0] == 0
    assert game.score(game.kickoff + 11_400) == game.score(game.kickoff + 90_000)
    states = [row["status"] for row in markets.scores(NOW, NOW - 10, 16, 0.0)]
    assert states == sorted(states, key=["final", "in_progress", "scheduled"].index)
    assert len(set(states)) == 3


@given(st.integers(0, 100_000))
def test_every_team_plays_once_in_a_round_of_sixteen_games(day: int) -> None:
    round_ = games(day * 16 * 5400, 16)
    assert sorted(c for g in round_ for c in (g.home, g.away)) == sorted(CODES)


def test_bad_quality_can_be_counted_in_what_is_delivered() -> None:
    offers = [
        o["price"]
        for e in markets.odds(NOW, NOW, 14, 0.1)
        for b in e["bookmakers"]
        for m in b["markets"]
        for o in m["outcomes"]
    ]
    assert len(offers) == 840
    assert 84 <= offers.count(None) <= 95
    injuries = json.loads(render("injury_reports", NOW, NOW, 0.2))
    assert sum(r["status"] in (None, "game_time_decision") for r in injuries) >= len(injuries) * 0.18
    assert injuries[-1] == injuries[-2]
    stations = json.loads(render("weather_api", NOW, NOW, 0.2))["observations"]
    assert sum(s["temperature_c"] > 60 for s in stations) == 6
    assert sum(p["possession"] is None for p in tables.plays(NOW, 2496, 0.1)) > 100
    entries = read_feed(render("rss_fantasy", NOW, UPSTREAMS["rss_fantasy"].newest(NOW), 0.25)).rows
    assert len({e["id"] for e in entries}) < len(entries)


def test_tables_have_one_key_per_row_and_end_with_the_newest() -> None:
    plays = tables.plays(NOW, 2496, 0.0)
    assert len({(p["game_id"], p["play_id"]) for p in plays}) == len(plays) == 2496
    rows = tables.warehouse_games(NOW, 285, 0.0)
    assert len({r["game_id"] for r in rows}) == 285
    assert max(r["updated_at"] for r in rows) == iso(NOW)
    features = tables.features(NOW, 1600, 0.0)
    assert len({(f["entity_id"], f["feature"], f["event_time"]) for f in features}) == 1600


def test_the_stats_page_is_html_that_a_scraper_would_read() -> None:
    page = render("pfr_stats", NOW, NOW - 900, 0.0).decode()
    assert len(re.findall(r'<td data-stat="pass_yds">\d+</td>', page)) == 50
    stamp = re.search(r'datetime="([^"]+)"', page)
    assert stamp is not None
    from datetime import datetime

    assert to_epoch(datetime.fromisoformat(stamp[1])) == NOW // 1 - 900


SUITES = {"odds_api": "odds", "scores_api": "scores", "injury_reports": "injuries", "weather_api": "weather"}
TABLES = {
    "play_by_play": tables.plays(NOW, 160, 0.0),
    "warehouse_table": tables.warehouse_games(NOW, 20, 0.0),
    "feature_store": tables.features(NOW, 320, 0.0),
}


def records(name: str) -> list[dict[str, object]]:
    document = json.loads(render(name, NOW, UPSTREAMS[name].newest(NOW), 0.0))
    if name == "odds_api":
        return [o for e in document for b in e["bookmakers"] for m in b["markets"] for o in m["outcomes"]]
    return list(document["observations"] if name == "weather_api" else document)


@pytest.mark.parametrize("suite", [*SUITES.values(), *TABLES])
def test_the_rows_have_the_columns_that_their_suite_asks_for(suite: str) -> None:
    name = next((n for n, s in SUITES.items() if s == suite), None)
    rows = records(name) if name else TABLES[suite]
    wanted = json.loads((EXPECTATIONS / f"{suite}.json").read_text())["expectations"]
    columns = next(set(e["kwargs"]["column_set"]) for e in wanted if e["meta"]["id"] == "table.columns")
    assert all(columns <= set(row) for row in rows)
