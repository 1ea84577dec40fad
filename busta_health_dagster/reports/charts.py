"""The small pictures inside the page: 30 days as a line, the budget as a bar.

Each has its numbers in a table beside it, so that the pictures themselves are hidden from a screen reader, and the sentence above
them says what they show. Classes carry the colours: the page knows light, dark and print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from busta_health_dagster.svg.lines import line, n

if TYPE_CHECKING:
    from busta_health_dagster.domain.report import SlaRow, TrendRow

WIDTH, HEIGHT = 120, 34
_ROOM = 2.5


def budget_bar(row: SlaRow) -> Markup:
    """What is left of the budget; hatched when it is overspent."""
    left = row.budget_left
    if left is None:
        return Markup("")
    kind = " over" if left < 0 else " low" if left < 25 else ""
    width = 100 if left < 0 else round(left)
    return Markup('<span class="bar{}"><span style="width:{}%"></span></span>').format(kind, width)


def scale(row: TrendRow, *, from_zero: bool) -> tuple[float, float]:
    """The lowest and highest value of the picture. The limit is drawn where it lies within reach of the line."""
    values = [v for _, v in row.days if v is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if from_zero:
        low = 0.0
        if row.limit is not None and row.limit <= 1.6 * high:
            high = max(high, row.limit)
    elif row.limit is not None:
        low, high = min(low, row.limit - 4), max(high, 100.0)
    return low, high if high > low else low + 1


def days_line(row: TrendRow, since: int, *, from_zero: bool) -> Markup:
    """30 days as a line; days from `since` on are shaded, days without a value are gaps, the limit is dashed."""
    low, high = scale(row, from_zero=from_zero)
    steps = max(len(row.days) - 1, 1)

    def x(i: float) -> float:
        return WIDTH * i / steps

    def y(value: float) -> float:
        return HEIGHT - _ROOM - (HEIGHT - 2 * _ROOM) * (value - low) / (high - low)

    start = next((i for i, (at, _) in enumerate(row.days) if at >= since), len(row.days))
    left = x(max(start - 0.5, 0))
    shaded = Markup('<rect class="wk" x="{}" y="0" width="{}" height="{}"/>').format(n(left), n(WIDTH - left), HEIGHT)
    dashed = Markup("")
    if row.limit is not None and low <= row.limit <= high:
        dashed = Markup('<path class="lim" d="M0 {}H{}"/>').format(n(y(row.limit)), WIDTH)
    drawn = line([None if v is None else (x(i), y(v)) for i, (_, v) in enumerate(row.days)])
    return Markup(
        '<svg class="p" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}{}<path class="ln" d="{}"/></svg>'
    ).format(WIDTH, HEIGHT, shaded, dashed, drawn)
