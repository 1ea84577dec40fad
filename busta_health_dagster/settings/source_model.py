"""`sources.yaml` as pydantic sees it: the fields every probe shares. What is left of an entry goes to its probe's
own model.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from busta_health_dagster.domain.fields import Percent, PositiveDuration, Strict
from busta_health_dagster.domain.source import CONFIRMATIONS
from busta_health_dagster.settings.active import Active
from busta_health_dagster.settings.fields import (
    AssetKeyText,
    Group,
    Interval,
    Label,
    LocalTime,
    Name,
    Owner,
    Provider,
    Score,
    Tags,
)


class SlaFields(Strict):
    """What is promised of a source."""

    uptime: Percent = Field(Fraction(995, 1000), description="Share of good slots over a rolling 30 days.")
    quality: Percent = Field(Fraction(9, 10), description="The score that a slot needs to count as good.")
    degraded: Literal["good", "bad", "half"] = Field("good", description="How a degraded slot counts.")


class ReconcileFields(Strict):
    """Another source that must say the same."""

    with_: Label = Field(alias="with", description="The other source.")
    on: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="Columns that identify a record, as the suite names them."
    )
    compare: tuple[str, ...] = Field((), description="Columns that must agree.")
    columns: dict[str, str] = Field({}, description="What the other source calls a column, where it has another name.")
    names: dict[str, str] | str = Field(
        {}, description="Spellings and the name that counts, or a YAML file of them in expectations/."
    )
    found: Annotated[float, Field(gt=0, le=1)] = Field(
        0.9, description="Share of the records that the other source must have."
    )
    tolerance: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="How far a column may differ: in its own unit, in seconds for a time."
    )


class DbtFields(Strict):
    """Results of dbt's tests that count in the score."""

    target: str = Field(
        description="dbt's target folder, with run_results.json and manifest.json; relative to the configuration."
    )
    node: str = Field(description="The model, seed or snapshot; `source.table` for a source; or dbt's own id.")
    max_age: PositiveDuration = Field(
        26 * 3600.0, description="Older results are not evaluated, and the check dbt.age fails."
    )


class QualityFields(Strict):
    """How what it delivers is scored."""

    suite: str | None = Field(None, description="Name of a suite in expectations/.")
    validator: str | None = Field(None, description="`module:Class` of the platform's own validator.")
    validator_scale: Literal[1, 100] | None = Field(
        None, description="What the validator's best score is: 1 or 100. Declared, not guessed."
    )
    every: Interval = Field(3600.0, description="How often it is scored.")
    rows: str | None = Field(None, description="JSON path to the records inside the payload.")
    fetch: bool = Field(
        False, description="Ask the source again instead of scoring the sample the check stored. Metered APIs: do not."
    )
    public_columns: tuple[str, ...] = Field((), description="Columns whose values may be shown in messages and pages.")
    key_columns: tuple[str, ...] = Field((), description="Columns that identify a record.")
    push_down: bool = Field(
        True, description="Probe sql: let the database count instead of scoring the sample, where the suite permits it."
    )
    reconcile: ReconcileFields | None = Field(None, description="Another source that must say the same.")
    dbt: DbtFields | None = Field(None, description="Results of dbt's tests that count in the score.")


class GateFields(Strict):
    """When the source is usable by what is built from it."""

    min_quality: Score | None = Field(None, description="Score (0-100) below which it is not usable.")
    max_data_age: PositiveDuration | None = Field(None, description="Older data are not usable.")
    unknown: Literal["block", "allow"] = Field("block", description="What holds while it cannot be told.")


class RolloutFields(Strict):
    """How a source is introduced: its rules are evaluated and recorded, and notify no one before that day."""

    until: LocalTime = Field(description="The day, or the time in UTC, from which its rules notify.")


class MeteredFields(Strict):
    """What a metered API is paid for; the doctor computes whether the interval fits it."""

    per_month: Annotated[int, Field(ge=1)] = Field(description="Credits that a month has.")
    each: Annotated[int, Field(ge=1)] = Field(1, description="Credits that one observation costs.")


class NearEventsFields(Strict):
    """What holds while a known event is near. What is left out stays as at any other time."""

    calendar: Label = Field(description="An entry of `events` in maintenance.yaml.")
    before: PositiveDuration = Field(description="From so long before an event begins ...")
    after: PositiveDuration = Field(description="... until so long after that, and until it ends.")
    max_data_age: PositiveDuration | None = Field(None, description="Older data are stale then.")
    interval: Interval | None = Field(
        None, description="How often it is observed then, in full; what lies between its slots is outside SLA."
    )
    severity: Literal["info", "warning", "critical"] | None = Field(
        None, description="Alerts that are open then are at least as severe."
    )


