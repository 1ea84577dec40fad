"""Events that make a source matter more: kick-offs, and what holds near one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.source import Selector

if TYPE_CHECKING:
    from busta_health_dagster.domain.fields import TextOrSecret
    from busta_health_dagster.domain.rule import Severity


@dataclass(frozen=True, slots=True)
class EventCalendar:
    """Where the times of known events are read: an iCalendar (`ical`: a URL, or a file beside the configuration), or the
    payload of a `source` at a JSON `path`. An event without an end lasts `duration_s`.
    """

    name: str
    select: Selector = field(default_factory=Selector)
    ical: TextOrSecret | None = None
    source: str | None = None
    path: str | None = None
    zone: str = "UTC"
    duration_s: int = 0
    refresh_s: int = 21_600
    allow_private: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class KnownTime:
    """[start, end) of one event of a calendar, in epoch seconds."""

    start: int
    end: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class NearEvents:
    """What holds from `before_s` before an event of the calendar begins until `after_s` after it, and until it ends. None:
    as at any other time.
    """

    calendar: str
    before_s: int
    after_s: int
    max_data_age_s: int | None = None
    interval_s: int | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class NearEvent:
    """The event that a source is near now, and until when it is."""

    calendar: str
    event: KnownTime
    until: int
