"""Numbers of a source's own, read from real answers, files and tables."""

from __future__ import annotations

import json

import pytest
from probe_servers import look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.feed import FeedConfig
from busta_health_dagster.probes.file import FileConfig
from busta_health_dagster.probes.http_config import HttpConfig
from busta_health_dagster.probes.sql import SqlConfig
from busta_health_dagster.probes.tcp import TcpConfig
from busta_health_dagster.testing import EPOCH


def at(ago_s: float) -> float:
    return EPOCH - ago_s


BOARD = [
    {"id": 1, "bookmakers": [{"key": "dk", "last_update": at(6)}, {"key": "fd", "last_update": at(900)}]},
    {"id": 2, "bookmakers": [{"key": "dk", "last_update": at(30)}, {"key": "mgm", "last_update": at(60)}]},
]
METRICS = {
    "distinct_books": {"path": "$[*].bookmakers[*].key", "agg": "distinct"},
    "books_per_game": {"path": "$[*].bookmakers[*]", "agg": "count", "per": "items"},
    "oldest_book_s": {"path": "$[*].bookmakers[*].last_update", "agg": "oldest_age"},
    "newest_book_s": {"path": "$[*].bookmakers[*].last_update", "agg": "newest_age"},
    "requests_left": {"header": "x-requests-remaining"},
}


async def test_a_board_is_more_than_one_number(serve) -> None:
    web = await serve(reply(BOARD, headers={"X-Requests-Remaining": "487"}))
    seen = await look("http", {"url": web.url(), "items": "$[*]", "metrics": METRICS})
    assert seen.status is Status.UP
    assert seen.metrics == {
        "distinct_books": 3,
        "books_per_game": 2,
        "oldest_book_s": 900,
        "newest_book_s": 6,
        "requests_left": 487,
    }


async def test_an_empty_board_has_counts_and_nothing_else(serve) -> None:
    web = await serve(reply([], headers={"X-Requests-Remaining": "486"}))
    seen = await look("http", {"url": web.url(), "items": "$[*]", "metrics": METRICS})
    assert seen.status is Status.UP
    assert seen.metrics == {"distinct_books": 0, "requests_left": 486}


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ({"header": "x-requests-remaining"}, "metric m: nothing stands at header x-requests-remaining"),
        ({"header": "x-text"}, "metric m: 'many' is not a number at header x-text"),
        ({"path": "$[*].bookmakers[*].key", "agg": "mean"}, "metric m: 'dk' is not a number at path $[*].bookmakers"),
        ({"path": "$[*].gone", "agg": "max"}, "metric m: nothing stands at path $[*].gone"),
        ({"path": "$[*].bookmakers[*].key", "agg": "oldest_age"}, "metric m: no time can be read at path"),
        ({"regex": "left: ([0-9]+)"}, "metric m: nothing stands at regex left: ([0-9]+)"),
    ],
)
async def test_a_metric_that_cannot_be_read_is_never_healthy(serve, metric, says) -> None:
    web = await serve(reply(BOARD, headers={"X-Text": "many"}))
    seen = await look("http", {"url": web.url(), "items": "$[*]", "metrics": {"m": metric}})
    assert (seen.status, seen.reason) == (Status.DEGRADED, "metric_unreadable")
    assert seen.detail.startswith(says)
    assert seen.metrics == {}


