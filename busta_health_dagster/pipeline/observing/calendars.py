"""Read the calendars of known events that are due, and take in the times that payloads named."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput, MissingSecret
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.near_events import KnownTime
from busta_health_dagster.engines.ical import MOST_BYTES, read_calendar
from busta_health_dagster.pipeline.app.calendars import CalendarReading, keep, kept_calendars, place_of
from busta_health_dagster.probes.calendar_fetch import fetched
from busta_health_dagster.settings.calendar_files import AHEAD_S, PAST_S, is_remote, local_calendar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.near_events import EventCalendar
    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.engines.ical import ReadCalendar
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

AGAIN_S = 900
"""After a failure it is tried again so soon."""
MOST_EVENTS = 2000
_TIMEOUT_S = 10.0


def refresh_calendars(app: App) -> None:
    """Read every iCalendar that is due. One that fails keeps what was read last, and says why."""
    remote = [calendar for calendar in app.config.calendars if calendar.ical is not None]
    if not remote:
        return
    now = app.now()
    with app.store.read() as uow:
        known = kept_calendars(app, uow)
    for calendar in remote:
        before = known.get(calendar.name)
        if before is None or not 0 <= now - before.tried_at < _wait_s(calendar, before):  # or the clock was set back
            reading = _attempt(app, calendar, before, now)
            with app.store.write() as uow:
                keep(uow, calendar.name, reading)


def _wait_s(calendar: EventCalendar, before: CalendarReading) -> int:
    return min(calendar.refresh_s, AGAIN_S) if before.problem else calendar.refresh_s


def _attempt(app: App, calendar: EventCalendar, before: CalendarReading | None, now: int) -> CalendarReading:
    last = before or CalendarReading(place_of(calendar), now)
    try:
        read = _read(app, calendar, now)
    except (BadInput, MissingSecret) as why:
        return replace(last, tried_at=now, problem=app.secrets.scrub(str(why)).rstrip("."))
    events = tuple(KnownTime(e.start, _end(e.start, e.end, calendar), e.title) for e in read.events[:MOST_EVENTS])
    return CalendarReading(place_of(calendar), now, now, events, "", read.notes)


def _read(app: App, calendar: EventCalendar, now: int) -> ReadCalendar:
    """Raises BadInput or MissingSecret: why it cannot be read."""
    place = app.secrets(calendar.ical) if isinstance(calendar.ical, SecretRef) else str(calendar.ical)
    if not is_remote(place):
        read = local_calendar(place, app.config.dir, now, calendar.zone)
        assert read is not None
        return read
    text = asyncio.run(fetched(place, timeout_s=_TIMEOUT_S, max_bytes=MOST_BYTES, guarded=not calendar.allow_private))
    try:
        return read_calendar(text, now - PAST_S, now + AHEAD_S, calendar.zone)
    except ValueError as why:
        raise BadInput(str(why)) from why


def take_event_times(app: App, uow: UnitOfWork, seen: Iterable[Observation]) -> None:
    """The events that payloads named replace those to come; what has begun stays for three days."""
    if all(calendar.source is None for calendar in app.config.calendars):
        return
    known, now = kept_calendars(app, uow), app.now()
    for o in seen:
        for calendar in app.config.calendars:
            if calendar.source == o.source and o.event_times is not None:
                before = known.get(calendar.name) or CalendarReading(place_of(calendar), now)
                keep(uow, calendar.name, _merged(calendar, before, o.event_times.get(calendar.name), now))


def _merged(
    calendar: EventCalendar, before: CalendarReading, starts: tuple[int, ...] | None, now: int
) -> CalendarReading:
    if starts is None:
        return replace(
            before, tried_at=now, problem=f"the payload of {calendar.source} has no times at {calendar.path}"
        )
    begun = {e.start: e for e in before.events if now - PAST_S < e.start <= now}
    named = {at: KnownTime(at, at + calendar.duration_s) for at in starts if now - PAST_S < at < now + AHEAD_S}
    events = sorted((begun | named).values(), key=lambda e: e.start)
    return CalendarReading(before.place, now, now, tuple(events[:MOST_EVENTS]))


def _end(start: int, end: int, calendar: EventCalendar) -> int:
    return end if end > start else start + calendar.duration_s
