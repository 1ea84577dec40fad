"""`routes`, `escalations`, `inhibit` and `grouping` of alerts.yaml as pydantic sees them: who is notified, when and how often."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.fields import Duration, Percent, PositiveDuration, Strict
from busta_health_dagster.domain.policy import Mute
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.weekly_hours import WeeklyHours, outside, spans_of
from busta_health_dagster.settings.fields import AlertSelectFields, Label, Word, Zone

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_REPEAT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "examples": ["4h"]},
        {
            "type": "object",
            "properties": {"every": {"type": "string", "examples": ["4h"]}, "when": {"enum": ["always", "changed"]}},
            "required": ["every"],
            "additionalProperties": False,
        },
        {"type": "null"},
    ]
}
_DIGEST_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {
            "type": "string",
            "pattern": r"^([01]\d|2[0-3]):[0-5]\d( \S+)?$",
            "examples": ["08:00", "08:00 Europe/Berlin"],
        },
        {
            "type": "object",
            "properties": {"at": {"type": "string", "examples": ["08:00"]}, "zone": {"type": "string"}},
            "required": ["at"],
            "additionalProperties": False,
        },
        {"type": "null"},
    ]
}


class StepFields(Strict):
    """One rung of the ladder."""

    after: Duration = Field(description="Time from opening.")
    severity: Word | None = Field(None, description="Raised to this; without it the alert keeps its severity.")
    notify: Annotated[tuple[str, ...], Field(min_length=1)] = Field(description="Channels.")


class RepeatFields(Strict):
    """How often the last step reached is sent again, and whether always."""

    every: PositiveDuration = Field(description="Time between two messages of the step.")
    when: Literal["always", "changed"] = Field(
        "changed",
        description="changed: only when something has changed since it was sent (severity, reason, it began again, it flaps, "
        "someone acted, it is worse by half of its limit).",
    )


def _repeat(value: Any) -> Any:
    return {"every": value, "when": "always"} if isinstance(value, str | int | float) else value


class EscalationFields(Strict):
    """A ladder."""

    name: Label = Field(description="Unique.")
    steps: Annotated[tuple[StepFields, ...], Field(min_length=1)] = Field(description="In order of `after`.")
    repeat: Annotated[RepeatFields | None, BeforeValidator(_repeat), WithJsonSchema(_REPEAT_SCHEMA)] = Field(
        None, description="Re-sends the last step reached: `4h`, or {every: 4h, when: changed}; without it never."
    )
    ack_timeout: PositiveDuration = Field(4 * 3600.0, description="How long an acknowledgement stops the clock.")
    ack: Literal["until_recovery", "sticky"] = Field(
        "until_recovery", description="Whether an acknowledgement ends with the recovery, or holds if it fails again."
    )


class MuteFields(Strict):
    """When a route is quiet."""

    zone: Zone = Field(description="IANA zone of the times.")
    during: tuple[str, ...] | None = Field(
        None, description="Quiet then: `22:00-07:00`, `sat-sun`, `mon-fri 18:00-08:00`."
    )
    outside: tuple[str, ...] | None = Field(
        None, description="Quiet except then: business hours, `mon-fri 08:00-18:00`."
    )
    unless: Word | None = Field(None, description="From this severity on nothing waits.")

    @model_validator(mode="after")
    def _ends(self) -> MuteFields:
        if (self.during is None) == (self.outside is None):
            raise ValueError(
                "a mute has one list of hours; write during: [...] for the quiet ones, or outside: [...] for those of work"
            )
        hours = self.hours()
        if hours.always:
            raise ValueError(
                "this mute never ends: it covers the whole week, so that nothing would ever be sent; leave hours in which it may "
                "speak, or take the route's channels out of the escalation"
            )
        if not hours.spans:
            raise ValueError("this mute never begins; name some hours, or remove it")
        return self

    def hours(self) -> WeeklyHours:
        return WeeklyHours(
            self.zone, spans_of(self.during) if self.during is not None else outside(spans_of(self.outside or ()))
        )

    def domain(self) -> Mute:
        return Mute(self.hours(), Severity[self.unless.upper()] if self.unless else None)


class DigestFields(Strict):
    """When a route sends what it has collected."""

    at: str = Field(description="Local time of day, `08:00`.")
    zone: Zone = Field("UTC", description="IANA zone of that time.")

    @field_validator("at")
    @classmethod
    def _time(cls, at: str) -> str:
        if not _CLOCK.fullmatch(at):
            raise ValueError(f'{at!r} is not a time of day; write "08:00"')
        return at

    def domain(self) -> Digest:
        hours, _, minutes = self.at.partition(":")
        return Digest(int(hours) * 60 + int(minutes), self.zone)


def _digest(value: Any) -> Any:
    """`08:00` and `08:00 Europe/Berlin` as a mapping. YAML reads a bare 18:00 as the number 1080."""
    if isinstance(value, bool | list) or value in ("", {}) or (isinstance(value, dict) and not value.get("at")):
        raise ValueError(
            'a digest needs the time at which it is sent; write digest: "08:00", or {at: "08:00", zone: Europe/Berlin}'
        )
    if isinstance(value, int):
        value = f"{value // 60:02}:{value % 60:02}"
    if isinstance(value, str):
        at, _, zone = value.partition(" ")
        return {"at": at, "zone": zone.strip() or "UTC"}
    if isinstance(value, dict) and isinstance(value.get("at"), int) and not isinstance(value["at"], bool):
        return {**value, "at": f"{value['at'] // 60:02}:{value['at'] % 60:02}"}
    return value


class RouteFields(Strict):
    """Where an alert goes. First match wins."""

    select: AlertSelectFields = Field(description="Which alerts; empty is all.")
    escalation: str = Field(description="Name of an escalation.")
    continue_: bool = Field(False, alias="continue", description="Check the next routes too.")
    mute: MuteFields | None = Field(
        None, description="Hours in which it sends nothing; what opens then is sent at their end, if it is still open."
    )
    digest: Annotated[DigestFields | None, BeforeValidator(_digest), WithJsonSchema(_DIGEST_SCHEMA)] = Field(
        None,
        description="What is below critical is collected and sent once a day: `08:00`, `08:00 Europe/Berlin`, or {at: ..., zone: ...}.",
    )

    @model_validator(mode="after")
    def _digest_outside_the_mute(self) -> RouteFields:
        if self.mute is not None and self.digest is not None:
            raise ValueError(
                "a route has a mute or a digest: what is collected for a digest needs no hours of silence; remove one of them"
            )
        return self


class InhibitFields(Strict):
    """While an alert matches `source`, those that match `target` tell no one."""

    source: AlertSelectFields = Field(description="The alert that explains the others.")
    target: AlertSelectFields = Field(description="The alerts that stay silent.")
    equal: tuple[Literal["source", "rule", "group", "type", "tier"], ...] = Field(
        ("source",), description="In what they must agree."
    )


class ProviderFields(Strict):
    """When failures of several sources of one provider are one root cause."""

    least: Annotated[int, Field(ge=2)] = Field(2, description="At least so many of its sources.")
    share: Percent = Field(Fraction(1, 2), description="And at least this share of all its sources.")
    within: PositiveDuration = Field(600.0, description="Opened within so long.")


class GroupingFields(Strict):
    """What becomes one message."""

    by: tuple[Literal["rule", "group", "source", "severity", "type", "tier"], ...] = Field(
        ("rule", "group"), description="Alerts that agree in these."
    )
    wait: Duration = Field(0.0, description="Wait for more before the first message.")
    interval: PositiveDuration = Field(300.0, description="Between messages of one group.")
    storm: Annotated[int, Field(ge=1)] = Field(
        20, description="More openings than this in one tick: one message per route."
    )
    provider: ProviderFields | None = Field(
        default_factory=ProviderFields,
        description="What fails together at one provider is one message; null: never.",
    )
