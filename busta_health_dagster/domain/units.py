"""Durations, shares and times as configuration and documents write them. Seconds are ints, shares are exact Fractions.

How people read them is `wording/`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import overload

_UNIT_S = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600), "d": Fraction(86400)}
_UNIT_S |= {"w": Fraction(7 * 86400), "y": Fraction(365 * 86400)}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w|y)")
_LONGEST_NUMBER = 20

LONGEST_S = 10 * 365 * 86400
"""No duration that people write is longer than ten years: added to an instant, it stays one."""
EARLIEST, LATEST = 0, 7_258_118_400
"""Instants that people write lie in [1970, 2200)."""
_FAR = (-30_610_137_600, 253_402_214_400)  # 1000-01-02 and 9999-12-31: in four digits, in every zone


class TooLong(ValueError):
    """A duration of more than ten years."""


def parse_seconds(text: str) -> Fraction:
    """`30s`, `5m`, `11h30m`, `1.5h`, `250ms` -> seconds, exactly.

    Raises:
        ValueError: not a duration; the message says what one looks like. TooLong: one of more than ten years.
    """
    compact = text.strip()
    parts = _PART.findall(compact)
    if not parts or "".join(a + b for a, b in parts) != re.sub(r"\s+", "", compact):
        raise ValueError(f"{text!r} is not a duration; write 30s, 5m, 4h, 11h30m or 30d")
    sizes = (Fraction(number) * _UNIT_S[unit] for number, unit in parts if len(number) <= _LONGEST_NUMBER)
    total = sum(sizes, Fraction(0))
    if total > LONGEST_S or any(len(number) > _LONGEST_NUMBER for number, _ in parts):
        shown = text if len(text) <= _LONGEST_NUMBER else f"{text[:_LONGEST_NUMBER]}..."
        raise TooLong(f"{shown!r} is longer than 10 years, the longest duration; write 3650d or less")
    return total


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


def config_duration(seconds: float) -> str:
    """The shortest way to write a duration in the configuration: 300 -> `5m`, 5400 -> `1h30m`."""
    if seconds != int(seconds):
        return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"
    whole, out = int(seconds), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        out += f"{count}{unit}" if count else ""
    return out or "0s"


def to_epoch(at: datetime) -> int:
    """Whole epoch seconds of an aware datetime.

    Raises:
        ValueError: a datetime without zone; it could mean any of 38 instants.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone; use an aware datetime")
    return int(at.timestamp())


def from_epoch(epoch: float) -> datetime:
    """An aware UTC datetime; what no calendar has is its first or last day: one stored row must not end a page."""
    low, high = _FAR
    return datetime.fromtimestamp(min(max(epoch, low), high), tz=UTC)


def near_instant(epoch: int) -> int:
    """An instant that people gave, when it is one that can be meant.

    Raises:
        ValueError: it lies before 1970 or after 2199.
    """
    if not EARLIEST <= epoch < LATEST:
        raise ValueError("an instant outside 1970 to 2199; write for instance 2026-11-23T08:25:00Z")
    return epoch


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
