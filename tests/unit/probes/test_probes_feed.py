"""Feeds are numbered apart by what they contain."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from probe_servers import look, reply

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes import time_text
from busta_health_dagster.probes.feed import FeedConfig
from busta_health_dagster.probes.feed_reading import declares_entities

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
<item><title>Two</title><link>https://e.com/2</link><guid>2</guid><pubDate>Mon, 23 Nov 2026 07:50:00 GMT</pubDate></item>
<item><title>One</title><link>https://e.com/1</link><guid>1</guid><pubDate>Mon, 23 Nov 2026 06:00:00 GMT</pubDate></item>
</channel></rss>"""
ATOM = b"""<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>R</title><id>r</id>
<entry><id>1</id><title>v1</title><link href="https://e.com/v1"/><updated>2026-11-23T07:50:00Z</updated></entry>
<entry><id>0</id><title>v0</title><updated>2026-11-20T07:50:00Z</updated></entry></feed>"""
JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "W",
    "items": [
        {
            "id": "1",
            "url": "https://e.com/1",
            "content_text": "x",
            "date_published": "2026-11-23T07:50:00Z",
            "authors": [{"name": "A"}],
        },
        {"id": "0", "date_published": "2026-11-22T00:00:00Z"},
    ],
}


@pytest.mark.parametrize(
    ("body", "label", "name"),
    [
        (RSS, "text/html", "RSS 2.0"),
        (ATOM, "application/json", "Atom 1.0"),
        (JSON_FEED, "application/rss+xml", "JSON Feed 1.1"),
    ],
)
async def test_each_kind_is_recognised_whatever_the_header_claims(serve, body, label, name):
    web = await serve(reply(body, headers={"Content-Type": label}))
    seen = await look("feed", {"url": web.url(), "expect": {"min_items": 2, "max_age": "1h"}})
    assert (seen.status, seen.items, seen.data_age_s, seen.facts["feed"]) == (Status.UP, 2, 600.0, name)
    assert seen.sample.rows[0]["id"] in ("1", "2")
    assert set(seen.sample.rows[0]) == {"id", "title", "link", "published", "author", "summary"}
    assert "2026-11-23T07:50:00Z" in [row["published"] for row in seen.sample.rows]


async def test_the_oldest_entry_counts_when_asked_for(serve):
    web = await serve(reply(RSS))
    assert (await look("feed", {"url": web.url(), "data_age": {"oldest": True}})).data_age_s == 7200.0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!doctype html><html><body>Please log in</body></html>", "neither RSS, Atom nor JSON Feed"),
        (b"", "the body is empty, a feed wanted"),
        (b'{"items": []}', "not a JSON Feed"),
        (b'{"items": [', "not JSON"),
        (b"<?xml version='1.0'?><rss version='2.0'><channel><title>cut", "not well-formed"),
    ],
)
async def test_what_is_no_feed_is_down_payload(serve, body, words):
    seen = await look("feed", {"url": (await serve(reply(body))).url()})
    assert (seen.status, seen.reason) == (Status.DOWN, "payload")
    assert words in seen.detail


async def test_a_feed_that_breaks_off_after_some_entries_is_degraded(serve):
    seen = await look("feed", {"url": (await serve(reply(RSS[:-40]))).url()})
    assert (seen.status, seen.reason, seen.items) == (Status.DEGRADED, "payload", 2)


async def test_an_empty_feed_is_a_feed_without_items(serve):
    web = await serve(reply(b'<rss version="2.0"><channel><title>x</title></channel></rss>'))
    seen = await look("feed", {"url": web.url()})
    assert (seen.status, seen.items, seen.data_age_s) == (Status.UP, 0, None)
    assert (await look("feed", {"url": web.url(), "expect": {"min_items": 1}})).status is Status.DOWN


async def test_entity_expansion_does_not_explode(serve):
    bomb = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "' + b"x" * 1000 + b'">'
    for here, there in zip(b"bcdef", b"abcde", strict=True):
        bomb += b'<!ENTITY %c "%b">' % (here, b"&%c;" % there * 20)
    web = await serve(reply(bomb + b']><rss version="2.0"><channel><item><title>&f;</title></item></channel></rss>'))
    seen = await look("feed", {"url": web.url()})
    assert len(str(seen.sample)) < 10_000


async def test_a_feed_that_asks_for_a_pause_is_degraded(serve):
    web = await serve(reply(b"", 429, headers={"Retry-After": "60"}))
    seen = await look("feed", {"url": web.url()})
    assert (seen.status, seen.reason, seen.retry_after_s) == (Status.DEGRADED, "rate_limited", 60.0)


ITEM = b"<item><title>%b</title><guid>1</guid>%b</item>"
TWO_HOURS_AGO = b"<pubDate>Mon, 23 Nov 2026 06:00:00 GMT</pubDate>"


def rss(title=b"a", date=TWO_HOURS_AGO, channel=b"", before=b"") -> bytes:
    return (
        before
        + b'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>'
        + channel
        + ITEM % (title, date)
        + b"</channel></rss>"
    )


@pytest.mark.parametrize(
    ("body", "repaired", "title"),
    [
        (rss(before=b"\n\n  "), "blank lines before the first tag", "a"),
        (rss(before=b"\xef\xbb\xbf\n"), "blank lines before the first tag", "a"),
        (rss(b"a\x0bb&#11;\x00"), "3 control characters", "ab"),
        (rss(b"AT&T & Q&A;"), "3 bare ampersands", "AT&T & Q&A;"),
        (rss(b"caf&eacute;&nbsp;&hearts;"), "3 undeclared entities", "caf\xe9\xa0\u2665"),
        (rss(b"<![CDATA[R&D &nbsp;]]> &amp; &#38;"), None, "R&D &nbsp; & &"),
    ],
)
async def test_what_readers_put_right_is_read_and_named_among_the_facts(serve, body, repaired, title):
    seen = await look("feed", {"url": (await serve(reply(body))).url()})
    assert (seen.status, seen.items, seen.data_age_s) == (Status.UP, 1, 7200.0)
    assert seen.facts.get("repaired") == (None if repaired is None else [repaired])
    if "&nbsp" not in title:  # what an entity within a quoted text becomes is feedparser's affair
        assert seen.sample.rows[0]["title"] == title


