"""`probe: feed`: RSS, Atom and JSON Feed, told apart by what they contain and never by what their header claims."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.observation import ProbeResult
from busta_health_dagster.probes.ages import DataAge, TimeFormat, Zone, age_findings, ages_of
from busta_health_dagster.probes.bounds import parsed_bytes, refuse_memory
from busta_health_dagster.probes.custom_metrics import Payload, WithMetrics, measure
from busta_health_dagster.probes.expect import Expect, check_age, check_items, check_json
from busta_health_dagster.probes.feed_reading import is_json, read_feed
from busta_health_dagster.probes.measure import conclude, content_mark, sample_of
from busta_health_dagster.probes.oauth2 import authorized
from busta_health_dagster.probes.port import Failed, Finding, ProbeContext, ProbeType
from busta_health_dagster.probes.web_config import WebConfig, host_of
from busta_health_dagster.probes.web_findings import certificate_findings, rate_limited
from busta_health_dagster.probes.web_request import build_request
from busta_health_dagster.wording.durations import duration_text, milliseconds_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.fetch import Fetched

_ACCEPT = "application/feed+json, application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"


class FeedAge(Strict):
    """Entries carry their own time; the newest counts, unless `oldest`. Without any, the feed's own (lastBuildDate)."""

    format: TimeFormat = "auto"
    zone: Zone = "UTC"
    oldest: bool = False


class FeedConfig(WebConfig, WithMetrics):
    """A feed's entries are its items; the newest entry's time is the age of the data."""

    expect: Expect = Field(default_factory=Expect)
    data_age: FeedAge | Literal["none"] = Field(default_factory=FeedAge)

    @property
    def tells_age(self) -> bool:
        """Can an observation ever say how old the data are?"""
        return self.data_age != "none"

    @property
    def has_data(self) -> bool:
        return self.tells_age


async def probe(source: Source, config: FeedConfig, context: ProbeContext) -> ProbeResult:
    request = build_request(config, source, context)
    if not any(name.lower() == "accept" for name in request.headers):
        request = replace(request, headers={**request.headers, "Accept": _ACCEPT})
    got = await context.http.fetch(await authorized(request, config, source, context))
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
        raise Failed("http_status", f"{got.answered} {got.status}, 2xx wanted", **(seen | {"response_ms": None}))
    # feedparser takes 1 ms per entry or so: never on the loop, where others are being timed
    return await context.threads.run(source.name, _evaluate, config, context, got, findings, seen)


def _evaluate(
    config: FeedConfig, context: ProbeContext, got: Fetched, findings: list[Finding], seen: dict[str, Any]
) -> ProbeResult:
    age = config.data_age
    spec = DataAge(column="published", **(age.model_dump() if isinstance(age, FeedAge) else {}))
    if is_json(got.body):
        refuse_memory(parsed_bytes(got.body), context.limits.memory_bytes)
    feed = read_feed(got.body, got.headers.get("Content-Type", ""), spec)
    rows = feed.rows
    mark = content_mark(got.body, got.headers.get("ETag"))
    facts: dict[str, Any] = {"feed": feed.kind, "bytes": len(got.body), "content": mark}
    if feed.repaired:
        facts["repaired"] = list(feed.repaired)
    if feed.problem is not None:
        findings.append(feed.problem)
        if feed.problem.severity == "error":
            return conclude(findings, "", facts=facts, **seen)
    ages = ages_of(feed.times if config.tells_age else (), spec, context.now)
    found = ages.found()
    findings += check_items(config.expect, len(rows)) + check_json(config.expect, rows)
    if config.tells_age and (any(at is not None for at in feed.times) or "data_age" in config.model_fields_set):
        findings += age_findings(found, "the entries", len(rows))
    findings += check_age(config.expect, found.age_s)
    metrics = measure(
        config.custom_metrics,
        Payload(
            context.now,
            rows,
            rows,
            headers=got.headers,
            text=lambda: got.body.decode(got.charset, "replace"),
            items=len(rows),
        ),
    )
    findings += metrics.findings
    newest = f", newest {duration_text(found.age_s)} old" if found.age_s is not None else ""
    return conclude(
        findings,
        f"{feed.kind}, {plural(len(rows), 'entry', 'entries')}{newest}, in {milliseconds_text(got.elapsed_ms)}",
        facts=facts | ages.facts(),
        items=len(rows),
        data_age_s=found.age_s,
        metrics=metrics.values,
        sample=sample_of(rows, context.limits, at=context.now),
        **seen,
    )


FEED = ProbeType("feed", FeedConfig, probe, host=host_of, concurrency=10, concurrency_per_host=5)
