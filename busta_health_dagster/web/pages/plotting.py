"""What the charts are drawn with: SVG that keeps its text readable at any width. Positions are percentages, only the
lines are stretched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.svg.lines import line, n
from busta_health_dagster.svg.status_shape import glyph
from busta_health_dagster.web.pages import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from busta_health_dagster.pipeline.views.source_page import Normal
    from busta_health_dagster.store.rollup_queries import Bar

DAY_S = 86400
_MOST_MARKS = 12


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, what it says, and its legend's entries (class, words)."""

    svg: Markup
    finding: str
    legend: tuple[tuple[str, str], ...] = ()


class Axis:
    """Values -> percent of the height, from above. Logarithmic where times spread over decades."""

    def __init__(self, low: float, high: float, *, log: bool) -> None:
        self.log = log
        self._f: Callable[[float], float] = (lambda v: math.log10(max(v, 0.1))) if log else float
        self.high = high
        self._low, self._high = self._f(low), self._f(high)

    def __call__(self, value: float) -> float:
        return 100 * (1 - (self._f(value) - self._low) / (self._high - self._low))


def plot(inner: Markup, outer: Markup, finding: str, *, small: bool = False) -> Markup:
    return Markup(
        '<svg class="plot{}" role="img" aria-label="{}"><svg class="p" viewBox="0 0 1000 100" preserveAspectRatio="none" '
        'width="100%" height="100%">{}</svg>{}</svg>'
    ).format(" small" if small else "", finding, inner, outer)


def grid(heights: Iterable[float]) -> Markup:
    return Markup("").join(Markup('<path class="gr" d="M0 {}H1000"/>').format(n(y)) for y in heights)


def normal_range(some: Sequence[Normal], x: Callable[[float], float], axis: Axis, lowest: float = 0.0) -> Markup:
    """The normal range, below everything else. `lowest` is the least value that a logarithmic axis can hold."""
    if not some:
        return Markup("")
    above = "L".join(f"{n(10 * x(b.at))} {n(axis(b.p95))}" for b in some)
    below = "L".join(f"{n(10 * x(b.at))} {n(axis(max(b.p5, lowest)))}" for b in reversed(some))
    return Markup('<path class="bd" d="M{}L{}z"/>').format(above, below)


def limit_line(limit: float | None, axis: Axis) -> Markup:
    return Markup("") if limit is None else Markup('<path class="lim" d="M0 {}H1000"/>').format(n(axis(limit)))


def limit_words(limit: float | None, axis: Axis, words: Callable[[float], str]) -> Markup:
    if limit is None:
        return Markup("")
    return Markup('<text class="lb lim" x="4" y="{}%" dy="-4">limit {}</text>').format(n(axis(limit)), words(limit))


def path(points: Iterable[tuple[float, float] | None]) -> Markup:
    return Markup('<path class="ln" d="{}"/>').format(line(points))


def mark(kind: str, x: float, y: float, *, dy: float) -> Markup:
    """A status' shape at a place in percent, `dy` pixels further down."""
    return Markup(
        '<svg class="mk" x="{}%" y="{}%" overflow="visible"><g transform="translate(-7 {})">{}</g></svg>'
    ).format(n(min(max(x, 1), 99)), n(y), n(dy), glyph(kind, 14))


def with_gaps(series: Sequence[tuple[int, float | None]], step: int) -> Iterable[tuple[int, float | None]]:
    """Points that do not follow each other are not joined."""
    last: int | None = None
    for at, value in series:
        if last is not None and at - last > step:
            yield last + step, None
        yield at, value
        last = at


def across(since: int, until: int) -> Callable[[float], float]:
    length = max(until - since, 1)
    return lambda at: 100 * (at - since) / length


def gaps(points: Sequence[Bar], since: int, until: int) -> Markup:
    """Stretches that are no measurement: no one looked, the source was down, or work was planned."""
    out = Markup("")
    x = across(since, until)
    step = points[1].start - points[0].start if len(points) > 1 else 300
    for kind, some in groupby(points, key=_kind):
        run = list(some)
        if kind:
            left = 10 * x(run[0].start)
            width = 10 * x(run[-1].start + step) - left
            out += Markup('<path class="z-{}" d="M{} 0h{}v100h-{}z"/>').format(kind, n(left), n(width), n(width))
    return out


def _kind(bar: Bar) -> str:
    if bar.maintenance:
        return OFF_SEASON if bar.off_season else "maintenance"
    if bar.status is None or bar.status.word == "unknown":
        return "unknown"
    return "down" if bar.status.word == "down" else ""


def marks(points: Sequence[Bar], since: int, until: int) -> Markup:
    """A shape at the foot of each such stretch, so that colour is not the only sign."""
    runs = [(kind, list(some)) for kind, some in groupby(points, key=_kind) if kind]
    x = across(since, until)
    runs = sorted(runs, key=lambda r: (r[0] != "down", -len(r[1])))[:_MOST_MARKS]
    return Markup("").join(mark(kind, x((run[0].start + run[-1].start) / 2), 100, dy=-16) for kind, run in runs)


def log_ticks(low: float, high: float) -> list[float]:
    found = [m * 10.0**e for e in range(-1, 7) for m in (1, 3) if low / 1.4 <= m * 10.0**e <= high * 1.35]
    return found[:: 2 if len(found) > 6 else 1] or [low]


def y_labels(at: Iterable[tuple[float, str]]) -> Markup:
    return Markup("").join(
        Markup('<text class="y" x="-8" y="{}%" dy="4" text-anchor="end">{}</text>').format(n(y), words)
        for y, words in at
    )


def ticks(since: int, until: int) -> list[int]:
    length = until - since
    step = 6 * 3600 if length <= 2 * DAY_S else DAY_S if length <= 10 * DAY_S else 7 * DAY_S
    first = -(-since // step) * step if step <= DAY_S else -(-since // DAY_S) * DAY_S
    return list(range(first, until - step // 4, step))


def x_labels(since: int, until: int, y: str = "100%") -> Markup:
    x = across(since, until)
    hours = until - since <= 2 * DAY_S
    dy = ' dy="16"' if y == "100%" else ""
    marks = [(x(at), f"{from_epoch(at):%H:%M}" if hours else texts.day(at)) for at in ticks(since, until)]
    out = Markup("").join(
        Markup('<text class="x" x="{}%" y="{}"{} text-anchor="middle">{}</text>').format(n(at), y, Markup(dy), words)  # noqa: S704
        for at, words in marks
        if 2 < at < 90
    )
    return out + Markup('<text class="x" x="100%" y="{}"{} text-anchor="end">now</text>').format(y, Markup(dy))  # noqa: S704
