"""Recurrence rules (RFC 5545) on naive local time.

Parsing is strict: dateutil alone loops for ever on INTERVAL=0, and up to the year 9999 for a 30 February.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dateutil.rrule import rrule

_STEPS = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}
_FREQUENCIES = ("YEARLY", "MONTHLY", *reversed(_STEPS))
_RANGES = {
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYSETPOS": (1, 366),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
    "INTERVAL": (1, 10_000),
    "COUNT": (1, 1_000_000),
}
_NEGATIVE = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"})
_OTHER = frozenset({"FREQ", "UNTIL", "BYDAY", "WKST"})
_DAYS_IN = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A parsed rule. UNTIL is kept apart: RFC 5545 wants UTC beside a local start, dateutil refuses the mix."""

    rule: rrule
    first: datetime
    until_utc: datetime | None = None
    until_local: datetime | None = None
    leap: timedelta | None = None  # whole periods by which the start may move without changing what follows

    def starts(self, low: datetime, high: datetime) -> Iterator[datetime]:
        """Naive local starts in [low, high], in order; UNTIL in UTC is left to the caller, who knows the zone."""
        rule = self.rule
        if self.leap is not None and low > self.first:
            # An hourly rule of 2020 would otherwise be counted up from 2020 at every observation.
            rule = rule.replace(dtstart=self.first + (low - self.first) // self.leap * self.leap)
        for start in rule.xafter(low - timedelta(seconds=1)):
            if start > high or (self.until_local is not None and start > self.until_local):
                return
            yield start


@lru_cache(maxsize=1024)
def parse(text: str, start: datetime) -> Recurrence:
    """`FREQ=WEEKLY;BYDAY=TH` and a naive local start -> a Recurrence.

    A date-only UNTIL includes the whole of that local day.

    Raises:
        ValueError: not a rule we can follow; the message names the part and what would be right.
    """
    from dateutil.rrule import rrulestr

    parts = _parts(text)
    until_utc, until_local = _until(parts.pop("UNTIL", None))
    try:
        rule = rrulestr(";".join(f"{k}={v}" for k, v in parts.items()), dtstart=start)
    except (ValueError, KeyError, TypeError) as why:
        raise ValueError(f"RRULE {text!r} cannot be read ({why}); write for instance FREQ=WEEKLY;BYDAY=TH") from why
    step = _STEPS.get(parts["FREQ"])
    leap = None if step is None or "COUNT" in parts else step * int(parts.get("INTERVAL", "1"))
    return Recurrence(rule, start, until_utc, until_local, leap)  # type: ignore[arg-type]  # rrulestr of one rule is an rrule


def _parts(text: str) -> dict[str, str]:
    body = text.strip().removeprefix("RRULE:").upper()
    if not body or "\n" in body:
        raise ValueError(
            "an RRULE is one line, for instance FREQ=WEEKLY;BYDAY=TH; the start and the exdates are fields of their own"
        )
    parts: dict[str, str] = {}
    for piece in body.strip(";").split(";"):
        name, equals, value = piece.partition("=")
        if not equals or not value:
            raise ValueError(f"RRULE part {piece!r} is not NAME=VALUE; write for instance FREQ=WEEKLY;BYDAY=TH")
        if name not in _RANGES and name not in _OTHER:
            raise ValueError(f"RRULE part {name} is unknown; known are {', '.join(sorted(_OTHER | _RANGES.keys()))}")
        if name in parts:
            raise ValueError(f"RRULE part {name} is written twice")
        parts[name] = value
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError(
            f"RRULE needs FREQ, one of {', '.join(_FREQUENCIES)} (a window cannot recur faster than hourly), not {text!r}; "
            "write for instance FREQ=WEEKLY;BYDAY=TH"
        )
    for name in _RANGES.keys() & parts.keys():
        _check_range(name, parts[name])
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("RRULE has COUNT and UNTIL; RFC 5545 allows one of them")
    _check_days(parts)
    return parts


def _check_range(name: str, value: str) -> None:
    low, high = _RANGES[name]
    for number in value.split(","):
        try:
            n = int(number)
        except ValueError:
            raise ValueError(f"RRULE part {name}={value}: {number!r} is not a whole number") from None
        if not low <= (abs(n) if name in _NEGATIVE else n) <= high:
            raise ValueError(f"RRULE part {name}={value}: {n} is outside {low} to {high}")


def _check_days(parts: dict[str, str]) -> None:
    """A day that no chosen month has would be looked for until the year 9999."""
    if "BYMONTH" not in parts or "BYMONTHDAY" not in parts:
        return
    longest = max(_DAYS_IN[int(m) - 1] for m in parts["BYMONTH"].split(","))
    if all(abs(int(d)) > longest for d in parts["BYMONTHDAY"].split(",")):
        raise ValueError(f"RRULE never occurs: no month of BYMONTH={parts['BYMONTH']} has a day {parts['BYMONTHDAY']}")


def _until(text: str | None) -> tuple[datetime | None, datetime | None]:
    """(instant in UTC, local time): one of them, or neither."""
    if text is None:
        return None, None
    for pattern in ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%d"):
        try:
            at = datetime.strptime(text, pattern)  # noqa: DTZ007  local times are naive here
        except ValueError:
            continue
        if pattern.endswith("Z"):
            return at.replace(tzinfo=UTC), None
        return None, at if "T" in pattern else at.replace(hour=23, minute=59, second=59)
    raise ValueError(
        f"RRULE part UNTIL={text} is not a time; write 20261231T235959Z (UTC), 20261231T235959 (local) or 20261231"
    )
