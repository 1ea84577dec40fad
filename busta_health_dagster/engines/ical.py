"""iCalendar (RFC 5545) -> the events between two instants: fixture lists, seasons, rotations.

The text may come from anyone: what it may cost is bounded before anything is expanded, and an entry that cannot be read is
left out with a note, so that one of them does not take the others along.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines import recurrence
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icalendar import Calendar, Component

MOST_BYTES: Final = 5_000_000
MOST_ENTRIES: Final = 10_000
MOST_STEPS: Final = 1_000_000
"""Days and hours that all rules together may step through: about two seconds."""
LONGEST_WINDOW_S: Final = 800 * 86_400
_STEP_DAYS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 30, "YEARLY": 365}
_SEVERAL_DAYS = frozenset({"BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"})
# Parts that may never come true in such a rule, and would be sought until the year 9999.
_UNFOLLOWED = {"MONTHLY": {"BYYEARDAY", "BYWEEKNO"}, "YEARLY": set[str]()}
_NARROW = {"BYYEARDAY", "BYWEEKNO", "BYSETPOS"}
_TITLE_CHARS = 200


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """[start, end) in epoch seconds; `start` = `end` for a moment. `people` are its attendees, as mail addresses."""

    start: int
    end: int
    title: str = ""
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadCalendar:
    """Events in order of their start, and a sentence for each kind of entry that was left out or guessed."""

    events: tuple[CalendarEvent, ...]
    notes: tuple[str, ...] = ()


def read_calendar(text: bytes, since: int, until: int, zone: str = "UTC") -> ReadCalendar:
    """What overlaps [since, until). `zone` is where days, and times without a zone of their own, are meant.

    Cancelled entries do not count. A day without a time lasts from midnight to midnight.

    Raises:
        ValueError: it is no iCalendar, or costs too much to expand; the message says which.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"{len(text):,} bytes, at most {MOST_BYTES:,} are read")
    if until - since > LONGEST_WINDOW_S:
        raise ValueError(f"a calendar is expanded for {LONGEST_WINDOW_S // 86_400} days at most")
    calendars = _parsed(text)
    here = ZoneInfo(zone)
    notes: dict[str, int] = {}
    steps = 0
    for calendar in calendars:
        kept = []
        for part in calendar.subcomponents if calendar.name == "VCALENDAR" else ():
            try:
                steps += _steps(part, until, here, notes) if part.name == "VEVENT" else 0
                kept.append(part)
            except ValueError as why:
                _note(notes, f"left out: {why}")
        calendar.subcomponents = kept
    if steps > MOST_STEPS:
        raise ValueError(
            f"its rules step through about {steps:,} days and hours, at most {MOST_STEPS:,} are followed; "
            "let the calendar hold what is near, or rules with a start that is not long ago"
        )
    found = [event for calendar in calendars for event in _events(calendar, since, until, here)]
    return ReadCalendar(
        tuple(sorted(found, key=lambda e: (e.start, e.end, e.title))),
        tuple(f"{plural(count, 'entry', 'entries')} {says}" for says, count in notes.items()),
    )


