"""The overview's key numbers, and this week against the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.uptime_and_budget import MINIMUM_COVERAGE
from busta_health_dagster.pipeline.views.overview import MONTH_S
from busta_health_dagster.web.pages import bars_and_sparklines, texts
from busta_health_dagster.wording import durations, lists, numbers, percentages

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.views.overview import FleetPage


def kpis(page: FleetPage) -> dict[str, Any]:
    """The row of numbers."""
    target = page.targets[0] if len(page.targets) == 1 else None
    uptime = page.month.uptime
    gap = ""
    if uptime is not None and target is not None:
        difference = uptime - target
        gap = f"{'above' if difference >= 0 else 'below'} by {numbers.decimal(abs(difference), 2)}"
    month = page.incidents
    resolved = [i.resolve_s for i in month.incidents if i.resolve_s is not None]
    open_alerts = [a for a in page.alerts if a.open and not a.notifies_nobody]
    mttr = month.now.mttr.mean if month.now else None
    before = month.before.mttr.mean if month.before else None
    next_name = page.nearest
    row = next((r for r in page.health.rows if r.source == next_name), None)
    return {
        "uptime": percentages.share(uptime),
        "target": None if target is None else percentages.share(target),
        "uptime_gap": gap,
        "uptime_from": "" if page.met or page.missed else first_figures(page.observing_since, MONTH_S, page.health.at),
        "uptime_bad": uptime is not None and target is not None and uptime < target,
        "uptime_spark": bars_and_sparklines.spark(page.days, limit=target),
        "met": len(page.met),
        "missed": lists.listed(page.missed, 2),
        "unsaid": len(page.health.rows) - len(page.met) - len(page.missed),
        "total": len(page.health.rows),
        "alerts": len(open_alerts),
        "highest": max((a.alert.step for a in open_alerts), default=0),
        "critical": sum(a.alert.severity.word == "critical" for a in open_alerts),
        "unacked": sum(a.alert.ack is None for a in open_alerts),
        "mttr": None if mttr is None else mttr,
        "mttr_before": before,
        "mttr_delta": "" if mttr is None or before is None else durations.duration_change(mttr, before),
        "mttr_worse": mttr is not None and before is not None and mttr > before,
        "mttr_spark": bars_and_sparklines.spark(resolved[-30:], log=True) if len(resolved) > 1 else "",
        "incidents": len(month.incidents),
        "quick": sum(d < 3600 for d in resolved),
        "resolved": len(resolved),
        "mtbf": month.now.mtbf_s if month.now else None,
        "next": next_name,
        "next_none": no_next(any_verdict=bool(page.met or page.missed)),
        "next_budget": f"{percentages.budget(row.budget_left)}%" if row else "",
        "next_low": bool(row and row.budget_left is not None and row.budget_left < 25),
        "next_spare": durations.duration_text(page.spare_s) if page.spare_s is not None else "",
    }


def no_next(*, any_verdict: bool) -> str:
    """Why nothing is next to a breach."""
    return "No source meets its target" if any_verdict else "No source has enough data for an SLA"


def first_figures(since: int | None, span_s: int, now: int) -> str:
    """`observing since 14:05, first figures on 6 Dec`: what there is to say of a window that was hardly seen yet."""
    if since is None:
        return "not observed yet"
    ready = since + span_s * MINIMUM_COVERAGE  # where no slot is missed
    when = f", first figures {texts.moment(int(ready), now)} UTC" if ready > now else ""
    return f"observing since {texts.moment(since, now)} UTC{when}"


def week(page: FleetPage) -> list[tuple[str, str, str, str, bool]]:
    """(name, now, before, change, is the change for the worse)."""
    now, before = page.week, page.week_before
    month = page.incidents
    mttr = month.week.mttr.mean if month.week else None
    mttr_before = month.week_before.mttr.mean if month.week_before else None
    n = month.week.resolved if month.week else 0
    n_before = month.week_before.resolved if month.week_before else 0
    return [
        (
            "Uptime, %",
            percentages.share(now.uptime),
            percentages.share(before.uptime),
            numbers.change(now.uptime, before.uptime),
            _worse(before.uptime, now.uptime),
        ),
        (
            "MTTR",
            durations.duration_text(mttr),
            durations.duration_text(mttr_before),
            durations.duration_change(mttr, mttr_before),
            _worse(mttr, mttr_before),
        ),
        ("Incidents", f"{n:,}", f"{n_before:,}", numbers.change(n, n_before, 0), n > n_before),
        (
            "Quality",
            numbers.score(now.quality),
            numbers.score(before.quality),
            numbers.change(now.quality, before.quality, 1),
            _worse(before.quality, now.quality),
        ),
    ]


def _worse(more: float | None, less: float | None) -> bool:
    return more is not None and less is not None and more > less