@pytest.mark.parametrize(
    ("body", "metric", "says"),
    [
        (
            b'["2199-01-01"]',
            {"path": "$[*]", "agg": "newest_age"},
            "metric m: the only time lies in the future at path",
        ),
        (b"[1e308, 1e308]", {"path": "$[*]", "agg": "sum"}, "metric m: the number is too large at path $[*]"),
        (b"[1e308, 1e308]", {"path": "$[*]", "agg": "mean"}, "metric m: the number is too large at path $[*]"),
        (b"[1e300, 1e299]", {"path": "$[*]", "agg": "sum"}, "metric m: the number is too large at path $[*]"),
        (b"[-1e308]", {"path": "$[*]"}, "metric m: the number is too large at path $[*]"),
        (b"[" + b"9" * 400 + b"]", {"path": "$[*]"}, "metric m: '9999999999999999999999999999999999999999' is not a"),
        (b"[" + b"9" * 400 + b"]", {"path": "$[*]", "agg": "max"}, "metric m: '999999999999999999999999999999999999"),
        (b"[null]", {"path": "$[*]"}, "metric m: null is not a number at path $[*]"),
        (b"[1e999]", {"path": "$[*]"}, "metric m: Infinity is not a number at path $[*]"),
        (b"[NaN]", {"path": "$[*]"}, "metric m: NaN is not a number at path $[*]"),
        (b"[NaN, null]", {"path": "$[*]", "agg": "median"}, "metric m: NaN is not a number at path $[*]"),
    ],
)
async def test_a_number_that_no_store_takes_is_a_finding(serve, body, metric, says) -> None:
    web = await serve(reply(body, headers={"Content-Type": "application/json"}))
    seen = await look("http", {"url": web.url(), "items": "$[*]", "metrics": {"m": metric}})
    assert (seen.status, seen.reason, seen.metrics) == (Status.DEGRADED, "metric_unreadable", {})
    assert seen.detail.startswith(says)


async def test_a_share_beyond_all_bounds_is_a_finding(serve) -> None:
    web = await serve(reply({"games": 1e300, "part": 1e-300}))
    metrics = {"part": {"path": "$.part"}, "games": {"path": "$.games", "per": "part"}}
    seen = await look("http", {"url": web.url(), "metrics": metrics})
    assert (seen.status, seen.metrics) == (Status.DEGRADED, {"part": 1e-300})
    assert seen.detail.startswith("metric games: the number is too large at path $.games")


async def test_a_number_per_item_of_a_document_that_counts_none_is_a_finding(serve) -> None:
    web = await serve(reply({"games": 12}))
    config = {"url": web.url(), "metrics": {"games": {"path": "$.games", "per": "items"}}}
    seen = await look("http", config)
    assert (seen.status, seen.reason, seen.metrics) == (Status.DEGRADED, "metric_unreadable", {})
    assert seen.detail.startswith("metric games: no items are counted that could divide the number at path $.games")


async def test_a_page_has_a_number_in_its_text(serve) -> None:
    web = await serve(reply(b"<p>Players online: 1,204</p><p>online: 87</p>"))
    config = {"url": web.url(), "metrics": {"online": {"regex": "online: ([0-9]+)<"}}}
    assert (await look("http", config)).metrics == {"online": 87}


