"""What requests may carry, and the shapes of answers that are more than a list of rows. Durations are written as in the configuration."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.documents.alerts import AlertRow, AlertsBehind
from busta_health_dagster.domain.documents.gate import UsableRow
from busta_health_dagster.domain.documents.quality import ScoreRow
from busta_health_dagster.domain.fields import DurationText
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import parse_seconds

Row = TypeVar("Row")

Note = Annotated[str, Field(max_length=500, description="Why; kept, and part of the notification.")]


class Body(BaseModel):
    """Unknown keys are errors: a misspelt one would be silently ignored."""

    model_config = ConfigDict(extra="forbid")


class Ack(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"note": "asked the provider, ticket 88213"}]}
    )
    note: Note = ""


class Snooze(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"for": "2h", "note": "known, fixed tonight"}]}
    )
    for_: Annotated[DurationText, Field(alias="for", description="How long: 30m, 2h, 1d.")]
    note: Note = ""

    @property
    def seconds(self) -> float:
        return float(parse_seconds(self.for_))


class Override(Body):
    """The gate of a source, opened or closed by hand."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"for": "30m", "reason": "prices checked by hand"}]}
    )
    for_: Annotated[DurationText, Field(alias="for", description="How long: 30m, 2h, 1d.")]
    reason: Annotated[str, Field(min_length=1, max_length=300, description="Why; on the page and in alerts.")]

    @property
    def seconds(self) -> float:
        return float(parse_seconds(self.for_))


class Heartbeat(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"items": 5120, "ok": True}]})
    items: Annotated[int | None, Field(ge=0, le=2**53, description="How many records the run delivered.")] = None
    ok: Annotated[bool, Field(description="False: the run says itself that it failed.")] = True
    message: Annotated[str, Field(max_length=300, description="One line about the run.")] = ""


Names = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=1000)]


class Select(Body):
    """Criteria that must all hold; an empty one matches every source."""

    names: Names = []
    types: Names = []
    tags: Annotated[dict[str, str], Field(max_length=100)] = {}
    tiers: Annotated[list[Annotated[int, Field(ge=0, le=1000)]], Field(max_length=100)] = []
    owners: Names = []
    groups: Names = []

    @property
    def selector(self) -> Selector:
        return Selector(
            tuple(self.names), tuple(self.types), self.tags, tuple(self.tiers), tuple(self.owners), tuple(self.groups)
        )


class WindowIn(Body):
    """A maintenance window: a local start, its zone, how long it lasts, and how it recurs."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "host-migration",
                    "select": {"names": ["rss_beat_writers"]},
                    "start": "2026-11-29T06:00",
                    "zone": "UTC",
                    "duration": "1h",
                    "reason": "host migration",
                }
            ]
        },
    )
    name: Annotated[str, Field(min_length=1, max_length=100)]
    select: Select = Select()
    start: Annotated[
        datetime | None, Field(description="Local time in `zone`, without an offset; now when left out.")
    ] = None
    zone: Annotated[
        str | None, Field(min_length=1, max_length=64, description="IANA zone; that of settings.yaml when left out.")
    ] = None
    duration: Annotated[DurationText, Field(description="Elapsed time: 45m, 2h, 1h30m.")]
    rrule: Annotated[str | None, Field(max_length=500)] = None
    exdates: Annotated[list[datetime], Field(max_length=500)] = []
    reason: Annotated[str, Field(max_length=500)] = ""

    @property
    def duration_s(self) -> int:
        return int(parse_seconds(self.duration))


class NoteIn(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"kind": "cause", "text": "expired API key"}]}
    )
    kind: Annotated[
        Literal["note", "cause"], Field(description="An incident with a cause is real for `busta backtest`.")
    ] = "note"
    text: Annotated[str, Field(min_length=1, max_length=4000)]


class Retry(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"channel": "ops-hook"}]})
    channel: Annotated[str | None, Field(max_length=63, description="Only those of this channel.")] = None


class TokenIn(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "prometheus", "role": "viewer"}]}
    )
    name: Annotated[str, Field(min_length=1, max_length=63, description="Whose it is; it stands in the audit log.")]
    role: Role


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class GateBlocked(Problem):
    """A gate that is closed: the problem, and the verdict of every source that was asked for."""

    at: str
    sources: list[UsableRow]


class Page(TypedDict, Generic[Row]):
    """One page of a list. `next` is the cursor of the following page, null on the last one."""

    items: list[Row]
    next: str | None


class AlertPage(Page[AlertRow]):
    """One page of alerts, and what stands behind the list."""

    summary: AlertsBehind


class ScorePage(Page[ScoreRow]):
    """One page of scores, and who was never scored."""

    never: list[str]


class Requeued(TypedDict):
    """How many dead letters wait again."""

    again: int
