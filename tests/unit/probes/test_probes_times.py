"""Times as sources write them: plausible, or unreadable. Never a guess that makes old data look fresh."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from probe_servers import look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.ages import DataAge, age_of
from busta_health_dagster.probes.time_text import from_text
from busta_health_dagster.testing import EPOCH

NOW = datetime.fromtimestamp(EPOCH, UTC)
TWO_HOURS_AGO, NEXT_MONTH, LAST_YEAR = NOW - timedelta(hours=2), NOW + timedelta(days=30), NOW - timedelta(days=300)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-29 10:00:00 UTC", "2026-11-29T10:00:00"),
        ("2026-11-29 10:00:00 EST", "2026-11-29T15:00:00"),
        ("2026-07-29T10:00:00PDT", "2026-07-29T17:00:00"),
        ("2026-11-29t10:00:00z", "2026-11-29T10:00:00"),
        ("2026-11-29 10:00 America/New_York", "2026-11-29T15:00:00"),
        ("2026-11-29T10:00:00-05:00[America/New_York]", "2026-11-29T15:00:00"),
        ("2026-07-29T10:00:00[America/New_York]", "2026-07-29T14:00:00"),
        ("/Date(1795946400000)/", "2026-11-29T10:00:00"),
        (r"\/Date(1795946400000-0500)\/", "2026-11-29T10:00:00"),
        ("2026-11-29 10:00:00 +0000 UTC", "2026-11-29T10:00:00"),
        ("2026-11-29 10:00:00.5 -0500 EST m=+0.01", "2026-11-29T15:00:00.500000"),
        ("Sun Nov 29 2026 10:00:00 GMT+0100 (Central European Standard Time)", "2026-11-29T09:00:00"),
        ("Sun, 29 Nov 2026 10:00:00", "2026-11-29T10:00:00"),
        ("Sun, 29 Nov 2026 10:00:00 BST", "2026-11-29T09:00:00"),
        ("Sun, 29 Nov 2026 10:00:00 CET", "2026-11-29T09:00:00"),
        ("Sun, 29 Nov 2026 10:00:00 CEST", "2026-11-29T08:00:00"),
        ("Sun, 29 Nov 2026 10:00:00 AEST", "2026-11-29T00:00:00"),
        ("Sun, 29 Nov 2026 10:00:00 AEDT", "2026-11-28T23:00:00"),
        ("Sun Nov 29 10:00:00 AEST 2026", "2026-11-29T00:00:00"),
        ("Sun, Nov 29 2026 04:50:00 PM", "2026-11-29T16:50:00"),
        ("Nov 29, 2026 12:05 a.m. ET", "2026-11-29T05:05:00"),
        ("Sunday, 29-Nov-26 16:50:00 GMT", "2026-11-29T16:50:00"),
        ("2026-11-29 10:00 UTC+2", "2026-11-29T08:00:00"),
    ],
)
def test_a_time_is_read_in_the_ways_sources_write_it(text, utc):
    assert from_text(text, "auto", "UTC") == datetime.fromisoformat(f"{utc}+00:00").timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 29 Nov 2026 10:00:00 XYZ",
        "Sun Nov 29 10:00:00 XYZ 2026",
        "Sun, 29 Nov 2026 10:00:00 IST",  # India, Israel or Ireland
        "2026-11-29T10:00:00[Nope/Nowhere]",
        "2026-11-29 10:00:00 Nope/Nowhere",
        "11/29/2026 4:50 PM",
        "29.11.2026 10:00",
        "2 hours ago",
        "0000-00-00 00:00:00",
        "",
    ],
)
def test_a_zone_that_nobody_knows_is_no_utc_and_what_is_ambiguous_is_unreadable(text):
    assert from_text(text, "auto", "UTC") is None


def test_the_zone_of_the_source_says_what_an_ambiguous_name_means():
    read = from_text("Sun, 29 Nov 2026 10:00:00 IST", "auto", "Asia/Kolkata")
    assert read == datetime(2026, 11, 29, 4, 30, tzinfo=UTC).timestamp()
    named = from_text("29.11.2026 10:00 EST", "%d.%m.%Y %H:%M %Z", "UTC")
    assert named == datetime(2026, 11, 29, 15, 0, tzinfo=UTC).timestamp()


def test_every_time_in_a_list_counts():
    found = age_of([[TWO_HOURS_AGO.isoformat(), [LAST_YEAR.isoformat()]]], DataAge(path="$[*].t"), EPOCH)
    assert found.age_s == 7200.0


async def test_an_integer_of_400_digits_is_no_time_and_no_crash(serve):
    web = await serve(reply(b'{"at": %b}' % (b"9" * 400), headers={"Content-Type": "application/json"}))
    seen = await look("http", {"url": web.url(), "data_age": {"path": "$.at"}})
    assert (seen.status, seen.reason, seen.data_age_s) == (Status.DEGRADED, "age_unknown", None)


async def test_a_column_may_lie_inside_of_another(serve):
    web = await serve(reply([{"meta": {"updated": TWO_HOURS_AGO.isoformat()}}, {"meta": None}, {}]))
    seen = await look("http", {"url": web.url(), "items": "$[*]", "data_age": {"column": "meta.updated"}})
    assert (seen.status, seen.data_age_s) == (Status.UP, 7200.0)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("yyyy-MM-dd", "'%Y-%m-%d'"),
        ("YYYY-MM-DD HH:mm:ss", "'%Y-%m-%d %H:%M:%S'"),
        ("MM/dd/yyyy hh:MM a", "'%m/%d/%Y %I:%M %p'"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "'%Y-%m-%dT%H:%M:%S%z'"),
        ("unix", "auto, iso, epoch, epoch_ms, rfc2822"),
        ("%Y-%q", "no pattern of strptime"),
    ],
)
def test_a_format_that_can_never_be_read_is_refused_with_the_spelling_that_can(written, words):
    with pytest.raises(ValidationError) as refused:
        DataAge(path="$[*].t", format=written)
    assert words in str(refused.value)


@pytest.mark.parametrize("kind", ["us", "ns", "naive", "date", "epoch_ms", "epoch_s", "text", "nested"])
async def test_kick_offs_of_next_month_do_not_hide_how_old_a_parquet_file_is(tmp_path, kind):
    import pyarrow as pa
    import pyarrow.parquet as pq

    ends = [0 if "epoch" in kind else None, LAST_YEAR, TWO_HOURS_AGO, NEXT_MONTH]
    times = {
        "us": lambda: pa.array(ends, pa.timestamp("us", "UTC")),
        "ns": lambda: pa.array(ends, pa.timestamp("ns", "UTC")),
        "naive": lambda: pa.array([at and at.replace(tzinfo=None) for at in ends], pa.timestamp("us")),
        "date": lambda: pa.array([at and at.date() for at in ends], pa.date32()),
        "epoch_ms": lambda: pa.array([at and int(at.timestamp() * 1000) for at in ends]),
        "epoch_s": lambda: pa.array([at and at.timestamp() for at in ends], pa.float64()),
        "text": lambda: pa.array([at and at.isoformat() for at in ends]),
        "nested": lambda: pa.array([{"x": at} for at in ends]),
    }[kind]()
    path = tmp_path / "games.parquet"
    pq.write_table(pa.table({"t": times}), path)
    column = "t.x" if kind == "nested" else "t"
    seen = await look("file", {"path": str(path), "data_age": {"column": column}})
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    expected = (NOW - midnight).total_seconds() if kind == "date" else 7200.0
    assert (seen.status, seen.data_age_s) == (Status.UP, expected)
    assert seen.facts.get("future_times", seen.facts.get("unreadable_times"))


@pytest.mark.parametrize("between", ["T", " ", "epoch"])
async def test_the_database_tells_the_newest_time_of_more_rows_than_are_fetched(tmp_path, between):
    def written(at):
        return int(at.timestamp()) if between == "epoch" else at.replace(tzinfo=None).isoformat(between)

    path = tmp_path / "games.db"
    with sqlite3.connect(path) as db:
        db.execute("create table games (t)")
        rows = [(written(LAST_YEAR),)] * 20 + [(written(TWO_HOURS_AGO),), (written(NEXT_MONTH),)]
        db.executemany("insert into games values (?)", rows)
    config = {"url": f"sqlite:///{path}", "query": "select t from games", "max_rows": 5, "data_age": {"column": "t"}}
    assert (await look("sql", config)).data_age_s == 7200.0


async def test_where_the_order_of_texts_is_not_that_of_times_the_age_is_said_to_be_that_of_the_first_rows(tmp_path):
    path = tmp_path / "games.db"
    with sqlite3.connect(path) as db:
        db.execute("create table games (t)")
        db.executemany("insert into games values (?)", [("Mon, 23 Nov 2026 06:00:00 GMT",)] * 9)
    config = {"url": f"sqlite:///{path}", "query": "select t from games", "max_rows": 5, "data_age": {"column": "t"}}
    assert (await look("sql", config)).facts["age_of_first_rows"] == 5


async def test_a_file_from_the_future_has_no_age_and_wins_no_glob(tmp_path):
    for name, age, text in (("old", 7200, "a\n1\n"), ("ahead", -86_400, "a\n1\n2\n"), ("empty", 60, "")):
        (tmp_path / f"{name}.csv").write_text(text)
        os.utime(tmp_path / f"{name}.csv", (EPOCH - age, EPOCH - age))
    newest = await look("file", {"path": f"{tmp_path}/*.csv"})
    assert (newest.status, newest.data_age_s, newest.items, newest.facts["file"]) == (Status.UP, 7200.0, 1, "old.csv")
    ahead = await look("file", {"path": f"{tmp_path}/ahead.csv", "expect": {"max_age": "1h"}})
    assert (ahead.status, ahead.data_age_s, ahead.facts["future_times"]) == (Status.DOWN, None, 1)
