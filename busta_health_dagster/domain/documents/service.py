"""Service levels, incidents, maintenance, quality, reports and tokens as documents."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from busta_health_dagster.domain.documents.alerts import Number, Occurrence


class Span(TypedDict):
    """From when to when."""

    start: str
    end: str


class WindowRow(TypedDict):
    """A maintenance window: an entry of `maintenance list -o json`. `start` and `exdates` are local times in `zone`;
    `next` is the occurrence that is on, or the next within a year.
    """

    id: int | None
    window: str
    origin: str
    select: str
    sources: list[str]
    start: str
    zone: str
    duration_s: int
    rrule: str | None
    exdates: list[str]
    reason: str
    by: str | None
    active: bool
    next: Span | None
    config: str | None
    version: int | None


class WindowAdded(WindowRow):
    """A window as it was stored, and what to think of."""

    warnings: list[str]


class WindowEnded(TypedDict):
    """What is left of a window that was ended."""

    window: str
    said: str


class WindowSuggestion(TypedDict):
    """A window that outages of the past suggest: `nights` it would have covered, of so many days (weeks) since the first."""

    source: str
    every: str
    start: str
    zone: str
    duration: str
    rrule: str
    nights: list[str]
    of: int
    command: str


class MaintenanceOccurrence(Occurrence):
    """One time that a window is on: an entry of `maintenance preview -o json`."""

    reason: str


class QualitySlaRow(TypedDict):
    """The share of slices whose newest score was at or above the threshold."""

    threshold: Number
    target: Number | None
    good: int
    bad: int
    unknown: int
    excluded: int
    attained: Number | None
    coverage: Number | None
    met: bool | None
    mean: Number | None
    scores: int


class ForecastRow(TypedDict):
    """When the error budget is spent at the pace of the last hours; null: not in sight."""

    exhausted_in_s: int | None
    text: str


class SlaRow(TypedDict):
    """One source's service level of a window: an entry of `sla -o json`. Percentages are floored to 3 decimals."""

    source: str
    window: str
    target: Number | None
    good: Number
    bad: Number
    excluded: int
    unknown: int
    uptime: Number | None
    coverage: Number | None
    met: bool | None
    verdict: str
    allowed_bad: Number
    budget_left: Number | None
    burn: dict[str, Number | None]
    burn_tier: str | None
    quality: QualitySlaRow | None


class ServiceLevelRow(SlaRow):
    """The same with its instants and what is to come."""

    since: str
    until: str
    forecast: ForecastRow
    time_to_breach_s: int | None


class SpreadRow(TypedDict):
    """Seconds; null where there is nothing to average."""

    mean: Number | None
    median: Number | None
    p90: Number | None


class IncidentFigures(TypedDict):
    """The incidents resolved in a window, in numbers."""

    mttr_s: SpreadRow
    mtta_s: SpreadRow
    mttd_s: SpreadRow
    mtbf_s: Number | None
    resolved: int
    open: int


class IncidentFacts(TypedDict):
    """One incident. ttd: opened - first bad slot, tta: acknowledged - opened, ttr: first good slot - first bad slot.
    `subject`: what of the source `dagster` it is about.
    """

    id: str
    source: str
    subject: str | None
    started_at: str
    opened_at: str
    acked_at: str | None
    resolved_at: str | None
    severity: str
    rules: list[str]
    state: str
    alerts: list[int]
    ttd_s: int
    tta_s: int | None
    ttr_s: int | None


class IncidentRow(IncidentFacts):
    """An entry of `incidents list -o json`."""

    cause: str | None
    age_s: int


class IncidentTable(IncidentFigures):
    """`incidents list -o json`: those open first, then those resolved in the window; `groups` with `--by`."""

    incidents: list[IncidentRow]
    window: str
    since: str
    until: str
    groups: NotRequired[dict[str, IncidentFigures]]


class IncidentEvent(TypedDict):
    """One thing that happened in an incident; `actor` is the person who did it."""

    at: str
    rule: str
    event: str
    reason: str
    actor: str | None


class IncidentNotification(TypedDict):
    """One message about an incident, and what became of it."""

    at: str
    channel: str
    kind: str
    state: str
    attempts: int
    finished_at: str | None
    reason: str | None


class IncidentNote(TypedDict):
    """What someone wrote: a note, or the cause."""

    at: str
    author: str
    kind: str
    text: str


NoteKind = Literal["note", "cause"]


class IncidentDetail(IncidentRow):
    """Everything that happened in one incident, oldest first: `incidents show -o json`."""

    timeline: list[IncidentEvent]
    notes: list[IncidentNote]
    notifications: list[IncidentNotification]


class ReportRow(TypedDict):
    """One finished weekly report."""

    period: str
    since: str
    until: str
    written_at: str
    sent_at: str | None
    headline: str


class ReportFile(TypedDict):
    """A report, written."""

    name: str
    content: str


class ReportFiles(TypedDict):
    """A weekly report in one format; CSV is two files."""

    week: str
    empty: bool
    files: list[ReportFile]


class TokenRow(TypedDict):
    """A token without its secret: an entry of `tokens list -o json`."""

    name: str
    role: str
    created_at: str
    created_by: str
    last_used_at: str | None
    revoked_at: str | None


class TokenMade(TypedDict):
    """The secret, shown this once."""

    token: str
    name: str
    role: str


Report = dict[str, Any]
"""The numbers of one weekly report, as its JSON file has them."""


class AuditRow(TypedDict):
    """Who did what to which thing, when: an entry of `audit list -o json`."""

    at: str
    actor: str
    action: str
    subject: str
    detail: str | None
