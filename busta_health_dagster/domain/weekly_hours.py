"""Hours of a week on the clock of a place: `mon-fri 08:00-18:00`, `sat-sun`, `22:00-07:00`, in a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.units import from_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
WEEK = 7 * _DAY
_WRITTEN = re.compile(
    r"(?:(?P<first>mon|tue|wed|thu|fri|sat|sun)(?:-(?P<last>mon|tue|wed|thu|fri|sat|sun))?)?"
    r"\s*(?:(?P<begin>\d{1,2}:\d\d)-(?P<end>\d{1,2}:\d\d))?"
)
_EXAMPLE = "write mon-fri 08:00-18:00, sat-sun or 22:00-07:00"

Span = tuple[int, int]
"""[start, end) in minutes from Monday 00:00."""


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """`spans` are sorted, apart, and within one week."""

    zone: str
    spans: tuple[Span, ...]

    def covers(self, epoch: float) -> bool:
        local = from_epoch(epoch).astimezone(ZoneInfo(self.zone))
        minute = local.weekday() * _DAY + local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.spans)

    def until(self, epoch: float) -> int | None:
        """When the stretch that `epoch` lies in ends; None where it lies in none, or in one without an end."""
        if not self.covers(epoch) or self.always:
            return None
        local = from_epoch(epoch).astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        monday = (local - timedelta(days=local.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
        ends = sorted(
            instant(monday + timedelta(minutes=week * WEEK + end), self.zone)
            for week in (-1, 0, 1, 2)
            for _, end in self.spans
        )
        return next((end for end in ends if end > epoch and not self.covers(end)), None)

    @property
    def always(self) -> bool:
        return self.spans == ((0, WEEK),)


def instant(local: datetime, zone: str) -> int:
    """Epoch seconds of a local time: one that does not exist shifts forward, of two the first is meant."""
    return int(local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp())


def spans_of(texts: Iterable[str]) -> tuple[Span, ...]:
    """The union of what is written, sorted.

    Raises:
        ValueError: one of them cannot be read.
    """
    return union(span for text in texts for span in _spans(text))


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def outside(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The rest of the week."""
    edges = [0, *(edge for span in union(spans) for edge in span), WEEK]
    return tuple((a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b)


def span_text(span: Span) -> str:
    """`mon 20:00 to tue 08:00`."""
    return " to ".join(f"{DAYS[at // _DAY % 7]} {at % _DAY // 60:02}:{at % 60:02}" for at in span)


def _spans(text: str) -> Iterable[Span]:
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None or not text.strip():
        raise ValueError(f"{text!r} is not a time of the week; {_EXAMPLE}")
    first = DAYS.index(found["first"]) if found["first"] else 0
    last = DAYS.index(found["last"]) if found["last"] else first if found["first"] else 6
    begin, end = (_minutes(found["begin"], text), _minutes(found["end"], text)) if found["begin"] else (0, _DAY)
    if begin == end:
        raise ValueError(f"{text!r} ends when it begins; {_EXAMPLE}")
    for day in range(first, (last if last >= first else last + 7) + 1):
        start = day % 7 * _DAY + begin
        stop = start + (end - begin if end > begin else end - begin + _DAY)
        yield (start, min(stop, WEEK))
        if stop > WEEK:
            yield (0, stop - WEEK)


def _minutes(clock: str, text: str) -> int:
    hour, minute = (int(part) for part in clock.split(":"))
    if hour * 60 + minute > _DAY or minute > 59:
        raise ValueError(f"{clock} in {text!r} is no time of a day; {_EXAMPLE}")
    return hour * 60 + minute
