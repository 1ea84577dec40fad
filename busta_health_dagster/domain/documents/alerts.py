"""Alerts as documents: one row each, the list with what stands behind it, and the whole story with every reason."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

Number = int | float
"""A whole number stays one on its way: 285 is not turned into 285.0."""


class Coming(TypedDict):
    """What happens next if no one does anything."""

    at: str
    step: int
    notify: list[str]
    repeat: bool
    resumes: bool


class AlertRow(TypedDict):
    """One alert: an entry of `alerts list -o json`. `acknowledged` and `coming` are ready to be read (`op-1, 06:30`,
    `pager 09:55`); `open_s` is how long it has been open, or was. `cause` is the provider whose failure it is a part of.
    """

    id: int | None
    fingerprint: str
    source: str
    rule: str
    label: str | None
    severity: str
    state: str
    shadow: bool
    pending_at: str | None
    opened_at: str | None
    resolved_at: str | None
    first_bad_at: str | None
    last_bad_at: str | None
    open_s: int | None
    progress: str
    step: int
    steps: int
    policy: str | None
    acknowledged: str
    acked_by: str | None
    acked_at: str | None
    acked_until: str | None
    note: str | None
    snoozed_by: str | None
    snoozed_until: str | None
    suppressed_by: str | None
    flapping: bool
    reopened: int
    value: Number | None
    limit: Number | None
    worst: Number | None
    reason: str
    resolve_reason: str | None
    notified: list[str]
    group: str | None
    message: str | None
    cause: str | None
    coming: str
    next: Coming | None


class AlertBrief(TypedDict):
    """An alert that stands behind a list: pending, held back or in shadow mode."""

    id: int | None
    source: str
    rule: str
    progress: str


class RootCauseRow(TypedDict):
    """What open alerts of one provider have in common. `text` reads `the-odds-api: 4 of 4 sources down`; `alerts` are their
    ids.
    """

    provider: str
    rule: str
    text: str
    alerts: list[int]


class AlertsBehind(TypedDict):
    """How many are open, what several of them have in common, and what stands behind the list."""

    open: int
    unacknowledged: int
    pending: list[AlertBrief]
    held: list[AlertBrief]
    inhibited: list[AlertBrief]
    shadow: list[AlertBrief]
    causes: list[RootCauseRow]


class AlertList(TypedDict):
    """Alerts, worst and longest first."""

    items: list[AlertRow]
    summary: AlertsBehind


RuleRow = TypedDict(
    "RuleRow",
    {
        "name": str,
        "pattern": str,
        "metric": str | None,
        "text": str,
        "for": int,
        "recover_after": int,
        "severity": str,
        "shadow": bool,
        "config": str | None,
    },
)
"""The effective rule of an alert. `text` reads `response_ms > 5 s, for 2, recover_after 2, warning`. (`for` is a word of
the language, hence this form.)
"""


class Evaluated(TypedDict):
    """One look and what the rule said of it."""

    slot: str
    outcome: str
    reason: str
    value: Number | None
    limit: Number | None
    suspect: bool
    maintenance: bool


TransitionRow = TypedDict(
    "TransitionRow",
    {
        "at": str,
        "slot": str | None,
        "event": str,
        "from": str | None,
        "to": str,
        "severity": str,
        "step": int,
        "actor": str | None,
        "reason": str,
        "notify": list[str],
    },
)
"""One thing that happened to an alert."""


class RouteConsidered(TypedDict):
    """A route that was checked when the alert opened."""

    number: int
    select: str
    matched: bool | None
    reason: str


class Occurrence(TypedDict):
    """One time that a maintenance window is on."""

    window: str
    start: str
    end: str


class Covering(TypedDict):
    """Which maintenance lay over the alert, of how many windows."""

    considered: int
    covering: list[Occurrence]


class Tried(TypedDict):
    """One attempt to deliver."""

    at: str
    outcome: str
    reason: str


class DeliveryRow(TypedDict):
    """One message about the alert, with every attempt."""

    at: str
    channel: str
    kind: str
    state: str
    attempts: int
    due_at: str
    finished_at: str | None
    reason: str | None
    key: str
    receipt: dict[str, Any]
    tries: list[Tried]


class NotSent(TypedDict):
    """Notifications that were not sent, and why."""

    at: str
    fingerprint: str
    channel: str
    event: str
    reason: str


class AlsoSeen(TypedDict):
    """Another alert of the same source at the same time."""

    id: int | None
    rule: str
    state: str
    reason: str
    shadow: bool
    suppressed_by: str | None
    progress: str
    lasted_s: int | None


class NoiseRow(TypedDict):
    """A source and a rule: messages (one to each channel), and what became of their alerts. `unheeded`: messages of alerts that no
    one acknowledged.
    """

    source: str
    rule: str
    notifications: int
    per_week: Number
    alerts: int
    acknowledged_percent: Number | None
    self_resolved_percent: Number | None
    unheeded: int


class NoiseTable(TypedDict):
    """Notifications by source and rule, the most unheeded first: `alerts noise -o json`."""

    since: str
    until: str
    notifications: int
    per_week: Number
    items: list[NoiseRow]


class AlertExplanation(TypedDict):
    """Why was I (not) notified: `alerts explain ID -o json`. `policies` are the escalations frozen when it opened."""

    at: str
    alert: AlertRow
    incident: str | None
    rule: RuleRow | None
    rules_read_at: str
    policies: list[str]
    flapping_percent: Number
    flapping_starts_percent: Number
    unknown: int
    verdicts: list[Evaluated]
    transitions: list[TransitionRow]
    routes: list[RouteConsidered]
    maintenance: Covering
    deliveries: list[DeliveryRow]
    not_sent: list[NotSent]
    also: list[AlsoSeen]


class Standing(TypedDict):
    """What one rule says of the newest values, and what became of that."""

    rule: str
    outcome: str
    reason: str
    shadow: bool
    alert: int | None
    state: str | None
    suppressed_by: str | None
    progress: str | None


class SourceExplanation(TypedDict):
    """Why a source has the alerts it has, or none: `alerts explain SOURCE -o json`. `imported`: its history came from
    files and no one watches it; `at` is then the end of that history.
    """

    source: str
    imported: bool
    at: str
    status: str | None
    since: str | None
    detail: str | None
    evaluated_slot: str | None
    rules: list[Standing]
    maintenance: list[Occurrence]
    not_sent: list[NotSent]
    alerts: list[AlertRow]


class SilenceRow(TypedDict):
    """One silence: an entry of `alerts silences -o json`. `matchers` are as Prometheus writes them, `alerts` the ids of the open
    alerts that it keeps quiet now; `actor` is who was let in, `created_by` the name that was given.
    """

    id: str
    state: str
    matchers: list[str]
    starts_at: str
    ends_at: str
    created_by: str
    actor: str
    comment: str
    alerts: list[int]
