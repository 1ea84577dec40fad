"""■ ▲ ◆ ● ○ drawn, so that every font shows the same."""

from __future__ import annotations

from markupsafe import Markup

_OUTLINES = {
    "down": '<rect x="1.5" y="1.5" width="13" height="13" rx="2"/>',
    "degraded": '<path d="M8 1.2 15.2 14.4H.8z"/>',
    "maintenance": '<path d="M8 .8 15.2 8 8 15.2.8 8z"/>',
    "off_season": '<path d="M8 1.8 14.2 8 8 14.2 1.8 8z" class="gh"/>',
    "up": '<circle cx="8" cy="8" r="6.4"/>',
    "unknown": '<circle cx="8" cy="8" r="6" class="gh"/>',
}
_MARKS = {
    "down": '<path d="M5 5l6 6M11 5l-6 6" class="gk"/>',
    "degraded": '<path d="M8 6v4M8 11.6v1.2" class="gk"/>',
    "maintenance": '<path d="M5.5 8h5" class="gk"/>',
    "off_season": '<path d="M5.8 8h4.4" class="gu"/>',
    "up": '<path d="M5 8.2l2 2 4-4.2" class="gk"/>',
    "unknown": '<path d="M8 11.3v.1M6.2 6.2c.2-2.2 3.8-2 3.5.2C9.5 7.6 8 7.7 8 9.2" class="gu"/>',
}


def glyph(status: str, size: int = 16) -> Markup:
    """The shape of a status. Hidden from screen readers: the word stands beside it."""
    shape = Markup(_OUTLINES[status] + _MARKS[status])  # noqa: S704  our own constants
    return Markup('<svg class="g g-{}" width="{}" height="{}" viewBox="0 0 16 16" aria-hidden="true">{}</svg>').format(
        status, size, size, shape
    )


def outline(status: str, x: float, y: float, size: float, colour: str) -> Markup:
    """The same inside a picture without a style sheet: unknown and off season are hollow, all else is filled."""
    shape = Markup(_OUTLINES[status])  # noqa: S704  our own constants
    paint = (
        Markup('fill="none" stroke="{0}" stroke-width="2"')
        if status in {"unknown", "off_season"}
        else Markup('fill="{0}"')
    )
    return Markup('<g transform="translate({},{}) scale({})" {}>{}</g>').format(
        x, y, round(size / 16, 3), paint.format(colour), shape
    )
