"""A time that is written as text, in the ways sources write it, to epoch seconds; None when it is none that we know.

A name of a zone counts by the rules of the IANA database, and one that is not known (or is that of several zones, like
IST) is no UTC: the time is unreadable until `zone` says where the source is at home.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EPOCH_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # larger than -> nano, micro, milliseconds
_DOT_NET = re.compile(r"\\?/Date\((-?\d+)(?:[+-]\d{4})?\)\\?/")  # the milliseconds are UTC; the offset is for display
_BRACKET = re.compile(r"(.*\S)\s*\[([^\[\]]+)\]")
_COMMENT = re.compile(r"\s*\([^()]*\)$|\s+m=[+-][\d.]+$")  # `GMT+0100 (Central European Time)`, Go's monotonic clock
_AM_PM = re.compile(r"(\d{1,2})(:\d\d(?::\d\d(?:\.\d+)?)?)?\s*([ap])\.?m\b\.?", re.IGNORECASE)
_OFFSET = re.compile(r"(.*\d)\s*(?:(?:GMT|UTC)\s*|\s)([+-])(\d\d?):?(\d\d)?(?:\s+[A-Za-z]{1,5})?", re.IGNORECASE)
_NAME = re.compile(r"(.*\d)\s*([A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*)")
_MIDDLE = re.compile(r"(.*\d:\d\d(?::\d\d)?)\s+([A-Za-z]{1,5})\s+(\d{4})")  # date(1): 10:00:00 CET 2026
_HOMES = {
    "America/New_York": "EST EDT",
    "America/Chicago": "CST CDT",
    "America/Denver": "MST MDT",
    "America/Los_Angeles": "PST PDT",
    "America/Anchorage": "AKST AKDT",
    "America/Halifax": "AST ADT",
    "America/St_Johns": "NST NDT",
    "Pacific/Honolulu": "HST",
    "Europe/London": "BST",
    "Europe/Lisbon": "WET WEST",
    "Europe/Berlin": "CET CEST",
    "Europe/Athens": "EET EEST",
    "Europe/Moscow": "MSK",
    "Africa/Johannesburg": "SAST",
    "Asia/Tokyo": "JST",
    "Asia/Seoul": "KST",
    "Asia/Hong_Kong": "HKT",
    "Australia/Sydney": "AEST AEDT",
    "Australia/Adelaide": "ACST ACDT",
    "Australia/Perth": "AWST",
    "Pacific/Auckland": "NZST NZDT",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_ALSO = {"MEZ": "CET", "MET": "CET", "MESZ": "CEST", "MEST": "CEST"}
_EITHER = {"ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles"}
_LONGEST = 128
"""Characters of a time; what is longer is none. The patterns here are quadratic in runs of spaces, and cheap up to here."""
_UTC = frozenset({"UTC", "GMT", "UT", "Z"})


def from_number(number: float, style: str) -> float | None:
    """Epoch seconds of a number: seconds to nanoseconds by its size, unless `style` says what it counts."""
    if not math.isfinite(number) or style not in ("auto", "epoch", "epoch_ms"):
        return None
    if style == "epoch_ms":
        return number / 1000
    if style == "auto":
        for larger_than, scale in _EPOCH_SCALES:
            if number > larger_than:
                return number / scale
    return number


def from_text(text: str, style: str, zone: str) -> float | None:
    """Epoch seconds of a text; `zone` is that of a time without one."""
    text = text.strip()
    return _from_short(text, style, zone) if len(text) <= _LONGEST else None


@lru_cache(maxsize=8192)
def _from_short(text: str, style: str, zone: str) -> float | None:
    compact = len(text) in (8, 14) and text.isdigit()  # 20261123 is a date, not an August day of 1970
    if compact and len(text) == 14 and style == "auto":
        text = f"{text[:8]}T{text[8:]}"
    if style in ("auto", "epoch", "epoch_ms") and text[4:5] != "-" and not (compact and style == "auto"):
        try:
            return from_number(float(text), style)
        except ValueError:
            if style != "auto":
                return None
    if style == "auto" and (dot_net := _DOT_NET.fullmatch(text)):
        return int(dot_net[1]) / 1000
    try:
        parsed = _written(text, style, zone)
        return None if parsed is None else parsed.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError, ZoneInfoNotFoundError):
        return None


def _written(text: str, style: str, zone: str) -> datetime | None:
    if style not in ("auto", "iso", "rfc2822"):
        if not style.endswith("%Z"):
            return _at_home(datetime.strptime(text, style), zone)  # noqa: DTZ007  the zone follows
        named = _NAME.fullmatch(text)
        local = datetime.strptime((named[1] if named else text).strip(), style[:-2].strip())  # noqa: DTZ007  it follows
        return _in_zone(local, named[2], zone) if named else None
    if style != "rfc2822":
        try:
            return _at_home(datetime.fromisoformat(text.upper()), zone)
        except ValueError:
            pass
    text = _COMMENT.sub("", text)
    if bracket := _BRACKET.fullmatch(text):
        parsed = _plain(bracket[1], style, None)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(bracket[2]))
    text = _AM_PM.sub(_on_24_hours, text)
    if offset := _OFFSET.fullmatch(text):
        _, sign, hours, minutes = offset.groups()
        if ":" in offset[1]:
            ahead = timedelta(hours=int(hours), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
            return _plain(offset[1], style, None).replace(tzinfo=timezone(ahead))
    if middle := _MIDDLE.fullmatch(text):
        text = f"{middle[1]} {middle[3]} {middle[2]}"
    if (named := _NAME.fullmatch(text)) and not named[2].isdigit():
        return _in_zone(_plain(named[1], style, None), named[2], zone)
    return _plain(text, style, zone)


def _plain(text: str, style: str, zone: str | None) -> datetime:
    """ISO 8601 or RFC 2822. `zone` None: as it stands there.

    Raises:
        ValueError, TypeError, IndexError: neither.
    """
    try:
        if style == "rfc2822":
            raise ValueError(style)  # noqa: TRY301  on to the other way of writing
        parsed = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        if style == "iso":
            raise
        parsed = parsedate_to_datetime(text.replace("-", " ") if re.search(r"\d-[A-Za-z]{3}-\d", text) else text)
    return parsed if zone is None else _at_home(parsed, zone)


def _at_home(parsed: datetime, zone: str) -> datetime:
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(zone))


def _on_24_hours(match: re.Match[str]) -> str:
    hour, rest, half = int(match[1]), match[2] or ":00", match[3].lower()
    if not 1 <= hour <= 12:
        return match[0]
    return f"{hour % 12 + (12 if half == 'p' else 0):02d}{rest}"


def _in_zone(local: datetime, name: str, zone: str) -> datetime | None:
    known = _zone(name, zone, local.year)
    return None if known is None or local.tzinfo else local.replace(tzinfo=known)


@lru_cache(maxsize=1024)
def _zone(name: str, home: str, year: int) -> tzinfo | None:
    """What a name behind a time means; the source's own zone knows best, then the one place that goes by that name."""
    short = name.upper()
    if short in _UTC:
        return UTC
    if "/" in name or short in _EITHER:
        try:
            return ZoneInfo(_EITHER.get(short, name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
    short = _ALSO.get(short, short)
    for place in (home, _HOME_OF.get(short)):
        for month in (1, 7) if place is not None else ():
            at = datetime(year, month, 1, tzinfo=ZoneInfo(place or home))
            if at.tzname() == short:
                return timezone(at.utcoffset() or timedelta())
    return None
