"""`probe: feed`: RSS, Atom and JSON Feed, told apart by what they contain and never by what their header claims."""

from __future__ import annotations

import calendar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.observation import ProbeResult
from busta_health_dagster.domain.units import duration_text, iso, milliseconds_text
from busta_health_dagster.probes.ages import DataAge, age_facts, age_findings, age_of
from busta_health_dagster.probes.bounds import parsed_bytes, refuse_memory
from busta_health_dagster.probes.expect import Expect, check_age, check_items, check_json
from busta_health_dagster.probes.http import parse_json
from busta_health_dagster.probes.measure import conclude, sample_of
from busta_health_dagster.probes.port import Failed, Finding, ProbeContext, ProbeType
from busta_health_dagster.probes.web_config import WebConfig, build_request, certificate_findings, host_of, rate_limited

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.fetch import Fetched

_ACCEPT = "application/feed+json, application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"
_HARMLESS = ("CharacterEncodingOverride", "NonXMLContentType")  # the server's label is wrong, the feed is not
_SUMMARY_CHARS = 500
_JSON = (b"{", b"[")


class FeedAge(Strict):
    """Entries carry their own time; `oldest` asks for the oldest one."""

    oldest: bool = False


class FeedConfig(WebConfig):
    """A feed's entries are its items; the newest entry's time is the age of the data."""

    expect: Expect = Field(default_factory=Expect)
    data_age: FeedAge = Field(default_factory=FeedAge)


async def probe(source: Source, config: FeedConfig, context: ProbeContext) -> ProbeResult:
    request = build_request(config, source, context)
    if not any(name.lower() == "accept" for name in request.headers):
        request = replace(request, headers={**request.headers, "Accept": _ACCEPT})
    got = await context.http.fetch(request)
    days, findings = certificate_findings(got.tls_not_after, config, context.now)
    seen: dict[str, Any] = {
        "response_ms": got.elapsed_ms,
        "phases": got.phases,
        "http_status": got.status,
        "size_bytes": len(got.body),
        "tls_days_left": days,
    }
    if got.status == 429:
        return rate_limited(got, source, context.now, seen)
    if not 200 <= got.status < 300:
        raise Failed("http_status", f"answered {got.status}, 2xx wanted", **(seen | {"response_ms": None}))
    # feedparser takes 1 ms per entry or so: never on the loop, where others are being timed
    return await context.threads.run(source.name, _evaluate, config, context, got, findings, seen)


def _evaluate(
    config: FeedConfig, context: ProbeContext, got: Fetched, findings: list[Finding], seen: dict[str, Any]
) -> ProbeResult:
    if got.body.lstrip()[:1] in _JSON:
        refuse_memory(parsed_bytes(got.body), context.limits.memory_bytes)
    kind, rows, problem = read_feed(got.body, got.headers.get("Content-Type", ""))
    if problem is not None:
        findings.append(problem)
    facts: dict[str, Any] = {"feed": kind, "bytes": len(got.body)}
    if problem is not None and problem.severity == "error":
        return conclude(findings, "", facts=facts, **seen)
    spec = DataAge(column="published", oldest=config.data_age.oldest)
    found = age_of((row["published"] for row in rows), spec, context.now)
    findings += check_items(config.expect, len(rows)) + check_json(config.expect, rows)
    findings += age_findings(found, "the entries", len(rows)) + check_age(config.expect, found.age_s)
    age = f", newest {duration_text(found.age_s)} old" if found.age_s is not None else ""
    return conclude(
        findings,
        f"{kind}, {len(rows)} entries{age}, in {milliseconds_text(got.elapsed_ms)}",
        facts=facts | age_facts(found),
        items=len(rows),
        data_age_s=found.age_s,
        sample=sample_of(rows, context.limits),
        **seen,
    )


def read_feed(body: bytes, content_type: str = "") -> tuple[str, list[dict[str, Any]], Finding | None]:
    """(`RSS 2.0` | `Atom 1.0` | `JSON Feed 1.1` ..., rows of id, title, link, published, author, summary, finding or
    None).
    """
    if body.lstrip()[:1] in _JSON:
        return _json_feed(body)
    return _xml_feed(body, content_type)


def _json_feed(body: bytes) -> tuple[str, list[dict[str, Any]], Finding | None]:
    document, problem = parse_json(body)
    if problem:
        return "", [], Finding("error", "payload", problem)
    version = document.get("version") if isinstance(document, dict) else None
    entries = document.get("items") if isinstance(document, dict) else None
    if not isinstance(version, str) or "jsonfeed.org/version/" not in version or not isinstance(entries, list):
        return (
            "",
            [],
            Finding(
                "error", "payload", "JSON, but not a JSON Feed: no version https://jsonfeed.org/version/1 or no items"
            ),
        )
    rows = [_json_entry(entry) for entry in entries if isinstance(entry, dict)]
    finding = None
    if len(rows) < len(entries):
        finding = Finding("warning", "payload", f"{len(entries) - len(rows)} of {len(entries)} items are not objects")
    return f"JSON Feed {version.rsplit('/', 1)[-1]}", rows, finding


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


def _xml_feed(body: bytes, content_type: str) -> tuple[str, list[dict[str, Any]], Finding | None]:
    import feedparser

    headers = {"content-type": content_type} if content_type else {}
    parsed = feedparser.parse(body, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not parsed.get("version") and not parsed.entries:
        start = body[:40].decode("utf-8", "replace")
        return "", [], Finding("error", "payload", f"neither RSS, Atom nor JSON Feed; it starts with {start!r}")
    rows = [
        {
            "id": entry.get("id"),
            "title": entry.get("title"),
            "link": entry.get("link"),
            "published": _when(entry),
            "author": entry.get("author"),
            "summary": _short(entry.get("summary")),
        }
        for entry in parsed.entries
    ]
    parse_error = parsed.get("bozo_exception") if parsed.get("bozo") else None
    if parse_error is None or type(parse_error).__name__ in _HARMLESS:
        return _name(parsed.get("version", "")), rows, None
    text = str(parse_error).splitlines()[0][:120]
    severity = "warning" if rows else "error"
    return (
        _name(parsed.get("version", "")),
        rows,
        Finding(severity, "payload", f"not well-formed ({text}); {len(rows)} entries recovered"),
    )


def _when(entry: Any) -> str | None:
    # As text, like JSON Feed has it: a suite that checks times must not depend on the dialect of the feed.
    # `in` before reading: feedparser answers a missing `updated` with `published`, and a DeprecationWarning for every
    # entry.
    stamp = (entry["updated_parsed"] if "updated_parsed" in entry else None) or entry.get("published_parsed")  # noqa: SIM401
    return None if stamp is None else iso(calendar.timegm(stamp))


def _name(version: str) -> str:
    return {"rss20": "RSS 2.0", "rss10": "RSS 1.0", "atom10": "Atom 1.0", "atom03": "Atom 0.3"}.get(
        version, version or "a feed"
    )


def _short(text: Any) -> str | None:
    return text[:_SUMMARY_CHARS] if isinstance(text, str) else None


FEED = ProbeType("feed", FeedConfig, probe, host=host_of, concurrency=10, concurrency_per_host=5)
