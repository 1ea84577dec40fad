"""`on_call` of alerts.yaml as pydantic sees it: rotations of turns, of shifts, or of a calendar."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from busta_health_dagster.domain.fields import SecretRef, Strict
from busta_health_dagster.domain.weekly_hours import spans_of
from busta_health_dagster.settings.fields import Label, LocalTime, Zone

_Names = Annotated[tuple[str, ...], Field(min_length=1)]


class ShiftFields(Strict):
    """Hours of the week, and who takes turns in them."""

    at: _Names = Field(description="`mon-fri 08:00-20:00`, `sat-sun`; the first shift that covers an hour has it.")
    turns: _Names = Field(description="Channels, in the order of their turns.")

    @field_validator("at")
    @classmethod
    def _hours(cls, at: tuple[str, ...]) -> tuple[str, ...]:
        spans_of(at)
        return at


class SubstituteFields(Strict):
    """An exception: another channel, for once."""

    start: LocalTime = Field(description="Local time from which on it holds.")
    end: LocalTime = Field(description="Local time at which it ends.")
    channel: str = Field(description="Who is on call then.")

    @model_validator(mode="after")
    def _order(self) -> SubstituteFields:
        if self.end <= self.start:
            raise ValueError("it ends before it begins; write start: 2026-12-24T09:00 and a later end")
        return self


class CalendarFields(Strict):
    """Where the calendar of a rotation is: PagerDuty's and Opsgenie's export, or a file."""

    url: SecretRef | None = Field(None, description="Its address, which opens it to anyone: a reference.")
    path: str | None = Field(None, description="A file, seen from the configuration's directory.")
    allow_private: bool = Field(False, description="The address may be one of our own network.")

    @model_validator(mode="before")
    @classmethod
    def _no_address(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("url"), str):
            raise ValueError("this address is a secret: who has it can read the calendar; url: {env: ON_CALL_CALENDAR}")  # noqa: TRY004  pydantic wants ValueError
        return given

    @model_validator(mode="after")
    def _one(self) -> CalendarFields:
        if (self.url is None) == (self.path is None):
            raise ValueError("a calendar is at one place; write url: {env: ON_CALL_CALENDAR}, or path: on-call.ics")
        return self


class RotationFields(Strict):
    """Who is on call; a step notifies it like a channel."""

    name: Label = Field(description="Unique, also among the channels.")
    zone: Zone = Field(description="IANA zone of the local times.")
    start: LocalTime | None = Field(
        None, description="Local time at which the first in turn begins; the turn goes on at that time of day."
    )
    every: Literal["week", "day"] = Field("week", description="How long a turn is.")
    turns: _Names | None = Field(None, description="Channels that take turns, at all hours.")
    shifts: Annotated[tuple[ShiftFields, ...], Field(min_length=1)] | None = Field(
        None, description="Instead of `turns`: other channels at other hours; together they cover the week."
    )
    calendar: CalendarFields | None = Field(None, description="Instead of `turns`: an iCalendar says who is on call.")
    people: dict[str, str] | None = Field(
        None,
        description="calendar: what an entry calls someone (a name in its title, an attendee's address) -> channel.",
    )
    otherwise: str | None = Field(None, description="calendar: the channel for hours that it leaves open.")
    overrides: tuple[SubstituteFields, ...] = Field((), description="Exceptions; the first that holds wins.")

    @model_validator(mode="after")
    def _one_list(self) -> RotationFields:
        if sum(given is not None for given in (self.turns, self.shifts, self.calendar)) != 1:
            raise ValueError(
                "a rotation has one list; write turns: [...], or shifts: [{at: [...], turns: [...]}], or calendar: {...}"
            )
        if self.calendar is None and self.start is None:
            raise ValueError("a rotation of turns needs its start: 2026-11-30T09:00")
        if self.calendar is not None and not (self.people and self.otherwise):
            raise ValueError(
                "a calendar needs people: {Anna Adams: anna}, and otherwise: a channel for the hours that it leaves open"
            )
        if self.calendar is None and (self.people or self.otherwise):
            raise ValueError("people and otherwise belong to a calendar; leave them out")
        return self