async def test_a_json_feed_may_begin_with_a_byte_order_mark(serve):
    body = b"\xef\xbb\xbf" + json.dumps(JSON_FEED).encode()
    seen = await look("feed", {"url": (await serve(reply(body))).url()})
    assert (seen.status, seen.items, seen.data_age_s) == (Status.UP, 2, 600.0)


@pytest.mark.parametrize(
    "date",
    [
        b"Mon, 23 Nov 2026 06:00:00",
        b"1795413600",
        b"Mon, Nov 23 2026 06:00:00 AM",
        b"Mon, 23 Nov 2026 17:00:00 AEDT",
        b"2026-11-23 01:00:00 EST",
        b"Mon, 23 Nov 2026 08:00:00 MEST",
    ],
)
async def test_the_time_of_an_entry_is_read_as_sources_write_it(serve, date):
    web = await serve(reply(rss(date=b"<pubDate>%b</pubDate>" % date)))
    assert (await look("feed", {"url": web.url()})).data_age_s == 7200.0


async def test_a_zone_and_a_format_can_be_told(serve):
    web = await serve(reply(rss(date=b"<pubDate>23.11.2026 01:00</pubDate>")))
    assert (await look("feed", {"url": web.url()})).reason == "age_unknown"
    told = {"format": "%d.%m.%Y %H:%M", "zone": "America/New_York"}
    assert (await look("feed", {"url": web.url(), "data_age": told})).data_age_s == 7200.0


async def test_without_times_of_its_entries_a_feed_is_as_old_as_it_says_itself(serve):
    built = b"<lastBuildDate>Mon, 23 Nov 2026 06:00:00 GMT</lastBuildDate>"
    assert (await look("feed", {"url": (await serve(reply(rss(date=b"", channel=built)))).url()})).data_age_s == 7200.0
    empty = (rss(channel=built)).replace(ITEM % (b"a", TWO_HOURS_AGO), b"")
    assert (await look("feed", {"url": (await serve(reply(empty))).url()})).data_age_s == 7200.0


async def test_a_feed_without_any_time_is_degraded_only_where_an_age_is_asked_for(serve):
    url = (await serve(reply(rss(date=b"")))).url()
    assert (await look("feed", {"url": url})).status is Status.UP
    assert (await look("feed", {"url": url, "data_age": {}})).reason == "age_unknown"
    assert (await look("feed", {"url": url, "expect": {"max_age": "1h"}})).status is Status.DOWN


async def test_a_feed_can_be_told_to_have_no_age(serve):
    url = (await serve(reply(rss(date=b"<pubDate>soon</pubDate>")))).url()
    assert (await look("feed", {"url": url})).reason == "age_unknown"
    seen = await look("feed", {"url": url, "data_age": "none"})
    assert (seen.status, seen.data_age_s) == (Status.UP, None)
    assert not FeedConfig(url=url, data_age="none").tells_age


async def test_entities_that_a_feed_declares_are_refused_at_once(serve):
    body = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rss(b"&x;")
    seen = await look("feed", {"url": (await serve(reply(body))).url()})
    assert (seen.status, seen.reason) == (Status.DOWN, "payload")
    assert "declares entities" in seen.detail


@pytest.mark.parametrize(
    ("prologue", "declares"),
    [
        (b'<!DOCTYPE r [<!ENTITY x "y">]>', True),
        (b'<!doctype r SYSTEM "a" [ <!ELEMENT r ANY> <!entity % x "y"> ]>', True),
        (b"<!DOCTYPE r [<!ELEMENT r ANY>]><r><![CDATA[<!ENTITY x>]]></r>", False),
        (b'<!DOCTYPE html PUBLIC "x"><r>[ <!ENTITY x "y"> ]</r>', False),
        (b"<r>[<!ENTITY]</r>", False),
    ],
)
def test_entities_are_declared_within_the_brackets_of_a_doctype(prologue, declares):
    assert declares_entities(prologue) is declares


@pytest.mark.parametrize(
    "call",
    [
        "feed_repair.repair(b'<rss>' + b'<![CDATA[' * 400_000)",
        "feed_reading.declares_entities((b'<!DOCTYPE[' * 6_554)[:65_536])",
        "feed_reading.declares_entities((b'<!DOCTYPE[<!ENTIT' * 3_856)[:65_536])",
        "time_text.from_text('2026-11-29 10:00:00' + ' ' * 2_000_000 + 'x', 'auto', 'UTC')",
        "time_text.from_text('(' * 2_000_000, 'auto', 'UTC')",
    ],
)
def test_bytes_made_to_be_slow_are_read_in_linear_time(call):
    """What is quadratic takes hours here; the deadline ends a hanging process, and is no measure."""
    module = call.partition(".")[0]
    code = f"from busta_health_dagster.probes import {module}; {call}"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_text_that_is_too_long_for_a_time_is_none_and_not_kept():
    long = "2026-11-29 10:00:00 " + "x" * 128
    before = time_text._from_short.cache_info().currsize
    assert time_text.from_text(long, "auto", "UTC") is None
    assert time_text._from_short.cache_info().currsize == before
    assert time_text.from_text(" " * 500 + "2026-11-29 10:00:00 UTC" + " " * 500, "auto", "UTC") is not None
