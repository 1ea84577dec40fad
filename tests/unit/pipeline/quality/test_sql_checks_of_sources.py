"""A suite with queries of its own, on sources that are a database and on those that are not."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from quality_home import ALERTS

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.observing.observe import observe
from busta_health_dagster.pipeline.quality.quality_pass import run_quality
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning")
DIFFER = {
    "type": "unexpected_rows_expectation",
    "kwargs": {"unexpected_rows_query": "select * from {batch} where home = away"},
    "meta": {"id": "teams differ", "severity": "ERROR", "mostly": 0.95, "dimension": "consistency"},
}
QUERY = "select * from games where day = '{today}'; -- of today"
PRICED = [
    {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "price"},
        "meta": {"id": "price.null", "severity": "WARNING"},
    },
    {
        "type": "expect_column_values_to_be_american_odds",  # ours: it runs on rows only
        "kwargs": {"column": "price"},
        "meta": {"id": "price.odds", "severity": "WARNING"},
    },
]


@pytest.fixture
def scores(tmp_path: Path):
    """Score one source with a suite of these checks: `(score, {check: (eligible, unexpected)}, reason)`."""
    path = tmp_path / "w.db"
    with sqlite3.connect(path) as db:
        db.execute("create table games (day text, home text, away text, price integer)")
        rows = [("2026-11-23", "KC", "KC" if i < 10 else "BUF", -110) for i in range(100)]
        db.executemany("insert into games values (?, ?, ?, ?)", [*rows, ("2026-11-22", "KC", "KC", 0)])
    db.close()
    (tmp_path / "data.csv").write_text("home,away\nKC,KC\n")

    def score(probe: str, *checks: dict[str, Any], **more: Any) -> tuple[float | None, dict[str, Any], str]:
        for name in ("config", "expectations"):
            (tmp_path / name).mkdir()
        (tmp_path / "expectations" / "games.json").write_text(json.dumps({"name": "games", "expectations": checks}))
        source = {"name": "games", "type": "stats", "confirm": 0, "quality": {"suite": "games", **more}}
        source |= (
            {"probe": "sql", "url": f"sqlite:///{path}", "query": QUERY}
            if probe == "sql"
            else {"probe": "file", "path": str(tmp_path / "data.csv")}
        )
        (tmp_path / "config" / "sources.yaml").write_text(json.dumps({"version": 1, "sources": [source]}))
        (tmp_path / "config" / "alerts.yaml").write_text(ALERTS)
        clock = FakeClock(floor_to(1_795_420_800, 3600))  # 2026-11-23T08:00Z
        app = bootstrap.open_app(
            home=tmp_path / "home", config_dir=tmp_path / "config", clock=clock, create_store=True, environ={}
        )
        try:
            observe(app)
            (outcome,) = run_quality(app, force=True).outcomes
        finally:
            app.close()
        found = outcome.scored.score
        return found.score, {c.id: (c.eligible, c.unexpected) for c in found.checks}, found.reason

    return score


def test_a_suite_of_queries_alone_is_asked_of_the_database_with_the_dates_of_today(scores) -> None:
    value, checks, _ = scores("sql", DIFFER)
    assert (value, checks) == (89.0, {"teams differ": (100, 10)})


def test_a_source_that_scores_its_sample_asks_the_database_its_queries_all_the_same(scores) -> None:
    _, checks, _ = scores("sql", DIFFER, *PRICED)
    assert checks["teams differ"] == (100, 10)
    assert checks["price.odds"] == (100, 0)


def test_push_down_false_keeps_the_queries(scores) -> None:
    _, checks, _ = scores("sql", DIFFER, PRICED[0], push_down=False)
    assert checks["teams differ"] == (100, 10)


def test_a_source_that_is_no_database_is_not_scored_and_says_why(scores) -> None:
    value, _, reason = scores("file", DIFFER)
    assert value is None
    assert reason == (
        "suite games asks a database (teams differ), and games is observed by probe file; give it a suite without SQL "
        "checks, or observe it with probe sql"
    )
