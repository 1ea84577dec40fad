"""An alert as the pages show it: what is wrong, who knows, who is notified next, and how it came to this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.engines.alerting.digest import collected
from busta_health_dagster.engines.alerting.muting import muted
from busta_health_dagster.web.pages import texts
from busta_health_dagster.wording import lists, numbers
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.alert import Alert, Transition
    from busta_health_dagster.pipeline.views.page_alerts import ShownAlert
    from busta_health_dagster.store.outbox_rows import OutboxRow


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: `L2`, whether it was reached, its words, and who is notified."""

    name: str
    on: bool
    says: str
    notify: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of an alert's timeline, newest first. `mark` is a status for a shape, or nothing for a dot."""

    at: int
    what: str
    why: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class AlertView:
    """`held` says why the clock stands or who is not notified; `next` what comes if no one acts."""

    id: int | None
    source: str
    rule: str
    status: str
    severity: str
    reason: str
    opened_at: int | None
    age: str
    open: bool
    progress: str
    acked: str
    held: str
    quiet: str
    next: str
    next_at: int | None
    policy: str
    rungs: tuple[Rung, ...]
    timeline: tuple[Happened, ...]
    can_ack: bool
    acknowledged: bool
    flapping: bool
    path: str = ""
    cause: str = ""


def alert_view(one: ShownAlert, now: int, status: str, details: Mapping[str, str] | None = None) -> AlertView:
    """`status` is the source's: shapes show a status everywhere, and severity is a word.

    `details` say of the sources that are down what they answered; their alert knows no more than that they are down.
    """
    alert = one.alert
    reason = alert.bad_reason or alert.reason
    if reason == "down":
        reason = (details or {}).get(alert.source) or reason
    if one.open and alert.good_run:
        needed = alert.numbers.get("recover_after", alert.good_run)
        reason += f"; recovering, {min(alert.good_run, needed)} of {needed} good"
    since = alert.opened_at if alert.opened_at is not None else alert.pending_at
    next_text, next_at = _next(one, now)
    return AlertView(
        id=alert.id,
        source=alert.source,
        rule=alert.rule,
        status=status,
        severity=alert.severity.word,
        reason=reason,
        opened_at=alert.opened_at,
        age=duration_text(max(now - since, 0)) if since is not None else numbers.DASH,
        open=one.open,
        progress=alert.progress,
        acked=_acked(alert, now),
        held=_held(one, now),
        quiet=_quiet(alert),
        next=next_text,
        next_at=next_at,
        policy=alert.ladders[0].policy.name if alert.ladders else "",
        rungs=_rungs(alert),
        timeline=tuple(
            sorted((*map(_happened, reversed(one.transitions)), *map(_sent, reversed(one.sent))), key=lambda h: -h.at)
        ),
        can_ack=one.open and alert.ack is None,
        acknowledged=alert.ack is not None,
        flapping=alert.flapping,
        path=str(alert.numbers.get("path", "")),
        cause=alert.cause,
    )


def _acked(alert: Alert, now: int) -> str:
    if alert.ack is None:
        return ""
    note = f": {alert.ack.note}" if alert.ack.note else ""
    return f"acknowledged by {alert.ack.by}, {texts.moment(alert.ack.at, now)}{note}"


def _held(one: ShownAlert, now: int) -> str:
    alert = one.alert
    if (snoozed := alert.snoozed) is not None:
        note = f": {snoozed.note}" if snoozed.note else ""
        return f"snoozed by {snoozed.by} until {texts.moment(snoozed.ends_at, now)}{note}"
    if alert.ack is not None:
        return f"held until {texts.moment(alert.ack.ends_at, now)}"
    if (waits := muted(alert, now)) is not None:
        channels, until = waits
        return f"{' + '.join(channels)} is muted until {texts.moment(until, now)}"
    if one.open and (digest := collected(alert, now)) is not None and (one.next is None or one.next.at > digest[1]):
        return f"in the digest for {' + '.join(digest[0])} at {texts.moment(digest[1], now)}"
    return ""


def _quiet(alert: Alert) -> str:
    if alert.shadow:
        return "shadow: recorded, notifies no one"
    return f"suppressed by {alert.suppressed_by}: recorded, notifies no one" if alert.suppressed_by else ""


def _next(one: ShownAlert, now: int) -> tuple[str, int | None]:
    if one.notifies_nobody or not one.open:
        return "", None
    if one.next is None:
        return ("held by maintenance" if one.alert.ladders and one.alert.mark is None else ""), None
    step = f"L{one.next.step} again" if one.next.repeat else f"L{one.next.step}"
    recipients = f" to {lists.listed(one.next.channels)}" if one.next.channels else ""
    return f"{step}{recipients} in {duration_text(max(one.next.at - now, 0))}", one.next.at


def _rungs(alert: Alert) -> tuple[Rung, ...]:
    if not alert.ladders:
        return ()
    ladder = max(alert.ladders, key=lambda x: len(x.policy.steps))
    opened = alert.opened_at
    return tuple(
        Rung(
            f"L{n}",
            n <= alert.step,
            " ".join(
                part
                for part in (
                    step.severity.word if step.severity is not None else "",
                    texts.clock(opened + step.after_s)
                    if opened is not None and alert.ack is None and alert.snoozed is None
                    else "",
                )
                if part
            ),
            lists.listed(step.notify),
        )
        for n, step in enumerate(ladder.policy.steps, 1)
    )


EVENT_WORDS = {
    Event.PENDING: "Pending",
    Event.CANCELLED: "Cancelled, no one was notified",
    Event.OPENED: "Opened",
    Event.REOPENED: "Reopened",
    Event.ESCALATED: "Escalated",
    Event.RENOTIFIED: "Said again",
    Event.ACKED: "Acknowledged",
    Event.UNACKED: "Acknowledgement ended",
    Event.SNOOZED: "Snoozed",
    Event.SUPPRESSED: "Suppressed",
    Event.RELEASED: "No longer suppressed",
    Event.FLAPPING_STARTED: "Flapping",
    Event.FLAPPING_ENDED: "Flapping ended",
    Event.RESOLVED: "Resolved",
}
EVENT_MARKS = {
    Event.OPENED: "degraded",
    Event.REOPENED: "degraded",
    Event.ESCALATED: "down",
    Event.RESOLVED: "up",
    Event.SUPPRESSED: "maintenance",
}


def _happened(transition: Transition) -> Happened:
    what = EVENT_WORDS[transition.event]
    if transition.event in {Event.OPENED, Event.REOPENED, Event.ESCALATED}:
        what += f", {transition.severity.word}" + (f", L{transition.step}" if transition.step else "")
    if transition.actor:
        what += f" by {transition.actor}"
    sent_to = f"to {lists.listed(transition.notify)}" if transition.notify else ""
    why = " · ".join(part for part in (transition.reason, sent_to) if part)
    return Happened(transition.at, what, why, EVENT_MARKS.get(transition.event, ""))


def _sent(row: OutboxRow) -> Happened:
    channel, tries = row.message.channel, row.attempts
    at = int(row.finished_at if row.finished_at is not None else row.created_at)
    again = f"attempt {tries}" if tries > 1 else ""
    if row.state == "done":
        return Happened(at, f"{channel}: delivered", again)
    if row.state == "dead":
        return Happened(at, f"{channel}: not delivered", row.reason or "given up", "down")
    if row.state == "dropped":
        return Happened(at, f"{channel}: dropped", row.reason)
    return Happened(at, f"{channel}: waiting", " · ".join(filter(None, (again, row.reason))), "unknown")
