"""Charts as SVG that keep their text readable at any width: positions are percentages, only the lines are stretched.

Each chart comes with its finding as a sentence (the text alternative) and with a table of the same figures beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from busta_health_dagster.domain.units import duration_text, from_epoch
from busta_health_dagster.web.pages import texts
from busta_health_dagster.web.pages.shapes import glyph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from busta_health_dagster.domain.incident import Incident
    from busta_health_dagster.pipeline.source_page import Normal
    from busta_health_dagster.store.rollups import Bar

_DAY_S = 86400
_MOST_MARKS = 12
_ROW = 20
_GANTT_ROWS = 12


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
        self._low, self._high = self._f(low), self._f(high)

    def __call__(self, value: float) -> float:
        return 100 * (1 - (self._f(value) - self._low) / (self._high - self._low))


def response(
    points: Sequence[Bar], since: int, until: int, *, limit: float | None, band: Sequence[Normal], window: str
) -> Chart:
    """Mean response per bucket, with the limit, the normal band where one is known, and what was not answered."""
    known = [(p.start, p.response_ms) for p in points if p.response_ms is not None]
    if not known:
        return Chart(Markup(""), f"No response time was measured in the last {window}.")
    values = [ms for _, ms in known]
    edges = [*values, *([limit] if limit is not None else []), *(b.p5 for b in band), *(b.p95 for b in band)]
    axis = Axis(max(min(edges), 0.2) / 1.4, max(edges) * 1.35, log=True)
    x = _across(since, until)
    inner = _gaps(points, since, until)
    ticks = _log_ticks(min(edges), max(edges))
    inner += Markup("").join(Markup('<path class="gr" d="M0 {}H1000"/>').format(_n(axis(t))) for t in ticks)
    if band:
        above = "L".join(f"{_n(10 * x(b.at))} {_n(axis(b.p95))}" for b in band)
        below = "L".join(f"{_n(10 * x(b.at))} {_n(axis(max(b.p5, 0.2)))}" for b in reversed(band))
        inner += Markup('<path class="bd" d="M{}L{}z"/>').format(above, below)
    if limit is not None:
        inner += Markup('<path class="lim" d="M0 {}H1000"/>').format(_n(axis(limit)))
    inner += Markup('<path class="ln" d="{}"/>').format(
        _line((None if p.response_ms is None else (10 * x(p.start), axis(p.response_ms))) for p in points)
    )
    outer = _y_labels([(axis(t), texts.response(t).replace(".00 s", " s")) for t in ticks])
    if limit is not None:
        outer += Markup('<text class="lb lim" x="4" y="{}%" dy="-4">limit {}</text>').format(
            _n(axis(limit)), texts.response(limit).replace(".00 s", " s")
        )
    outer += _x_labels(since, until) + _marks(points, since, until)
    legend = [("sl", "mean")]
    legend += [("sw", "normal for the hour of the week (p5–p95)")] if band else []
    legend += [("sd", "limit")] if limit is not None else []
    return Chart(_plot(inner, outer, finding := _said(points, known, limit, window)), finding, tuple(legend))


def _said(points: Sequence[Bar], known: Sequence[tuple[int, float]], limit: float | None, window: str) -> str:
    values = [ms for _, ms in known]
    text = (
        f"Response time over {window}: {texts.response(min(values))} to {texts.response(max(values))}, "
        f"last {texts.response(values[-1])}"
    )
    if limit is not None:
        over = sum(v > limit for v in values)
        text += (
            f"; {over} of {len(values)} points over the limit of {texts.response(limit)}"
            if over
            else "; never over its limit"
        )
    down = sum(p.status is not None and p.status.word == "down" and not p.maintenance for p in points)
    return text + (f". Down in {down} of {len(points)} points." if down else ". Always answered.")


def quality(days: Sequence[tuple[int, float | None]], *, limit: float | None) -> Chart:
    """Mean score of each day."""
    known = [(at, q) for at, q in days if q is not None]
    if len(known) < 2:
        return Chart(Markup(""), "Fewer than two days have a quality score.")
    values = [q for _, q in known]
    low = min([*values, *([limit] if limit is not None else [])])
    axis = Axis(low - max((100 - low) * 0.15, 0.6), 100 + max((100 - low) * 0.06, 0.2), log=False)
    since, until = days[0][0], days[-1][0] + _DAY_S
    x = _across(since, until - _DAY_S)
    ticks = sorted({round(v, 1) for v in (100.0, (100 + low) / 2, low)}, reverse=True)
    inner = Markup("").join(Markup('<path class="gr" d="M0 {}H1000"/>').format(_n(axis(t))) for t in ticks)
    if limit is not None:
        inner += Markup('<path class="lim" d="M0 {}H1000"/>').format(_n(axis(limit)))
    inner += Markup('<path class="ln" d="{}"/>').format(
        _line(None if q is None else (10 * x(at), axis(q)) for at, q in days)
    )
    outer = _y_labels([(axis(t), f"{t:g}") for t in ticks]) + _x_labels(since, until - _DAY_S)
    if limit is not None:
        outer += Markup('<text class="lb lim" x="4" y="{}%" dy="-4">limit {}</text>').format(
            _n(axis(limit)), f"{limit:g}"
        )
    under = sum(limit is not None and q < limit for q in values)
    low_high = f"{texts.score(min(values))} to {texts.score(max(values))}"
    finding = f"Daily quality over {len(days)} days: {low_high}, last {texts.score(values[-1])}"
    if limit is not None:
        finding += (
            f"; {texts.plural(under, 'day')} under the limit of {limit:g}."
            if under
            else f"; never under the limit of {limit:g}."
        )
    return Chart(_plot(inner, outer, finding, small=True), finding)


def gantt(incidents: Sequence[Incident], now: int, days: int = 30) -> Chart:
    """Incidents of the last days, a line per source, the source with the longest trouble first."""
    since = now - days * _DAY_S
    by_source: dict[str, list[Incident]] = {}
    for incident in incidents:
        by_source.setdefault(incident.source, []).append(incident)
    order = sorted(by_source, key=lambda n: (-sum(i.age_s(now) for i in by_source[n]), n))
    if not order:
        return Chart(Markup(""), f"No incident in {days} days.")
    x = _across(since, now)
    shown = order[:_GANTT_ROWS]
    body = Markup("").join(
        Markup('<line class="gr" x1="{0}%" x2="{0}%" y1="0" y2="{1}"/>').format(_n(x(at)), _ROW * len(shown))
        for at in _ticks(since, now)
    )
    for n, name in enumerate(shown):
        y = n * _ROW
        body += Markup('<line class="base" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(y + _ROW / 2)
        body += Markup('<text class="gl" x="-10" y="{}" text-anchor="end">{}</text>').format(y + 14, name)
        for i in by_source[name]:
            left = max(x(i.started_at), 0.0)
            width = max(x(i.resolved_at if i.resolved_at is not None else now) - left, 0.5)
            kind = "down" if i.severity.word == "critical" or "source-down" in i.rules else "degraded"
            body += Markup(
                '<rect class="b-{}" x="{}%" y="{}" width="{}%" height="12" rx="2"><title>{}</title></rect>'
            ).format(kind, _n(left), y + 4, _n(min(width, 100 - left)), _incident_title(i, now))
    names = texts.listed(order, 3)
    finding = f"{texts.plural(len(incidents), 'incident')} in {days} days, most trouble: {names}."
    height = _ROW * len(shown)
    svg = Markup('<svg class="gantt" height="{}" role="img" aria-label="{}">{}{}</svg>').format(
        height + 22, finding, body, _x_labels(since, now, y=f"{height + 14}")
    )
    return Chart(svg, finding)


def _incident_title(incident: Incident, now: int) -> str:
    lasted = (
        f"lasted {duration_text(incident.age_s(now))}"
        if incident.resolved_at
        else f"open for {duration_text(incident.age_s(now))}"
    )
    return f"{incident.id} · {incident.source} · {texts.moment(incident.started_at, now)} UTC, {lasted} · {', '.join(incident.rules)}"


def _plot(inner: Markup, outer: Markup, finding: str, *, small: bool = False) -> Markup:
    return Markup(
        '<svg class="plot{}" role="img" aria-label="{}"><svg class="p" viewBox="0 0 1000 100" preserveAspectRatio="none" '
        'width="100%" height="100%">{}</svg>{}</svg>'
    ).format(" small" if small else "", finding, inner, outer)


def _across(since: int, until: int) -> Callable[[float], float]:
    length = max(until - since, 1)
    return lambda at: 100 * (at - since) / length


def _line(points: Iterable[tuple[float, float] | None]) -> str:
    out, pen = "", False
    for point in points:
        if point is not None:
            out += f"{'L' if pen else 'M'}{_n(point[0])} {_n(point[1])}"
        pen = point is not None
    return out


def _gaps(points: Sequence[Bar], since: int, until: int) -> Markup:
    """Stretches that are no measurement: nobody looked, the source was down, or work was planned."""
    out = Markup("")
    x = _across(since, until)
    step = points[1].start - points[0].start if len(points) > 1 else 300
    for kind, some in groupby(points, key=_kind):
        run = list(some)
        if kind:
            left = 10 * x(run[0].start)
            width = 10 * x(run[-1].start + step) - left
            out += Markup('<path class="z-{}" d="M{} 0h{}v100h-{}z"/>').format(kind, _n(left), _n(width), _n(width))
    return out


def _kind(bar: Bar) -> str:
    if bar.maintenance:
        return "maintenance"
    if bar.status is None or bar.status.word == "unknown":
        return "unknown"
    return "down" if bar.status.word == "down" else ""


def _marks(points: Sequence[Bar], since: int, until: int) -> Markup:
    """A shape at the foot of each such stretch, so that colour is not the only sign."""
    runs = [(kind, list(some)) for kind, some in groupby(points, key=_kind) if kind]
    x = _across(since, until)
    runs = sorted(runs, key=lambda r: (r[0] != "down", -len(r[1])))[:_MOST_MARKS]
    return Markup("").join(
        Markup(
            '<svg class="mk" x="{}%" y="100%" overflow="visible"><g transform="translate(-7 -16)">{}</g></svg>'
        ).format(_n(min(max(x((run[0].start + run[-1].start) / 2), 1), 99)), glyph(kind, 14))
        for kind, run in runs
    )


def _log_ticks(low: float, high: float) -> list[float]:
    found = [m * 10.0**e for e in range(-1, 7) for m in (1, 3) if low / 1.4 <= m * 10.0**e <= high * 1.35]
    return found[:: 2 if len(found) > 6 else 1] or [low]


def _y_labels(at: Iterable[tuple[float, str]]) -> Markup:
    return Markup("").join(
        Markup('<text class="y" x="-8" y="{}%" dy="4" text-anchor="end">{}</text>').format(_n(y), words)
        for y, words in at
    )


def _ticks(since: int, until: int) -> list[int]:
    length = until - since
    step = 6 * 3600 if length <= 2 * _DAY_S else _DAY_S if length <= 10 * _DAY_S else 7 * _DAY_S
    first = -(-since // step) * step if step <= _DAY_S else -(-since // _DAY_S) * _DAY_S
    return list(range(first, until - step // 4, step))


def _x_labels(since: int, until: int, y: str = "100%") -> Markup:
    x = _across(since, until)
    hours = until - since <= 2 * _DAY_S
    dy = ' dy="16"' if y == "100%" else ""
    marks = [(x(at), f"{from_epoch(at):%H:%M}" if hours else texts.day(at)) for at in _ticks(since, until)]
    out = Markup("").join(
        Markup('<text class="x" x="{}%" y="{}"{} text-anchor="middle">{}</text>').format(_n(at), y, Markup(dy), words)  # noqa: S704
        for at, words in marks
        if 2 < at < 95
    )
    return out + Markup('<text class="x" x="100%" y="{}"{} text-anchor="end">now</text>').format(y, Markup(dy))  # noqa: S704


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
