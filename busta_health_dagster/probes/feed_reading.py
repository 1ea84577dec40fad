"""The entries of a feed, whatever its dialect, read as readers do: what is often a little wrong is put right first."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from busta_health_dagster.domain.units import iso
from busta_health_dagster.probes.ages import DataAge, to_epoch
from busta_health_dagster.probes.feed_repair import repair
from busta_health_dagster.probes.json_text import parse_json
from busta_health_dagster.probes.port import Finding
from busta_health_dagster.wording.lists import plural

_HARMLESS = ("CharacterEncodingOverride", "NonXMLContentType")  # the server's label is wrong, the feed is not
_SUMMARY_CHARS = 500
_JSON = (b"{", b"[")
_BOM = b"\xef\xbb\xbf"
_MARKS = re.compile(rb"<!DOCTYPE|<!ENTITY|[\[\]>]", re.IGNORECASE)
_PROLOGUE = 64 * 1024


class ReadFeed(NamedTuple):
    """`kind` is `RSS 2.0`, `Atom 1.0`, `JSON Feed 1.1` ...; `rows` have id, title, link, published, author, summary. One of
    `times` for each row (None: it has none, False: unreadable), or that of the feed when no row has any.
    """

    kind: str = ""
    rows: list[dict[str, Any]] = []  # noqa: RUF012  never changed
    times: tuple[datetime | Literal[False] | None, ...] = ()
    problem: Finding | None = None
    repaired: tuple[str, ...] = ()


def is_json(body: bytes) -> bool:
    return body.removeprefix(_BOM).lstrip()[:1] in _JSON


def read_feed(body: bytes, content_type: str = "", spec: DataAge | None = None) -> ReadFeed:
    """Told apart by what it contains. `spec` says how its times are written."""
    spec = spec or DataAge(column="published")
    return _json_feed(body, spec) if is_json(body) else _xml_feed(body, content_type, spec)


def _json_feed(body: bytes, spec: DataAge) -> ReadFeed:
    document, problem = parse_json(body)
    if problem:
        return ReadFeed(problem=Finding("error", "payload", problem))
    version = document.get("version") if isinstance(document, dict) else None
    entries = document.get("items") if isinstance(document, dict) else None
    if not isinstance(version, str) or "jsonfeed.org/version/" not in version or not isinstance(entries, list):
        text = "JSON, but not a JSON Feed: no version https://jsonfeed.org/version/1 or no items"
        return ReadFeed(problem=Finding("error", "payload", text))
    rows = [_json_entry(entry) for entry in entries if isinstance(entry, dict)]
    finding = None
    if len(rows) < len(entries):
        finding = Finding("warning", "payload", f"{len(entries) - len(rows)} of {len(entries)} items are not objects")
    times = tuple(_time(row["published"], spec) for row in rows)
    return ReadFeed(f"JSON Feed {version.rsplit('/', 1)[-1]}", rows, times, finding)


def _json_entry(entry: dict[str, Any]) -> dict[str, Any]:
    authors = entry.get("authors")
    author = authors[0] if isinstance(authors, list) and authors else entry.get("author")
    return {
        "id": entry.get("id"),
        "title": entry.get("title"),
        "link": entry.get("url") or entry.get("external_url"),
        "published": _newest(entry.get("date_published"), entry.get("date_modified")),
        "author": author.get("name") if isinstance(author, dict) else None,
        "summary": _short(entry.get("summary") or entry.get("content_text") or entry.get("content_html")),
    }


def _newest(published: Any, modified: Any) -> Any:
    return modified or published


def _xml_feed(body: bytes, content_type: str, spec: DataAge) -> ReadFeed:
    import feedparser

    if declares_entities(body[:_PROLOGUE]):
        text = "the feed declares entities of its own; they are not read (a few bytes of them can become gigabytes)"
        return ReadFeed(problem=Finding("error", "payload", text))
    body, repaired = repair(body)
    headers = {"content-type": content_type} if content_type else {}
    parsed = feedparser.parse(body, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not parsed.get("version") and not parsed.entries:
        start = body[:40].decode("utf-8", "replace")
        said = (
            f"neither RSS, Atom nor JSON Feed; it starts with {start!r}" if body else "the body is empty, a feed wanted"
        )
        problem = Finding("error", "payload", said)
        return ReadFeed(problem=problem)
    kind = _name(parsed.get("version", ""))
    times = tuple(_when(entry, spec) for entry in parsed.entries)
    rows = [
        {
            "id": entry.get("id"),
            "title": entry.get("title"),
            "link": entry.get("link"),
            "published": iso(int(at.timestamp())) if at else _raw(entry)[0],
            "author": entry.get("author"),
            "summary": _short(entry.get("summary")),
        }
        for entry, at in zip(parsed.entries, times, strict=True)
    ]
    if all(at is None for at in times):
        times = (_when(parsed.feed, spec),)
    parse_error = parsed.get("bozo_exception") if parsed.get("bozo") else None
    if parse_error is None or type(parse_error).__name__ in _HARMLESS:
        return ReadFeed(kind, rows, times, None, repaired)
    text = str(parse_error).splitlines()[0][:120]
    problem = Finding(
        "warning" if rows else "error",
        "payload",
        f"not well-formed ({text}); {plural(len(rows), 'entry', 'entries')} recovered",
    )
    return ReadFeed(kind, rows, times, problem, repaired)


def declares_entities(prologue: bytes) -> bool:
    """Is there an `<!ENTITY` within the brackets of a `<!DOCTYPE`? Mark by mark: one pattern for all of it would begin again
    at each of many marks.
    """
    doctype = brackets = False
    for match in _MARKS.finditer(prologue):
        mark = match[0].upper()
        if mark == b"<!ENTITY" and brackets:
            return True
        if mark in (b"<!DOCTYPE", b">"):
            doctype = mark != b">"
        elif mark == b"]" or (mark == b"[" and doctype):
            brackets = mark == b"["
    return False


def _raw(entry: Any) -> tuple[str | None, Any]:
    """The time as it is written, and as feedparser reads it."""
    # `in` before reading: feedparser answers a missing `updated` with `published`, and a DeprecationWarning for every
    # entry.
    for name in ("updated", "published"):
        written = entry[name] if name in entry else None  # noqa: SIM401
        if written:
            return written, entry.get(f"{name}_parsed")
    return None, None


def _when(entry: Any, spec: DataAge) -> datetime | Literal[False] | None:
    written, parsed = _raw(entry)
    at = _time(written, spec)
    if at is False and parsed is not None and spec.format == "auto" and not str(written).rstrip()[-1:].isalpha():
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC)  # months in Greek, Korean ...; never a zone's name
    return at


def _time(written: Any, spec: DataAge) -> datetime | Literal[False] | None:
    """None: there is none; False: there is one that cannot be read."""
    if written is None:
        return None
    epoch = to_epoch(written, spec.format, spec.zone)
    try:
        return False if epoch is None else datetime.fromtimestamp(epoch, UTC)
    except (ValueError, OverflowError, OSError):
        return False


def _name(version: str) -> str:
    return {"rss20": "RSS 2.0", "rss10": "RSS 1.0", "atom10": "Atom 1.0", "atom03": "Atom 0.3"}.get(
        version, version or "a feed"
    )


def _short(text: Any) -> str | None:
    return text[:_SUMMARY_CHARS] if isinstance(text, str) else None
