"""A suite that is counted inside a real Postgres: the same counts as on rows, and nothing is written there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

from busta_health_dagster.quality.loader import load_suite, parse_suite
from busta_health_dagster.quality.pushdown import SqlRunner, obstacle

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SUITES = Path(__file__).parents[3] / "expectations"

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning"),
]


@pytest.fixture
def warehouse(postgres_url: str):
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "create table games (id integer, game_date date, home_team text, away_team text, updated_at timestamptz)"
            )
        )
        connection.execute(
            text(
                "insert into games select i, '2026-11-23', 'KC', case when i < 40 then null else 'BUF' end, "
                "cast(:updated as timestamptz) from generate_series(0, 999) i"
            ),
            {"updated": NOW - timedelta(minutes=10)},
        )
    engine.dispose()
    return postgres_url


def test_postgres_counts_for_itself(warehouse: str) -> None:
    suite = load_suite(SUITES / "warehouse_table.json")
    assert obstacle(suite) is None
    found = SqlRunner().validate("games", suite, warehouse, "select * from games", NOW).score
    counts = {c.id: (c.eligible, c.unexpected, c.error) for c in found.checks}
    assert counts["away_team.not_null"] == (1000, 40, None)
    assert counts["home_team.code"] == (1000, 0, None)
    assert counts["updated_at.fresh"] == (1, 0, None)
    assert (found.rows, found.score) == (1000, 89.0)
    assert [c.error for c in found.checks if c.error] == []


def test_no_statement_brings_the_table_to_the_client(warehouse: str) -> None:
    """Great Expectations reads the columns off the whole query, and the driver would bring all of it."""
    brought: list[tuple[int, str]] = []

    def note(_connection, cursor, statement, *_more) -> None:
        brought.append((cursor.rowcount, statement))

    suite = load_suite(SUITES / "warehouse_table.json")
    event.listen(Engine, "after_cursor_execute", note)
    try:
        SqlRunner().validate("games", suite, warehouse, "select * from games", NOW)
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    assert len(brought) > 3
    assert [(rows, statement) for rows, statement in brought if rows > 10] == []


def test_a_query_that_writes_is_refused_by_the_database(warehouse: str) -> None:
    suite = load_suite(SUITES / "warehouse_table.json")
    query = "with gone as (delete from games returning *) select * from gone"
    found = SqlRunner().validate("games", suite, warehouse, query, NOW).score
    assert found.score is None
    assert "WITH" in found.reason or "read-only" in found.reason
    engine = create_engine(warehouse)
    with engine.begin() as connection:
        assert connection.execute(text("select count(*) from games")).scalar_one() == 1000
        tables = connection.execute(text("select tablename from pg_tables where schemaname = 'public'")).scalars()
        assert list(tables) == ["games"]
    engine.dispose()


def test_an_unreachable_database_is_no_data_and_its_password_stays_out() -> None:
    suite = load_suite(SUITES / "warehouse_table.json")
    found = SqlRunner().validate("games", suite, "postgresql://u:hunter2@127.0.0.1:1/x", "select 1", NOW).score
    assert found.score is None
    assert "the query could not be run" in found.reason
    assert "hunter2" not in found.reason


def test_suites_that_need_rows_say_so() -> None:
    assert obstacle(load_suite(SUITES / "odds.json")) == "expect_column_values_to_be_american_odds runs on rows only"


def test_queries_of_the_suite_are_counted_by_postgres_which_writes_nothing(warehouse: str) -> None:
    def check(name: str, query: str) -> dict:
        kwargs = {"unexpected_rows_query": query}
        return {"type": "unexpected_rows_expectation", "kwargs": kwargs, "meta": {"id": name, "severity": "WARNING"}}

    suite = parse_suite(
        {
            "name": "games",
            "expectations": [
                check("broken", "select nothing_of_the_kind from {batch}"),
                check("ids", "select * from {batch} where id >= 990 or home_team like 'B%'"),
                check("sneaky", "select pg_terminate_backend(0), nextval('games_ids') from {batch}"),
            ],
        },
        "games.json",
    )
    engine = create_engine(warehouse)
    with engine.begin() as connection:
        connection.execute(text("create sequence games_ids"))
    found = SqlRunner().validate("games", suite, warehouse, "select * from games", NOW).score
    counts = {c.id: (c.eligible, c.unexpected, c.error or "") for c in found.checks}
    assert counts["ids"] == (1000, 10, ""), "the error before it spoiled nothing"
    assert "nothing_of_the_kind" in counts["broken"][2]
    assert "read-only" in counts["sneaky"][2]
    engine.dispose()
