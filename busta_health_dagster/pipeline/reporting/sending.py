"""A finished report: kept in the store, and sent once per channel, through the outbox, to the channels of its route."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.notification import Notification, NotificationKind, ReportFacts
from busta_health_dagster.domain.on_call import duty_list
from busta_health_dagster.domain.report import WeeklyReport
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.self_monitoring import REPORT_RULE, REPORTER
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.alerting.on_call import staffed
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.pipeline.alerting.on_call_calendars import rotations_now
from busta_health_dagster.pipeline.reporting.weekly_report import weekly_report
from busta_health_dagster.reports import message, verdict
from busta_health_dagster.store.outbox_rows import Message
from busta_health_dagster.store.reports import KeptReport

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.service import ReportRow
    from busta_health_dagster.pipeline.app.app import App

NAME = "weekly"
FRESH_S = 7 * 86400
"""An older week is kept and shown, and sent to no one: filling a year backwards must not send fifty mails."""
_MAIL = "email"


@dataclass(frozen=True, slots=True)
class Published:
    """`queued` are the channels with a new message; `told` sums up in a sentence."""

    report: WeeklyReport
    queued: tuple[str, ...]
    notified: str


def publish(app: App, label: str | None = None, *, send: bool = True, by: str = "monitor") -> Published:
    """Make the report of a week (None: the newest that is over), keep it, and put it on its way if it is news.

    Once per (report, period, channel): making it again replaces the numbers and sends nothing.

    Raises:
        BadInput: not a week, or one that has not begun.
    """
    report = weekly_report(app, label)
    now = app.now()
    kept = KeptReport(
        NAME,
        report.week.label,
        report.week.since,
        report.week.until,
        report.written_at,
        None,
        verdict.subject(report),
        report.to_json(),
    )
    why_not = _why_not(app, report) if send else "asked to keep it only"
    channels = () if why_not else receivers(app)
    messages = _messages(app, report, channels, now)
    with app.store.write() as uow:
        uow.reports.put(kept)
        new = [m.channel for m in messages if uow.outbox.enqueue([m], now)]
        if new:
            uow.reports.sent(NAME, report.week.label, now)
        what = f"kept, sent to {', '.join(new)}" if new else "kept"
        uow.audit.append(AuditEntry(now, by, "report.weekly", report.week.label, what))
    if why_not:
        return Published(report, (), f"not sent: {why_not}")
    if not channels:
        return Published(report, (), "not sent: its route names no channel that takes reports")
    notified = f"sent to {', '.join(new)}" if new else f"sent before, to {', '.join(channels)}"
    return Published(report, tuple(new), notified)


def _why_not(app: App, report: WeeklyReport) -> str:
    if not report.week.complete:
        return "the week is not over"
    if app.now() - report.week.until >= FRESH_S:
        return "the week ended more than seven days ago"
    return "nothing was observed in it" if report.empty else ""


def receivers(app: App) -> tuple[str, ...]:
    """The channels of the first step of the route that takes rule `weekly-report`, at severity info; else of the last
    route.
    """
    policy = app.config.policy
    found: dict[str, None] = {}
    with app.store.read() as uow:
        duty = duty_list(rotations_now(app, uow), app.now())
    for ladder in route(policy, REPORTER, REPORT_RULE, Severity.INFO).ladders:
        found |= dict.fromkeys(staffed(ladder, duty).policy.steps[0].notify)
    return tuple(c for c in found if c in policy.channels and _takes_reports(app, policy.channels[c].kind))


def _takes_reports(app: App, kind: str) -> bool:
    channel = app.channels.registry.get(kind)
    return channel is None or channel.reports


def _messages(app: App, report: WeeklyReport, channels: tuple[str, ...], now: int) -> list[Message]:
    mail = [c for c in channels if app.config.policy.channels[c].kind == _MAIL]
    facts: dict[bool, ReportFacts] = {}
    if mail:
        facts[True] = message.whole(report)
    if len(mail) < len(channels):
        facts[False] = message.short(report)
    thread = f"report-{NAME}-{report.week.label}"
    found = []
    for channel in channels:
        notification = Notification(
            NotificationKind.REPORT, now, report=facts[channel in mail], base_url=report.base_url, drill=app.drill
        )
        key = f"{thread}-{channel}"
        found.append(Message(key, channel, NotificationKind.REPORT.value, json.loads(notification.to_json()), thread))
    return found


def kept_report(app: App, label: str) -> WeeklyReport | None:
    """The report of a week as it was kept; None when it was never made."""
    with app.store.read() as uow:
        kept = uow.reports.get(NAME, label)
    return None if kept is None else WeeklyReport.from_json(kept.data)


def kept_reports(app: App, limit: int = 60) -> list[KeptReport]:
    """What is kept, newest week first, without the numbers."""
    with app.store.read() as uow:
        return uow.reports.list(NAME, limit)


def report_rows(app: App) -> list[ReportRow]:
    """The finished reports as documents, newest week first."""
    return [
        {
            "period": one.period,
            "since": iso(one.since),
            "until": iso(one.until),
            "written_at": iso(one.written_at),
            "sent_at": iso(one.sent_at),
            "headline": one.headline,
        }
        for one in kept_reports(app, 300)
    ]
