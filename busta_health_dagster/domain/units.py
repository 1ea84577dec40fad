"""Durations, shares and times as people write and read them. Seconds are ints, shares are exact Fractions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import overload

_UNIT_S = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600), "d": Fraction(86400)}
_UNIT_S |= {"w": Fraction(7 * 86400), "y": Fraction(365 * 86400)}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w|y)")


def parse_seconds(text: str) -> Fraction:
    """`30s`, `5m`, `11h30m`, `1.5h`, `250ms` -> seconds, exactly.

    Raises:
        ValueError: not a duration; the message says what one looks like.
    """
    compact = text.strip()
    parts = _PART.findall(compact)
    if not parts or "".join(a + b for a, b in parts) != re.sub(r"\s+", "", compact):
        raise ValueError(f"{text!r} is not a duration; write 30s, 5m, 4h, 11h30m or 30d")
    return sum((Fraction(number) * _UNIT_S[unit] for number, unit in parts), Fraction(0))


def parse_percent(text: str) -> Fraction:
    """`99.5%` -> Fraction(199, 200), exactly.

    Raises:
        ValueError: no percent sign, not a number, or outside 0-100.
    """
    compact = text.strip()
    if not re.fullmatch(r"\d+(?:\.\d+)?\s*%", compact):
        raise ValueError(f"{text!r} is not a share; write it with its unit, for instance 99.5%")
    share = Fraction(compact.rstrip("% ")) / 100
    if share > 1:
        raise ValueError(f"{text!r} is more than 100%")
    return share


def duration_text(seconds: float) -> str:
    """Two units at most, as people say it: 45 s, 31 min, 5 h 56 min, 2 d 23 h. Floored."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 24:
        rest = minutes % 60
        return f"{hours} h {rest:02d} min" if rest else f"{hours} h"
    rest = hours % 24
    return f"{days} d {rest} h" if rest else f"{days} d"


def config_duration(seconds: float) -> str:
    """The shortest way to write a duration in the configuration: 300 -> `5m`, 5400 -> `1h30m`."""
    if seconds != int(seconds):
        return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"
    whole, out = int(seconds), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        out += f"{count}{unit}" if count else ""
    return out or "0s"


def milliseconds_text(ms: float | None) -> str:
    """94 ms, 6.41 s; an absent measurement is a dash, never a zero."""
    if ms is None:
        return "—"
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def floored(value: Fraction | float, places: int) -> float:
    """Floor toward the worse side: 99.5049 -> 99.50, -1.851 -> -1.86. What is displayed never flatters."""
    scale: int = 10**places
    exact = value if isinstance(value, Fraction) else Fraction(value)
    return (exact * scale // 1) / scale


def to_epoch(at: datetime) -> int:
    """Whole epoch seconds of an aware datetime.

    Raises:
        ValueError: a datetime without zone; it could mean any of 38 instants.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone; use an aware datetime")
    return int(at.timestamp())


def from_epoch(epoch: float) -> datetime:
    """An aware UTC datetime."""
    return datetime.fromtimestamp(epoch, tz=UTC)


@overload
def iso(epoch: float) -> str: ...
@overload
def iso(epoch: None) -> None: ...
@overload
def iso(epoch: float | None) -> str | None: ...
def iso(epoch: float | None) -> str | None:
    """2026-11-23T08:25:00Z, whole seconds, UTC."""
    return None if epoch is None else from_epoch(int(epoch)).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> int:
    """Epoch seconds of what `iso` wrote.

    Raises:
        ValueError: not an instant with its zone.
    """
    return to_epoch(datetime.fromisoformat(text))


def floor_to(epoch: float, step_s: int) -> int:
    """The slot that an instant belongs to: floored to the interval."""
    return int(epoch // step_s) * step_s