def _parsed(text: bytes) -> list[Calendar]:
    from icalendar import Calendar

    body = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not body[:15].upper().startswith(b"BEGIN:VCALENDAR"):
        opening = body[:40].decode("utf-8", "replace").splitlines()
        raise ValueError(f"not an iCalendar: it begins with {(opening or [''])[0]!r}, not with BEGIN:VCALENDAR")
    try:
        calendars = Calendar.from_ical(body, multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as why:
        raise ValueError(f"the iCalendar cannot be read: {why}") from why
    if not calendars:
        raise ValueError("the iCalendar is cut off: it has no END:VCALENDAR")
    entries = sum(len(c.walk("VEVENT")) for c in calendars)
    if entries > MOST_ENTRIES:
        raise ValueError(f"{entries:,} entries, at most {MOST_ENTRIES:,} are read")
    return calendars


def _steps(entry: Component, until: int, here: ZoneInfo, notes: dict[str, int]) -> int:
    """What its rules cost to follow.

    Raises:
        ValueError: it cannot be used.
    """
    start = _when(entry, "DTSTART")
    if start is None:
        raise ValueError("no readable DTSTART")
    for name in ("DTEND", "DURATION", "RECURRENCE-ID", "EXDATE", "RDATE"):
        if name in entry and any(not _readable(one) for one in _listed(entry[name])):
            raise ValueError(f"{name} cannot be read")
    if isinstance(start, datetime) and start.tzinfo is None and (named := entry["DTSTART"].params.get("TZID")):
        _note(notes, f"with the unknown zone {str(named)[:60]!r}, read as {here.key}")
    return sum(_rule_steps(rule, start, until, here) for rule in _listed(entry.get("RRULE")))


def _rule_steps(rule: Any, start: date, until: int, here: ZoneInfo) -> int:
    counts = {str(name).upper(): len(_listed(value)) for name, value in rule.items()}
    frequency = str(_listed(rule.get("FREQ", ""))[0]).upper()
    first = _local(start)
    recurrence.parse(rule.to_ical().decode(), first.replace(tzinfo=None))
    if odd := _UNFOLLOWED.get(frequency, _NARROW) & counts.keys():
        raise ValueError(f"RRULE has {min(odd)} with FREQ={frequency}, which is not followed")
    days = max(0.0, until - _instant(start, here)) / 86_400 / int(_listed(rule.get("INTERVAL", 1))[0])
    steps = days * counts.get("BYMINUTE", 1) * counts.get("BYSECOND", 1)
    if frequency == "HOURLY":
        return int(steps * 24) + 1
    step_days = 1 if _SEVERAL_DAYS & counts.keys() else _STEP_DAYS[frequency]
    return int(steps * counts.get("BYHOUR", 1) / step_days) + 1


def _events(calendar: Calendar, since: int, until: int, here: ZoneInfo) -> Iterator[CalendarEvent]:
    import recurring_ical_events

    expanded = recurring_ical_events.of(calendar, skip_bad_series=True, components=["VEVENT"])
    # A margin of a day: what stands in the calendar's local time is placed by our zone afterwards.
    low, high = from_epoch(since) - timedelta(days=1), from_epoch(until) + timedelta(days=1)
    for one in expanded.between(low, high):
        if str(one.get("STATUS", "")).upper() == "CANCELLED":
            continue
        begin, last = _when(one, "DTSTART"), _when(one, "DTEND")
        if begin is None:
            continue
        start = _instant(begin, here)
        end = max(start, _instant(last, here)) if last is not None else start
        if start < until and max(end, start + 1) > since:
            title = " ".join(str(one.get("SUMMARY", "")).split())[:_TITLE_CHARS]
            yield CalendarEvent(start, end, title, tuple(_people(one)))


def _people(entry: Component) -> Iterator[str]:
    for person in _listed(entry.get("ATTENDEE")):
        scheme, colon, address = str(person).partition(":")
        if colon and scheme.lower() == "mailto" and address:
            yield address.strip().lower()


def _when(entry: Component, name: str) -> date | None:
    """A date, or a datetime; None where there is none, or none that can be read."""
    value = entry.get(name)
    return getattr(value, "dt", None) if value is not None and _readable(value) else None


def _readable(value: Any) -> bool:
    """A value that could not be parsed raises where it is read."""
    from icalendar.error import BrokenCalendarProperty

    try:
        return hasattr(value, "dt") or hasattr(value, "dts")
    except BrokenCalendarProperty:
        return False


def _local(value: date) -> datetime:
    """A day begins at midnight."""
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001  its zone comes later


def _instant(value: date, here: ZoneInfo) -> int:
    local = _local(value)
    aware = local if local.tzinfo is not None else local.replace(tzinfo=here)
    return int(aware.timestamp())


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _note(notes: dict[str, int], says: str) -> None:
    notes[says] = notes.get(says, 0) + 1
