"""Calendars that say who is on call: read by the tick, kept in the store, and turned into overrides of their rotation.

One that cannot be read leaves the last good one in force, with a problem that the doctor shows; hours that it leaves open are for the
channel of `otherwise`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.on_call import Override
from busta_health_dagster.pipeline.observing.calendar_reading import AGAIN_S, is_due, read_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.on_call import OnCallCalendar, Rotation
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_LOG = logging.getLogger(__name__)
_KEY = "on_call_calendar/"
BEHIND_S, AHEAD_S = 86_400, 35 * 86_400
"""How much of it is kept: an outage of the calendar's server may last a month."""


@dataclass(frozen=True, slots=True)
class KeptCalendar:
    """What the last good reading said, [from `read_at` - a day, `until`), and what is wrong since. `unknown` are titles that name no
    one of `people`; `place` is where it was read, as the configuration says it.
    """

    place: str
    read_at: int | None = None
    until: int = 0
    tried_at: int = 0
    overrides: tuple[Override, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


def kept_calendar(uow: UnitOfWork, name: str, calendar: OnCallCalendar) -> KeptCalendar:
    """As the tick left it; an empty one before the first. At another place it is another calendar."""
    found, place = uow.meta.get(_KEY + name), str(calendar.place)
    if found is None or found.get("place") != place:
        return KeptCalendar(place)
    overrides = tuple(Override(start, end, channel) for start, end, channel in found["overrides"])
    more = {key: tuple(found[key]) for key in ("unknown", "notes")}
    return KeptCalendar(**found | {"overrides": overrides} | more)


def rotations_now(app: App, uow: UnitOfWork) -> Mapping[str, Rotation]:
    """Every rotation with what its calendar says; exceptions of the configuration come first."""
    found = {}
    for name, rotation in app.config.policy.on_call.items():
        known = rotation.channels
        said = () if rotation.calendar is None else kept_calendar(uow, name, rotation.calendar).overrides
        # A channel that has left the configuration since then is no one's.
        found[name] = replace(rotation, overrides=(*rotation.overrides, *(o for o in said if o.channel in known)))
    return found


def refresh_rotations(app: App) -> None:
    """Read those that are due. Outside any transaction: a server may take its time.

    Raises:
        StoreError: the store cannot be used.
    """
    now = app.now()
    for name, rotation in app.config.policy.on_call.items():
        if rotation.calendar is None:
            continue
        with app.store.read() as uow:
            known = kept_calendar(uow, name, rotation.calendar)
        if not is_due(known.tried_at, AGAIN_S, now):
            continue
        try:
            new = _read(app, rotation, rotation.calendar, now)
        except BadInput as why:
            _LOG.warning("the calendar of %s cannot be read; the last good one stays: %s", name, why)
            new = replace(known, tried_at=now, problem=str(why))
        with app.store.write() as uow:
            uow.meta.put(_KEY + name, _row(new))


def gaps(kept: KeptCalendar, now: int, until: int) -> tuple[tuple[int, int], ...]:
    """Stretches of [now, until) in which no entry names anyone."""
    open_, at = [], now
    for override in sorted(kept.overrides, key=lambda o: o.start):
        if override.start > at:
            open_.append((at, min(override.start, until)))
        at = max(at, override.end)
        if at >= until:
            break
    if at < until:
        open_.append((at, until))
    return tuple(open_)


def _read(app: App, rotation: Rotation, calendar: OnCallCalendar, now: int) -> KeptCalendar:
    until = now + AHEAD_S
    place, private = calendar.place, calendar.allow_private
    found = read_now(app, place, now - BEHIND_S, until, rotation.zone, allow_private=private)
    overrides: list[Override] = []
    unknown: dict[str, None] = {}
    for event in found.events:
        channel = calendar.channel_of(event.title, event.people)
        if channel is None:
            unknown[event.title or "(no title)"] = None
        elif event.end > event.start:
            overrides.append(Override(event.start, event.end, channel))
    return KeptCalendar(str(place), now, until, now, tuple(overrides), tuple(unknown)[:20], found.notes)


def _row(kept: KeptCalendar) -> dict[str, Any]:
    return {
        "place": kept.place,
        "read_at": kept.read_at,
        "until": kept.until,
        "tried_at": kept.tried_at,
        "overrides": [(o.start, o.end, o.channel) for o in kept.overrides],
        "unknown": list(kept.unknown),
        "notes": list(kept.notes),
        "problem": kept.problem,
    }
