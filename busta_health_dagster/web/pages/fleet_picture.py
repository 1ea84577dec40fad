"""The fleet as one picture, worst first: what is wrong, since when and why, for Dagster's asset page and for a wiki.

Like strips and badges it carries its colours, and its own ground: it is read on white and on black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from busta_health_dagster.svg.status_shape import outline
from busta_health_dagster.web.pages import bars_and_sparklines, texts
from busta_health_dagster.web.pages.badges import BADGE, COLOURS
from busta_health_dagster.wording import glyphs
from busta_health_dagster.wording.durations import duration_text, milliseconds_text
from busta_health_dagster.wording.percentages import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.health import FleetHealth, SourceHealth

ROWS_AT_MOST = 6
"""Dagster folds a description that is higher than 260 pixels, and six rows fit below its first line."""
WIDTH = 776
_HEAD, _ROW = 36, 21
_AT_SOURCE, _AT_BARS, _AT_SINCE, _AT_WHY = 106, 262, 418, 492
_NAME_LETTERS, _WHY_LETTERS, _LINE_LETTERS = 22, 45, 120
_BAR = 3


def rows_of(health: FleetHealth) -> Sequence[SourceHealth]:
    """Those that have a row: what is not well, else the worst of what is."""
    others = [row for row in health.rows if row.shown != "up" or row.but or health.stale_monitor]
    return (others or health.rows)[:ROWS_AT_MOST]


def fleet_picture(health: FleetHealth, bars: Mapping[str, Sequence[str | None]]) -> str:
    """`bars`: the half-hours of the last day of each row that is shown."""
    shown = rows_of(health)
    rest = [row for row in health.rows if row not in shown]
    height = _HEAD + _ROW * (len(shown) + bool(rest)) + 6
    body = _head(health)
    for i, row in enumerate(shown):
        body += _line(row, bars.get(row.source, ()), health, _HEAD + _ROW * i)
    if rest:
        body += _text(12, _HEAD + _ROW * len(shown) + 15, "#5c6877", _cut(_others(rest), _LINE_LETTERS))
    return str(
        Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" '
            'font-family="system-ui,Segoe UI,Roboto,DejaVu Sans,sans-serif" font-size="12"><title>{2}</title>'
            '<rect x=".5" y=".5" width="{3}" height="{4}" rx="6" fill="#fff" stroke="#d5dae0"/>{5}</svg>'
        ).format(WIDTH, height, _said(health), WIDTH - 1, height - 1, body)
    )


def _head(health: FleetHealth) -> Markup:
    if health.stale_monitor:
        since = f"no check since {texts.clock(health.stale_at)} UTC" if health.stale_at else "nothing was checked yet"
        return _text(12, 23, BADGE["down"], f"The monitor is not running: {since}", size=15, bold=True)
    out, x = Markup(""), 12.0
    for status, count in health.counts.items():
        if count:
            words = f"{count} {glyphs.STATUS_WORD[status]}"
            out += outline(status, x, 12, 13, COLOURS[status])
            out += _text(x + 19, 23, BADGE[status], words, size=15, bold=True)
            x += 19 + 8.8 * len(words) + 18
    return out + Markup('<text x="{}" y="23" text-anchor="end" fill="#5c6877">{} UTC</text>').format(
        WIDTH - 12, texts.clock(health.tick_at)
    )


def _line(row: SourceHealth, bars: Sequence[str | None], health: FleetHealth, top: int) -> Markup:
    status = "unknown" if health.stale_monitor else row.shown
    at = top + 15
    out = Markup('<path d="M12 {0}H{1}" stroke="#eceff2"/>').format(top, WIDTH - 12)
    out += outline(status, 12, top + 5, 12, COLOURS[status])
    out += _text(29, at, BADGE[status], glyphs.STATUS_LABEL[status], size=11, bold=True)
    out += _text(_AT_SOURCE, at, "#1f2933", _cut(row.source, _NAME_LETTERS), bold=True)
    for i, word in enumerate(bars):
        seen = word or "unknown"
        above, tall = bars_and_sparklines.BAR[seen]
        out += Markup('<rect x="{}" y="{}" width="2.4" height="{}" fill="{}"/>').format(
            _AT_BARS + _BAR * i, top + 4 + round(above * 0.6, 1), round(tall * 0.6, 1), COLOURS[seen]
        )
    out += _text(_AT_SINCE, at, "#5c6877", duration_text(health.at - row.shown_since if row.shown_since else None))
    why = f"{row.source}: {_why(row)}"
    return out + Markup('<text x="{}" y="{}" fill="#1f2933"><title>{}</title>{}</text>').format(
        _AT_WHY, at, why, _cut(_why(row), _WHY_LETTERS)
    )


def _others(rest: Sequence[SourceHealth]) -> str:
    """up: weather_api, feature_store; or how many more are as bad."""
    bad = sum(row.shown != "up" or bool(row.but) for row in rest)
    if bad:
        return f"{bad:,} more, none worse than these; {len(rest) - bad:,} up"
    return f"up: {', '.join(row.source for row in rest)}"


def _why(row: SourceHealth) -> str:
    if row.shown != "up":
        return row.why
    if row.but:
        return f"but {row.but}"
    uptime = row.uptime.get("30d")
    parts = [milliseconds_text(row.response_ms)] if row.response_ms is not None else []
    return ", ".join([*parts, f"{percent(uptime)} in 30 days"] if uptime is not None else parts)


def _said(health: FleetHealth) -> str:
    counted = ", ".join(f"{n} {glyphs.STATUS_WORD[status]}" for status, n in health.counts.items() if n)
    bad = [f"{r.source} is {glyphs.STATUS_WORD[r.shown]}: {_why(r)}" for r in health.rows if r.unhealthy or r.but]
    return ". ".join([counted or "no sources", *bad[:ROWS_AT_MOST]])


def _text(x: float, y: float, colour: str, words: str, *, size: int = 12, bold: bool = False) -> Markup:
    weight = Markup(' font-weight="700"') if bold else ""
    return Markup('<text x="{}" y="{}" font-size="{}" fill="{}"{}>{}</text>').format(x, y, size, colour, weight, words)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
