"""`maintenance.yaml` as pydantic sees it: maintenance, and known events."""

from __future__ import annotations

from pydantic import Field

from busta_health_dagster.domain.fields import PositiveDuration, Strict
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


class WindowFields(EventFields):
    """Maintenance: it suppresses the opening of alerts, never monitoring and never a resolution."""


SECTIONS = ("version", "windows", "events")
