"""The row of numbers at the top of a source's page, each against what is usual or asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.anomaly import Metric
from busta_health_dagster.pipeline.service_levels.windows import WINDOWS_S
from busta_health_dagster.web.pages import bars_and_sparklines, texts
from busta_health_dagster.web.pages.figures import first_figures
from busta_health_dagster.wording import durations, numbers, percentages
from busta_health_dagster.wording.measures import measured_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.uptime_and_budget import SlaResult
    from busta_health_dagster.pipeline.views.source_page import Normal, SourcePage


def normal_range_of(page: SourcePage, metric: Metric) -> Sequence[Normal]:
    return page.normal_ranges.get(metric, ())


def kpis(page: SourcePage) -> list[dict[str, Any]]:
    """Label, number, unit, two lines below, whether it is bad."""
    row, limits = page.health, page.limits
    out = [
        _uptime(label, WINDOWS_S[key], page.levels.get(key), page)
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
            "figure": percentages.budget(row.budget),
            "unit": "% left" if row.budget is not None else "",
            "meter": bars_and_sparklines.meter(row.budget),
            "under": ["insufficient data"]
            if row.budget is None or spare is None or spent is None
            else [f"{durations.duration_text(spare)} of {durations.duration_text(spent)}"]
            if spare >= 0
            else [f"overspent by {durations.duration_text(-spare)}"],
            "bad": row.budget is not None and row.budget < 0,
        }
    )
    age = limits.data_age_s
    out.append(
        {
            "name": "Data age",
            "figure": durations.duration_text(row.data_age_s),
            "under": [f"limit {durations.duration_text(age)}" if age is not None else "no limit", _lately(page)],
            "bad": row.data_age_s is not None and age is not None and row.data_age_s > age,
        }
    )
    out.append(
        {
            "name": "Items",
            "figure": numbers.count(row.items),
            "under": _usual_items(page),
            "bad": False,
        }
    )
    floor = limits.quality
    scored = texts.moment(page.quality_at, page.fleet.at)
    doubt = page.score.half_width if page.score is not None and page.score.score == row.quality else None
    out.append(
        {
            "name": "Quality",
            "figure": numbers.score(row.quality),
            "unit": f"± {doubt:.1f}" if doubt else "",
            "under": [
                f"limit {floor:g}" if floor is not None else "",
                f"scored {scored}" if page.quality_at else "not scored",
            ],
            "bad": row.quality is not None and floor is not None and row.quality < floor,
        }
    )
    return out


def _lately(page: SourcePage) -> str:
    """The middle of what the window saw: the ends are the trouble itself."""
    ages = sorted(m.data_age_s for m in page.delivered if m.data_age_s is not None)
    if len(ages) < 12:
        return ""
    low, high = ages[len(ages) // 20], ages[-1 - len(ages) // 20]
    return f"usual {durations.between(low, high, durations.duration_text)}"


def _usual_items(page: SourcePage) -> list[str]:
    normal_range = normal_range_of(page, Metric.ITEMS)
    if normal_range and page.health.items is not None:
        usual = measured_range(normal_range[-1].p5, normal_range[-1].p95, "items")
        return [f"usual {usual}", "at this hour of the week"]
    seen = sorted(o.items for o in page.observations[:-1] if o.items is not None)
    return [f"lately {durations.between(seen[0], seen[-1], numbers.count)}"] if seen else []


def _uptime(label: str, span_s: int, level: SlaResult | None, page: SourcePage) -> dict[str, Any]:
    target = page.health.target
    uptime = None if level is None or level.met is None or level.uptime is None else float(level.uptime * 100)
    if uptime is None:
        said = first_figures(page.observing_since, span_s, page.fleet.at).split(", ")
        if level is not None and level.coverage is not None:
            said.append(f"coverage {percentages.share(float(level.coverage * 100))}, 95 needed")
        return {"name": f"Uptime, {label}", "figure": numbers.DASH, "unit": "", "under": said, "bad": False}
    bad = "nothing was seen" if level is None or not level.good + level.bad else f"{level.bad} bad"
    if level is not None and level.good + level.bad and label != "30 d":
        bad += f" of {int(level.good + level.bad):,}"
    coverage = None if level is None or level.coverage is None else float(level.coverage * 100)
    return {
        "name": f"Uptime, {label}",
        "figure": percentages.share(uptime),
        "unit": "%",
        "under": [
            f"target {percentages.share(target)} · {bad}" if label == "30 d" else bad,
            f"coverage {percentages.share(coverage)}",
        ],
        "bad": uptime < target,
    }