async def test_columns_of_a_table_are_those_of_all_rows(tmp_path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("book,price\n" + "".join(f"b{n % 7},{n}\n" for n in range(2_000)) + "b9,\n")
    metrics = {
        "books": {"column": "book", "agg": "distinct"},
        "median_price": {"column": "price", "agg": "median"},
        "rows_per_book": {"column": "price", "agg": "count", "per": "books"},
    }
    seen = await look("file", {"path": str(path), "metrics": metrics})
    assert seen.metrics == {"books": 8, "median_price": 999.5, "rows_per_book": 250}
    lines = tmp_path / "prices.jsonl"
    lines.write_text("".join(json.dumps({"price": n}) + "\n" for n in range(600)))
    top = {"top": {"column": "price", "agg": "max"}}
    assert (await look("file", {"path": str(lines), "metrics": top})).metrics == {"top": 599}
    gone = await look("file", {"path": str(path), "metrics": {"m": {"column": "odds"}}})
    assert (gone.status, gone.detail) == (Status.DOWN, "there is no column odds; there are book, price")


async def test_parquet_columns_are_read_whole(tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "plays.parquet"
    pq.write_table(pa.table({"yards": list(range(3_000)), "kind": ["run"] * 3_000}), path, row_group_size=1_000)
    seen = await look("file", {"path": str(path), "metrics": {"sum_yards": {"column": "yards", "agg": "sum"}}})
    assert seen.metrics == {"sum_yards": 4_498_500}


async def test_a_query_and_a_feed_have_metrics_too(serve, tmp_path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "w.db") as db:
        db.executescript("create table games (stake real); insert into games values (2.5), (4.0);")
    query = {"url": f"sqlite:///{tmp_path / 'w.db'}", "query": "select stake from games"}
    seen = await look("sql", query | {"metrics": {"stake": {"column": "stake", "agg": "sum"}}})
    assert seen.metrics == {"stake": 6.5}
    rss = b"<rss version='2.0'><channel><item><title>a</title><author>x</author></item><item><title>b</title></item></channel></rss>"
    web = await serve(reply(rss, headers={"Content-Type": "application/rss+xml"}))
    config = {"url": web.url(), "data_age": "none", "metrics": {"titles": {"column": "title", "agg": "distinct"}}}
    assert (await look("feed", config)).metrics == {"titles": 2}


@pytest.mark.parametrize(
    ("model", "more", "metrics", "says"),
    [
        (HttpConfig, {"url": "http://a/"}, {"m": {"agg": "count"}}, "a metric is read at one place"),
        (HttpConfig, {"url": "http://a/"}, {"m": {"path": "$", "header": "x"}}, "a metric is read at one place"),
        (HttpConfig, {"url": "http://a/"}, {"m": {"path": "$.a", "agg": "average"}}, "Input should be 'first'"),
        (HttpConfig, {"url": "http://a/"}, {"items": {"path": "$.a"}}, "'items' is taken"),
        (HttpConfig, {"url": "http://a/"}, {"Books": {"path": "$.a"}}, "'Books' cannot be a name here"),
        (HttpConfig, {"url": "http://a/"}, {"m": {"path": "$.a", "per": "n"}}, "m is per 'n', which stands not above"),
        (HttpConfig, {"url": "http://a/"}, {f"m{n}": {"path": "$.a"} for n in range(17)}, "17 metrics, 16 at most"),
        (HttpConfig, {"url": "http://a/"}, {"m": {"column": "a"}}, "metrics.m has a column, which needs items"),
        (HttpConfig, {"url": "http://a/"}, {"m": {"regex": "[0-9]+"}}, "has no group that holds the number"),
        (HttpConfig, {"url": "http://a/", "method": "HEAD"}, {"m": {"path": "$.a"}}, "a HEAD answer has no body"),
        (SqlConfig, {"url": "sqlite:///a", "query": "select 1"}, {"m": {"header": "a"}}, "this probe has none to read"),
        (FileConfig, {"path": "a.csv"}, {"m": {"path": "$.a"}}, "which only a JSON file has"),
        (FeedConfig, {"url": "http://a/"}, {"m": {"path": "$["}}, "path"),
        (TcpConfig, {"host": "a", "port": 1}, {"m": {"path": "$"}}, "Extra inputs are not permitted"),
    ],
)
def test_what_can_never_be_measured_is_refused_at_load(model, more, metrics, says) -> None:
    with pytest.raises(ValidationError, match=r".*") as refused:
        model.model_validate(more | {"metrics": metrics})
    assert says in str(refused.value)


def test_every_metric_that_is_wrong_is_named_by_its_own_name() -> None:
    metrics = {
        "items": {"path": "$.a"},
        "Books": {"path": "$.b"},
        "price": {"path": "$.c", "agg": "average"},
        "two_places": {"path": "$.d", "header": "x"},
    }
    with pytest.raises(ValidationError) as refused:
        HttpConfig.model_validate({"url": "http://a/", "metrics": metrics})
    assert {error["loc"][1] for error in refused.value.errors()} == set(metrics)
    shares = {"a": {"path": "$.a", "per": "b"}, "b": {"path": "$.b"}, "c": {"path": "$.c", "per": "d"}}
    with pytest.raises(ValidationError) as refused:
        HttpConfig.model_validate({"url": "http://a/", "metrics": shares})
    assert [error["loc"] for error in refused.value.errors()] == [("metrics", "a"), ("metrics", "c")]
    with pytest.raises(ValidationError) as refused:
        SqlConfig.model_validate(
            {"url": "sqlite:///a", "query": "select 1", "metrics": {"a": {"header": "a"}, "b": {"regex": "([0-9])"}}}
        )
    assert [error["loc"] for error in refused.value.errors()] == [("metrics", "a"), ("metrics", "b")]
