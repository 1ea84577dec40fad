"""`active: {ical: FILE}`: the days of an iCalendar beside the configuration, as the `dates` that they stand for.

A season has days, kick-offs have `near_events`. The file is one of those that sources.yaml is made of: a change of it is a change
of the configuration, and the last good copy holds it.
"""

from __future__ import annotations

import posixpath
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.engines.ical import read_calendar
from busta_health_dagster.settings.calendar_files import is_remote
from busta_health_dagster.settings.included import ROOT, resolve
from busta_health_dagster.settings.locate import shown_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings

_PAST_S, _AHEAD_S = 395 * 86_400, 400 * 86_400
"""What is read of it: the season before, whose service level still counts, and the one to come."""


def with_calendar_days(
    doc: Document, texts: Mapping[str, bytes], config_dir: Path, now: float, found: Findings
) -> None:
    """Replace every `ical` of an `active` in `doc`; what cannot be read goes to `found`."""
    for place, entry in _entries(doc.data):
        name = entry.get("ical")
        if not isinstance(name, str):
            continue  # its model says what is wrong with it
        for key in ("months", "dates"):
            if entry.pop(key, None) is not None:
                says = f"`ical` and `{key}` both say which days; `{key}` would not count."
                found.add(doc, (*place, key), says, "keep one of them, or write two entries", key=True)
        try:
            entry["dates"] = _days(name, texts, config_dir, now, _zone(entry))
        except (BadInput, ValueError) as why:
            remedy = "ical: season-2026.ics, a file beside sources.yaml with the days of the season"
            found.add(doc, (*place, "ical"), f"{str(why).rstrip('.')}.", remedy)
            entry["dates"] = ["01-01..12-31"]  # reported: the rest of the source is read all the same
        del entry["ical"]


def _entries(data: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every entry of every `active` that may have one."""
    blocks: list[tuple[Place, Any]] = [(("defaults",), data.get("defaults"))]
    types = data.get("types")
    blocks += [(("types", name), block) for name, block in types.items()] if isinstance(types, dict) else []
    sources = data.get("sources")
    blocks += [(("sources", n), one) for n, one in enumerate(sources)] if isinstance(sources, list) else []
    for place, block in blocks:
        said = block.get("active") if isinstance(block, dict) else None
        if isinstance(said, dict):
            yield (*place, "active"), said
        for n, one in enumerate(said) if isinstance(said, list) else ():
            if isinstance(one, dict):
                yield (*place, "active", n), one


def _zone(entry: dict[str, Any]) -> str:
    """One that is not there or unknown is told by its model."""
    zone = entry.get("zone")
    return zone if isinstance(zone, str) and zone in available_timezones() else "UTC"


def _days(name: str, texts: Mapping[str, bytes], config_dir: Path, now: float, zone: str) -> list[str]:
    if is_remote(name):
        raise BadInput(
            f"{name} is on the web, and a season must be known while its server is away; save it as a file there"
        )
    (file,) = resolve(config_dir, ROOT, name) if not set(name) & set("*?[") else [posixpath.normpath(name)]
    if file not in texts and (config_dir / file).is_file():
        raise BadInput(f"A `for_each` cannot fill in the name of a calendar, here {file}: its changes would go unseen")
    if file not in texts:
        raise BadInput(f"There is no file {file} in {shown_as(config_dir)}")
    calendar = read_calendar(texts[file], int(now) - _PAST_S, int(now) + _AHEAD_S, zone)
    days: set[date] = set()
    for event in calendar.events:
        first, last = _day(event.start, zone), _day(max(event.start, event.end - 1), zone)
        days |= {first + timedelta(days=n) for n in range(min((last - first).days, 800) + 1)}
    if not days:
        raise BadInput(f"{file} has no event between {_day(now - _PAST_S, zone)} and {_day(now + _AHEAD_S, zone)}")
    return list(_ranges(sorted(days)))


def _day(at: float, zone: str) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).date()


def _ranges(days: list[date]) -> Iterator[str]:
    """Days that follow each other as one range: `2026-09-10..2026-09-14`."""
    first = last = days[0]
    for day in days[1:]:
        if day - last > timedelta(days=1):
            yield f"{first}..{last}"
            first = day
        last = day
    yield f"{first}..{last}"
