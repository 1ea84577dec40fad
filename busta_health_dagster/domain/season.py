"""When a source is active: outside of it the source is off season, and nothing is asked of its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

OFF_SEASON = "off_season"
"""The word of a source outside its season: a status that lists show, and the kind of the windows behind it."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60

CalendarDay = tuple[int | None, int, int]
"""(year, month, day); without a year it recurs every year."""


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days from `first` to `last`, both included. Without years it recurs, and may run over the turn of the year."""

    first: CalendarDay
    last: CalendarDay

    @property
    def yearly(self) -> bool:
        return self.first[0] is None

    def contains(self, day: date) -> bool:
        if not self.yearly:
            return self.first <= (day.year, day.month, day.day) <= self.last
        here, first, last = (day.month, day.day), self.first[1:], self.last[1:]
        return first <= here <= last if first <= last else here >= first or here <= last

    @property
    def text(self) -> str:
        """As the file writes it: `08-25..02-20`."""
        return f"{_day_text(self.first)}..{_day_text(self.last)}"


@dataclass(frozen=True, slots=True)
class ActiveTimes:
    """One entry of `active:`. A criterion that is empty admits everything; all of them must hold.

    `weekdays` count from Monday, 0. `hours` are minutes of the local day, [from, to); where `to` is not later than `from`,
    it lies on the next day, and the weekday and date are those of the start.
    """

    zone: str
    dates: tuple[DateRange, ...] = ()
    weekdays: tuple[int, ...] = ()
    hours: tuple[tuple[int, int], ...] = ()

    def includes(self, day: date) -> bool:
        """Does this local day belong to it, whatever the hour?"""
        return (not self.weekdays or day.weekday() in self.weekdays) and (
            not self.dates or any(some.contains(day) for some in self.dates)
        )

    def as_config(self) -> dict[str, Any]:
        """As the file writes it; only what is said."""
        said: dict[str, Any] = {"zone": self.zone}
        if self.dates:
            said["dates"] = [some.text for some in self.dates]
        if self.weekdays:
            said["weekdays"] = [WEEKDAYS[day] for day in self.weekdays]
        if self.hours:
            said["hours"] = [f"{_time_text(start)}-{_time_text(end)}" for start, end in self.hours]
        return said


@dataclass(frozen=True, slots=True)
class Season:
    """When a source is active: in any of these times."""

    times: tuple[ActiveTimes, ...]

    def as_config(self) -> list[dict[str, Any]]:
        """As the file writes it."""
        return [some.as_config() for some in self.times]


def season_of(written: Mapping[str, Any]) -> Season:
    """A season from what `dataclasses.asdict` made of it, once through JSON."""
    return Season(
        tuple(
            ActiveTimes(
                some["zone"],
                tuple(DateRange(_day(one["first"]), _day(one["last"])) for one in some["dates"]),
                tuple(some["weekdays"]),
                tuple((start, end) for start, end in some["hours"]),
            )
            for some in written["times"]
        )
    )


def _day(written: Sequence[Any]) -> CalendarDay:
    year, month, number = written
    return year, month, number


def _day_text(day: CalendarDay) -> str:
    year, month, number = day
    return f"{month:02}-{number:02}" if year is None else f"{year:04}-{month:02}-{number:02}"


def _time_text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
