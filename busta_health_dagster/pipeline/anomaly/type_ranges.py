"""The normal operating range of a type of source, for Dagster's catalog: a table by hour, a picture, numbers."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.anomaly import Metric
from busta_health_dagster.pipeline.anomaly.normal_ranges import type_weeks
from busta_health_dagster.wording.measures import measure, measured_range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.anomaly import NormalRange
    from busta_health_dagster.pipeline.app.app import App

DAY_HOURS = 24
WEEKEND = 5 * DAY_HOURS  # hours from Monday 00:00 to Saturday 00:00
_WORDS = {Metric.RESPONSE: "Response time", Metric.ITEMS: "Items", Metric.QUALITY: "Quality"}


@dataclass(frozen=True, slots=True)
class TypeRange:
    """`weeks` has 168 bands per metric (Monday 00:00 UTC first), of those metrics that someone has learned."""

    type: str
    weeks: Mapping[Metric, tuple[NormalRange, ...]]

    @property
    def figures(self) -> dict[str, float]:
        """Over the week: the lowest p5, the median of the middle, the highest p95, in the metric's unit."""
        out = {}
        for metric, week in self.weeks.items():
            name = _WORDS[metric].lower()
            unit = " (ms)" if metric is Metric.RESPONSE else ""
            out[f"{name}, p5{unit}"] = min(b.p5 for b in week)
            out[f"{name}, p50{unit}"] = sorted(b.p50 for b in week)[len(week) // 2]
            out[f"{name}, p95{unit}"] = max(b.p95 for b in week)
        return out

    @property
    def in_short(self) -> dict[str, str]:
        """The same in a few words: 105 to 340 ms, usually 215 ms."""
        out = {}
        for metric, week in self.weeks.items():
            low, high = min(b.p5 for b in week), max(b.p95 for b in week)
            usual = sorted(b.p50 for b in week)[len(week) // 2]
            name = metric.value
            out[_WORDS[metric].lower()] = f"{measured_range(low, high, name)}, usually {measure(usual, name)}"
        return out


def type_range(app: App, type_name: str) -> TypeRange:
    """Raises Refused: nothing is known of this type yet."""
    return TypeRange(type_name, type_weeks(app, type_name))


def markdown(found: TypeRange) -> str:
    """By hour of day (UTC), weekdays and weekend apart: p5 - p95, and the usual value in the middle. Some 6 KB."""
    lead = (
        f"Normal operating range of type **{found.type}**: nine of ten good observations lie between the two numbers; "
        "the usual value stands in brackets. Hours are UTC."
    )
    parts = [lead]
    for metric, week in found.weeks.items():
        parts += ["", f"**{_WORDS[metric]}**", "", "| hour | Monday to Friday | weekend |", "|--:|--:|--:|"]
        for hour in range(DAY_HOURS):
            weekday, weekend = week[2 * DAY_HOURS + hour], week[WEEKEND + hour]  # Wednesday stands for the weekdays
            parts.append(f"| {hour:02d} | {_range(metric, weekday)} | {_range(metric, weekend)} |")
    return "\n".join(parts)


def picture(found: TypeRange) -> bytes:
    """The week of each metric as one PNG. matplotlib is loaded here."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 1.7 * len(found.weeks)), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    for i, (metric, week) in enumerate(found.weeks.items()):
        axes = figure.add_subplot(len(found.weeks), 1, i + 1)
        hours: Sequence[int] = range(len(week))
        axes.fill_between(hours, [b.p5 for b in week], [b.p95 for b in week], color="#d5e2f5", lw=0)
        axes.plot(hours, [b.p50 for b in week], color="#2b62b8", lw=1.2)
        axes.set_xlim(0, len(week) - 1)
        axes.set_xticks(range(0, len(week), DAY_HOURS), ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
        axes.set_ylabel(f"{_WORDS[metric]}{', ms' if metric is Metric.RESPONSE else ''}", size=8)
        axes.tick_params(labelsize=7, colors="#556170")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.tight_layout()
    out = io.BytesIO()
    canvas.print_png(out)
    return out.getvalue()


def _range(metric: Metric, normal_range: NormalRange) -> str:
    name = metric.value
    return f"{measured_range(normal_range.p5, normal_range.p95, name)} ({measure(normal_range.p50, name)})"
