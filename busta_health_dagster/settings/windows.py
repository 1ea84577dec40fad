"""`maintenance.yaml` -> windows and known events. The recurrence is read by the engine that will expand it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.near_events import EventCalendar
from busta_health_dagster.engines.maintenance import validate
from busta_health_dagster.settings.translating import translate
from busta_health_dagster.settings.window_model import CALENDAR_KEYS, CalendarFields, EventFields, WindowFields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings

_Fields = TypeVar("_Fields", bound=BaseModel)
_HINTS = {
    "zone": "zone: America/New_York, or zone: UTC; without it the start could be any of 38 instants",
    "start": "start: 2026-11-26T02:00",
    "duration": "duration: 45m",
}


def read_windows(doc: Document, section: Literal["windows", "events"], found: Findings) -> tuple[Window, ...]:
    """The windows of a section; what is wrong with one goes to `found`."""
    taken: set[str] = set()
    built = []
    for place, fields in _entries(doc, section, found):
        if fields.name in taken:
            found.add(
                doc,
                (*place, "name"),
                f"The name {fields.name!r} is taken: {section} have one name each.",
                f"name: {fields.name}-2",
            )
            continue
        taken.add(fields.name)
        window = Window(
            name=fields.name,
            select=fields.select.domain(),
            start=fields.start,
            zone=fields.zone,
            duration_s=int(fields.duration),
            rrule=fields.rrule,
            exdates=fields.exdates,
            reason=fields.reason,
            kind="maintenance" if section == "windows" else "event",
            where=doc.line(place),
        )
        problems = validate(window)
        for problem in problems:
            field = problem.field.rpartition(", ")[2]
            found.add(doc, (*place, field), problem.message, problem.remedy, level=problem.level)
        if not any(problem.level == "error" for problem in problems):
            built.append(window)
    return tuple(built)


def _entries(doc: Document, section: str, found: Findings) -> Iterator[tuple[Place, EventFields]]:
    entries = doc.data.get(section, [])
    if not isinstance(entries, list):
        found.add(
            doc,
            (section,),
            f"`{section}` is not a list.",
            f"{section}: [{{name: ..., start: ..., zone: ..., duration: ...}}]",
        )
        return
    model = WindowFields if section == "windows" else EventFields
    for index, entry in enumerate(entries):
        if section == "windows" or not _is_calendar(entry):
            fields = _validated(model, doc, (section, index), entry, found)
            if fields is not None:
                yield (section, index), fields


def read_calendars(doc: Document, taken: Collection[str], found: Findings) -> tuple[EventCalendar, ...]:
    """The entries of `events` whose times stand elsewhere; `taken` are the names of the others."""
    entries = doc.data.get("events", [])
    built: dict[str, EventCalendar] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        place: Place = ("events", index)
        fields = _validated(CalendarFields, doc, place, entry, found) if _is_calendar(entry) else None
        if fields is None:
            continue
        if fields.name in taken or fields.name in built:
            says = f"The name {fields.name!r} is taken: events have one name each."
            found.add(doc, (*place, "name"), says, f"name: {fields.name}-2")
            continue
        built[fields.name] = EventCalendar(
            fields.name,
            fields.select.domain(),
            fields.ical,
            fields.source,
            fields.path,
            fields.zone,
            int(fields.duration),
            int(fields.refresh),
            fields.allow_private,
            doc.line(place),
        )
    return tuple(built.values())


def _is_calendar(entry: Any) -> bool:
    return isinstance(entry, dict) and not CALENDAR_KEYS.isdisjoint(entry)


def _validated(model: type[_Fields], doc: Document, place: Place, entry: Any, found: Findings) -> _Fields | None:
    try:
        return model.model_validate(entry)
    except ValidationError as error:

        def report(at: Place, says: str, remedy: str, key: bool) -> None:
            found.add(doc, (*place, *at), says, remedy, key=key)

        translate(error, model, entry, report, hints=_HINTS)
    return None
