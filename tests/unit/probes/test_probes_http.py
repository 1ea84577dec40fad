"""The http probe against a real server that answers as it should."""

from __future__ import annotations

import base64
import json

import pytest
from probe_servers import look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.source import QualitySpec
from busta_health_dagster.probes.http_config import HttpConfig

ODDS = [
    {
        "id": "a",
        "bookmakers": [
            {"key": "x", "last_update": "2026-11-23T07:55:00Z"},
            {"key": "y", "last_update": "2026-11-23T07:50:00Z"},
        ],
    },
    {"id": "b", "bookmakers": [{"key": "z", "last_update": "2026-11-23T07:58:00Z"}]},
]


async def test_a_good_answer_is_up_with_its_items_its_age_its_phases_and_a_sample(serve):
    web = await serve(reply(ODDS))
    seen = await look(
        "http",
        {
            "url": web.url(),
            "items": "$[*]",
            "expect": {"status": [200], "json": [{"path": "$[*].bookmakers[*].key", "min_items": 3}]},
            "data_age": {"path": "$[*].bookmakers[*].last_update"},
        },
    )
    assert (seen.status, seen.reason, seen.items, seen.data_age_s, seen.http_status) == (Status.UP, "ok", 2, 120.0, 200)
    assert seen.sample.rows == tuple(ODDS)
    assert not seen.sample.truncated
    assert seen.phases.connect > 0
    assert seen.phases.tls is None
    assert sum(seen.phases.as_dict().values()) <= seen.response_ms + 0.1
    assert seen.detail.startswith("answered 200 in ")


async def test_the_oldest_item_counts_when_asked_for(serve):
    web = await serve(reply(ODDS))
    age = {"path": "$[*].bookmakers[*].last_update", "oldest": True}
    assert (await look("http", {"url": web.url(), "data_age": age})).data_age_s == 600.0


@pytest.mark.parametrize(
    ("expect", "sentence"),
    [
        ({"min_items": 3}, "2 items, at least 3 wanted"),
        ({"max_items": 1}, "2 items, at most 1 wanted"),
        ({"max_age": "1m"}, "the data are 2 min old, at most 1 min wanted"),
        ({"headers": [{"name": "X-Version"}]}, "header X-Version is missing"),
        (
            {"headers": [{"name": "Content-Type", "equals": "text/csv"}]},
            "header Content-Type is 'application/json', 'text/csv' wanted",
        ),
        ({"regex": "no such text"}, "'no such text' not found in the body"),
        ({"regex": [{"pattern": "bookmakers", "absent": True}]}, "'bookmakers' found, and must not be there"),
        ({"json": [{"path": "$[0].id", "equals": "b"}]}, "$[0].id: 'a', 'b' wanted"),
        ({"json": [{"path": "$[*].price", "min": 1}]}, "$[*].price: nothing there"),
        ({"json": [{"path": "$[*].id", "op": ">=", "value": 3}]}, "$[*].id: 'a', >= 3 wanted"),
        (
            {"json": [{"path": "$[*].bookmakers[*].key", "one_of": ["x", "y"]}]},
            "$[*].bookmakers[*].key: 'z', one of ['x', 'y'] wanted",
        ),
        (
            {"json": [{"path": "$[?@.id == 'b'].bookmakers", "min_items": 2}]},
            "$[?@.id == 'b'].bookmakers: 1 found, at least 2 wanted",
        ),
    ],
)
async def test_an_assertion_that_fails_makes_it_down_and_says_what_came_and_what_was_wanted(serve, expect, sentence):
    web = await serve(reply(ODDS))
    config = {
        "url": web.url(),
        "items": "$[*]",
        "data_age": {"path": "$[*].bookmakers[*].last_update"},
        "expect": expect,
    }
    seen = await look("http", config)
    assert (seen.status, seen.reason, seen.detail) == (Status.DOWN, "assertion", sentence)
    assert seen.response_ms is None


async def test_a_warning_only_degrades_and_keeps_the_response_time(serve):
    web = await serve(reply(ODDS))
    seen = await look("http", {"url": web.url(), "expect": {"min_items": {"value": 3, "severity": "warning"}}})
    assert (seen.status, seen.reason) == (Status.DEGRADED, "assertion")
    assert seen.response_ms > 0


async def test_an_unexpected_status_is_down_and_its_error_page_is_not_judged_further(serve):
    web = await serve(reply(b"<html>busy</html>", 503))
    seen = await look("http", {"url": web.url(), "items": "$[*]", "expect": {"min_items": 1}})
    assert (seen.status, seen.reason, seen.http_status) == (Status.DOWN, "http_status", 503)
    assert seen.detail == "answered 503, 2xx wanted"


@pytest.mark.parametrize(("header", "wait"), [("120", 120.0), ("Mon, 23 Nov 2026 08:01:00 GMT", 60.0), (None, None)])
async def test_429_is_degraded_and_says_how_long_to_pause(serve, header, wait):
    web = await serve(reply(b"slow down", 429, headers={"Retry-After": header} if header else {}))
    seen = await look("http", {"url": web.url()}, confirm=2)
    assert (seen.status, seen.reason, seen.retry_after_s, seen.attempts) == (Status.DEGRADED, "rate_limited", wait, 1)


async def test_an_expected_429_is_up(serve):
    web = await serve(reply(b"", 429))
    assert (await look("http", {"url": web.url(), "expect": {"status": [429]}})).status is Status.UP


