"""The window that a service level is asked for: rolling ones ending at T, calendar ones in a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.units import TooLong, from_epoch, parse_seconds

_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
LONGEST_WINDOW_S = 5 * 365 * 86400
"""As long as daily numbers are kept."""


@dataclass(frozen=True, slots=True)
class Period:
    """[since, until) in epoch seconds. `label` is how it was asked for, or the ISO name of a calendar period."""

    label: str
    since: int
    until: int


def period(text: str, at: int, zone: str = "UTC", *, end: int | None = None) -> Period:
    """`24h`, `7d`, `30d` (rolling); `week`, `month` (the current one so far); `2026-W47`, `2026-11`, as they are at `at`.

    What rolls ends at `end` (None: at `at`). Calendar periods run from local midnight to local midnight of `zone` (a week
    from Monday), and are cut off there: what has not happened yet is not missing. So the week of a DST change has an hour
    more or less.

    Raises:
        ValueError: none of these, a week that the year does not have, or a period that lies after `at`.
    """
    end = at if end is None else end
    local = from_epoch(at).astimezone(ZoneInfo(zone)).date()
    if text == "week":
        return _calendar(_week_name(local), local - timedelta(days=local.weekday()), 7, (at, end), zone)
    if text == "month":
        return _calendar(f"{local:%Y-%m}", local.replace(day=1), None, (at, end), zone)
    if found := _WEEK.fullmatch(text):
        return _calendar(text, _monday(int(found[1]), int(found[2]), text), 7, (at, end), zone)
    if found := _MONTH.fullmatch(text):
        return _calendar(text, _first(int(found[1]), int(found[2]), text), None, (at, end), zone)
    try:
        seconds = int(parse_seconds(text))
    except TooLong:
        seconds = LONGEST_WINDOW_S + 1
    except ValueError:
        raise ValueError(f"{text!r} is not a window; write 24h, 7d, 30d, week, month, 2026-W47 or 2026-11") from None
    if seconds <= 0:
        raise ValueError(f"{text!r} is a window without length; write 24h, 7d or 30d")
    if seconds > LONGEST_WINDOW_S:
        raise ValueError(
            f"{text[:20]!r} is longer than 5 years, which is how long daily numbers are kept; write 1825d or less"
        )
    return Period(text, end - seconds, end)


def local_midnight(day: date, zone: str) -> int:
    """The first instant of a local day, in epoch seconds (where midnight does not exist, the day begins after the
    gap).
    """
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp())


def _calendar(label: str, first: date, days: int | None, now: tuple[int, int], zone: str) -> Period:
    at, end = now
    last = first + timedelta(days=days) if days else (first + timedelta(days=32)).replace(day=1)
    since, until = local_midnight(first, zone), local_midnight(last, zone)
    if since > at:
        raise ValueError(f"{label} begins after {from_epoch(at):%Y-%m-%d %H:%M} UTC; nothing is known of it yet")
    return Period(label, since, min(until, end))


def _week_name(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def _monday(year: int, week: int, text: str) -> date:
    _near(year, text)
    try:
        return date.fromisocalendar(year, week, 1)
    except ValueError as why:
        raise ValueError(f"{text!r} is not an ISO week ({why}); write for instance 2026-W47") from why


def _near(year: int, text: str) -> None:
    if not 1970 <= year < 2200:
        raise ValueError(f"{text!r} lies outside 1970 to 2199; write for instance 2026-W47 or 2026-11")


def _first(year: int, month: int, text: str) -> date:
    _near(year, text)
    try:
        return date(year, month, 1)
    except ValueError as why:
        raise ValueError(f"{text!r} is not a month ({why}); write for instance 2026-11") from why
