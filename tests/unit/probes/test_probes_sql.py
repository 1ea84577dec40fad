"""The sql probe on SQLite and Postgres: one reading statement, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe_servers import REAL, SECRETS, look
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.sql_statement import only_reads
from busta_health_dagster.probes.sql import SqlConfig


@pytest.fixture
def warehouse(tmp_path) -> str:
    path = tmp_path / "warehouse.db"
    with sqlite3.connect(path) as db:
        db.execute("create table games (id integer, home text, updated_at text)")
        db.executemany("insert into games values (?, 'GB', ?)", [(n, f"2026-11-23 07:{n:02d}:00") for n in range(30)])
    db.close()
    return f"sqlite:///{path}"


async def test_rows_are_counted_their_age_read_and_sampled(warehouse):
    query = "select * from games order by updated_at desc;"
    seen = await look("sql", {"url": warehouse, "query": query, "items": "rows", "data_age": {"column": "updated_at"}})
    assert (seen.status, seen.items, seen.data_age_s) == (Status.UP, 30, 31 * 60.0)
    assert seen.sample.rows[0] == {"id": 29, "home": "GB", "updated_at": "2026-11-23 07:29:00"}
    assert seen.phases.connect > 0


async def test_a_zone_says_what_naive_times_mean(warehouse):
    age = {"column": "updated_at", "zone": "Europe/Berlin"}
    seen = await look("sql", {"url": warehouse, "query": "select * from games", "data_age": age})
    assert seen.data_age_s == 31 * 60.0 + 3600


async def test_a_figure_can_be_the_query_s_own(warehouse):
    query = "select count(*) as n, max(updated_at) as at from games where home like '%B'"
    seen = await look("sql", {"url": warehouse, "query": query, "items": {"column": "n"}, "expect": {"min_items": 31}})
    assert (seen.status, seen.items, seen.detail) == (Status.DOWN, 30, "30 items, at least 31 wanted")


async def test_more_rows_than_the_cap_are_not_fetched_and_said(warehouse):
    seen = await look("sql", {"url": warehouse, "query": "select * from games", "max_rows": 10})
    assert (seen.items, seen.facts["rows_capped"]) == (10, 10)
    assert seen.detail.startswith("10 or more rows")


async def test_a_missing_database_is_down_and_is_not_created(tmp_path):
    seen = await look("sql", {"url": f"sqlite:///{tmp_path}/none.db", "query": "select 1"})
    assert (seen.status, seen.reason) == (Status.DOWN, "missing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"query": "select * from nowhere"}, Status.DOWN, "query"),
        ({"items": {"column": "nope"}}, Status.UNKNOWN, "query"),
        ({"url": "nosuchdb://host/x"}, Status.UNKNOWN, "dependency"),
        ({"url": {"env": "API_KEY"}}, Status.UNKNOWN, "probe_error"),
        ({"url": "postgresql://reader@127.0.0.1:{closed}/x"}, Status.DOWN, "connect"),
    ],
)
async def test_what_goes_wrong_has_its_reason(warehouse, closed_port, change, status, reason):
    config = {"url": warehouse, "query": "select * from games", **change}
    if isinstance(config["url"], str):
        config["url"] = config["url"].replace("{closed}", str(closed_port))
    seen = await look("sql", config)
    assert (seen.status, seen.reason) == (status, reason)
    assert "s3cret" not in seen.detail


async def test_a_query_that_never_ends_meets_the_deadline_and_its_thread_ends_too(warehouse):
    import threading

    query = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    # A name of its own: a thread that an earlier test of this process left hanging is not ours to wait for.
    seen = await look("sql", {"url": warehouse, "query": query}, name="endless_query", timeout_s=0.3)
    assert (seen.status, seen.reason) == (Status.DOWN, "timeout")
    ours = [t for t in threading.enumerate() if t.name == "busta-endless_query"]
    for thread in ours:
        thread.join(10)
    assert not any(thread.is_alive() for thread in ours)


async def test_the_transaction_cannot_write_even_if_the_statement_gets_past_the_gate(warehouse):
    config = SqlConfig.model_construct(
        url=warehouse,
        query="delete from games",
        items="rows",
        data_age=None,
        max_rows=10,
        expect=SqlConfig(url=warehouse, query="select 1").expect,
    )
    seen = await look_with(config)
    assert (seen.status, seen.reason) == (Status.DOWN, "query")
    assert "readonly" in seen.detail
    assert (await look("sql", {"url": warehouse, "query": "select * from games"})).items == 30


async def look_with(config):
    from probe_servers import prober

    from busta_health_dagster.domain.source import Source

    return (await prober().check([(Source("odds_api", "odds", "sql", config, confirm=0), 0)]))[0]


@pytest.mark.parametrize(
    "query",
    [
        "select 1",
        "SELECT 1 ;",
        "-- why\nselect ';' as x, 'delete from t' -- drop\n",
        'with x as (select 1) select "update" from x',
        "(select 1) union (select 2)",
        "/* insert; */ values (1)",
        "select $tag$ a; delete $tag$",
    ],
)
def test_a_reading_statement_passes(query):
    assert only_reads(query)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select 1; select 2", "several statements"),
        ("select 1; drop table games", "several statements"),
        ("delete from games", "begins with DELETE"),
        ("with d as (delete from games returning *) select * from d", "holds DELETE"),
        ("select * into copy from games", "holds INTO"),
        ("select * from games for update", "holds UPDATE"),
        ("attach 'x' as y", "begins with ATTACH"),
        ("call refresh()", "begins with CALL"),
        ("  -- nothing\n", "is empty"),
        ("select '--' ; delete from games", "several statements"),
    ],
)
def test_any_other_statement_is_refused_at_load_with_the_remedy(query, words):
    with pytest.raises(ValidationError, match=words):
        SqlConfig(url="sqlite:///x.db", query=query)


@given(
    st.text(alphabet="abc'\"; \n-/*$x", max_size=20),
    st.sampled_from(["delete from t", "drop table t", "update t set a=1"]),
)
def test_nothing_before_a_second_statement_hides_it_from_sqlite(noise, evil):
    """Whatever passes the gate is one statement for SQLite, too: execute() raises on a second one."""
    query = f"select 1 {noise}; {evil}"
    try:
        only_reads(query, "sqlite")
    except ValueError:
        return
    db = sqlite3.connect(":memory:")
    try:
        db.execute("create table t (a)")
        db.execute("insert into t values (0)")
        db.execute("pragma query_only = on")
        try:
            db.execute(query)
        except (sqlite3.Error, sqlite3.Warning):
            return
        assert db.execute("select a from t").fetchall() == [(0,)]
    finally:
        db.close()


def test_a_literal_password_is_refused():
    with pytest.raises(ValidationError, match="a literal password"):
        SqlConfig(url="postgresql://me:pw@host/db", query="select 1")


@pytest.mark.postgres
async def test_postgres_is_read_in_a_read_only_transaction_with_a_statement_timeout(postgres_url):
    ok = await look(
        "sql",
        {"url": postgres_url, "query": "select 7 as n, now() as at, '%s' as p", "data_age": {"column": "at"}},
        clock=REAL,
    )
    assert (ok.status, ok.items) == (Status.UP, 1)
    write = await look("sql", {"url": postgres_url, "query": "select lo_create(0)"})
    assert (write.status, write.reason) == (Status.DOWN, "query")
    assert "read-only transaction" in write.detail
    slow = await look("sql", {"url": postgres_url, "query": "select pg_sleep(20)"}, timeout_s=0.4)
    assert (slow.status, slow.reason) == (Status.DOWN, "timeout")


HIDDEN = [
    r"select '\'; commit; drop table games; select 1 --'",
    r"select '\\'; commit; drop table games; select 1 --'",
    "select 1 /* a */; commit; drop table games; select 1 /* b */",
    "select $a$ $b$ $a$; commit; drop table games; select 1 --$a$",
    "select U&'x\\0027' ; commit; drop table games; select 1",
]


@pytest.mark.parametrize("query", HIDDEN)
@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg2", "postgres", "postgresql+psycopg"])
def test_no_quote_hides_a_second_statement_from_the_gate(driver: str, query: str):
    with pytest.raises(ValidationError, match="several statements"):
        SqlConfig(url=f"{driver}://reader@db/games", query=query)


def test_a_text_ends_where_the_database_says_it_ends():
    """The same characters are one statement in MySQL, where a backslash escapes a quote."""
    assert only_reads(HIDDEN[0], "mysql")
    with pytest.raises(ValueError, match="MySQL executes"):
        only_reads("select 1 /*! ; drop table games */", "mysql")


async def test_a_statement_behind_a_secret_url_is_read_again_once_the_database_is_known(warehouse, monkeypatch):
    monkeypatch.setitem(SECRETS, "WAREHOUSE", "postgresql://reader@127.0.0.1:9/games")
    seen = await look("sql", {"url": {"env": "WAREHOUSE"}, "query": HIDDEN[0]})
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "probe_error")
    assert "several statements" in seen.detail


@pytest.mark.postgres
@pytest.mark.parametrize("query", [*HIDDEN, "drop table games", "select 1; drop table games"])
async def test_postgres_takes_one_statement_even_past_the_gate(postgres_url, query):
    execute(postgres_url, "create table games (id int)", "insert into games values (1), (2)")
    config = SqlConfig(url=postgres_url, query="select 1").model_copy(update={"query": query})
    assert (await look_with(config)).status is Status.DOWN
    assert (await look("sql", {"url": postgres_url, "query": "select * from games"})).items == 2


@pytest.mark.postgres
@pytest.mark.parametrize(
    "query", ["select 1 as n; -- end", "show server_version", "values (1)", "table pg_am", "select '%'"]
)
async def test_what_reads_is_still_read(postgres_url, query):
    assert (await look("sql", {"url": postgres_url, "query": query})).status is Status.UP


@pytest.mark.postgres
async def test_a_session_cannot_make_itself_writable(postgres_url):
    execute(postgres_url, "create table games (id int)")
    execute(
        postgres_url,
        "create function sneak() returns int language plpgsql as "
        "$$ begin perform set_config('transaction_read_only', 'off', true); insert into games values (1); return 1; end $$",
    )
    seen = await look("sql", {"url": postgres_url, "query": "select sneak()"})
    assert seen.status is Status.DOWN
    assert (await look("sql", {"url": postgres_url, "query": "select * from games"})).items == 0


@pytest.mark.postgres
async def test_behind_a_pooler_that_takes_no_session_options_it_is_read_all_the_same(postgres_url):
    """PgBouncer refuses them by name; the transaction is read-only without."""
    folder = postgres_url.partition("host=")[2].partition("&")[0]
    asked: list[bool] = []

    async def pooler(reader, writer):
        head = await reader.readexactly(4)
        startup = await reader.readexactly(int.from_bytes(head) - 4)
        asked.append(b"options\0" in startup)
        if asked[-1]:
            said = (
                b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter in options: default_transaction_read_only\0\0"
            )
            writer.write(b"E" + (len(said) + 4).to_bytes(4) + said)
            await writer.drain()
        else:
            behind, to = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
            to.write(head + startup)
            await asyncio.gather(_pipe(reader, to), _pipe(behind, writer))
        writer.close()

    async with await asyncio.start_server(pooler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        name = postgres_url.partition("@/")[2].partition("?")[0]
        url = f"postgresql://postgres@127.0.0.1:{port}/{name}?sslmode=disable&gssencmode=disable"
        seen = await look("sql", {"url": url, "query": "select current_setting('transaction_read_only') as ro"})
    assert (seen.status, seen.sample.rows[0], asked) == (Status.UP, {"ro": "on"}, [True, False])


async def _pipe(reader, writer) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def execute(url: str, *statements: str) -> None:
    import psycopg2

    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()
