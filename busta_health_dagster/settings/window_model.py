"""`maintenance.yaml` as pydantic sees it: maintenance, and known events."""

from __future__ import annotations

from pydantic import Field, model_validator

from busta_health_dagster.domain.fields import PositiveDuration, Strict, TextOrSecret
from busta_health_dagster.settings.fields import Label, LocalTime, SelectFields, Zone


class EventFields(Strict):
    """A known event, such as a game day: it widens the normal band, and holds nothing else."""

    name: Label = Field(description="Unique.")
    select: SelectFields = Field(default_factory=SelectFields, description="Which sources; empty is all.")
    start: LocalTime = Field(description="Local time of the first start.")
    zone: Zone = Field(description="IANA zone of the local times.")
    duration: PositiveDuration = Field(description="Elapsed time; it does not change with the clocks.")
    rrule: str | None = Field(None, description="RFC 5545 recurrence, hourly at the fastest.")
    exdates: tuple[LocalTime, ...] = Field((), description="Local starts that are left out.")
    reason: str = Field("", description="For people.")


class CalendarFields(Strict):
    """Known events that stand in a calendar: an iCalendar, or the payload of a source."""

    name: Label = Field(description="Unique; `near_events` of a source names it.")
    select: SelectFields = Field(default_factory=SelectFields, description="Which sources; empty is all.")
    ical: TextOrSecret | None = Field(None, description="URL of an iCalendar, or a file beside the configuration.")
    source: str | None = Field(None, description="A source of probe http whose payload holds the times ...")
    path: str | None = Field(None, description="... at this JSON path: $.events[*].date")
    zone: Zone = Field("UTC", description="Of days, and of times without a zone.")
    duration: PositiveDuration = Field(14_400.0, description="How long an event lasts whose calendar does not say.")
    refresh: PositiveDuration = Field(21_600.0, description="How often the iCalendar is read.")
    allow_private: bool = Field(False, description="It may lie on a private address.")
    reason: str = Field("", description="For people.")

    @model_validator(mode="after")
    def _one_place(self) -> CalendarFields:
        if (self.ical is None) == (self.source is None):
            raise ValueError(
                "one of `ical` and `source` says where the events stand; ical: https://example.com/nfl.ics"
            )
        if (self.source is None) != (self.path is None):
            raise ValueError("`source` and `path` belong together; path: $.events[*].date")
        return self


class WindowFields(EventFields):
    """Maintenance: it suppresses the opening of alerts, never monitoring and never a resolution."""


CALENDAR_KEYS = frozenset({"ical", "source", "path"})
"""What tells such an entry of `events` from one with a start of its own."""
SECTIONS = ("version", "windows", "events")
