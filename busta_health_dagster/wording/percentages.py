"""Shares in percent. Shares are floored and failure rates rounded up: neither ever looks better than it is."""

from __future__ import annotations

import math
from fractions import Fraction

from busta_health_dagster.wording.numbers import DASH, MINUS, decimal, exact


def share(value: Fraction | float | None) -> str:
    """A share in percent without its sign: 99.85; 100 only when nothing at all was bad."""
    if value is None:
        return DASH
    return "100" if value == 100 else decimal(value, 2)


def percent(value: Fraction | float | None) -> str:
    """99.85%."""
    return DASH if value is None else f"{share(value)}%"


def budget(value: Fraction | float | None) -> str:
    """What is left of an error budget, in percent without its sign: 93.1, −1.9, 100, 0."""
    if value is None:
        return DASH
    return "100" if value == 100 else decimal(value, 1)


def failure_rate(value: float | None) -> str:
    """Rounded up, so that a single failure is never zero: 0.1%, 12.5%, 0%."""
    if value is None:
        return DASH
    tenths = math.ceil(exact(round(value, 6)) * 10)
    return f"{tenths // 10}%" if tenths % 10 == 0 else f"{tenths / 10:.1f}%"


def percent_change(value: float | None) -> str:
    """+124%, −1%, ±0%."""
    if value is None:
        return DASH
    whole = round(value)
    return "±0%" if whole == 0 else f"{'+' if whole > 0 else MINUS}{abs(whole):,}%"
