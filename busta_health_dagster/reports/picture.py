"""Small charts as one PNG, for mail and for Dagster's page, where SVG is not shown. matplotlib is loaded when one is drawn."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.reports import charts
from busta_health_dagster.wording import durations, numbers, percentages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.report import TrendRow, WeeklyReport

MOST_BYTES = 60_000
PANELS = 12
_INK, _MUTED, _LINE, _BAD, _SHADE = "#1b2430", "#556170", "#2b62b8", "#b92c19", "#e9eff8"


@dataclass(frozen=True, slots=True)
class Panel:
    """One source: its line, and its numbers as words."""

    row: TrendRow
    value: str
    change: str
    from_zero: bool
    hot: bool = False


def response_panels(report: WeeklyReport, hot: set[str], most: int = PANELS) -> list[Panel]:
    return [
        Panel(
            r, durations.milliseconds_text(r.now), percentages.percent_change(r.change_percent), True, r.source in hot
        )
        for r in report.response[:most]
    ]


def quality_panels(report: WeeklyReport, hot: set[str], most: int = PANELS) -> list[Panel]:
    return [
        Panel(r, numbers.score(r.now), numbers.change(r.now, r.before, 1), False, r.source in hot)
        for r in report.quality[:most]
    ]


def multiples(panels: Sequence[Panel], since: int, *, columns: int = 4, sharp: bool = True) -> bytes:
    """A grid of lines over 30 days as PNG of at most 60 KB; days from `since` on are shaded.

    `sharp` draws it twice as large as it is shown, for mail; Dagster shows a picture as large as it is. The same panels
    give the same picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = -(-len(panels) // columns)
    dpi, width_px, row_px = (176, 1380, 136) if sharp else (112, 880, 87)
    figure = Figure(figsize=(width_px / dpi, max(lines, 1) * row_px / dpi), dpi=dpi, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    for i, panel in enumerate(panels):
        left, top = (i % columns) / columns, 1 - (i // columns) / max(lines, 1)
        box = (left + 0.012, top - 0.72 / lines, 1 / columns - 0.024, 0.42 / lines)
        _draw(figure.add_axes(box), panel, since)
        ink = _BAD if panel.hot else _INK
        figure.text(
            left + 0.012, top - 0.08 / lines, _cut(panel.row.source), size=7, weight="bold", va="top", color=_INK
        )
        figure.text(left + 0.012, top - 0.93 / lines, panel.value, size=7, weight="bold", va="bottom", color=ink)
        figure.text(
            left + 1 / columns - 0.012,
            top - 0.93 / lines,
            panel.change,
            size=6.5,
            va="bottom",
            ha="right",
            color=_MUTED,
        )
    return _png(canvas)


def _draw(axes: object, panel: Panel, since: int) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    row = panel.row
    low, high = charts.scale(row, from_zero=panel.from_zero)
    days = range(len(row.days))
    start = next((i for i, (at, _) in enumerate(row.days) if at >= since), len(row.days))
    axes.axvspan(max(start - 0.5, 0), len(row.days) - 1, color=_SHADE, lw=0)
    if row.limit is not None and low <= row.limit <= high:
        axes.axhline(row.limit, color=_BAD, lw=0.9, ls=(0, (4, 3)))
    values = [float("nan") if v is None else v for _, v in row.days]
    axes.plot(days, values, color=_LINE, lw=1.1, solid_joinstyle="round")
    room = (high - low) * 0.08
    axes.set_xlim(0, max(len(row.days) - 1, 1))
    axes.set_ylim(low - room, high + room)
    axes.set_axis_off()


def _png(canvas: object) -> bytes:
    """Few colours are needed: a palette keeps it small."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    picture = Image.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")
    data = b""
    for colours in (96, 32, 8):
        out = io.BytesIO()
        picture.quantize(colours).save(out, "PNG", optimize=True)
        data = out.getvalue()
        if len(data) <= MOST_BYTES:
            break
    return data


def _cut(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"
