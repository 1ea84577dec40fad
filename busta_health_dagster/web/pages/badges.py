"""Strips and badges: one source's state as an SVG that stands alone, in a README, a wiki or Dagster's asset page.

Colours are attributes: such a picture gets no style sheet. It is readable on white and on black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from busta_health_dagster.web.pages import bars_and_sparklines, texts
from busta_health_dagster.wording import glyphs, percentages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.health import SourceHealth

COLOURS = {
    "up": "#3aa487",
    "degraded": "#e69f00",
    "down": "#c22f1b",
    "maintenance": "#3d74ca",
    "off_season": "#b3bac2",
    "unknown": "#8a94a0",
}
BADGE = {
    "up": "#0a7460",
    "degraded": "#8f5500",
    "down": "#b92c19",
    "maintenance": "#2b62b8",
    "off_season": "#6a6f76",
    "unknown": "#5c6877",
}
"""Dark enough for white text (WCAG AA)."""
_LETTER_PX = 6.6


def strip(row: SourceHealth, bars: Sequence[str | None], start: int, step_s: int, *, worded: bool = True) -> str:
    """The last 24 h: bars of half an hour, with the status as a word and the uptime unless the place has them already."""
    status = row.shown
    words = [b or "unknown" for b in bars] or ["unknown"] * 48
    said = f"{row.source} is {glyphs.STATUS_WORD[status]}; last 24 hours in half-hours: {bars_and_sparklines.summary(words)}"
    figure = f"{percentages.percent(row.uptime.get('24h'))}" if row.uptime.get("24h") is not None else "no data"
    body = Markup("")
    for i, word in enumerate(words):
        top, height = bars_and_sparklines.BAR[word]
        body += Markup('<rect x="{}" y="{}" width="6" height="{}" rx="1.5" fill="{}"{}>{}</rect>').format(
            8 * i,
            4 + top,
            height,
            COLOURS[word],
            Markup(' stroke="#8f5500" stroke-width=".7"') if word == "degraded" else "",
            bars_and_sparklines.title(f"{texts.clock(start + i * step_s)} UTC, {glyphs.STATUS_WORD[word]}"),
        )
    if worded:
        body += Markup(
            '<text x="392" y="20" font-weight="700" fill="{}">{}</text><text x="474" y="20" fill="#76828f">{} 24 h</text>'
        ).format(COLOURS[status] if status != "degraded" else "#b87a00", glyphs.STATUS_LABEL[status], figure)
    return str(
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="32" viewBox="0 0 {0} 32" role="img" '
            'font-family="system-ui,Segoe UI,Roboto,DejaVu Sans,sans-serif" font-size="12"><title>{1}</title>{2}</svg>'
        ).format(560 if worded else 8 * len(words), said, body)
    )


def badge(row: SourceHealth) -> str:
    """`odds_api | up 99.96%`, in the shape that READMEs know. The word says what the colour says."""
    status = row.shown
    uptime = row.uptime.get("30d")
    word = glyphs.STATUS_COUNTED[status]
    right = word if uptime is None else f"{word} · {percentages.percent(uptime)} 30 d"
    return pair(row.source, right, BADGE[status])


def pair(left: str, right: str, colour: str) -> str:
    a, b = round(len(left) * _LETTER_PX + 14), round(len(right) * _LETTER_PX + 14)
    return str(
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="20" role="img" aria-label="{left}: {right}">'
            "<title>{left}: {right}</title>"
            '<rect width="{w}" height="20" rx="3" fill="#3b4450"/><path fill="{c}" d="M{a} 0h{bb}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{bb}z"/>'
            '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
            '<text x="{x1}" y="14" textLength="{t1}">{left}</text><text x="{x2}" y="14" textLength="{t2}">{right}</text></g></svg>'
        ).format(w=a + b, a=a, bb=b - 3, c=colour, left=left, right=right, x1=a / 2, x2=a + b / 2, t1=a - 14, t2=b - 14)
    )
