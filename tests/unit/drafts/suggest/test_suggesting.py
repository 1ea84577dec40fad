"""What a payload tells of itself: items, age, expectations and pace, each with its evidence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from busta_health_dagster.domain.units import iso
from busta_health_dagster.drafts.suggest.suggesting import of_answer, of_rows
from busta_health_dagster.drafts.suggest.suggestion import Suggestion

NOW = 1795422372.0
WEB = {"name": "x", "probe": "http", "url": "https://x.example/v1"}


def answer(body: Any, headers: dict[str, str] | None = None, kind: str = "application/json") -> Suggestion:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return of_answer(WEB, 200, {"Content-Type": kind, **(headers or {})}, content, NOW)


def test_the_records_are_the_nearest_list_of_objects_and_the_others_are_named() -> None:
    made = answer({"meta": {"pages": [{"n": 1}]}, "data": [{"id": n, "inner": [{"a": 1}]} for n in range(8)]})
    assert made.keys["items"] == "$.data[*]"
    assert made.why["items"] == "8 objects; other lists: $.meta.pages[*] (1)"
    assert made.keys["expect"] == {
        "status": [200],
        "min_items": {"value": 4, "severity": "warning"},
        "json": [{"path": "$.data[*].id", "each": True}],
    }
    assert answer([{"a": 1}]).keys["items"] == "$[*]"
    assert "items" not in answer({"a": 1}).keys


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (
            b"",
            "application/json",
            "It says application/json: the body is empty, JSON wanted. As it stands this entry is down.",
        ),
        (
            b"<html>Log in</html>",
            "application/json",
            "It says application/json: not JSON (Expecting value); it starts with",
        ),
        (
            b"<rss><channel><item><title>a</title></item>",
            "application/rss+xml",
            "It looks like a feed and was not read as one",
        ),
    ],
)
def test_an_answer_that_is_not_what_it_says_is_drafted_with_a_warning(body: bytes, kind: str, said: str) -> None:
    assert any(note.startswith(said) for note in answer(body, kind=kind).notes)
    assert not any("It says" in note for note in answer({"a": 1}).notes)


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"updated_at": iso(NOW - 60), "created_at": iso(NOW - 5)}, "$[*].updated_at"),
        ({"books": [{"last_update": iso(NOW - 60)}]}, "$[*].books[*].last_update"),
        ({"commence_time": iso(NOW - 60), "timestamp": NOW - 90}, "$[*].timestamp"),
        ({"last-modified": iso(NOW - 60)}, "$[*]['last-modified']"),
        ({"published": iso(NOW - 60)}, "$[*].published"),
        ({"when": iso(NOW - 60)}, "$[*].when"),
    ],
)
def test_the_age_is_told_by_what_says_that_it_was_updated(row: dict, path: str) -> None:
    made = answer([row, row])
    assert made.keys["data_age"] == {"path": path}
    assert made.keys["max_data_age"] == "15m"
    assert "2 of 2 values are times; the newest is 20" in made.why["data_age"]


@pytest.mark.parametrize(
    "row",
    [
        {"commence_time": iso(NOW + 86400)},
        {"updated_at": iso(NOW + 86400)},
        {"id": int(NOW) - 60},
        {"updated_at": "yesterday"},
        {"updated_at": None},
        {"season": "2026"},
        {"updated_at": iso(NOW - 900 * 86400)},
    ],
)
def test_a_plan_an_identifier_and_what_is_no_time_are_no_age(row: dict) -> None:
    made = answer([row, row])
    assert "data_age" not in made.keys
    assert made.notes == ["Nothing in the answer tells how old the data are: no freshness is watched."]


def test_without_a_time_inside_the_header_counts() -> None:
    made = answer({"a": 1}, {"Last-Modified": "Mon, 23 Nov 2026 06:00:00 GMT"})
    assert made.keys["data_age"] == {"header": "Last-Modified"}
    assert made.keys["max_data_age"] == "12h"


def test_the_pace_follows_what_the_headers_ask_for() -> None:
    assert answer([]).keys["interval"] == "5m"
    assert answer([], {"Cache-Control": "public, max-age=900"}).keys["interval"] == "15m"
    metered = answer([], {"x-requests-remaining": "488"})
    assert metered.keys["metrics"] == {"requests_left": {"header": "x-requests-remaining"}}
    assert metered.keys["interval"] == "15m"


def test_a_feed_is_paced_by_its_entries() -> None:
    entries = "".join(f"<item><title>{n}</title><pubDate>{_rfc(NOW - 7200 * n)}</pubDate></item>" for n in range(1, 9))
    made = answer(f"<rss version='2.0'><channel>{entries}</channel></rss>".encode(), kind="text/xml")
    assert (made.keys["probe"], made.keys["type"]) == ("feed", "feeds")
    assert (made.keys["interval"], made.keys["max_data_age"]) == ("30m", "6h")
    undated = answer(b"<rss version='2.0'><channel><item><title>a</title></item></channel></rss>", kind="text/xml")
    assert undated.why["interval"].startswith("its entries have no times")


def _rfc(at: float) -> str:
    from email.utils import formatdate

    return formatdate(at, usegmt=True)


def test_a_table_and_a_page() -> None:
    table = answer(f"id,updated_at\n1,{iso(NOW - 60)}\n2,{iso(NOW - 90)}\n".encode(), kind="text/csv")
    assert (table.keys["format"], table.keys["data_age"]) == ("csv", {"column": "updated_at"})
    page = answer(b"<html><title>Odds &amp; more (beta)</title></html>", kind="text/html")
    assert page.keys["expect"]["regex"] == [r"Odds \&amp; more \(beta\)"]


def test_rows_of_a_file_without_times_are_as_old_as_the_file() -> None:
    made = of_rows({"name": "f", "probe": "file", "path": "f.csv"}, [{"a": "1"}], 10, NOW, 7200.0)
    assert (made.keys["max_data_age"], made.keys["expect"]) == (
        "6h",
        {"min_items": {"value": 5, "severity": "warning"}},
    )


def test_what_comes_from_outside_cannot_leave_its_comment() -> None:
    made = answer([], {"x-requests-remaining": "4\r\n  evil: true\x00"})
    assert "\n  evil" not in made.text("head")
    assert "\x00" not in made.text("head")


def test_an_answer_of_odd_sizes_is_a_suggestion_all_the_same() -> None:
    assert answer([], {"Cache-Control": f"max-age={'9' * 5000}"}).keys["interval"] == "5m"
    made = answer(b"a,b\n" + b"x" * 200_000 + b",1\n", kind="text/csv")
    assert "It was not read as CSV: field larger than field limit (131072)." in made.notes
