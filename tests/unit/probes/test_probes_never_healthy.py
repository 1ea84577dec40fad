"""Well-formed nonsense is not health: what comes with status 200 in place of data."""

from __future__ import annotations

import json

import pytest
from probe_servers import look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.ages import DataAge, age_of
from busta_health_dagster.probes.expect import Expect, check_json
from busta_health_dagster.probes.impostors import not_data
from busta_health_dagster.probes.records import records
from busta_health_dagster.probes.registry import registry

NOW = 1_795_420_800.0  # 2026-11-23T08:00:00Z


@pytest.mark.parametrize(
    ("path", "document", "said"),
    [
        ("$.data[*]", {"message": "quota exceeded"}, "nothing at $.data; the document has message"),
        ("$.data[*]", {"data": None}, "nothing at $.data: it is null; the document has data"),
        (
            "$.data.games[*]",
            {"data": None, "errors": [{}]},
            "nothing at $.data: it is null; the document has data, errors",
        ),
        ("$.data[*]", {"data": "maintenance"}, "$.data is a text, not a list"),
        ("$[*]", {"error": {"code": 1}}, "$ is an object with error, not a list; for its members write $.*"),
        ("$.data", {"data": None}, "nothing at $.data: it is null; the document has data"),
        ("$.data[?@.a > 1]", {"error": 1}, "nothing at $.data; the document has error"),
        ("$.dates[*].games[*]", {"dates": [{}]}, "nothing at $.dates[*].games; the document has dates"),
        (
            "$.data.games[*]",
            {"data": {"games": []}, "errors": [{"message": "boom"}]},
            "the answer carries errors: boom",
        ),
        ("$", None, "nothing at $: it is null"),
    ],
)
def test_a_document_without_the_place_of_the_items_is_told_apart_from_an_empty_list(path, document, said):
    assert records(path, document).problem == said


@pytest.mark.parametrize(
    ("path", "document", "items"),
    [
        ("$.data[*]", {"data": []}, 0),
        ("$.dates[*].games[*]", {"dates": []}, 0),
        ("$.dates[*].games[*]", {"dates": [{"games": []}, {"games": [1, 2]}, {}]}, 2),
        ("$", [1, 2, 3], 3),
        ("$.data", {"data": [1, 2]}, 2),
        ("$.leagues[*].events", {"leagues": [{"events": [1, 2]}, {"events": [3]}]}, 3),
        ("$[*]", [[1, 2], [3, 4]], 2),
        ("$.*", {"4046": {}, "1": {}}, 2),
        ("$.data", {"data": {"one": "record"}}, 1),
    ],
)
def test_a_path_to_the_list_counts_its_elements_and_an_empty_list_is_an_answer(path, document, items):
    found = records(path, document)
    assert (len(found.rows), found.problem) == (items, "")


async def test_an_error_document_with_status_200_is_degraded_and_says_what_is_missing(serve):
    web = await serve(reply({"message": "quota exceeded"}))
    seen = await look("http", {"url": web.url(), "items": "$.data[*]"})
    assert (seen.status, seen.reason, seen.items) == (Status.DEGRADED, "shape", 0)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("csv", b"<html><body>Sign in</body></html>"),
        ("csv", b"\xef\xbb\xbf\n <!DOCTYPE HTML>\n<p>"),
        ("csv", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"),
        ("csv", b'{"error": "quota"}'),
        ("jsonl", b"<HTML lang=en>"),
        ("parquet", b"<head>"),
        (None, b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n"),
        ("csv", b"/annex/objects/SHA256E-s1--ab.csv\n"),
    ],
)
def test_a_page_an_error_document_or_a_pointer_is_no_data(kind, head):
    assert not_data(head, kind)


@pytest.mark.parametrize(
    ("kind", "head"), [("csv", b"<5,>5\n1,2\n"), ("json", b'{"a": 1}'), ("csv", b"a,b\n"), (None, b"<html>")]
)
def test_data_that_look_a_little_like_it_are_data(kind, head):
    assert not_data(head, kind) is None


@pytest.mark.parametrize(
    "asked", [{"data_age": {"column": "at"}}, {"metrics": {"books": {"column": "at", "agg": "count"}}}]
)
@pytest.mark.parametrize("body", [b"Error: rate limit exceeded", b"Please try later\nRef 123\n", b"id;at\n1;2\n"])
async def test_a_table_without_the_column_that_is_asked_for_is_another_one_also_without_rows(serve, body, asked):
    web = await serve(reply(body, headers={"Content-Type": "text/csv"}))
    for probe, config in (("http", {"url": web.url(), "items": "$[*]"}), ("file", {"path": web.url("/a.csv")})):
        seen = await look(probe, config | {"format": "csv"} | asked)
        assert (seen.status, seen.reason) == (Status.DOWN, "payload"), probe
        assert seen.detail.startswith("there is no column at; there are ")
    web = await serve(reply(b"id,at\n", headers={"Content-Type": "text/csv"}))
    seen = await look("http", {"url": web.url(), "items": "$[*]", "format": "csv"} | asked)
    assert (seen.status, seen.items) == (Status.UP, 0)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("bytes 0-11/900", Status.DOWN),
        ("bytes 888-899/900", Status.DOWN),
        ("bytes 0-11/*", Status.DOWN),
        ("bytes 0-11/12", Status.UP),
        (None, Status.UP),
    ],
)
async def test_a_part_that_no_one_asked_for_is_not_the_whole(serve, given, status):
    part = {"Content-Type": "application/json"} | ({} if given is None else {"Content-Range": given})
    web = await serve(reply(b'[{"id": 123}]', 206, headers=part))
    seen = await look("http", {"url": web.url(), "items": "$[*]"})
    assert seen.status is status
    if status is Status.DOWN:
        assert seen.detail == f"127.0.0.1 answers 206 with a part ({given}), and no part was asked for"
    asked = await look("http", {"url": web.url(), "items": "$[*]", "headers": {"Range": "bytes=0-11"}})
    assert (asked.status, asked.items) == (Status.UP, 1)


