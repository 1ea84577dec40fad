"""From what one observation delivered to a suggested entry."""

from __future__ import annotations

import csv
import io
import re
import statistics
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.drafts.finishing import TYPES, minutes
from busta_health_dagster.drafts.suggest.payload import always_there, best_age, lists_in, values_in
from busta_health_dagster.drafts.suggest.suggestion import Suggestion, nice_age
from busta_health_dagster.probes.ages import to_epoch
from busta_health_dagster.probes.feed_reading import read_feed
from busta_health_dagster.probes.json_text import parse_json
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.probes.feed_reading import ReadFeed

_LEFT = re.compile(r"(?i)^(?:x-)?(?:rate-?limit|requests?)-?(?:remaining|left)$")
_AGE = re.compile(r"max-age=(\d{1,9})(?!\d)")


def of_answer(entry: Mapping[str, Any], status: int, headers: Mapping[str, str], body: bytes, now: float) -> Suggestion:
    """An HTTP answer with a good status. `entry` has probe and address, without secrets."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    document, not_json = parse_json(body)
    feed = read_feed(body, headers.get("Content-Type", "")) if _like_feed(kind, body, document) else None
    if feed is not None and feed.problem is None:
        return _feed(entry, feed.kind, feed.rows, now)
    out = _begin({**entry, "probe": "http"}, f"answered {status}, {kind or 'no content type'}, {len(body):,} bytes")
    rows: list[Any] = []
    if not_json is None:
        out.keys["type"] = "apis"
        rows = _json(out, document, headers, now)
    elif "csv" in kind or urlsplit(str(entry.get("url"))).path.endswith(".csv"):
        out.keys["type"] = TYPES["file"]
        out.put("format", "csv", f"content type {kind or 'unknown'}, the path or the header line")
        rows = _table(out, body)
        _columns(out, rows, now)
    else:
        _page(out, body, headers, now)
        _not_what_it_says(out, kind, not_json, feed)
    _expect(out, status, rows)
    _pace(out, headers)
    return out


def of_rows(
    entry: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], total: int, now: float, age_s: float | None
) -> Suggestion:
    """Rows of a file or a table. `age_s`: of a file, the time since it was written."""
    what = "the file was read" if entry["probe"] == "file" else "the query was answered"
    out = _begin(entry, f"{what}: {plural(total, 'row')}")
    _columns(out, rows, now)
    if "data_age" not in out.keys and entry["probe"] == "file" and age_s is not None:
        why = f"it was written {duration_text(age_s)} ago; its modification time is its age, as no column holds one"
        out.put("max_data_age", nice_age(max(3 * age_s, 3600)), why)
    if total:
        out.put(
            "expect",
            {"min_items": {"value": max(1, total // 2), "severity": "warning"}},
            f"{plural(total, 'row')} now; half of that",
        )
    out.put("interval", "15m", "a file or a table is cheap to read, and seldom changes sooner")
    return out


def _begin(entry: Mapping[str, Any], why: str) -> Suggestion:
    out = Suggestion()
    probe = str(entry["probe"])
    out.put("name", entry["name"], "unique, becomes the asset key sources/<name>")
    out.put("type", TYPES.get(probe, "imported"), "the family whose defaults it shares: any name")
    out.put("probe", probe, why)
    for key, value in entry.items():
        if key not in {"name", "type", "probe"}:
            why = "it lies in a network of your own" if key == "allow_private" else ""
            out.put(key, value, why)
    return out


def _like_feed(kind: str, body: bytes, document: Any) -> bool:
    start = body[:2000].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    said = isinstance(document, dict) and "jsonfeed.org" in str(document.get("version"))
    return said or "rss" in kind or "atom" in kind or any(tag in start for tag in (b"<rss", b"<feed", b"<rdf:rdf"))


def _feed(entry: Mapping[str, Any], kind: str, rows: Sequence[Mapping[str, Any]], now: float) -> Suggestion:
    out = _begin({**entry, "probe": "feed"}, f"{kind} with {plural(len(rows), 'entry', 'entries')}")
    times = sorted({at for row in rows if (at := to_epoch(row.get("published"))) is not None})
    gaps = [later - sooner for sooner, later in pairwise(times)]
    if gaps:
        usual, longest = statistics.median(gaps), max(*gaps, now - times[-1])
        why = f"{len(times)} entries, usually {duration_text(usual)} apart; the longest gap was {duration_text(longest)}: twice that"
        out.put("max_data_age", nice_age(2 * longest), why)
        every = minutes(min(3600, max(300, usual / 4)))
        out.put(
            "interval",
            config_duration(every),
            f"a quarter of the usual gap, between 5 min and 1 h ({duration_text(usual)})",
        )
    else:
        out.put(
            "interval",
            "30m",
            f"its entries have {'no times' if not times else 'one time'}, so nothing tells how often it changes",
        )
    return out


def _json(out: Suggestion, document: Any, headers: Mapping[str, str], now: float) -> list[Any]:
    found = lists_in(document)
    rows = found[0][1] if found else []
    if found:
        others = ", ".join(f"{path} ({len(held)})" for path, held in found[1:4])
        out.put("items", found[0][0], f"{plural(len(rows), 'object')}" + (f"; other lists: {others}" if others else ""))
    age = best_age(values_in(document), now)
    if age is not None:
        out.put("data_age", {"path": age.place}, age.why)
        _max_age(out, age.age_s)
    else:
        _last_modified(out, headers, now)
    return rows


def _columns(out: Suggestion, rows: Sequence[Mapping[str, Any]], now: float) -> None:
    columns: dict[str, list[Any]] = {}
    for row in rows:
        for key, value in row.items():
            columns.setdefault(str(key), []).append(value)
    age = best_age(columns, now)
    if age is not None:
        out.put("data_age", {"column": age.place}, age.why)
        _max_age(out, age.age_s)


def _max_age(out: Suggestion, age_s: float) -> None:
    why = f"{duration_text(age_s)} old now; three times that, 15 min at least. One observation is little: see busta sources history"
    out.put("max_data_age", nice_age(max(3 * age_s, 900)), why)


def _last_modified(out: Suggestion, headers: Mapping[str, str], now: float) -> None:
    at = to_epoch(headers.get("Last-Modified", ""))
    if at is None or at > now + 60:
        out.notes.append("Nothing in the answer tells how old the data are: no freshness is watched.")
        return
    out.put(
        "data_age",
        {"header": "Last-Modified"},
        f"no time inside; the header says {duration_text(max(0.0, now - at))} ago",
    )
    _max_age(out, max(0.0, now - at))


def _table(out: Suggestion, body: bytes) -> list[dict[str, Any]]:
    text = body.decode("utf-8-sig", "replace")
    try:
        return [dict(row) for row in csv.DictReader(io.StringIO(text, newline=""))]
    except csv.Error as error:
        out.notes.append(f"It was not read as CSV: {error}.")
        return []


def _page(out: Suggestion, body: bytes, headers: Mapping[str, str], now: float) -> None:
    title = re.search(rb"<title[^>]*>([^<]{3,80})</title>", body, re.IGNORECASE)
    if title is not None:
        words = " ".join(title[1].decode("utf-8", "replace").split())
        out.keys["expect"] = {"regex": [re.escape(words).replace("\\ ", " ")]}
        out.why["expect"] = f"a page with the title {words!r}"
    _last_modified(out, headers, now)


def _not_what_it_says(out: Suggestion, kind: str, not_json: str | None, feed: ReadFeed | None) -> None:
    """A login page where data were announced is no page to watch."""
    if feed is not None and feed.problem is not None:
        out.notes.append(
            f"It looks like a feed and was not read as one: {feed.problem.sentence}. Ask again once it answers as it should."
        )
    elif "json" in kind:
        out.notes.append(
            f"It says {kind}: {not_json}. As it stands this entry is down. Ask again once it answers as it should."
        )


def _expect(out: Suggestion, status: int, rows: Sequence[Any]) -> None:
    expect: dict[str, Any] = {"status": [status], **(out.keys.pop("expect", None) or {})}
    why = [f"answered {status}", *([out.why.pop("expect")] if "expect" in out.why else [])]
    if rows:
        expect["min_items"] = {"value": max(1, len(rows) // 2), "severity": "warning"}
        why.append(f"{len(rows)} items now, half of that")
    key = always_there(rows)
    path = out.keys.get("items")
    if key is not None and path:
        expect["json"] = [{"path": f"{path}.{key}", "each": True}]
        why.append(f"every item has its own {key}")
    out.put("expect", expect, "; ".join(why))


def _pace(out: Suggestion, headers: Mapping[str, str]) -> None:
    left = next((name for name in headers if _LEFT.match(name)), None)
    cached = _AGE.search(headers.get("Cache-Control", ""))
    if left is not None:
        out.put("metrics", {"requests_left": {"header": left.lower()}}, f"the header says {headers[left][:40]}")
        out.put("interval", "15m", "its requests are counted; see `metered`")
    elif cached and int(cached[1]) > 300:
        seconds = min(3600, int(cached[1]))
        out.put(
            "interval",
            config_duration(minutes(seconds)),
            f"Cache-Control: max-age={cached[1]}; sooner is the same answer",
        )
    else:
        out.put("interval", "5m", "the default; no header asks for less")
