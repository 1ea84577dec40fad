"""Figures and times as the pages write them. Everything is floored toward the worse side; nothing known is a dash."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import duration_text, floored, from_epoch, iso, milliseconds_text

if TYPE_CHECKING:
    from collections.abc import Sequence

DASH = "—"
MINUS = "−"
STATUS_WORDS = {"down": "DOWN", "degraded": "DEGRADED", "maintenance": "MAINT", "up": "UP", "unknown": "NO DATA"}
_DAY_S = 86400


def share(value: float | None) -> str:
    """99.85, 100, 0; two decimals, floored."""
    if value is None:
        return DASH
    return f"{value:.0f}" if value in (0, 100) else f"{floored(value, 2):.2f}"


def budget(value: float | None) -> str:
    """What is left, floored: 93 %, 5.09 %, −1.86 %, −178 %."""
    if value is None:
        return DASH
    places = 0 if abs(value) >= 10 else 2
    shown = floored(value, places)
    text = f"{abs(shown):.{places}f}" if shown else "0"
    return f"{MINUS if shown < 0 else ''}{text} %"


def failures(value: float | None) -> str:
    """A failure rate, rounded up: a single failure is never 0."""
    if value is None:
        return DASH
    return "0 %" if value == 0 else f"{math.ceil(value * 10) / 10:.1f} %".replace(".0 ", " ")


def score(value: float | None) -> str:
    """A quality score: 88.9, 100."""
    if value is None:
        return DASH
    return "100" if value >= 100 else f"{floored(value, 1):.1f}"


def response(ms: float | None) -> str:
    return milliseconds_text(ms)


def between(low_ms: float, high_ms: float) -> str:
    """113 to 179 ms; 910 ms to 1.20 s."""
    low, high = response(low_ms), response(high_ms)
    return f"{low.removesuffix(' ms') if low.endswith('ms') and high.endswith('ms') else low} to {high}"


def stretch(low: str, high: str) -> str:
    """2 min to 5 min; 3 min where both read the same."""
    return low if low == high else f"{low} to {high}"


def duration(seconds: float | None) -> str:
    return DASH if seconds is None else duration_text(max(seconds, 0))


def count(value: float | None) -> str:
    return DASH if value is None else f"{value:,.0f}"


def size(value: float | None) -> str:
    """Bytes: 312 B, 4.1 kB, 2.3 MB."""
    if value is None:
        return DASH
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def clock(epoch: int | None) -> str:
    """08:25."""
    return DASH if epoch is None else f"{from_epoch(epoch):%H:%M}"


def moment(epoch: int | None, now: int) -> str:
    """08:25 today, 22 Nov 08:25 before or after, with the year when it is another."""
    if epoch is None:
        return DASH
    at, today = from_epoch(epoch), from_epoch(now)
    if at.date() == today.date():
        return f"{at:%H:%M}"
    return f"{at.day} {at:%b %H:%M}" if at.year == today.year else f"{at.day} {at:%b %Y %H:%M}"


def day(epoch: int) -> str:
    at = from_epoch(epoch)
    return f"{at.day} {at:%b}"


def span(start: int, end: int, now: int) -> str:
    """Thu 26, 02:00–02:45, with the month when it is another; ends 09:00 while it runs."""
    if start <= now:
        return f"ends {moment(end, now)}"
    a, b = from_epoch(start), from_epoch(end)
    tail = f"{b:%H:%M}" if a.date() == b.date() or end - start < _DAY_S else f"{b.day} {b:%b %H:%M}"
    month = "" if a.month == from_epoch(now).month else f" {a:%b}"
    return f"{a:%a} {a.day}{month}, {a:%H:%M}–{tail}"


def countdown(seconds: float) -> str:
    """52 s, 1 min 52 s, 12 min: how long until something that one waits for. As clock.js writes it."""
    whole = max(int(seconds), 0)
    return f"{whole // 60} min {whole % 60:02d} s" if 60 <= whole < 600 else duration_text(whole)


def delta(now: float | None, before: float | None, places: int = 2) -> str:
    """+13, −0.31, ±0; a dash without both."""
    if now is None or before is None:
        return DASH
    change = round(now - before, places)
    if change == 0:
        return "±0"
    return f"{'+' if change > 0 else MINUS}{abs(change):.{places}f}"


def brief(seconds: float | None) -> str:
    """41 min, 7.7 h, 3.2 d: for a narrow column, rounded up."""
    if seconds is None:
        return DASH
    if seconds < 3600:
        return f"{math.ceil(seconds / 60)} min"
    unit, length = ("h", 3600) if seconds < 2 * _DAY_S else ("d", _DAY_S)
    return f"{math.ceil(10 * seconds / length) / 10:.1f} {unit}"


def longer(seconds: float | None) -> str:
    """+13 min, −1.4 h, ±0."""
    if seconds is None:
        return DASH
    if abs(seconds) < 60:
        return "±0"
    return f"{'+' if seconds > 0 else MINUS}{brief(abs(seconds))}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """a, b, c and 4 more."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def plural(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def capital(text: str) -> str:
    """A sentence's first letter, where it is one."""
    return text[:1].upper() + text[1:]


FILTERS = {
    "share": share,
    "budget": budget,
    "failures": failures,
    "score": score,
    "response": response,
    "duration": duration,
    "count": count,
    "size": size,
    "clock": clock,
    "moment": moment,
    "day": day,
    "plural": plural,
    "capital": capital,
    "iso": iso,
    "span": span,
    "countdown": countdown,
}
