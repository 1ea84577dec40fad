"""Small pictures inside the pages: the heartbeat bars of a day, sparklines, meters.

Classes carry the colours (the page's style sheet knows light, dark and print); there is no style attribute, which the
Content-Security-Policy would refuse. Bars that are up are one dashed line: 48 rectangles in each of 100 rows would make
the page ten times as heavy.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from busta_health_dagster.svg.lines import n
from busta_health_dagster.wording.glyphs import STATUS_WORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LETTERS = {"up": "u", "degraded": "g", "down": "d", "maintenance": "m", "off_season": "o", "unknown": "?"}
BAR = {
    "up": (8, 16),
    "degraded": (4, 20),
    "down": (0, 24),
    "maintenance": (16, 8),
    "off_season": (18, 6),
    "unknown": (20, 4),
}
"""Top and height of a bar: the height repeats what the colour says."""


def summary(words: Iterable[str | None]) -> str:
    """`46 up, 2 degraded`: the finding of a strip in words."""
    counted = Counter(w or "unknown" for w in words)
    return ", ".join(f"{counted[s]} {STATUS_WORD[s]}" for s in LETTERS if counted[s]) or "nothing was seen"


def heartbeats(words: Sequence[str | None], label: str, *, start: int, step_s: int) -> Markup:
    """The bars, oldest first. `data-bars` lets a pointer ask for each bar's time and word."""
    shown = [w or "unknown" for w in words]
    letters = "".join(LETTERS[w] for w in shown)
    return Markup(
        '<svg class="beats" viewBox="0 0 {} 24" preserveAspectRatio="none" role="img" aria-label="{}" '
        'data-bars="{}" data-from="{}" data-step="{}">{}</svg>'
    ).format(max(len(shown) * 8 - 2, 1), f"{label}: {summary(words)}", letters, start, step_s, _bars(shown))


def _bars(shown: Sequence[str]) -> Markup:
    paths: dict[str, list[str]] = {}
    run = 0
    for i, word in enumerate([*shown, ""]):
        if word == "up":
            run += 1
            continue
        if run:
            paths.setdefault("up", []).append(f"M{8 * (i - run)} 16h{8 * run - 2}")
            run = 0
        if word:
            top, height = BAR[word]
            paths.setdefault(word, []).append(f"M{8 * i} {top}h6v{height}h-6z")
            if word == "degraded":
                paths.setdefault("hatch", []).append(f"M{8 * i} 11l6-4m-6 11l6-4")
    return Markup("").join(
        Markup('<path class="{}" d="{}"/>').format("hatch" if name == "hatch" else f"b-{name}", "".join(parts))
        for name, parts in paths.items()
    )


def spark(
    values: Sequence[float | None], *, limit: float | None = None, log: bool = False, ends_badly: bool = False
) -> Markup:
    """A line of 30 points with its limit; gaps stay gaps. `ends_badly` closes it with a cross: no answer any more.

    Decoration beside a number, and hidden from screen readers: the numbers behind it are in the source page's table.
    """
    known = [v for v in values if v is not None]
    if not known:
        return Markup('<svg class="spark" viewBox="0 0 112 48" aria-hidden="true"></svg>')
    scale = _scale(known, limit, log=log)
    step = 104 / max(len(values) - 1, 1)
    line, area, pen, begun = "", "", False, 0.0
    last = (0.0, 0.0)
    for i, value in enumerate(values):
        if value is None:
            if pen:
                area += f"L{n(last[0])} 48H{n(begun)}z"
            pen = False
            continue
        x, y = i * step, scale(value)
        line += f"{'L' if pen else 'M'}{n(x)} {n(y)}"
        area += f"{'L' if pen else 'M'}{n(x)} {n(y)}"
        if not pen:
            begun = x
        pen, last = True, (x, y)
    if pen:
        area += f"L{n(last[0])} 48H{n(begun)}z"
    out = Markup('<path class="area" d="{}"/>').format(area)
    if limit is not None:
        at = scale(limit)
        beyond = not 2 <= at <= 46
        out += Markup('<path class="lim{}" d="M0 {}H112"/>').format(" far" if beyond else "", n(min(max(at, 2), 46)))
    out += Markup('<path class="ln" d="{}"/>').format(line)
    if ends_badly:
        out += Markup('<path class="gap" d="M106 18l5 10m0-10l-5 10"/>')
    else:
        out += Markup('<path class="dot" d="M{} {}h.01"/>').format(n(last[0]), n(last[1]))
    return Markup(
        '<svg class="spark" viewBox="0 0 112 48" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(out)


class _Linear:
    def __init__(self, low: float, high: float, *, log: bool) -> None:
        self._log = log
        self._low, self._high = (math.log(low), math.log(high)) if log else (low, high)

    def __call__(self, value: float) -> float:
        at = math.log(max(value, 1e-3)) if self._log else value
        return 44 - 40 * (at - self._low) / (self._high - self._low)


def _scale(values: Sequence[float], limit: float | None, *, log: bool) -> _Linear:
    """The data fill the height. A limit far away is drawn on the edge, dotted: to scale it would flatten every line."""
    low, high = min(values), max(values)
    if log:
        low, high = max(low, 0.1) / 1.3, max(high, 0.1) * 1.3
        if limit is not None and low / 2 < limit < high * 2:
            low, high = min(low, limit / 1.1), max(high, limit * 1.1)
        return _Linear(low, max(high, low * 2), log=True)
    pad = max((high - low) * 0.2, 0.5)
    low, high = low - pad, high + pad
    if limit is not None and low - 4 * pad < limit < high + 4 * pad:
        low, high = min(low, limit - pad / 4), max(high, limit + pad / 4)
    return _Linear(low, high, log=False)


def meter(percent: float | None, *, low_below: float = 10.0) -> Markup:
    """A budget as a bar: full, nearly gone (amber), overspent (dashed red)."""
    if percent is None:
        return Markup("")
    if percent < 0:
        inner = Markup('<path class="m-over" d="M0 3h100"/>')
    else:
        inner = Markup('<path class="{}" d="M0 3h{}"/>').format(
            "m-low" if percent < low_below else "m-ok", n(min(percent, 100))
        )
    return Markup(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="m-bg" d="M0 3h100"/>{}</svg>'
    ).format(inner)


def title(text: str) -> Markup:
    return Markup("<title>{}</title>").format(escape(text))
