"""What a terminal draws with. Which sign means what is `wording/glyphs.py`; here are the signs for a terminal without UTF-8.

A shape, a word and a colour all say the same. Nothing depends on colour.
"""

from __future__ import annotations

import locale
import os
from dataclasses import dataclass

from busta_health_dagster.wording import glyphs
from busta_health_dagster.wording.numbers import DASH, MINUS

COLOURS = {
    "down": "red",
    "degraded": "yellow",
    "maintenance": "blue",
    "off_season": "bright_black",
    "up": "green",
    "unknown": "default",
}
ALERT_COLOURS = {"critical": "red", "warning": "yellow", "info": "default", "pending": "default", "resolved": "green"}
"""By what an alert shows (alert_lines.shown_as)."""


@dataclass(frozen=True, slots=True)
class GlyphSet:
    """The characters to draw with: `# ^ = / o ?` and `. : # _ - ?` where the terminal has no UTF-8."""

    shapes: dict[str, str]
    alerts: dict[str, str]
    checks: dict[str, str]
    bars: dict[str, str]
    spark: str
    dash: str
    dot: str
    minus: str
    no_answer: str
    cut: str

    def write(self, text: str) -> str:
        """What `wording` wrote, in these characters."""
        signs = {DASH: self.dash, MINUS: self.minus, "·": self.dot, "…": self.cut}
        return "".join(signs.get(c, c) for c in text) if self is ASCII else text


UNICODE = GlyphSet(
    shapes=dict(glyphs.STATUS),
    alerts=glyphs.SEVERITY | glyphs.ALERT_STATE,
    checks=dict(glyphs.CHECK),
    bars={"up": "▃", "degraded": "▅", "down": "█", "maintenance": "▁", "off_season": "▔", "unknown": "·"},
    spark="▁▂▃▄▅▆▇█",
    dash=DASH,
    dot="·",
    minus=MINUS,
    no_answer="×",
    cut="…",
)
ASCII = GlyphSet(
    shapes={"down": "#", "degraded": "^", "maintenance": "=", "off_season": "/", "up": "o", "unknown": "?"},
    alerts=glyphs.SEVERITY | {"pending": "~", "resolved": "v", "cancelled": "v"},
    checks={"passed": "v", "failed": "x", "noted": "i", "not evaluated": "~"},
    bars={"up": ".", "degraded": ":", "down": "#", "maintenance": "_", "off_season": "-", "unknown": "?"},
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