async def test_a_login_page_under_the_name_of_a_data_file_is_down(serve, tmp_path):
    web = await serve(reply(b"<html>Please sign in</html>", headers={"Content-Type": "text/html"}))
    for probe, config in (("http", {"url": web.url("/v4/odds.json")}), ("file", {"path": web.url("/report.txt")})):
        seen = await look(probe, config)
        assert (seen.status, seen.reason) == (Status.DOWN, "payload"), probe
    page = tmp_path / "index.html"
    page.write_text("<html></html>")
    assert (await look("file", {"path": str(page)})).status is Status.UP


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('id,n\n1,"a\n2,b\n3,c\n', "line 2"),
        ('id,n\n1,"a\n2,"b"\n3,c\n', "line 2"),
        ('"id,n\n1,a\n', "line 1"),
        ('id,n\n1,a\n2,"b', "line 3"),
    ],
)
async def test_a_quote_that_swallows_rows_is_down(tmp_path, text, line):
    (tmp_path / "a.csv").write_text(text)
    seen = await look("file", {"path": str(tmp_path / "a.csv")})
    assert (seen.status, seen.reason) == (Status.DOWN, "payload")
    assert f"opened in {line} is not closed" in seen.detail


async def test_quotes_that_are_in_order_or_harmless_are_read(tmp_path):
    (tmp_path / "a.csv").write_text('id,n\n1,"two\nlines, ""quoted"""\n2,5" pipe\n3,"x"\n')
    seen = await look("file", {"path": str(tmp_path / "a.csv")})
    assert (seen.status, seen.items) == (Status.UP, 3)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"method": "HEAD", "items": "$[*]"}, "a HEAD answer has no body, so items can never be read"),
        ({"method": "HEAD", "expect": {"json": [{"path": "$.a"}]}}, "so expect.json can never be read"),
        ({"expect": {"status": [304]}, "items": "$[*]"}, "status 304 has no body, so items can never be read"),
        (
            {"expect": {"status": [302]}, "redirects": 0},
            "redirects: 0 refuses every redirect, so status 302 is never seen",
        ),
        ({"expect": {"json": [{"path": "$.price", "each": True}]}}, "each: true asks every row"),
    ],
)
def test_what_could_never_be_seen_is_refused_at_load(config, says):
    with pytest.raises(ValidationError, match=says):
        registry(())["http"].config(url="http://example.com/", **config)


def test_head_by_itself_and_304_beside_200_are_allowed():
    http = registry(())["http"].config
    http(url="http://example.com/", method="HEAD", data_age={"header": "Last-Modified"})
    http(url="http://example.com/", items="$[*]", expect={"status": [200, 304]})


def said(document, **match) -> list[str]:
    return [f.sentence for f in check_json(Expect(json=[{"path": "$[*].price", **match}]), document)]


def test_each_asks_every_row_for_a_value():
    rows = [{"price": 1}, {}, {"price": None}, {"price": 2}]
    assert said(rows) == []
    assert said(rows, each=True) == ["$[*].price: 2 of 4 rows have none"]
    assert said([{"price": 1}, {"price": -1}], each=True, min=0) == ["$[*].price: -1, at least 0 wanted"]
    assert said([], each=True) == []
    assert said({"error": 1}, each=True) == [
        "$[*].price: $ is an object with error, not a list; for its members write $.*"
    ]


async def test_an_age_outside_the_items_is_judged_also_without_items(serve):
    document = {"data": [], "updated": "no idea"}
    for path, status in (("$.updated", Status.DEGRADED), ("$.data[*].t", Status.UP)):
        web = await serve(reply(json.dumps(document).encode(), headers={"Content-Type": "application/json"}))
        seen = await look("http", {"url": web.url(), "items": "$.data[*]", "data_age": {"path": path}})
        assert seen.status is status, path
        assert seen.reason == ("age_unknown" if status is Status.DEGRADED else "ok")


@pytest.mark.parametrize(
    "value", [0, -1, 2026, 20261123, 46_349, "0001-01-01T00:00:00Z", "0", int(NOW) + 2 * 86_400, 4e18]
)
def test_a_number_that_is_no_time_of_ours_is_unreadable(value):
    assert age_of([value], DataAge(path="$"), NOW) == (None, 0, 1)


def test_a_kick_off_in_two_days_is_a_time_and_hides_nothing():
    found = age_of(["2026-11-25T18:00:00Z", "2026-11-23T06:00:00Z"], DataAge(path="$"), NOW)
    assert found == (7200.0, 1, 0)
    assert age_of(["20261123060000"], DataAge(path="$"), NOW).age_s == 7200.0
