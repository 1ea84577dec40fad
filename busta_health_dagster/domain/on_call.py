"""Who is on call: channels that take turns, by the week or by the day, and the exceptions to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.domain.weekly_hours import Span, WeeklyHours, outside

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from busta_health_dagster.domain.fields import SecretRef


@dataclass(frozen=True, slots=True)
class Shift:
    """Hours of the week, and the channels that take turns in them."""

    spans: tuple[Span, ...]
    turns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Override:
    """[start, end) in epoch seconds: this channel instead of whose turn it is."""

    start: int
    end: int
    channel: str


@dataclass(frozen=True, slots=True)
class OnCallCalendar:
    """An iCalendar that says who is on call: at a URL, or in a file seen from the configuration's directory. `people`: what an
    entry calls someone (a name within its title, or an attendee's address) -> their channel.
    """

    url: SecretRef | None
    path: str | None
    people: Mapping[str, str]
    allow_private: bool = False

    @property
    def place(self) -> SecretRef | str:
        """Its address, or its file."""
        return self.url if self.url is not None else self.path or ""

    def channel_of(self, title: str, addresses: Collection[str]) -> str | None:
        """The channel of the first of `people` that this entry names; None: it names none of them."""
        for name, channel in self.people.items():
            if name.lower() in addresses or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", title, re.IGNORECASE):
                return channel
        return None


@dataclass(frozen=True, slots=True)
class Rotation:
    """The turn goes on every `every_days` days, at the time of day of `start` (local, in `zone`); the first of each list has it
    from `start` on. The first shift that covers an hour has it, and together the shifts cover the week. What a `calendar` says
    comes as overrides (pipeline/alerting/on_call_calendars.py); the shifts are then for the hours that it leaves open.
    """

    name: str
    zone: str
    start: datetime
    every_days: int
    shifts: tuple[Shift, ...]
    overrides: tuple[Override, ...] = ()
    calendar: OnCallCalendar | None = None

    def on_duty(self, at: float) -> str:
        """The channel to notify at this instant.

        Raises:
            ValueError: no shift covers it (`gaps` says so beforehand).
        """
        for override in self.overrides:
            if override.start <= at < override.end:
                return override.channel
        local = from_epoch(at).astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        turn = (local - self.start).total_seconds() // (86_400 * self.every_days)
        for shift in self.shifts:
            if WeeklyHours(self.zone, shift.spans).covers(at):
                return shift.turns[int(turn) % len(shift.turns)]
        raise ValueError(f"no one is on call in {self.name}")

    @property
    def gaps(self) -> tuple[Span, ...]:
        """Hours of the week in which no one is on call."""
        return outside(span for shift in self.shifts for span in shift.spans)

    @property
    def channels(self) -> tuple[str, ...]:
        """Everyone who may be on call."""
        named = [c for shift in self.shifts for c in shift.turns]
        named += self.calendar.people.values() if self.calendar is not None else ()
        return tuple(dict.fromkeys([*named, *(o.channel for o in self.overrides)]))


def duty_list(rotations: Mapping[str, Rotation], at: float) -> dict[str, str]:
    """Rotation -> the channel on duty."""
    return {name: rotation.on_duty(at) for name, rotation in rotations.items()}