async def test_what_is_not_json_says_what_it_starts_with(serve):
    web = await serve(reply(b"<!doctype html><title>Login</title>"))
    seen = await look("http", {"url": web.url(), "items": "$[*]"})
    assert (seen.status, seen.reason) == (Status.DOWN, "payload")
    assert "it starts with '<!doctype html>" in seen.detail


async def test_deep_nesting_and_nan_are_survived(serve):
    deep, nan = (
        reply(b"[" * 200_000, headers={"Content-Type": "application/json"}),
        reply(b'[{"price": NaN}]', headers={"Content-Type": "application/json"}),
    )
    assert (await look("http", {"url": (await serve(deep)).url()})).reason == "payload"
    seen = await look("http", {"url": (await serve(nan)).url()})
    assert json.dumps(list(seen.sample.rows), allow_nan=False) == '[{"price": null}]'


async def test_secrets_are_sent_and_never_shown(serve):
    web = await serve(reply(b"ok"))
    config = {
        "url": web.url(),
        "headers": {"x-api-key": {"env": "API_KEY"}},
        "params": {"apiKey": {"env": "API_KEY"}, "page": 1},
        "auth": {"basic": {"username": "u", "password": {"env": "API_KEY"}}},
    }
    seen = await look("http", config)
    head = web.requests[0]
    assert head.startswith("GET /?apiKey=s3cret-key&page=1 ")
    assert "x-api-key: s3cret-key" in head
    assert base64.b64encode(b"u:s3cret-key").decode() in head
    assert "s3cret-key" not in repr(seen)


async def test_a_missing_secret_makes_the_source_unknown_with_the_remedy(serve):
    web = await serve(reply(b"ok"))
    seen = await look("http", {"url": web.url(), "auth": {"bearer": {"env": "NOWHERE"}}}, confirm=2)
    assert (seen.status, seen.reason, seen.attempts) == (Status.UNKNOWN, "missing_secret", 1)
    assert "set NOWHERE in the environment" in seen.detail
    assert web.requests == []


async def test_a_url_from_the_environment_that_is_none_is_unknown(serve):
    seen = await look("http", {"url": {"env": "NOT_HTTP"}})
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "probe_error")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"headers": {"x-api-key": "abc"}}, "header x-api-key holds a literal secret"),
        ({"params": {"access_token": "abc"}}, "parameter access_token holds a literal secret"),
        ({"url": "https://user:pass@example.com/"}, "a literal user or password"),
        ({"url": "ftp://example.com/"}, "not an http"),
        ({"items": "$[*"}, "is not a JSON path"),
        ({"expect": {"regex": "("}}, "is not a regular expression"),
        ({"expect": {"json": [{"path": "$.a", "op": ">"}]}}, "op and value go together"),
        ({"data_age": {"path": "$.a", "header": "Date"}}, "data_age names one place"),
        ({"data_age": {"column": "a"}}, "data_age.column needs items"),
        ({"data_age": {"path": "$.a", "zone": "Mars/Olympus"}}, "is not a time zone"),
        ({"timeout": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_at_load(config, words):
    with pytest.raises(ValidationError, match=words.replace("[", r"\[").replace("(", r"\(")):
        HttpConfig.model_validate({"url": "https://example.com/", **config})


async def test_the_quality_rows_are_what_is_sampled_within_the_limits_of_rows_and_bytes(serve):
    from busta_health_dagster.probes import ProbeLimits

    rows = [{"n": n, "text": "x" * 100} for n in range(1000)]
    web = await serve(reply({"games": rows}))
    quality = QualitySpec(suite="odds", rows="$.games[*]")
    by_rows = await look("http", {"url": web.url()}, quality=quality, limits=ProbeLimits(sample_rows=10))
    by_bytes = await look("http", {"url": web.url()}, quality=quality, limits=ProbeLimits(sample_bytes=1000))
    assert (len(by_rows.sample.rows), by_rows.sample.total_rows, by_rows.sample.truncated) == (10, 1000, True)
    assert len(json.dumps(list(by_bytes.sample.rows))) <= 1000 + 200
    assert by_bytes.sample.truncated


async def test_a_large_body_is_judged_in_a_thread_and_gives_the_same_verdict(serve):
    web = await serve(reply([{"id": n, "pad": "x" * 200} for n in range(3000)]))
    seen = await look("http", {"url": web.url(), "items": "$[*]", "expect": {"min_items": 3000}})
    assert (seen.status, seen.items) == (Status.UP, 3000)


async def test_a_time_that_cannot_be_read_is_a_warning_unless_there_are_no_items(serve):
    config = {"items": "$[*]", "data_age": {"path": "$[*].updated"}}
    unreadable = await look("http", {"url": (await serve(reply([{"updated": "soon"}]))).url(), **config})
    future = await look("http", {"url": (await serve(reply([{"updated": "2027-01-01T00:00:00Z"}]))).url(), **config})
    empty = await look("http", {"url": (await serve(reply([]))).url(), **config})
    assert (unreadable.status, unreadable.detail) == (Status.DEGRADED, "data_age: no time can be read at $[*].updated")
    assert (future.status, future.detail) == (
        Status.DEGRADED,
        "data_age: the only time lies in the future at $[*].updated",
    )
    assert (empty.status, empty.items, empty.data_age_s) == (Status.UP, 0, None)
