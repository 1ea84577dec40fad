"""`alerts.yaml` as pydantic sees it. Values of thresholds are read later, by the unit of their metric."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from busta_health_dagster.domain.custom_metric import BUILT_IN
from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.fields import Budget, Duration, Percent, PositiveDuration, SecretRef, Strict
from busta_health_dagster.domain.policy import Mute
from busta_health_dagster.domain.rule import Pattern, Severity
from busta_health_dagster.domain.weekly_hours import WeeklyHours, outside, spans_of
from busta_health_dagster.settings.fields import AlertSelectFields, Globs, Label, LocalTime, SelectFields, Word, Zone

Metric = Annotated[
    str, Field(pattern="^[a-z][a-z0-9_]{0,62}$", json_schema_extra={"examples": [*BUILT_IN, "a custom metric"]})
]
Op = Literal["==", "!=", ">", ">=", "<", "<="]
Agg = Literal["last", "mean", "min", "max", "p50", "p90", "p95", "p99"]
Event = Literal[
    "opened", "escalated", "renotified", "acked", "unacked", "snoozed", "resolved", "flapping_started", "flapping_ended"
]
Value = Annotated[
    Any, WithJsonSchema({"type": ["string", "number"], "examples": ["5s", "90%", "26h", "max_data_age", "down"]})
]
_COUNT = Field(ge=1)
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
_Names = Annotated[tuple[str, ...], Field(min_length=1)]
_Metrics = Annotated[tuple[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")], ...], Field(min_length=1)]


class ConditionFields(Strict):
    """`metric op value`, of the newest value or of an aggregate over a window."""

    metric: Metric = Field(description="What is compared.")
    op: Op = Field(description="How.")
    value: Value = Field(description="With its unit: 5s, 90%, 26h; `max_data_age` is the source's own limit.")
    over: PositiveDuration | None = Field(None, description="Window of the aggregate.")
    agg: Agg | None = Field(None, description="Aggregate over the window (mean if only `over` is given).")


class OverrideFields(Strict):
    """Other numbers for the sources it selects."""

    select: SelectFields = Field(description="Which sources.")
    value: Value | None = Field(None, description="In the unit of the rule's metric.")
    recover_below: Value | None = Field(
        None, description="As in the rule; without it the rule's moves with `value`, in proportion."
    )
    recover_above: Value | None = Field(None, description="The same.")
    severity: Word | None = Field(None, description="Severity.")
    for_: Annotated[int, _COUNT] | None = Field(None, alias="for", description="Consecutive evaluations.")
    over: PositiveDuration | None = Field(None, description="Window.")
    min_bad: Annotated[int, _COUNT] | None = Field(None, description="At least so many failed.")
    intervals: Annotated[int, _COUNT] | None = Field(None, description="Intervals without a verdict.")
    sensitivity: float | None = Field(None, description="anomaly: added to every threshold.")
    budget: Budget | None = Field(None, description="anomaly: how often one may turn out to be nothing.")
    metrics: _Metrics | None = Field(None, description="anomaly: evaluate these metrics alone.")
    confirm: bool | None = Field(None, description="status: as in the rule.")
    shadow: bool | None = Field(None, description="Record and notify no one.")


class RuleFields(Strict):
    """One rule. Without `pattern` it is a threshold (a status rule if its metric is `status`)."""

    name: Label = Field(description="Unique; part of the alert's fingerprint.")
    pattern: Pattern | None = Field(None, description="Which question the rule asks of the store.")
    metric: Metric | None = Field(None, description="What is compared.")
    op: Op | None = Field(None, description="How.")
    value: Value | None = Field(None, description="With its unit.")
    over: PositiveDuration | None = Field(
        None,
        description="Window of the rate or of the aggregate; gate_held: how long a job may wait; dagster_daemon: how long a "
        "daemon may be silent (10m both).",
    )
    agg: Agg | None = Field(None, description="Aggregate over the window.")
    all_: tuple[ConditionFields, ...] | None = Field(None, alias="all", description="Every condition must hold.")
    any_: tuple[ConditionFields, ...] | None = Field(None, alias="any", description="One condition is enough.")
    for_: Annotated[int, _COUNT] = Field(1, alias="for", description="Consecutive evaluations, each on a new value.")
    min_bad: Annotated[int, _COUNT] | None = Field(None, description="rate: at least so many failed in the window (4).")
    intervals: Annotated[int, _COUNT] | None = Field(None, description="no_data: intervals without a verdict (3).")
    within: PositiveDuration | None = Field(None, description="trend: will cross its limit within this time.")
    sensitivity: float | None = Field(None, description="anomaly: added to every threshold; higher is quieter (0).")
    budget: Budget | None = Field(
        None, description="anomaly: how often one may end by itself, unconfirmed; thresholds follow (1 per 30d)."
    )
    metrics: _Metrics | None = Field(
        None,
        description="anomaly: judge these metrics alone, built-in or the source's own; without it all that behave.",
    )
    assets: Globs | None = Field(
        None, description="dagster_check, dagster_freshness, dagster_run: asset keys, * matches; without it all."
    )
    jobs: Globs | None = Field(
        None, description="dagster_run, gate_held: names of jobs, or location/job; * matches; without it all."
    )
    names: Globs | None = Field(
        None,
        description="dagster_tick, dagster_location, dagster_daemon: names of schedules and sensors, of code locations, of "
        "daemons; * matches; without it all.",
    )
    confirm: bool = Field(
        False,
        description="status: opens only when it still holds after 90 s (observed again after 30 s and 90 s), or at the next slot.",
    )
    recover_after: Annotated[int, _COUNT] = Field(2, description="Good evaluations before it resolves.")
    recover_below: Value | None = Field(
        None,
        description="op > or >=: recovers only below this second limit, so that a drift around `value` does not flap.",
    )
    recover_above: Value | None = Field(None, description="op < or <=: recovers only above this second limit.")
    severity: Word = Field("warning", description="Severity at opening.")
    select: SelectFields = Field(default_factory=SelectFields, description="Which sources; empty is all.")
    shadow: bool = Field(False, description="Evaluate and record, notify no one.")
    overrides: tuple[OverrideFields, ...] = Field(
        (), description="Other numbers for some sources; the last that matches wins."
    )
    runbook: str | None = Field(None, description="Link to what to do; in the messages of this rule.")


class ChannelFields(Strict):
    """One channel, without the keys of its kind."""

    name: Label = Field(description="Unique.")
    kind: str = Field(description="What it is.")
    fallback: str | None = Field(None, description="Channel that is notified when this one is dead.")
    events: tuple[Event, ...] | None = Field(
        None, description="Which events it is sent; the kind's own default without it."
    )
    per_minute: Annotated[int, _COUNT] | None = Field(None, description="At most so many messages a minute.")


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
    storm: Annotated[int, _COUNT] = Field(20, description="More openings than this in one tick: one message per route.")
    provider: ProviderFields | None = Field(
        default_factory=ProviderFields,
        description="What fails together at one provider is one message; null: never.",
    )


CHANNEL_COMMON = frozenset(ChannelFields.model_fields)
SECTIONS = ("version", "channels", "on_call", "rules", "escalations", "routes", "inhibit", "grouping")
