"""The overview's facts as its template writes them: its rows, in which words, and what the page's numbers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.health import WORST_FIRST
from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.pipeline.views.status import STRIP_BUCKET_S
from busta_health_dagster.web.pages import bars_and_sparklines, figures, texts
from busta_health_dagster.web.pages.alert_view import alert_view
from busta_health_dagster.web.pages.fleet_filter import GROUPS
from busta_health_dagster.web.pages.gantt import gantt
from busta_health_dagster.web.pages.noise_view import noise_view
from busta_health_dagster.wording import durations, glyphs, lists, numbers, percentages, sentences
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from busta_health_dagster.domain.health import SourceHealth
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.views.overview import FleetPage, Trend
    from busta_health_dagster.store.rollup_queries import Bar
    from busta_health_dagster.web.pages.fleet_filter import Chosen, Filter

NOUNS = glyphs.STATUS_WORD


@dataclass(frozen=True, slots=True)
class Row:
    """One source as a row."""

    name: str
    status: str
    word: str
    sub: str
    seen_at: int | None
    why: str
    gate: str
    runbook: str | None
    heartbeats: Markup
    uptimes: tuple[tuple[str, str, bool], ...]
    p95: str
    p95_bad: bool
    latency: Markup
    quality: str
    quality_bad: bool
    scores: Markup
    fail: str
    fail_bad: bool
    budget: str
    budget_bad: bool
    meter: Markup


def _gate(row: SourceHealth, page: FleetPage, source: Source | None) -> str:
    """What someone did to its gate, and what it blocks; else what it feeds, where that matters."""
    impact = page.impacts.get(row.source)
    said = [] if impact is None else [text for text in (impact.override, impact.blocks) if text]
    if not said and source is not None and row.unhealthy and source.feeds:
        said = [f"Feeds {lists.listed(source.feeds)}."]
    return " ".join(said)


def row_view(row: SourceHealth, page: FleetPage, trend: Trend, source: Source | None, now: int) -> Row:
    limits = page.limits.get(row.source)
    latest = next((v for v in reversed(trend.p95_ms) if v is not None), None)
    silent = row.shown == "down"  # in maintenance no answer is no news
    p95 = _no_answer(row) if silent else durations.milliseconds_text(latest)
    slow = bool(limits and limits.response_ms is not None and latest is not None and latest > limits.response_ms)
    floor = limits.quality if limits else None
    poor = row.quality is not None and floor is not None and row.quality < floor
    failing = limits is not None and limits.failure_ratio is not None and row.failure_rate is not None
    over = failing and row.failure_rate > 100 * limits.failure_ratio  # type: ignore[operator,union-attr]
    since = trend.bars[0].start if trend.bars else now - 86400
    return Row(
        name=row.source,
        status=row.shown,
        word=glyphs.STATUS_LABEL[row.shown],
        sub=f"{row.type} · {row.probe} · tier {row.tier}",
        seen_at=row.observed_at,
        why=reason(row, now, page),
        gate=_gate(row, page, source),
        runbook=source.runbook if source and row.unhealthy else None,
        heartbeats=bars_and_sparklines.heartbeats(
            bar_words(trend.bars), "last 24 hours in half-hours", start=since, step_s=STRIP_BUCKET_S
        ),
        uptimes=tuple(
            (label, percentages.share(row.uptime.get(key)), _missed(row.uptime.get(key), row.target))
            for label, key in (("24 h", "24h"), ("7 d", "7d"), ("30 d", "30d"))
        ),
        p95=p95,
        p95_bad=silent or slow,
        latency=bars_and_sparklines.spark(
            trend.p95_ms, limit=limits.response_ms if limits else None, log=True, ends_badly=silent
        ),
        quality=numbers.score(row.quality),
        quality_bad=poor,
        scores=bars_and_sparklines.spark(trend.quality, limit=floor),
        fail=percentages.failure_rate(row.failure_rate),
        fail_bad=bool(over),
        budget=numbers.DASH if row.budget is None else f"{percentages.budget(row.budget)}%",
        budget_bad=row.budget is not None and row.budget < 0,
        meter=bars_and_sparklines.meter(row.budget),
    )


def bar_words(bars: Sequence[Bar]) -> list[str | None]:
    return [bar.word for bar in bars]


_NO_ANSWER = {"timeout": "timeout", "dns": "no DNS", "tls": "TLS", "connect": "refused", "payload": "unreadable"}


def _no_answer(row: SourceHealth) -> str:
    if row.reason == "http_status" and row.http_status:
        return f"HTTP {row.http_status}"  # a bare 503 reads as milliseconds
    return _NO_ANSWER.get(row.reason, "no answer")


def _missed(value: float | None, target: float) -> bool:
    return value is not None and value < target


def reason(row: SourceHealth, now: int, page: FleetPage | None = None, *, since: bool = True) -> str:
    """What is wrong and, with `since`, since when. Nothing for a source that is up and past no limit."""
    if row.shown == "up":
        return f"Up, but {row.but}." if row.but else ""
    if row.shown == OFF_SEASON:
        return _off_season(row, now)
    if row.shown == "maintenance":
        why = ""
        if page is not None:
            running = [p for p in page.planned if p.now and row.source in p.sources]
            why = f": {running[0].occurrence.reason}" if running and running[0].occurrence.reason else ""
        until = texts.moment(row.maintenance_until, now)
        state = "" if row.status == "up" else f" It is {row.status} meanwhile."
        return f"Maintenance until {until} UTC{why}. Alerts wait.{state}"
    if row.stale:
        if row.observed_at is None:
            return "Not checked yet."
        return (
            f"No observation for {duration_text(now - row.observed_at)}; "
            f"it was {row.status} at {texts.moment(row.observed_at, now)} UTC."
        )
    text = sentences.capital((row.detail or row.reason.replace("_", " ")).rstrip("."))
    if since and row.since is not None:
        text += f", since {texts.moment(row.since, now)} UTC ({duration_text(max(now - row.since, 0))})"
    return f"{text}."


def _off_season(row: SourceHealth, now: int) -> str:
    until = "" if row.off_season_until is None else f" until {texts.moment(row.off_season_until, now)} UTC"
    if row.observed_at is None:
        seen = "It was not observed yet."
    elif row.stale:
        seen = f"It was last observed {duration_text(now - row.observed_at)} ago."
    else:
        seen = "It answers." if row.status in {"up", "degraded"} else f"It is {row.status}: {row.detail or row.reason}."
    return f"Off season{until}: only whether it answers is observed. {seen}"


def headline(page: FleetPage, now: int) -> tuple[str, str, str]:
    """(status of the shape, the page's heading, the document's title)."""
    counts = page.health.counts
    total = len(page.health.rows)
    if not total:
        return "unknown", "No source is configured", "No source"
    if page.health.stale_monitor:
        tick = page.health.tick_at
        when = f"since {texts.moment(tick, now)} UTC" if tick else "yet"
        return "unknown", f"The monitor has not reported {when}", "Monitor stale"
    bad = [(s, counts[s]) for s in ("down", "degraded", "unknown") if counts[s]]
    if not bad:
        if counts[OFF_SEASON] == total:
            return OFF_SEASON, "Everything is off season", "Off season"
        if counts["maintenance"] + counts[OFF_SEASON] == total:
            return "maintenance", "Everything is in maintenance", "Maintenance"
        but = sum(bool(row.but) for row in page.health.rows)
        head = f"All {lists.plural(counts['up'], 'source')} up" + (f", {but:,} past a limit" if but else "")
        return "up", head, "All up"
    first, n = bad[0]
    head = ", ".join([f"{lists.plural(n, 'source')} {NOUNS[first]}", *(f"{m:,} {NOUNS[s]}" for s, m in bad[1:])])
    return first, head, " · ".join(f"{m} {NOUNS[s]}" for s, m in bad)


def overview(
    page: FleetPage,
    chosen: Chosen,
    trends: Mapping[str, Trend],
    sources: Mapping[str, Source],
    wanted: Filter,
    now: int,
) -> dict[str, Any]:
    """Everything the template asks for."""
    status, head, title = headline(page, now)
    counts = page.health.counts
    shown = {r.source: r.shown for r in page.health.rows}
    details = {r.source: r.detail for r in page.health.rows if r.status == "down"}
    alerts = [alert_view(a, now, shown.get(a.alert.source, "unknown"), details) for a in page.alerts]
    alerts.sort(key=lambda a: (a.acknowledged, a.severity != "critical", WORST_FIRST.index(a.status)))
    return {
        "head_status": status,
        "head": head,
        "title": title,
        "counts": [
            (s, glyphs.STATUS_COUNTED[s], counts[s], wanted.address(state="" if wanted.state == s else s, page=1))
            for s in WORST_FIRST
            if counts[s]
        ],
        "now": now,
        "page": page,
        "health": page.health,
        "kpi": figures.kpis(page),
        "rows": [row_view(r, page, trends[r.source], sources.get(r.source), now) for r in chosen.rows],
        "chosen": chosen,
        "many": len(chosen.rows) > 40,
        "filter": wanted,
        "states": [("unhealthy", "unhealthy"), *((s, glyphs.STATUS_COUNTED[s]) for s in WORST_FIRST)],
        "groups": [(by, f"by {word}") for by, word in GROUPS.items()],
        "types": sorted({r.type for r in page.health.rows}),
        "alerts": [a for a in alerts if a.open and not a.quiet],
        "quiet": [a for a in alerts if a.quiet],
        "pending": [a for a in alerts if not a.open and not a.quiet],
        "names": shown,
        "most_alerts": 4 if wanted.wall else 12,
        "week": figures.week(page),
        "noise": noise_view(page.noise),
        "calm": len(page.health.rows) - len({i.source for i in page.incidents.incidents} & shown.keys()),
        "gantt": gantt(page.incidents.incidents, now),
        "planned": page.planned,
    }
