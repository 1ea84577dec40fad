"""Counts, scores and differences. What is shown is rounded toward the worse side: it never flatters."""

from __future__ import annotations

from fractions import Fraction

DASH = "—"
"""An absent value. It is never written as zero."""
MINUS = "−"


def exact(value: Fraction | float) -> Fraction:
    """The decimal that was written: 99.13 is 9913/100, not the binary neighbour below it."""
    return value if isinstance(value, Fraction) else Fraction(str(value))


def floored(value: Fraction | float, places: int) -> float:
    """Floor toward the worse side: 99.5049 -> 99.50, -1.851 -> -1.86."""
    scale: int = 10**places
    return (exact(value) * scale // 1) / scale


def decimal(value: Fraction | float, places: int) -> str:
    """A floored number with its thousands separated; zero has no decimals and no sign: 1,234.50, −1.86, 0."""
    shown = floored(value, places)
    return f"{shown:,.{places}f}".replace("-", MINUS) if shown else "0"


def count(value: float | None) -> str:
    """1,234."""
    return DASH if value is None else f"{value:,.0f}".replace("-", MINUS)


def score(value: float | None) -> str:
    """A quality score, floored: 88.9, 100, 0."""
    if value is None:
        return DASH
    known = round(value, 6)  # a mean of 96.3 may arrive as 96.29999999
    return "100" if known >= 100 else decimal(known, 1)


def amount(value: float | None) -> str:
    """A source's own metric: 1,234 or 0.0317; four digits at most after the first that is not zero."""
    if value is None:
        return DASH
    return (f"{value:,.0f}" if value == int(value) else f"{value:,.4g}").replace("-", MINUS)


def change(now: float | None, before: float | None, places: int = 2) -> str:
    """The difference of what is shown, so that the reader's own subtraction agrees: +0.25, −0.80, ±0."""
    if now is None or before is None:
        return DASH
    return signed(round(floored(now, places) - floored(before, places), places), places)


def signed(value: float | None, places: int = 2) -> str:
    """+0.25, −0.80, ±0."""
    if value is None:
        return DASH
    shown = round(value, places)
    return "±0" if shown == 0 else f"{'+' if shown > 0 else MINUS}{abs(shown):,.{places}f}"


def size(value: float | None) -> str:
    """Bytes: 312 B, 4.1 kB, 2.3 MB."""
    if value is None:
        return DASH
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
