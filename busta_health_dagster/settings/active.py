"""`active:` of a source as pydantic sees it, and the season it stands for."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.season import DAY_MINUTES, WEEKDAYS, ActiveTimes, CalendarDay, DateRange, Season
from busta_health_dagster.settings.fields import Zone
from busta_health_dagster.wording.suggestions import meant

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS_IN = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_EARLIEST_YEAR, _LATEST_YEAR = 1971, 2198


def _listed(value: Any) -> Any:
    """One entry may stand without its list."""
    return value if isinstance(value, list | tuple) else [value]


def _day(text: str) -> CalendarDay:
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text.strip()!r} is not a day; write 2026-09-04, or 09-04 for every year")
    year = None if match[1] is None else int(match[1])
    month, day = int(match[2]), int(match[3])
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS_IN[month - 1]:
        raise ValueError(f"{text.strip()!r} is no day of a year; write month-day, such as 09-04")
    if year is not None:
        if not _EARLIEST_YEAR <= year <= _LATEST_YEAR:
            raise ValueError(f"{text.strip()!r} lies outside {_EARLIEST_YEAR} to {_LATEST_YEAR}; 2026-09-04")
        try:
            date(year, month, day)
        except ValueError:
            raise ValueError(f"{year} has no {month:02}-{day:02}; {year}-{month:02}-{day - 1:02}") from None
    return year, month, day


def _range(value: Any) -> DateRange:
    first, dots, last = value.partition("..") if isinstance(value, str) else ("", "", "")
    if not dots:
        raise ValueError(
            f"{value!r} is not a range of days; write 2026-09-04..2027-02-15, or 09-04..02-15 for every year"
        )
    begin, end = _day(first), _day(last)
    if (begin[0] is None) != (end[0] is None):
        raise ValueError(f"{value!r} has a year at one end only; write it at both ends, or at none to recur every year")
    if begin[0] is not None and begin > end:
        raise ValueError(f"{value!r} ends before it begins; swap the days")
    return DateRange(begin, end)


def _named(value: Any, names: tuple[str, ...], what: str) -> int:
    text = str(value).strip().lower()
    if not isinstance(value, bool) and text.isdecimal() and names is _MONTHS and 1 <= int(text) <= 12:
        return int(text) - 1
    for at, name in enumerate(names):
        if len(text) >= 3 and text.startswith(name) and text.isalpha():
            return at
    raise ValueError(
        f"{value!r} is no {what}; write {meant(text[:3], names)}, or a range such as {names[0]}-{names[4]}"
    )


def _span(value: Any, names: tuple[str, ...], what: str) -> tuple[int, int]:
    first, dash, last = value.partition("-") if isinstance(value, str) else (value, "", "")
    begin = _named(first, names, what)
    return begin, _named(last, names, what) if dash else begin


def _months(value: Any) -> DateRange:
    first, last = _span(value, _MONTHS, "month")
    return DateRange((None, first + 1, 1), (None, last + 1, _DAYS_IN[last]))


def _weekdays(value: Any) -> tuple[int, ...]:
    first, last = _span(value, WEEKDAYS, "weekday")
    return tuple((first + n) % 7 for n in range((last - first) % 7 + 1))


def _minutes(text: str) -> int:
    match = _TIME.fullmatch(text.strip())
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if match is None or not 0 <= minutes <= DAY_MINUTES or int(match[2]) > 59:
        raise ValueError(f"{text.strip()!r} is no time of day; write 09:00, and 24:00 for the end of the day")
    return minutes


def _hours(value: Any) -> tuple[int, int]:
    first, dash, last = value.partition("-") if isinstance(value, str) else ("", "", "")
    if not dash:
        raise ValueError(f"{value!r} is no stretch of a day; write 09:00-23:00, or 20:00-02:00 over midnight")
    begin, end = _minutes(first), _minutes(last)
    if begin in {DAY_MINUTES, end}:
        raise ValueError(f"{value!r} is empty; write 09:00-23:00, or leave hours out for the whole day")
    return begin, end


def _each(read: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: tuple(read(one) for one in _listed(value)))


def _text(example: str) -> WithJsonSchema:
    one = {"type": ["string", "integer"]}
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}], "examples": [example]})


class ActiveFields(Strict):
    """One entry of `active:`. What it says must all hold; what it leaves out admits everything."""

    zone: Zone = Field(description="IANA zone of its days and hours.")
    months: Annotated[tuple[Any, ...], _each(_months), _text("sep-feb")] = Field(
        (), description="Months that recur every year: `sep-feb`, or a list."
    )
    dates: Annotated[tuple[Any, ...], _each(_range), _text("2026-09-04..2027-02-15")] = Field(
        (), description="Ranges of days, both included; `09-04..02-15` recurs every year."
    )
    ical: str | None = Field(
        None,
        description="A file beside the configuration: the days of its events are active. Instead of `months` and `dates`.",
    )
    weekdays: Annotated[tuple[Any, ...], _each(_weekdays), _text("thu-mon")] = Field(
        (), description="Weekdays: `mon-fri`, or a list."
    )
    hours: Annotated[tuple[Any, ...], _each(_hours), _text("09:00-23:00")] = Field(
        (), description="Hours of those days; `20:00-02:00` runs into the next day."
    )

    @model_validator(mode="after")
    def _says_something(self) -> ActiveFields:
        if self.ical is not None:
            raise ValueError("`ical` is the name of a file beside sources.yaml; ical: season-2026.ics")
        if self.months and self.dates:
            raise ValueError("`months` and `dates` both say which days; keep one of them, or write two entries")
        if not (self.months or self.dates or self.weekdays or self.hours):
            raise ValueError("it says no time; months: sep-feb, or remove `active` to watch it always")
        return self

    def times(self) -> ActiveTimes:
        days = sorted({day for some in self.weekdays for day in some})
        return ActiveTimes(self.zone, (*self.months, *self.dates), tuple(days), self.hours)


def _entries(value: Any) -> Any:
    if isinstance(value, list | tuple) and not value:
        raise ValueError(
            "an empty list would be off season for ever; active: {months: sep-feb, zone: America/New_York}"
        )
    return _listed(value)


Active = Annotated[tuple[ActiveFields, ...], BeforeValidator(_entries)]


def season(fields: tuple[ActiveFields, ...]) -> Season:
    """What the entries stand for, together."""
    return Season(tuple(one.times() for one in fields))
