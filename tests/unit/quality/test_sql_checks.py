"""Checks that are a query of their own: what may be asked, how it is counted, and what is refused by name."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from busta_health_dagster.domain.errors import BadInput, ConfigError
from busta_health_dagster.domain.quality import Dimension
from busta_health_dagster.quality.loader import parse_suite
from busta_health_dagster.quality.pushdown import SqlRunner
from busta_health_dagster.quality.scorecard import score_file
from busta_health_dagster.quality.sql_checks import reading_query, statement

pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GAMES = "select * from games"


def entry(query: str, check_id: str = "own", **meta: Any) -> dict[str, Any]:
    return {
        "type": "unexpected_rows_expectation",
        "kwargs": {"unexpected_rows_query": query},
        "meta": {"id": check_id, "severity": "ERROR", **meta},
    }


def suite_of(*entries: dict[str, Any]) -> Any:
    return parse_suite({"name": "games", "expectations": list(entries)}, "games.json")


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "w.db"
    with sqlite3.connect(path) as db:
        db.execute("create table games (id integer, home text, away text)")
        db.executemany("insert into games values (?, 'KC', ?)", [(i, "KC" if i < 3 else "BUF") for i in range(100)])
        db.execute("create table teams (name text)")
        db.execute("insert into teams values ('KC')")
    db.close()
    return f"sqlite:///{path}"


def counts(url: str, *entries: dict[str, Any], query: str = GAMES) -> dict[str, tuple[int, int, str | None]]:
    found = SqlRunner().validate("games", suite_of(*entries), url, query, NOW).score
    return {c.id: (c.eligible, c.unexpected, c.error) for c in found.checks}


def test_the_failing_rows_that_a_query_returns_are_counted_out_of_the_rows_of_the_source(url: str) -> None:
    checks = (
        entry("select * from {batch} where home = away;", "teams differ"),
        entry("select count(*) from {batch} b where b.home = b.away", "as a count", returns="count"),
        entry(
            "-- unknown teams\nwith known as (select name from teams) select * from {batch} where away not in known",
            "known",
        ),
        entry("select * from teams where name = 'nobody'", "another table"),
    )
    assert counts(url, *checks) == {
        "teams differ": (100, 3, None),
        "as a count": (100, 3, None),
        "known": (100, 97, None),
        "another table": (100, 0, None),
    }


def test_it_weighs_like_any_other_check(url: str) -> None:
    check = entry("select * from {batch} where home = away", dimension="consistency", mostly=0.95, why="a team plays")
    found = SqlRunner().validate("games", suite_of(check), url, GAMES, NOW).score
    assert (found.score, found.dimensions) == (97.0, {Dimension.CONSISTENCY: 97.0})
    strict = entry("select * from {batch} where home = away", severity="CRITICAL")
    assert SqlRunner().validate("games", suite_of(strict), url, GAMES, NOW).score.score == 69.0


def test_a_query_over_more_rows_than_the_source_has_fails_all_of_them(url: str) -> None:
    check = entry("select * from games a, games b", "pairs")
    assert counts(url, check, query="select * from games where id < 5") == {"pairs": (10_000, 10_000, None)}


def test_one_query_that_cannot_be_run_says_so_and_spoils_no_other(url: str) -> None:
    found = counts(
        url,
        entry("select * from nowhere", "broken"),
        entry("select home from {batch}", "no count", returns="count"),
        entry("select -1", "negative", returns="count"),
        entry("select * from {batch} where home = away", "good"),
    )
    assert found["broken"] == (0, 0, "the query could not be run: no such table: nowhere")
    assert (found["no count"][2] or "").startswith("the query is to return the count of failing rows")
    assert (found["negative"][2] or "").startswith("the query is to return the count of failing rows")
    assert found["good"] == (100, 3, None)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("delete from games", "begins with DELETE"),
        ("select 1; drop table games", "several statements"),
        ("with gone as (delete from games returning *) select * from gone", "holds DELETE"),
        ("select * into copy from {batch}", "holds INTO"),
        ("show tables", "is a select"),
        ("values (1)", "is a select"),
        ("", "is empty"),
        ("select 'open", "cannot be read"),
        (7, "is empty"),
    ],
)
def test_what_writes_or_is_no_select_is_refused_when_the_suite_is_loaded(query: Any, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        suite_of(entry(query))
    (problem,) = refused.value.problems
    assert problem.field == "expectations[0] own.kwargs.unexpected_rows_query"
    assert why in problem.message
    assert "one statement that reads" in (problem.remedy or "")


def test_what_only_the_dialect_of_the_database_makes_unsafe_is_refused_there(url: str) -> None:
    # A text for MySQL, where the backslash hides the quote; elsewhere the text ends, and a statement follows.
    query = r"select '\'; drop table games; -- '"
    assert reading_query(query, "mysql")
    assert counts(url, entry(query), entry("select * from games where id > 89", "still there")) == {
        "own": (0, 0, "the query holds several statements; write one select"),
        "still there": (100, 10, None),
    }


def test_returns_is_rows_or_count_and_of_sql_checks_only() -> None:
    with pytest.raises(ConfigError, match="rows or count"):
        suite_of(entry("select 1", returns="number"))
    null = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}, "meta": {"returns": "count"}}
    with pytest.raises(ConfigError, match="rows or count, of unexpected_rows_expectation only"):
        suite_of(null)


def test_the_query_of_the_source_stands_before_the_checks_own_with() -> None:
    assert statement("select 1", GAMES) == "select 1"
    assert statement("select * from busta_batch", GAMES).startswith("with busta_batch as (select * from games) select")
    own = "/* one */ WITH RECURSIVE n as (select 1) select * from busta_batch, n"
    assert statement(own, GAMES) == (
        "WITH RECURSIVE busta_batch as (select * from games),  n as (select 1) select * from busta_batch, n"
    )


def test_a_file_has_no_database_to_ask(tmp_path: Path) -> None:
    (tmp_path / "games.yaml").write_text(
        "name: games\nexpectations:\n- type: unexpected_rows_expectation\n"
        "  kwargs: {unexpected_rows_query: 'select * from {batch} where home = away'}\n  meta: {id: teams differ}\n"
    )
    (tmp_path / "games.csv").write_text("home,away\nKC,KC\n")
    with pytest.raises(
        BadInput, match=r"asks a database \(teams differ\), and .*games.csv is a file.*busta quality run"
    ):
        score_file(tmp_path / "games.yaml", tmp_path / "games.csv", NOW)


def test_a_query_that_never_ends_is_interrupted(url: str) -> None:
    endless = "with recursive n as (select 1 as i union all select i + 1 from n) select i from n where i < 0"
    found = SqlRunner(timeout_s=0.5).validate("games", suite_of(entry(endless)), url, GAMES, NOW).score
    (check,) = found.checks
    assert check.error.startswith("the query could not be run: it did not end in time; ")


@pytest.mark.parametrize("end", [" -- of one team", "; -- of one team", " /* of one team */ ;", "\n-- of one team\n"])
def test_a_comment_at_the_end_of_a_query_takes_no_bracket_along(url: str, end: str) -> None:
    assert counts(url, entry(f"select * from {{batch}} where home = away{end}")) == {"own": (100, 3, None)}


def test_sql_checks_of_a_query_without_rows_are_there_and_not_evaluated(url: str) -> None:
    suite = suite_of(entry("select * from {batch}"))
    (found,) = SqlRunner().run_sql_checks(suite, url, "select * from games where id < 0")
    assert (found.id, found.passed) == ("own", None)
