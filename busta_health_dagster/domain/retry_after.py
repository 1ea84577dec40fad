"""`Retry-After`: how long someone asks us to stay away, and for how long we do."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

_LONGEST_S = 100 * 365 * 86400.0  # what people are shown; no one means more
PAUSE_INTERVALS = 6
PAUSE_S = 3600
"""A source that asks for years of silence is asked again after six intervals, or an hour."""


def retry_after(value: str | None, now: float, at_most: float = _LONGEST_S) -> float | None:
    """Seconds from a number or an HTTP date, never negative (a date in the past: 0); None when absent or unreadable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
            seconds = max((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now, 0.0)
        except (ValueError, OverflowError):
            return None
    if math.isnan(seconds) or seconds < 0:
        return None
    return min(seconds, at_most)


def longest_pause_s(interval_s: int) -> int:
    """The most that we stay away from a source, whatever it asks for."""
    return min(PAUSE_INTERVALS * interval_s, PAUSE_S)
