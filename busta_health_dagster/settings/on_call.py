"""`on_call:` of alerts.yaml -> rotations. A rotation with a gap would let an alert reach no one: it is refused."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from busta_health_dagster.domain.on_call import OnCallCalendar, Override, Rotation, Shift
from busta_health_dagster.domain.weekly_hours import WEEK, instant, span_text, spans_of
from busta_health_dagster.wording.lists import plural
from busta_health_dagster.wording.suggestions import meant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.on_call_model import CalendarFields, RotationFields
    from busta_health_dagster.settings.problems import Findings

_DAYS = {"week": 7, "day": 1}
_ANY_DAY = datetime(2026, 1, 5)  # noqa: DTZ001  local; with one in turn it does not matter


def read_rotation(
    doc: Document, place: Place, fields: RotationFields, channels: Collection[str], found: Findings
) -> Rotation | None:
    """What is wrong goes to `found`; None for one that cannot be used."""
    shifts = tuple(Shift(spans_of(s.at), s.turns) for s in fields.shifts or ())
    always = fields.turns or (() if fields.otherwise is None else (fields.otherwise,))
    rotation = Rotation(
        fields.name,
        fields.zone,
        (fields.start or _ANY_DAY).replace(tzinfo=None),
        _DAYS[fields.every],
        shifts or (Shift(((0, WEEK),), always),),
        tuple(
            Override(instant(o.start, fields.zone), instant(o.end, fields.zone), o.channel) for o in fields.overrides
        ),
        None if fields.calendar is None else _calendar(fields.calendar, fields.people or {}),
    )
    if fields.name in channels:
        says = f"{fields.name!r} is the name of a channel, too: a step could not say which of them it means."
        found.add(doc, (*place, "name"), says, f"name: {fields.name}-rotation")
        return None
    for channel in rotation.channels:
        if channel not in channels:
            says = f"There is no channel {channel!r}: no one would be notified while it is on call."
            found.add(doc, place, says, f"name a channel that there is: {meant(channel, list(channels))}")
            return None
    if rotation.gaps:
        first, *more = rotation.gaps
        rest = f" and {plural(len(more), 'more gap')}" if more else ""
        says = f"No one is on call from {span_text(first)}{rest}: an alert would reach no one then."
        found.add(doc, (*place, "shifts"), says, "add a last shift for the rest:  - {at: [mon-sun], turns: [...]}")
        return None
    return rotation


def _calendar(fields: CalendarFields, people: Mapping[str, str]) -> OnCallCalendar:
    return OnCallCalendar(fields.url, fields.path, people, fields.allow_private)
