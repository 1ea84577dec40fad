"""What the doctor knows of event calendars: one that does not exist, a path that no payload has, an interval that changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.settings.calendar_files import local_calendar
from busta_health_dagster.wording.suggestions import meant

if TYPE_CHECKING:
    from busta_health_dagster.settings.check_context import CheckContext

_SOURCES, _EVENTS = "sources.yaml", "maintenance.yaml"


def unknown_calendars(review: CheckContext) -> None:
    """`near_events` of a calendar that no one wrote, and a calendar of a source that cannot have one."""
    if _EVENTS in review.docs and review.found.broken(review.docs[_EVENTS]):
        return
    names = [*(event.name for event in review.events), *(calendar.name for calendar in review.calendars)]
    for source in review.sources.values():
        spec = source.near_events
        if spec is not None and spec.calendar not in names:
            says = f"There is no calendar {spec.calendar!r}: nothing would ever be near."
            remedy = (
                f"calendar: {names[0] if len(names) == 1 else meant(spec.calendar, names)}"
                if names
                else (
                    f"events: [{{name: {spec.calendar}, ical: https://example.com/fixtures.ics}}] in maintenance.yaml"
                )
            )
            place = (*review.at_source(source.name), "near_events", "calendar")
            review.found.add(review.docs[_SOURCES], place, says, remedy)
    for calendar in review.calendars:
        place = _place_of(review, calendar.name)
        if calendar.source is not None:
            held = review.sources.get(calendar.source)
            if held is None:
                says, remedy = (
                    f"There is no source {calendar.source!r}.",
                    f"source: {meant(calendar.source, list(review.sources))}",
                )
                review.found.add(review.docs[_EVENTS], (*place, "source"), says, remedy)
            elif held.probe != "http":
                says = f"{held.name} is of probe {held.probe}: only a payload of probe http holds the times of events."
                review.found.add(
                    review.docs[_EVENTS], (*place, "source"), says, "source: one of probe http, or ical: URL"
                )
        elif not isinstance(calendar.ical, SecretRef) and calendar.ical is not None:
            try:
                local_calendar(calendar.ical, review.directory, review.now, calendar.zone)
            except BadInput as why:
                review.warn(_EVENTS, (*place, "ical"), f"{why}", "ical: fixtures.ics, beside the configuration")


def intervals_near_events(review: CheckContext) -> None:
    """An interval near events that is not shorter than the usual one."""
    for source in review.sources.values():
        spec = source.near_events
        if spec is None or spec.interval_s is None or spec.interval_s < source.full_every_s:
            continue
        says = f"Near events it is not observed more often: every {config_duration(spec.interval_s)}, as at any other time."
        place = (*review.at_source(source.name), "near_events", "interval")
        review.warn(_SOURCES, place, says, "interval: 1m, or remove it")


def _place_of(review: CheckContext, name: str) -> tuple[str | int, ...]:
    written = review.docs[_EVENTS].data.get("events", [])
    return next(
        (("events", i) for i, e in enumerate(written) if isinstance(e, dict) and e.get("name") == name), ("events",)
    )
