"""What the week's notifications, maintenance, channels and the monitor itself come to, in sentences."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from busta_health_dagster.domain.report import SELF_RESOLVED_S
from busta_health_dagster.reports import words
from busta_health_dagster.wording import durations, lists, percentages, sentences

if TYPE_CHECKING:
    from busta_health_dagster.domain.report import WeeklyReport
    from busta_health_dagster.domain.report_running import DeadLetter, MaintenanceFacts


def noise(report: WeeklyReport) -> str:
    n = report.noise
    if not n.alerts and not n.sent:
        return "No notification was sent, and no alert opened."
    alone = sum(r.self_resolved for r in n.rows if not r.shadow)
    never = sum(r.never_acked for r in n.rows if not r.shadow)
    minutes = SELF_RESOLVED_S // 60
    sent = f"{lists.plural(n.sent, 'notification')} for {lists.plural(n.alerts, 'alert')}."
    flapped = sorted({s for r in n.rows for s in r.flapping})
    by = "itself" if alone <= 1 else "themselves"
    parts = [
        f"{sentences.capital(lists.spelled(alone) if alone else 'none')} resolved by {by} within {minutes} minutes"
    ]
    parts[0] += f", {lists.spelled(never) if never else 'none'} went unacknowledged." if n.sent else "."
    if flapped:
        held = f"; {lists.plural(n.held_back, 'repeat')} held back" if n.held_back else ""
        parts.append(f"Flapped: {lists.listed(flapped)}{held}.")
    return " ".join([sent, *parts])


def planned(work: MaintenanceFacts, report: WeeklyReport) -> str:
    """One occurrence that was used."""
    cal = words.Calendar(report.week)
    who = lists.listed(work.sources) or "no source"
    parts = [
        f"{durations.duration_text(work.used_s)} of {durations.duration_text(work.end - work.start)}",
        lists.plural(work.slices, "slice") + " excluded",
    ]
    if work.held:
        parts.append(lists.plural(work.held, "alert") + " held")
    return f"{who}, {cal.span(work.start, work.end)}: {', '.join(parts)}{f' ({work.reason})' if work.reason else ''}"


def coming(work: MaintenanceFacts, report: WeeklyReport) -> str:
    return f"{lists.listed(work.sources) or work.window} {words.Calendar(report.week).span(work.start, work.end)}"


def dead(letter: DeadLetter, report: WeeklyReport) -> str:
    cal = words.Calendar(report.week)
    about = f" (alert {letter.alerts[0]})" if letter.alerts else ""
    text = f"{letter.channel} gave up on {cal.moment(letter.at)}{about}: {letter.reason.rstrip('.')}."
    if letter.fallback:
        text += f" {letter.fallback} delivered it {durations.duration_text(letter.fallback_s)} later."
    return text


def dead_do(letter: DeadLetter) -> str:
    return (
        f"fix {letter.channel}, then: busta alerts outbox --retry"
        if not letter.fallback
        else f"fix or remove {letter.channel}"
    )


def channels(report: WeeklyReport) -> str:
    parts = []
    for row in report.delivery.channels:
        if not row.messages:
            parts.append(f"{row.channel} not used")
            continue
        text = f"{row.channel} {row.delivered} of {row.messages}"
        text += f", {row.retried} after a retry" if row.retried else ""
        parts.append(text + (f", {row.waiting} waiting" if row.waiting else ""))
    return " · ".join(parts) or "No channel is configured."


def delays(report: WeeklyReport) -> str:
    d = report.delivery
    return (
        ""
        if d.median_s is None
        else f"Stored to sent: median {durations.duration_text(d.median_s)}, p95 {durations.duration_text(d.p95_s)}."
    )


def monitor(report: WeeklyReport) -> tuple[str, str]:
    """(the share of ticks, the rest)."""
    m = report.monitor
    if m.share is None:
        return "No tick was due.", m.switch
    cal = words.Calendar(report.week)
    lead_ = f"{percentages.percent(Fraction(100 * m.ran, m.due))} of {m.due:,} ticks ran"
    before = f"; the week before {percentages.percent(m.before)}." if m.before is not None else "."
    parts = []
    if m.gaps:
        gaps = [f"{cal.span(a, b)}" for a, b in m.gaps]
        parts.append(f"No tick ran {lists.listed(gaps)}.")
    if m.without_verdict:
        blind = lists.listed([f"{name} {n:,}" for name, n in m.blind])
        parts.append(f"No verdict for {m.without_verdict:,} of {m.slices:,} slices (most: {blind}).")
    else:
        parts.append(f"Every one of {m.slices:,} slices has a verdict.")
    return lead_ + before, " ".join([*parts, m.switch])
