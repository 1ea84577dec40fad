"""Odds as The Odds API nests them: events, bookmakers, markets, outcomes become one row per outcome."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from busta_health_dagster.quality.loader import load_suite

SUITE = load_suite(Path(__file__).parents[3] / "expectations" / "odds_events.json")
TEAMS = {"home_team": "Kansas City Chiefs", "away_team": "Buffalo Bills"}
NOW = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)


def event(n: int, *, silent: int = 0) -> dict:
    outcomes = [{"name": "Kansas City Chiefs", "price": -150}, {"name": "Buffalo Bills", "price": 130}]
    books = [
        {
            "key": key,
            "last_update": "2026-11-23T12:03:00Z",
            "markets": [
                {"key": "h2h", "outcomes": [{**o, "price": None if i < silent else o["price"]} for o in outcomes]}
            ],
        }
        for i, key in enumerate(("draftkings", "fanduel", "betmgm"))
    ]
    return {"id": f"e{n}", "commence_time": "2026-11-23T18:00:00Z", "bookmakers": books} | TEAMS


def test_a_healthy_board_scores_100_and_a_silent_book_caps_it(runner):
    good = runner.validate("nested", SUITE, [event(i) for i in range(10)], NOW).score
    assert (good.score, good.rows, good.coverage) == (100.0, 60, 96.9), "without spreads their lines are not compared"
    bad = runner.validate("nested", SUITE, [event(i, silent=1) for i in range(10)], NOW).score
    assert bad.score == 89.0
    assert bad.caps[0].check == "price.not_null"
    empty = runner.validate("nested", SUITE, [{"id": "e1", "bookmakers": []}], NOW).score
    assert empty.score < 50
