"""How a status looks in a terminal: a shape, a word and a colour that all say the same. Nothing depends on colour."""

from __future__ import annotations

import locale
import os
from dataclasses import dataclass

WORDS = {"down": "DOWN", "degraded": "DEGRADED", "maintenance": "MAINT", "up": "UP", "unknown": "NO DATA"}
COLOURS = {"down": "red", "degraded": "yellow", "maintenance": "blue", "up": "green", "unknown": "default"}
ALERT_COLOURS = {"down": "red", "degraded": "yellow", "up": "green", "unknown": "default"}
"""By the shape of the alert (alert_lines.kind_of)."""


@dataclass(frozen=True, slots=True)
class GlyphSet:
    """The characters to draw with: `# ^ = o ?` and `. : # _ ?` where the terminal has no UTF-8."""

    shapes: dict[str, str]
    bars: dict[str, str]
    spark: str
    dash: str
    dot: str
    minus: str
    no_answer: str
    cut: str


UNICODE = GlyphSet(
    shapes={"down": "■", "degraded": "▲", "maintenance": "◆", "up": "●", "unknown": "○"},
    bars={"up": "▃", "degraded": "▅", "down": "█", "maintenance": "▁", "unknown": "·"},
    spark="▁▂▃▄▅▆▇█",
    dash="—",
    dot="·",
    minus="−",
    no_answer="×",
    cut="…",
)
ASCII = GlyphSet(
    shapes={"down": "#", "degraded": "^", "maintenance": "=", "up": "o", "unknown": "?"},
    bars={"up": ".", "degraded": ":", "down": "#", "maintenance": "_", "unknown": "?"},
    spark="_.-=+*%#",
    dash="-",
    dot="|",
    minus="-",
    no_answer="x",
    cut="~",
)


def glyph_set(encoding: str | None = None) -> GlyphSet:
    """The richer alphabet where the terminal's encoding can carry it."""
    chosen = encoding or os.environ.get("PYTHONIOENCODING") or locale.getpreferredencoding(do_setlocale=False)
    return UNICODE if "utf" in chosen.lower() else ASCII


def sparkline(values: list[float | None], letters: GlyphSet) -> str:
    """Each series on its own scale from 0; an absent value is `×`: no answer."""
    known = [v for v in values if v is not None]
    top = max(known, default=0.0) or 1.0
    steps = len(letters.spark) - 1
    return "".join(
        letters.no_answer if v is None else letters.spark[min(steps, round(v / top * steps))] for v in values
    )
