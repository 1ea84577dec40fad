"""One source's facts as its page writes them: what is wrong against normal, since when, what it feeds, what to do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.anomaly import Metric
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.pipeline.service_levels.windows import DAY_S
from busta_health_dagster.web.pages import bars_and_sparklines, charts, source_facts, texts, vantages_view
from busta_health_dagster.web.pages.alert_view import alert_view
from busta_health_dagster.web.pages.fleet_view import bar_words
from busta_health_dagster.web.pages.source_figures import kpis, normal_range_of
from busta_health_dagster.web.pages.source_sentences import PHASES, detail, lead, phase_note
from busta_health_dagster.wording import durations, glyphs, lists, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from busta_health_dagster.domain.quality import Cap
    from busta_health_dagster.pipeline.views.source_page import SourcePage
    from busta_health_dagster.store.rollup_queries import Bar
    from busta_health_dagster.web.pages.plotting import Chart

WINDOW_WORDS = {"24h": "24 h", "7d": "7 d", "30d": "30 d"}
POINT_WORDS = {"24h": "one point per 5 min", "7d": "mean per 30 min", "30d": "mean per hour"}
_ROWS = {"24h": 3600, "7d": 6 * 3600, "30d": DAY_S}


def source_view(page: SourcePage, built: Mapping[str, datetime | None] | None = None) -> dict[str, Any]:
    """Everything the template asks for. `built`: when the assets that it feeds were materialized last."""
    row, source, now = page.health, page.source, page.fleet.at
    alerts = [alert_view(a, now, row.shown, {row.source: row.detail}) for a in page.alerts]
    daily = [(at, day.mean_quality) for at, day in page.days]
    scored = [q for _, q in daily if q is not None]
    return {
        "page": page,
        "row": row,
        "source": source,
        "now": now,
        "head_status": row.shown,
        "title": f"{source.name} {glyphs.STATUS_WORD[row.shown]}",
        "word": glyphs.STATUS_LABEL[row.shown],
        "lead": lead(page),
        "detail": detail(page),
        "kpis": kpis(page),
        "day": bars_and_sparklines.heartbeats(
            bar_words(page.bars),
            "last 24 hours in half-hours",
            start=page.bars[0].start if page.bars else now - DAY_S,
            step_s=1800,
        ),
        "day_from": page.bars[0].start if page.bars else now - DAY_S,
        "recent": _recent(page),
        "response": charts.response(
            page.points,
            page.since,
            page.until,
            limit=page.limits.response_ms,
            normal_range=normal_range_of(page, Metric.RESPONSE),
            window=WINDOW_WORDS[page.window],
            anomalies=[a.since for a in page.anomalies if a.response],
        ),
        "vantages": vantages_view.vantages(page),
        "quorum": vantages_view.quorum(page),
        "delivered": _delivered(page),
        "anomalies": source_facts.anomalies(page),
        "unjudged": page.anomaly.reason if page.anomaly is not None and page.anomaly.outcome is Outcome.UNKNOWN else "",
        "feeds": source_facts.feeds(page, built or {}),
        "table": table(page.points, _ROWS[page.window], now),
        "windows": [(w, WINDOW_WORDS[w], f"?window={w}", w == page.window) for w in WINDOW_WORDS],
        "point_words": POINT_WORDS[page.window],
        "phases": phases(page),
        "phase_note": phase_note(page),
        "payload": source_facts.payload(page),
        "checks": checks(page),
        "checks_counted": checks_counted(page),
        "quality_chart": _quality_chart(page, daily) if scored else None,
        "quality_days": list(reversed([(at, q) for at, q in daily if q is not None])),
        "capped": _capped(page.score.caps) if page.score is not None else "",
        "quality_trend": source_facts.quality_trend(daily, page.until, page.limits.quality),
        "quality_mean": sum(scored) / len(scored) if scored else None,
        "dimensions": _dimensions(page),
        "alerts": [a for a in alerts if a.open and not a.quiet],
        "pending": [a for a in alerts if not a.open or a.quiet],
        "failed": page.score.failing if page.score is not None else (),
        "passed": [c for c in page.score.checks if c.passed] if page.score is not None else [],
        "config": source_facts.configuration(page),
    }


def _delivered(page: SourcePage) -> list[tuple[str, Chart]]:
    """Items and data age over the window, for a source that has them."""
    window = WINDOW_WORDS[page.window]
    items = charts.items(
        [(m.start, m.items) for m in page.delivered],
        page.since,
        page.until,
        normal_range=normal_range_of(page, Metric.ITEMS),
        window=window,
    )
    age = charts.data_age(
        [(m.start, m.data_age_s) for m in page.delivered],
        page.since,
        page.until,
        limit=page.limits.data_age_s,
        window=window,
    )
    own = [
        (metric, charts.custom(metric, points, page.since, page.until, window=window))
        for metric, points in page.custom.items()
    ]
    return [(name, chart) for name, chart in (("Items", items), ("Data age", age), *own) if chart.svg]


def _recent(page: SourcePage) -> Any:
    observations = page.observations
    words: list[str | None] = [o.status.word for o in observations]
    start = observations[0].observed_at if observations else page.fleet.at
    return bars_and_sparklines.heartbeats(
        words, f"last {lists.plural(len(observations), 'check')}", start=start, step_s=page.source.interval_s
    )


def table(points: Sequence[Bar], step_s: int, now: int) -> list[dict[str, Any]]:
    """The chart's numbers, newest first: mean and highest response, and what was seen, per hour, six hours or day."""
    groups: dict[int, list[Bar]] = {}
    for point in points:
        groups.setdefault(point.start // step_s * step_s, []).append(point)
    out = []
    for at, some in sorted(groups.items(), reverse=True):
        known = [p.response_ms for p in some if p.response_ms is not None]
        out.append(
            {
                "at": at,
                "when": texts.day(at) if step_s == DAY_S else texts.moment(at, now),
                "mean": durations.milliseconds_text(sum(known) / len(known) if known else None),
                "highest": durations.milliseconds_text(max(known) if known else None),
                "seen": bars_and_sparklines.summary(bar_words(some)),
            }
        )
    return out


def phases(page: SourcePage) -> list[dict[str, Any]]:
    """Where the last check's time went; `width` of 100 for the bar."""
    if page.phases is None:
        return []
    took = page.phases.as_dict()
    whole = sum(took.values()) or 1.0
    return [
        {
            "name": PHASES[name],
            "ms": durations.short_milliseconds(ms),
            "usual": durations.short_milliseconds(page.usual_phases.get(name)),
            "width": f"{max(100 * ms / whole, 0.6):.1f}",
            "odd": (usual := page.usual_phases.get(name)) is not None and ms > 3 * usual and ms > 100,
        }
        for name, ms in took.items()
    ]


def _capped(caps: Sequence[Cap]) -> str:
    """What holds the score down: the lowest cap and the checks that set it; the table below has the numbers."""
    lowest = [cap for cap in caps if cap.limit == min(c.limit for c in caps)]
    if not lowest:
        return ""
    return f", capped at {lowest[0].limit} by {lists.listed([cap.check for cap in lowest], 2)}"


def checks(page: SourcePage) -> list[dict[str, str]]:
    """Worst first; ERROR is down or outside the SLA, WARN is degraded."""
    order = {Outcome.BAD: 0, Outcome.UNKNOWN: 1, Outcome.GOOD: 2}
    some = sorted(page.checks.values(), key=lambda c: (order[c.outcome], c.severity, c.name))
    out = []
    for check in some:
        bad, unknown = check.outcome is Outcome.BAD, check.outcome is Outcome.UNKNOWN
        status = "unknown" if unknown else "up" if not bad else "down" if check.severity == "ERROR" else "degraded"
        word = "NO DATA" if unknown else check.severity if bad else "PASS"
        out.append({"name": check.name, "status": status, "word": word, "reason": check.reason})
    return out


def checks_counted(page: SourcePage) -> str:
    """`1 fails, 1 without data`; that all pass is said only where they do."""
    counted = Counter(c.outcome for c in page.checks.values())
    bad, unknown = counted[Outcome.BAD], counted[Outcome.UNKNOWN]
    said = [f"{bad} {'fails' if bad == 1 else 'fail'}"] if bad else []
    said += [f"{unknown} without data"] if unknown else []
    return ", ".join(said) or ("all pass" if page.checks else "none yet")


def _quality_chart(page: SourcePage, daily: Sequence[tuple[int, float | None]]) -> Chart:
    normal_range = normal_range_of(page, Metric.QUALITY)
    return charts.quality(daily, limit=page.limits.quality, newest=page.health.quality, normal_range=normal_range)


def _dimensions(page: SourcePage) -> list[dict[str, Any]]:
    score = page.score
    if score is None:
        return []
    return [
        {
            "name": dimension.value,
            "score": numbers.score(value),
            "width": f"{min(max((value - 60) / 40 * 100, 1), 100):.1f}",
            "run": sum(c.dimension == dimension and c.passed is not None and c.error is None for c in score.checks),
            "all": sum(c.dimension == dimension for c in score.checks),
        }
        for dimension, value in score.dimensions.items()
    ]
