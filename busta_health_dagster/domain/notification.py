"""What a message says, as facts. Channels turn facts into texts; nothing here is formatted or escaped.

A notification is frozen when the outbox row is written and survives there as JSON: `to_json`, `from_json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Pattern, Severity


class NotificationKind(StrEnum):
    """Why a notification is sent. UPDATED changes a message in place where a channel can, and notifies no one again."""

    OPENED = "opened"
    ESCALATED = "escalated"
    RENOTIFIED = "renotified"
    ACKED = "acked"
    UNACKED = "unacked"
    SNOOZED = "snoozed"
    UPDATED = "updated"
    RESOLVED = "resolved"
    FLAPPING_STARTED = "flapping_started"
    FLAPPING_ENDED = "flapping_ended"
    MONITOR = "monitor"  # about the monitor itself: stale, a bad reload, its network, a dead channel
    REPORT = "report"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class AckFacts:
    """Who acknowledged (or snoozed), when, what they said, until when the clock stands still, and who had it before."""

    by: str
    at: int
    note: str = ""
    until: int | None = None
    taken_over: str = ""


@dataclass(frozen=True, slots=True)
class NextFacts:
    """What happens next, unless someone acts: the next step (or the repeat of the last one) and which channels it notifies."""

    at: int
    notify: tuple[str, ...]
    severity: Severity | None = None
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """The alert. Times are epoch seconds; `first_bad_slot` to `first_good_slot` is how long it was really bad;
    `interrupted`: with times between them at which it was well.
    """

    id: int
    fingerprint: str
    severity: Severity
    opened_at: int
    first_bad_slot: int
    state: str = "open"
    pending_at: int | None = None
    escalated_at: int | None = None
    resolved_at: int | None = None
    first_good_slot: int | None = None
    step: int = 1
    of_steps: int = 1
    acked: AckFacts | None = None
    snoozed: AckFacts | None = None
    flapping: bool = False
    flapping_percent: float | None = None
    next: NextFacts | None = None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """The source as it stands. `reason` and `detail` are the newest observation's; shares are percentages."""

    name: str
    type: str = ""
    tier: int = 2
    group: str = ""
    status: Status = Status.UNKNOWN
    since: int | None = None
    reason: str = ""
    detail: str = ""
    response_ms: float | None = None
    items: int | None = None
    data_age_s: float | None = None
    attempts: int = 1
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    feeds: tuple[str, ...] = ()
    runbook: str | None = None
    uptime_30d: float | None = None
    target: float | None = None
    budget_left: float | None = None
    probe: str = ""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """The rule as it was effective for this source."""

    name: str
    pattern: Pattern
    metric: str | None = None
    op: str | None = None
    value: int | float | str | None = None
    for_: int = 1
    over_s: int | None = None
    runbook: str | None = None


@dataclass(frozen=True, slots=True)
class Normal:
    """What is usual at this time: 5th and 95th percentile, in the metric's unit, and where they come from."""

    p5: float
    p95: float
    basis: str = "hour of week"


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """The numbers that the verdict was based on, in the metric's unit. `reason` is the rule's own sentence."""

    slot: int
    reason: str = ""
    value: float | None = None
    limit: float | None = None
    worst: float | None = None
    normal: Normal | None = None
    bad_in_a_row: int | None = None
    good_values: tuple[float, ...] = ()
    phases_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notified:
    """Someone who has been notified already: the channel, as people know it, and when."""

    channel: str
    at: int


@dataclass(frozen=True, slots=True)
class Member:
    """One alert of a group."""

    alert_id: int
    source: str
    tier: int
    status: Status
    severity: Severity
    rule: str
    reason: str = ""
    open: bool = True


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Several alerts in one message, worst first. `storm`: more opened in one tick than grouping allows. `cause`: the provider,
    with `of` sources, that they share; `elsewhere` are others of it that fail alike and have messages of their own.
    """

    key: str
    members: tuple[Member, ...]
    fleet: int
    since: int
    storm: bool = False
    severity: Severity = Severity.WARNING
    acked: AckFacts | None = None
    next: NextFacts | None = None
    cause: str = ""
    of: int = 0
    elsewhere: tuple[str, ...] = ()

    @property
    def open(self) -> int:
        return sum(m.open for m in self.members)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with a mail. With `cid` it is an inline picture that the HTML refers to as `cid:...`."""

    name: str
    mime: str
    base64: str
    cid: str = ""


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """A rendered report: short for chat (headline, summary, lines, a table in plain columns), whole for mail (text,
    HTML).
    """

    name: str
    period: str
    headline: str
    summary: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    table: str = ""
    footer: str = ""
    url: str | None = None
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to say. Which facts are present depends on what it is about: an alert, a group, a report, the
    monitor, a test.

    `reason` says why now ("30 min open and not acknowledged"; for a resolve that is no recovery: why). `do` is advice
    from the configuration; without it the wording gives the usual first step. `related` are further sentences about
    the source; `on_behalf_of` says whose message this is, when it comes through a fallback. `text` is the whole message of
    kinds `monitor` (whose `reason` is a code: stale, reload, network, channel) and `test`. `base_url` is where people
    reach the web page ("": nowhere). `late_from` is when it was written, where it could only be sent later; `past`: it
    tells of the end to someone who was never told of the beginning. `dagster_url` is where Dagster's UI shows the run,
    sensor or asset that it is about. `action_urls` are signed addresses by action, made for the one channel that it is about to
    be sent to: they are never stored. `shared_thread` is the thread of an alert that opened together with others, of which this
    channel is not notified.
    """

    kind: NotificationKind
    at: int
    alert: AlertFacts | None = None
    source: SourceFacts | None = None
    rule: RuleFacts | None = None
    verdict: VerdictFacts | None = None
    group: GroupFacts | None = None
    report: ReportFacts | None = None
    incident: str | None = None
    reason: str = ""
    text: str = ""
    do: str = ""
    related: tuple[str, ...] = ()
    on_behalf_of: tuple[str, ...] = ()
    notified: tuple[Notified, ...] = ()
    recovered: bool = True
    drill: bool = False
    base_url: str = ""
    late_from: int | None = None
    past: bool = False
    dagster_url: str = ""
    action_urls: Mapping[str, str] = field(default_factory=dict)
    shared_thread: str = ""

    @property
    def thread_key(self) -> str:
        """What belongs together in one thread, PagerDuty incident or updated message. A drill's never meets a real one:
        its alerts count from 1, too.
        """
        shared = self.shared_thread if self.group is None else self.group.key
        if shared:
            return f"drill-{shared.removeprefix('alert-')}" if self.drill else shared
        if self.alert is not None:
            return f"{'drill' if self.drill else 'alert'}-{self.alert.id}"
        if self.report is not None:
            return f"report-{self.report.name}-{self.report.period}"
        return f"{self.kind.value}-{self.at}"

    def to_json(self) -> str:
        return str(_adapter().dump_json(self), "utf-8")

    @staticmethod
    def from_json(text: str | bytes) -> Notification:
        """Read back what `to_json` wrote, in this version or in 0.1.0.

        Raises:
            ValueError: not a notification.
        """
        stored = json.loads(text)
        if isinstance(stored, dict):
            stored = {_RENAMED.get(name, name): value for name, value in stored.items()}
        notification: Notification = _adapter().validate_json(json.dumps(stored))
        return notification


_RENAMED = {"told": "notified", "also": "related", "instead": "on_behalf_of"}
"""Field names of 0.1.0, as the outbox of its stores still holds them."""


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Notification)
