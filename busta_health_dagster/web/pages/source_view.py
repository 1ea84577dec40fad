"""One source's facts as its page writes them: what is wrong against normal, since when, what it feeds, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.rules.limits import limit_text
from busta_health_dagster.pipeline.status import DAY_S
from busta_health_dagster.web.pages import charts, shapes, source_facts, texts
from busta_health_dagster.web.pages.alert_view import alert_view
from busta_health_dagster.web.pages.fleet_view import bar_words, reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.sla import SlaResult
    from busta_health_dagster.pipeline.source_page import SourcePage
    from busta_health_dagster.store.rollups import Bar

PHASES = {"dns": "DNS", "connect": "connect", "tls": "TLS", "first_byte": "first byte", "body": "body"}
WINDOW_WORDS = {"24h": "24 h", "7d": "7 d", "30d": "30 d"}
POINT_WORDS = {"24h": "one point per 5 min", "7d": "mean per 30 min", "30d": "mean per hour"}
_ROWS = {"24h": 3600, "7d": 6 * 3600, "30d": DAY_S}


def source_view(page: SourcePage) -> dict[str, Any]:
    """Everything the template asks for."""
    row, source, now = page.health, page.source, page.fleet.at
    alerts = [alert_view(a, now, row.shown) for a in page.alerts]
    daily = [(at, day.mean_quality) for at, day in page.days]
    scored = [q for _, q in daily if q is not None]
    return {
        "page": page,
        "row": row,
        "source": source,
        "now": now,
        "head_status": row.shown,
        "title": f"{source.name} {shapes.WORDS[row.shown]}",
        "word": texts.STATUS_WORDS[row.shown],
        "lead": lead(page),
        "detail": detail(page),
        "kpis": kpis(page),
        "day": shapes.beats(
            bar_words(page.bars), "last 24 hours in half-hours",
            start=page.bars[0].start if page.bars else now - DAY_S, step_s=1800,
        ),
        "day_from": page.bars[0].start if page.bars else now - DAY_S,
        "recent": _recent(page),
        "response": charts.response(
            page.points, page.since, page.until, limit=page.limits.response_ms, band=page.band,
            window=WINDOW_WORDS[page.window],
        ),
        "table": table(page.points, _ROWS[page.window], now),
        "windows": [(w, WINDOW_WORDS[w], f"?window={w}", w == page.window) for w in WINDOW_WORDS],
        "point_words": POINT_WORDS[page.window],
        "phases": phases(page),
        "phase_note": phase_note(page),
        "payload": source_facts.payload(page),
        "checks": checks(page),
        "quality_chart": charts.quality(daily, limit=page.limits.quality) if scored else None,
        "quality_days": list(reversed([(at, q) for at, q in daily if q is not None])),
        "quality_mean": sum(scored) / len(scored) if scored else None,
        "dimensions": _dimensions(page),
        "alerts": [a for a in alerts if a.open],
        "pending": [a for a in alerts if not a.open],
        "config": source_facts.configuration(page),
    }  # fmt: skip


def lead(page: SourcePage) -> str:
    """The first sentence: how it is."""
    row, now = page.health, page.fleet.at
    said = reason(row, now, since=False)
    if said:
        return said
    if row.response_ms is None:
        return "It is well."
    limit = page.limits.response_ms
    tail = f"; its limit is {limit_text('response_ms', limit)}" if limit is not None else ""
    return f"Answers in {texts.response(row.response_ms)}{tail}."


def detail(page: SourcePage) -> str:
    """The second: against normal, where the time goes, whether data still arrive."""
    row = page.health
    said = []
    if page.band and row.response_ms is not None and row.status in {"up", "degraded"}:
        normal = page.band[-1]
        said.append(f"Normal at this hour is {texts.response(normal.p5)} to {texts.response(normal.p95)}.")
    if page.phases is not None and row.status in {"up", "degraded"} and row.reason == "slow":
        said.append(phase_note(page))
    if row.status in {"up", "degraded"} and row.items is not None:
        age = f", the newest {texts.duration(row.data_age_s)} old" if row.data_age_s is not None else ""
        said.append(
            f"Data {'still ' if row.status == 'degraded' else ''}arrive: {texts.plural(row.items, 'item')}{age}."
        )
    if row.attempts > 1 and row.status == "up":
        said.append(f"It took {row.attempts} attempts.")
    if row.unhealthy and page.source.feeds:
        said.append(f"Feeds {texts.listed(page.source.feeds)}.")
    return " ".join(s for s in said if s)


def kpis(page: SourcePage) -> list[dict[str, Any]]:
    """Label, figure, unit, two lines below, whether it is bad."""
    row, limits = page.health, page.limits
    out = [
        _uptime(label, page.levels.get(key), row.target)
        for label, key in (("24 h", "24h"), ("7 d", "7d"), ("30 d", "30d"))
    ]
    month = page.levels.get("30d")
    spare = spent = None
    if month is not None and month.allowed_bad:
        spare = float(month.allowed_bad - month.bad) * month.slice_s
        spent = float(month.allowed_bad) * month.slice_s
    out.append(
        {
            "name": "Error budget, 30 d",
            "figure": texts.budget(row.budget_left).removesuffix(" %"),
            "unit": "% left" if row.budget_left is not None else "",
            "meter": shapes.meter(row.budget_left),
            "under": "" if spare is None or spent is None
            else f"{texts.duration(spare)} of {texts.duration(spent)}" if spare >= 0
            else f"overspent by {texts.duration(-spare)}",
            "bad": row.budget_left is not None and row.budget_left < 0,
        }
    )  # fmt: skip
    age = limits.data_age_s
    out.append(
        {
            "name": "Data age",
            "figure": texts.duration(row.data_age_s),
            "under": f"limit {texts.duration(age)}" if age is not None else "no limit",
            "bad": row.data_age_s is not None and age is not None and row.data_age_s > age,
        }
    )
    items = sorted(o.items for o in page.looks[:-1] if o.items is not None)
    out.append(
        {
            "name": "Items",
            "figure": texts.count(row.items),
            "under": f"lately {items[0]:,}–{items[-1]:,}" if items else "",
            "bad": False,
        }
    )
    floor = limits.quality
    scored = texts.moment(page.quality_at, page.fleet.at)
    out.append(
        {
            "name": "Quality",
            "figure": texts.score(row.quality),
            "under": (f"limit {floor:g} · " if floor is not None else "") + (f"scored {scored}" if page.quality_at else "not scored"),
            "bad": row.quality is not None and floor is not None and row.quality < floor,
        }
    )  # fmt: skip
    return out


def _uptime(label: str, level: SlaResult | None, target: float) -> dict[str, Any]:
    uptime = None if level is None or level.uptime is None else float(level.uptime * 100)
    bad = f"{level.bad} bad of {int(level.good + level.bad):,}" if level is not None else "nothing was seen"
    coverage = None if level is None or level.coverage is None else float(level.coverage * 100)
    return {
        "name": f"Uptime, {label}",
        "figure": texts.share(uptime),
        "unit": "%" if uptime is not None else "",
        "under": f"{bad} · target {texts.share(target)} · coverage {texts.share(coverage)}",
        "bad": uptime is not None and uptime < target,
    }


def _recent(page: SourcePage) -> Any:
    looks = page.looks
    words: list[str | None] = [o.status.word for o in looks]
    start = looks[0].observed_at if looks else page.fleet.at
    return shapes.beats(words, f"last {len(looks)} checks", start=start, step_s=page.source.interval_s)


def table(points: Sequence[Bar], step_s: int, now: int) -> list[dict[str, Any]]:
    """The chart's figures, newest first: mean and highest response, and what was seen, per hour, six hours or day."""
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
                "mean": texts.response(sum(known) / len(known) if known else None),
                "highest": texts.response(max(known) if known else None),
                "seen": shapes.summary(bar_words(some)),
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
            "ms": texts.response(ms) if ms >= 10 else f"{ms:.1f} ms",
            "usual": _small(page.usual_phases.get(name)),
            "width": f"{max(100 * ms / whole, 0.6):.1f}",
            "odd": (usual := page.usual_phases.get(name)) is not None and ms > 3 * usual and ms > 100,
        }
        for name, ms in took.items()
    ]