class ConsumerFields(Strict):
    """One entry of `consumers:`: what uses sources, and what it asks of them. It may ask for more than the source's own
    `gate:`, never for less.
    """

    name: Label = Field(description="Name, as `busta gate check --consumer` and the gate's arguments give it.")
    sources: tuple[str, ...] = Field((), description="The sources it uses.")
    min_quality: Score | None = Field(None, description="As in `gate:`.")
    max_data_age: PositiveDuration | None = Field(None, description="As in `gate:`.")
    unknown: Literal["block", "allow"] | None = Field(None, description="As in `gate:`.")


class SourceFields(Strict):
    """One entry of `sources:`, without the keys of its probe. Precedence: entry, type, defaults, built-in."""

    name: Name = Field(description="Unique; becomes the asset key sources/<name>.")
    type: Name = Field(description="Family of data that shares defaults, a concurrency limit and a baseline.")
    probe: str = Field(description="How it is checked.")
    interval: Interval = Field(300.0, description="Whole minutes, at least one.")
    timeout: PositiveDuration = Field(10.0, description="Deadline of one attempt, everything included.")
    confirm: Annotated[int, Field(ge=0, le=5)] = Field(CONFIRMATIONS, description="Re-probes before a failure counts.")
    tier: Annotated[int, Field(ge=1, le=9)] = Field(2, description="1 is probed first and matters most.")
    group: Group | None = Field(None, description="Asset group; by type if not given.")
    description: str = Field("", description="One sentence for people.")
    tags: Tags = Field(
        default_factory=dict, description="For selectors and the asset; merged key by key with the type's."
    )
    owners: tuple[Owner, ...] = Field((), description="`team:NAME` or a mail address.")
    runbook: str | None = Field(None, description="Link to what to do when it breaks; in every message.")
    provider: Provider | None = Field(
        None,
        description="Who delivers it: what fails together there is one message. Without it its tag `provider`, or its host.",
    )
    feeds: tuple[str, ...] = Field((), description="What is built from it; asset keys of this instance are linked.")
    depends_on: tuple[str, ...] = Field(
        (), description="Sources without which it cannot work: while one of them is down, its own alerts are quiet."
    )
    cadence: PositiveDuration | None = Field(None, description="How often the source itself brings something new.")
    max_data_age: PositiveDuration | None = Field(
        None, description="Older data is stale. Without it: from the cadence."
    )
    sla: SlaFields = Field(default_factory=SlaFields, description="Targets; merged key by key.")
    quality: QualityFields | None = Field(None, description="How the sample is scored; merged key by key.")
    gate: GateFields = Field(default_factory=GateFields, description="When it is usable; merged key by key.")
    asset: AssetKeyText | None = Field(
        None, description="The asset of yours that its checks stand on, instead of sources/<name>."
    )
    concurrency: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Checks of this type at once (feeds 10, files 20)."
    )
    concurrency_per_host: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Checks of this type per host at once (APIs 5)."
    )
    metered: MeteredFields | None = Field(
        None, description="Credits of a metered API: per month, and for each observation."
    )
    active: Active | None = Field(
        None, description="When it is watched; outside of it is off season. Several entries add up."
    )
    near_events: NearEventsFields | None = Field(
        None, description="What holds while a known event, such as a kick-off, is near."
    )
    vantages: tuple[Label, ...] | None = Field(
        None, description="From which of the `vantages` of settings.yaml it is observed; [] from this machine only."
    )
    rollout: RolloutFields | None = Field(None, description="Until when its rules stay in shadow: they notify no one.")
    allow_private: bool = Field(False, description="Private, link-local and loopback addresses are refused without it.")


COMMON = frozenset(SourceFields.model_fields)
"""Keys of an entry that are not its probe's."""
SECTIONS = ("version", "defaults", "types", "sources", "control", "consumers")
MERGED = ("sla", "tags", "quality", "metrics", "gate")
"""Mappings that are merged key by key over defaults, type and entry; anything else replaces."""

GROUPS = ("odds_and_scores", "stats", "news", "context", "platform")
_BY_TYPE = {
    "odds": "odds_and_scores",
    "scores": "odds_and_scores",
    "stats": "stats",
    "injuries": "stats",
    "news": "news",
    "weather": "context",
    "warehouse": "platform",
    "features": "platform",
    "control": "platform",
}
_BY_PROBE = {"feed": "news", "sql": "platform", "heartbeat": "platform", "tcp": "platform", "dns": "platform"}


def default_group(type_: str, probe: str) -> str:
    """The asset group of a source that names none."""
    return _BY_TYPE.get(type_) or _BY_PROBE.get(probe, "context")
