"""Maintenance as a calendar: every time a window is on in a month, and the windows behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.units import config_duration, from_epoch, from_iso
from busta_health_dagster.web.pages.asked import address
from busta_health_dagster.web.pages.frame import ROOT
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.documents.service import MaintenanceOccurrence, WindowRow
    from busta_health_dagster.domain.source import Source

PATH = f"{ROOT}/maintenance"
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
_MOST_A_DAY = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One time a window is on, as a day of the calendar shows it."""

    window: str
    hours: str
    sources: str
    reason: str
    on: bool


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the calendar. `more` entries did not fit."""

    date: date
    inside: bool
    today: bool
    entries: tuple[Entry, ...]
    more: int


def month_of(text: str, now: int) -> date:
    """The first day of the month that is asked for; of this month where none is."""
    found = _MONTH.fullmatch(text)
    return date(int(found[1]), int(found[2]), 1) if found else from_epoch(now).date().replace(day=1)


def span_of(month: date) -> tuple[int, int]:
    """The instants that the calendar of a month shows: whole weeks, from a Monday."""
    first = month - timedelta(days=month.weekday())
    last = _next(month) + timedelta(days=-_next(month).weekday() % 7)
    return _instant(first), _instant(last)


def _next(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def _instant(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def maintenance_view(
    windows: Sequence[WindowRow],
    occurrences: Sequence[MaintenanceOccurrence],
    month: date,
    sources: Mapping[str, Source],
    zone: str,
    now: int,
) -> dict[str, Any]:
    since, until = span_of(month)
    covered = {w["window"]: w["sources"] for w in windows}
    days = [_day(at, month, occurrences, covered, now) for at in range(since, until, 86400)]
    return {
        "month": f"{month:%B %Y}",
        "weeks": [days[i : i + 7] for i in range(0, len(days), 7)],
        "before": address(PATH, month=f"{month - timedelta(days=1):%Y-%m}"),
        "after": address(PATH, month=f"{_next(month):%Y-%m}"),
        "this": PATH,
        "windows": [_window(w) for w in windows],
        "on": sum(w["active"] for w in windows),
        "zone": zone,
        "known": {
            "sources": sorted(sources),
            "types": sorted({s.type for s in sources.values()}),
            "tiers": sorted({s.tier for s in sources.values()}),
            "groups": sorted({s.group for s in sources.values()}),
            "owners": sorted({owner for s in sources.values() for owner in s.owners}),
        },
    }


def _day(
    at: int,
    month: date,
    occurrences: Iterable[MaintenanceOccurrence],
    covered: Mapping[str, Sequence[str]],
    now: int,
) -> Day:
    end, found = at + 86400, []
    for o in occurrences:
        start, stop = from_iso(o["start"]), from_iso(o["end"])
        if start < end and stop > at:
            names = covered.get(o["window"], ())
            found.append(
                Entry(o["window"], _hours(start, stop, at, end), listed(names, 3), o["reason"], start <= now < stop)
            )
    day = from_epoch(at).date()
    today = at <= now < end
    return Day(day, day.month == month.month, today, tuple(found[:_MOST_A_DAY]), max(len(found) - _MOST_A_DAY, 0))


def _hours(start: int, stop: int, day: int, end: int) -> str:
    """02:00–02:45; from 22:00, until 01:00 and all day where it reaches beyond the day."""
    begins, ends = start >= day, stop <= end
    if begins and ends:
        return f"{from_epoch(start):%H:%M}–{from_epoch(stop):%H:%M}"
    if begins:
        return f"from {from_epoch(start):%H:%M}"
    return f"until {from_epoch(stop):%H:%M}" if ends else "all day"


def _window(w: WindowRow) -> dict[str, Any]:
    line = (w["config"] or "").rsplit("/", 1)[-1]
    return {
        **w,
        "lasts": config_duration(w["duration_s"]),
        "repeats": (w["rrule"] or "once").removeprefix("FREQ="),
        "covers": listed(w["sources"], 4) if w["sources"] else "no source",
        "whence": line or "file" if w["origin"] == "file" else f"added by {w['by'] or 'someone'}",
        "can_end": w["origin"] != "file" and w["id"] is not None and (w["active"] or w["next"] is not None),
    }
