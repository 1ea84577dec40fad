"""Durations and response times as people say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.wording.numbers import DASH, MINUS

if TYPE_CHECKING:
    from collections.abc import Callable

_HOUR_S = 3600
_DAY_S = 86400


def duration_text(seconds: float | None) -> str:
    """Two units at most, floored: 45 s, 1 min 05 s, 31 min, 5 h 56 min, 2 d 23 h. Seconds only under ten minutes.

    `duration` in web/static/clock.js writes the same.
    """
    if seconds is None:
        return DASH
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return _two(whole // 60, "min", f"{whole % 60:02d} s", whole % 60)
    if whole < _HOUR_S:
        return f"{whole // 60} min"
    if whole < _DAY_S:
        rest = whole % _HOUR_S // 60
        return _two(whole // _HOUR_S, "h", f"{rest:02d} min", rest)
    rest = whole % _DAY_S // _HOUR_S
    return _two(whole // _DAY_S, "d", f"{rest} h", rest)


def ago(at: int, now: int) -> str:
    """How long ago an instant was: `15 min ago`; one of a time to come says whose fault that is."""
    if at <= now:
        return f"{duration_text(now - at)} ago"
    return f"{duration_text(at - now)} ahead of this machine's clock, which was set back"


def milliseconds_text(ms: float | None) -> str:
    """A response time: 94 ms, 6.41 s, 1 min 05 s."""
    if ms is None:
        return DASH
    whole = round(ms)
    if whole < 1000:
        return f"{whole} ms"
    return f"{ms / 1000:.2f} s" if round(ms / 1000, 2) < 60 else duration_text(ms / 1000)


def short_milliseconds(ms: float | None) -> str:
    """A phase of a request, where tenths matter: 0.4 ms, then as every response time."""
    return f"{ms:.1f} ms" if ms is not None and 0 < ms < 9.95 else milliseconds_text(ms)


def between(low: float, high: float, write: Callable[[float | None], str]) -> str:
    """A range with its unit once: 113–179 ms, 910 ms–1.20 s; a single value where both read the same."""
    first, last = write(low), write(high)
    if first == last:
        return last
    number, _, unit = first.partition(" ")
    same = unit and " " not in unit and last.partition(" ")[2] == unit
    return f"{number if same else first}–{last}"


def duration_change(now: float | None, before: float | None) -> str:
    """The difference of two durations: +13 min, −1 h 20 min, ±0; less than a minute is none.

    Durations of a day and more are compared in hours, shorter ones in minutes, as they are shown.
    """
    if now is None or before is None:
        return DASH
    difference = _as_shown(now) - _as_shown(before)
    if abs(difference) < 60:
        return "±0"
    return f"{'+' if difference > 0 else MINUS}{duration_text(abs(difference))}"


def _as_shown(seconds: float) -> int:
    step = _HOUR_S if seconds >= _DAY_S else 60
    return int(seconds // step) * step


def _two(number: int, unit: str, rest_text: str, rest: int) -> str:
    return f"{number} {unit} {rest_text}" if rest else f"{number} {unit}"