def _small(ms: float | None) -> str:
    return texts.DASH if ms is None else texts.response(ms) if ms >= 10 else f"{ms:.1f} ms"


def phase_note(page: SourcePage) -> str:
    """Which phase takes most of the wait, when one does."""
    if page.phases is None:
        return ""
    took = page.phases.as_dict()
    whole = sum(took.values())
    if whole <= 0:
        return ""
    name, longest = max(took.items(), key=lambda pair: pair[1])
    percent = int(100 * longest / whole)
    if percent < 70 or whole < 100:
        return ""
    where = {"first_byte": "the provider is slow, not the network", "body": "the body is long or the line is slow"}
    cause = f": {where[name]}" if name in where else ""
    usual = page.usual_phases.get(name)
    times = f", {longest / usual:.0f} times its usual {_small(usual)}" if usual and longest > 3 * usual else ""
    return f"{percent}% of the wait is {PHASES[name]}{times}{cause}."


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


def _dimensions(page: SourcePage) -> list[dict[str, Any]]:
    score = page.score
    if score is None:
        return []
    return [
        {
            "name": dimension.value,
            "score": texts.score(value),
            "width": f"{min(max((value - 60) / 40 * 100, 1), 100):.1f}",
            "run": sum(c.dimension == dimension and c.passed is not None and c.error is None for c in score.checks),
            "all": sum(c.dimension == dimension for c in score.checks),
        }
        for dimension, value in score.dimensions.items()
    ]
