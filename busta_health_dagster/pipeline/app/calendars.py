"""What is known of the events of each calendar: kept in the store, so that the last good reading outlives a bad one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.near_events import KnownTime, NearEvent
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.baseline.known_events import KnownEvent
from busta_health_dagster.engines.maintenance import merged, occurrences
from busta_health_dagster.engines.near_events import near_event, source_near

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.near_events import EventCalendar
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

SILENT_S = 86_400
"""A payload that named no events for so long is worth a warning."""
_REACH_S = 2 * 86_400


@dataclass(frozen=True, slots=True)
class CalendarReading:
    """The newest of a calendar. `events` are those of the last good reading, at `read_at` (None: none was good yet);
    `problem` says why the attempt at `tried_at` failed, `notes` what it left out. `place`: where it was read.
    """

    place: str
    tried_at: int
    read_at: int | None = None
    events: tuple[KnownTime, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "place": self.place,
            "tried_at": self.tried_at,
            "read_at": self.read_at,
            "events": [[e.start, e.end, e.title] for e in self.events],
            "problem": self.problem,
            "notes": list(self.notes),
        }


def place_of(calendar: EventCalendar) -> str:
    """Where its events stand; another place is another calendar."""
    return f"{calendar.source}: {calendar.path}" if calendar.source is not None else str(calendar.ical)


def kept_calendars(app: App, uow: UnitOfWork) -> dict[str, CalendarReading]:
    """By name, of the configured calendars that were tried."""
    found = {}
    for calendar in app.config.calendars:
        kept = uow.meta.get(_key(calendar.name))
        if kept is not None and kept["place"] == place_of(calendar):
            events = tuple(KnownTime(*one) for one in kept["events"])
            found[calendar.name] = CalendarReading(
                kept["place"], kept["tried_at"], kept["read_at"], events, kept["problem"], tuple(kept["notes"])
            )
    return found


def keep(uow: UnitOfWork, name: str, reading: CalendarReading) -> None:
    uow.meta.put(_key(name), reading.as_json())


def near_events(app: App, uow: UnitOfWork, now: int) -> dict[str, NearEvent]:
    """Source -> the event that it is near."""
    wanted = {name: s.near_events for name, s in app.config.sources.items() if s.near_events is not None}
    if not wanted:
        return {}
    known = {name: reading.events for name, reading in kept_calendars(app, uow).items()}
    reach = max(max(spec.before_s, spec.after_s) for spec in wanted.values()) + _REACH_S
    known |= {
        window.name: tuple(KnownTime(o.start, o.end) for o in occurrences(window, now - reach, now + reach))
        for window in app.config.events
    }
    found = {name: near_event(spec, known.get(spec.calendar, ()), now) for name, spec in wanted.items()}
    return {name: near for name, near in found.items() if near is not None}


def as_watched(app: App, uow: UnitOfWork, name: str, now: int) -> Source:
    """The source with the limits that hold now."""
    source = app.config.sources[name]
    return source_near(source) if name in near_events(app, uow, now) else source


def calendar_events(app: App, uow: UnitOfWork) -> tuple[KnownEvent, ...]:
    """The same events for the detector, those that overlap as one; one of the whole fleet stays one."""
    sources, found = app.config.sources, []
    kept = kept_calendars(app, uow)
    for calendar in app.config.calendars:
        mine: list[str | None] = [name for name, source in sources.items() if calendar.select.matches(source)]
        events = kept[calendar.name].events if calendar.name in kept else ()
        for start, end in merged((e.start, e.end) for e in events):
            recipients = [None] if len(mine) == len(sources) else mine
            found += [KnownEvent(calendar.name, start, end, name) for name in recipients]
    return tuple(found)


def calendar_problems(app: App, uow: UnitOfWork) -> dict[str, str]:
    """Calendar -> what is wrong with it, as a sentence."""
    known, now = kept_calendars(app, uow), app.now()
    return {c.name: says for c in app.config.calendars if (says := _problem(c, known.get(c.name), now))}


def _problem(calendar: EventCalendar, reading: CalendarReading | None, now: int) -> str:
    if reading is None:
        return f"Calendar {calendar.name} has not been read yet: no event is known to be near."
    kept = (
        "no event is known to be near"
        if reading.read_at is None
        else f"what was read on {_when(reading.read_at)} is used"
    )
    if reading.problem:
        return f"Calendar {calendar.name} cannot be read: {reading.problem}; {kept}."
    if calendar.source is not None and reading.read_at is not None and now - reading.read_at > SILENT_S:
        return f"No payload of {calendar.source} has named the events of calendar {calendar.name} lately; {kept}."
    if reading.notes:
        return f"Calendar {calendar.name} was read in part: {'; '.join(reading.notes)}."
    return ""


def calendar_of(app: App, problems: Mapping[str, str], source: str) -> str:
    """What is wrong with the calendar of a source; empty where nothing is."""
    spec = app.config.sources[source].near_events
    return "" if spec is None else problems.get(spec.calendar, "")


def _key(name: str) -> str:
    return f"calendar:{name}"


def _when(at: int) -> str:
    return f"{from_epoch(at):%Y-%m-%d %H:%M} UTC"
