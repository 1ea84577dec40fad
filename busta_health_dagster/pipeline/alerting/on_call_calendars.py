"""Calendars that say who is on call: read by the tick, kept in the store, and turned into overrides of their rotation.

One that cannot be read leaves the last good one in force, with a problem that the doctor shows; hours that it leaves open are for the
channel of `otherwise`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.channels import transport
from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.domain.on_call import Override
from busta_health_dagster.engines.ical import MOST_BYTES, read_calendar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.on_call import OnCallCalendar, Rotation
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_LOG = logging.getLogger(__name__)
_KEY = "on_call_calendar/"
EVERY_S = 900
TIMEOUT_S = 10.0
BEHIND_S, AHEAD_S = 86_400, 35 * 86_400
"""How much of it is kept: an outage of the calendar's server may last a month."""


class _Unreadable(Exception):
    """Why there is nothing new to be read."""


@dataclass(frozen=True, slots=True)
class KeptCalendar:
    """What the last good reading said, [from `read_at` - a day, `until`), and what is wrong since. `unknown` are titles that name no
    one of `people`.
    """

    read_at: int | None = None
    until: int = 0
    tried_at: int = 0
    overrides: tuple[Override, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


def kept_calendar(uow: UnitOfWork, name: str) -> KeptCalendar:
    """As the tick left it; an empty one before the first."""
    found = uow.meta.get(_KEY + name)
    if found is None:
        return KeptCalendar()
    overrides = tuple(Override(start, end, channel) for start, end, channel in found["overrides"])
    more = {key: tuple(found[key]) for key in ("unknown", "notes")}
    return KeptCalendar(**found | {"overrides": overrides} | more)


def rotations_now(app: App, uow: UnitOfWork) -> Mapping[str, Rotation]:
    """Every rotation with what its calendar says; exceptions of the configuration come first."""
    found = {}
    for name, rotation in app.config.policy.on_call.items():
        known = rotation.channels
        said = kept_calendar(uow, name).overrides if rotation.calendar is not None else ()
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
            known = kept_calendar(uow, name)
        if known.tried_at <= now < known.tried_at + EVERY_S:
            continue
        try:
            new = _read(app, rotation, rotation.calendar, now)
        except _Unreadable as why:
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
    text = _text(app, calendar)
    until = now + AHEAD_S
    try:
        found = read_calendar(text, now - BEHIND_S, until, rotation.zone)
    except ValueError as why:
        raise _Unreadable(str(why)) from why
    overrides: list[Override] = []
    unknown: dict[str, None] = {}
    for event in found.events:
        channel = calendar.channel_of(event.title, event.people)
        if channel is None:
            unknown[event.title or "(no title)"] = None
        elif event.end > event.start:
            overrides.append(Override(event.start, event.end, channel))
    return KeptCalendar(now, until, now, tuple(overrides), tuple(unknown)[:20], found.notes)


def _text(app: App, calendar: OnCallCalendar) -> bytes:
    if calendar.path is not None:
        try:
            with (app.config.dir / calendar.path).open("rb") as file:
                return file.read(MOST_BYTES + 1)
        except OSError as why:
            raise _Unreadable(f"{calendar.path}: {why.strerror}") from why
    assert calendar.url is not None
    try:
        url = app.secrets(calendar.url).strip()
    except MissingSecret as why:
        raise _Unreadable(str(why).rstrip(".")) from why
    refuse = None if calendar.allow_private else app.channels.context(TIMEOUT_S).refuse_address
    address = f"https{url.removeprefix('webcal')}" if url.startswith("webcal://") else url
    answer = transport.post(
        address,
        b"",
        {"accept": "text/calendar", "user-agent": "busta_health_dagster"},
        timeout_s=TIMEOUT_S,
        refuse=refuse,
        method="GET",
        read=MOST_BYTES + 1,
    )
    if not isinstance(answer, transport.Answer):
        raise _Unreadable(answer.reason)
    if answer.status != 200:
        raise _Unreadable(f"{calendar.url}: its server answered {answer.status}")
    return answer.body


def _row(kept: KeptCalendar) -> dict[str, Any]:
    return {
        "read_at": kept.read_at,
        "until": kept.until,
        "tried_at": kept.tried_at,
        "overrides": [(o.start, o.end, o.channel) for o in kept.overrides],
        "unknown": list(kept.unknown),
        "notes": list(kept.notes),
        "problem": kept.problem,
    }
