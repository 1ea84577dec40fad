"""The words for what is wrong, by pattern and metric of the rule, never by its name: people name their rules as they
like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.channels.remedies import Remedy, remedy
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import plural
from busta_health_dagster.wording.measures import limit_text, measure, measured_range
from busta_health_dagster.wording.sentences import clean

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification, RuleFacts, SourceFacts, VerdictFacts

_REASONS = {
    "timeout": "no answer in time",
    "dns": "host not found",
    "connect": "connection refused",
    "tls": "TLS failed",
    "reset": "connection reset",
    "payload": "unreadable payload",
    "assertion": "unexpected payload",
    "too_large": "payload too large",
}
_PATTERNS = {
    Pattern.STATUS: "down",
    Pattern.RATE: "fails",
    Pattern.NO_DATA: "silent",
    Pattern.ANOMALY: "unusual",
    Pattern.BURN_RATE: "budget",
    Pattern.FLAPPING: "flaps",
    Pattern.TREND: "trend",
    Pattern.DAGSTER_CHECK: "dagster",
    Pattern.DAGSTER_RUN: "dagster",
    Pattern.DAGSTER_TICK: "dagster",
    Pattern.DAGSTER_LOCATION: "dagster",
    Pattern.DAGSTER_DAEMON: "dagster",
    Pattern.DAGSTER_FRESHNESS: "dagster",
    Pattern.GATE_HELD: "held",
    Pattern.QUOTA: "quota",
    Pattern.NO_SCORE: "unscored",
}
_METRICS = {"response_ms": "slow", "data_age_s": "stale", "quality": "quality", "status": "down", "failed": "fails"}
_PHASES = {
    "dns": "name resolution",
    "connect": "the connection",
    "tls": "the TLS handshake",
    "first_byte": "the provider's first byte",
    "body": "the transfer of the body",
}
_OURS_TO_MEND = frozenset(
    {"missing_secret", "dependency", "plugin", "probe_error", "network", "not_probed", "rate_limited"}
)
_ADVICE = {
    "quality": "See the failing checks on the source page; hold decisions that need these columns.",
    "fails": "Check the failures on the source page: one cause, or several?",
    "budget": "Check this source's incidents of the week; the next outage may miss the target.",
    "silent": "Check the monitor and the network it runs in before the source.",
    "held": "Check the source that holds it: busta gate status. Open its gate by hand only where its data are right.",
    "quota": "Make its interval longer, or buy credits: afterwards no one can tell how the source is.",
    "unscored": "See why on the source page, or with busta quality run: the suite, the columns, or no rows at all?",
    "dagster": "Open it in Dagster: the events and the whole error are there.",
    "other": "Check the source page: the numbers behind the rule are there.",
}


def topic(rule: RuleFacts | None, source: SourceFacts | None) -> str:
    """What it is about: down, slow, stale, quality, unscored, fails, budget, silent, unusual, flaps, trend, dagster or other."""
    if rule is None:
        return "other"
    if rule.pattern is Pattern.STATUS and source is not None and source.status is Status.UNKNOWN:
        return "silent"
    return _PATTERNS.get(rule.pattern) or _METRICS.get(rule.metric or "", "other")


def adjective(subject: str) -> str:
    """What the source is, in one word: `is slow`, `is down`."""
    return {
        "down": "down",
        "slow": "slow",
        "stale": "stale",
        "silent": "silent",
        "unusual": "unusual",
        "flaps": "unsteady",
    }.get(subject, "in alert")


def complaint(notification: Notification) -> str:
    """`is slow: 6.4 s, normally 0.13–0.26 s`: what is wrong, against normal. The source's name goes before it."""
    subject, source, verdict = topic(notification.rule, notification.source), notification.source, notification.verdict
    still = _still(notification)
    said = clean(verdict.reason) if verdict else ""
    if subject == "silent":
        said = said or "the monitor cannot tell how it is"
    if subject == "down" and source is not None and source.status in {Status.UP, Status.DEGRADED}:
        return f"was down and answers again: {cause(source)}"  # open until enough good observations have been seen
    if subject == "down":
        return f"is {still}down: {cause(source)}"
    if subject == "slow":
        return f"is {still}slow: {against_normal(notification)}"
    if subject == "stale":
        return f"has {still}no new data: {against_normal(notification)}"
    if subject == "quality":
        return f"{'still delivers' if still else 'delivers'} poor data: quality {against_normal(notification)}"
    tails = {
        "fails": f"{'still fails' if still else 'fails'} too often",
        "budget": f"is {still}burning its error budget",
        "silent": f"is {still}silent",
        "unusual": f"is {still}unusual",
        "flaps": f"is {still}unsteady",
        "trend": f"is {still}on its way over its limit",
        "held": f"{'still holds' if still else 'holds'} a job at the gate",
        "quota": f"{'still runs' if still else 'runs'} out of credits",
        "unscored": f"{'still has' if still else 'has'} no quality score",
        "dagster": f"{'still reports' if still else 'reports'}",
    }
    head = (
        tails.get(subject)
        or f"{'still breaks' if still else 'breaks'} rule {notification.rule.name if notification.rule else '?'}"
    )
    return f"{head}: {said}" if said else head


def is_well(source: SourceFacts) -> bool:
    """May a resolution call it well?"""
    return source.status is Status.UP


def standing(source: SourceFacts, answer: str = "") -> str:
    """What is true of the source now, for a message that says what has ended."""
    if source.status is Status.UP:
        return f"is up again{answer}"
    if source.status is Status.UNKNOWN:
        return "how it is now is not known"
    return f"is {source.status.word}: {cause(source)}"


def cause(source: SourceFacts | None) -> str:
    """Why it is down, in a few words."""
    if source is None:
        return "reason not known"
    return clean(source.detail) or _REASONS.get(source.reason, source.reason.replace("_", " ")) or "reason not known"


def advice(notification: Notification) -> str:
    """The configured advice, else the usual first step, with the runbook where there is one."""
    known = what_it_is(notification)
    subject = topic(notification.rule, notification.source)
    usual = notification.do or (known.do if known is not None else _ADVICE.get(subject, _ADVICE["other"]))
    return f"{usual.rstrip('.')} (runbook)." if runbook(notification) and "runbook" not in usual.lower() else usual


def what_it_is(notification: Notification) -> Remedy | None:
    """The catalogue's word on the newest observation, where the alert is about that: down, slow, stale, silent."""
    source, subject = notification.source, topic(notification.rule, notification.source)
    if source is None:
        return None
    if subject in {"slow", "stale"}:
        return remedy(subject, source.probe)
    if subject == "down":
        bad = source.status not in {Status.UP, Status.DEGRADED} and source.reason
        return remedy(source.reason if bad else "http_status", source.probe)
    return remedy(source.reason, source.probe) if subject == "silent" and source.reason in _OURS_TO_MEND else None


def runbook(notification: Notification) -> str | None:
    return (
        (notification.rule and notification.rule.runbook)
        or (notification.source and notification.source.runbook)
        or None
    )


def against_normal(notification: Notification) -> str:
    """`6.4 s, normally 0.13–0.26 s`; without a baseline `6.4 s, limit 5 s`."""
    verdict, metric = notification.verdict, notification.rule.metric if notification.rule else None
    if verdict is None or verdict.value is None:
        return clean(verdict.reason) if verdict and verdict.reason else "value not known"
    value = measure(verdict.value, metric)
    if verdict.normal is not None:
        return f"{value}, normally {measured_range(verdict.normal.p5, verdict.normal.p95, metric)}"
    return f"{value}, limit {limit_text(verdict.limit, metric)}" if verdict.limit is not None else value


def streak(verdict: VerdictFacts, rule: RuleFacts) -> str:
    """`8 checks in a row over the limit of 5 s, worst 7.0 s`."""
    n = verdict.bad_in_a_row
    if not n:
        return ""
    what = "score" if rule.metric == "quality" else "check"
    counted = f"{n:,} {what}s in a row" if n > 1 else f"1 {what}"
    if verdict.limit is None or rule.pattern is not Pattern.THRESHOLD:
        return counted
    side = "under" if (rule.op or "").startswith("<") else "over"
    worst = ""
    if verdict.worst is not None and verdict.worst != verdict.value:
        worst = f", worst {measure(verdict.worst, rule.metric)}"
    return f"{counted} {side} the limit of {limit_text(verdict.limit, rule.metric)}{worst}"


def whereabouts(verdict: VerdictFacts) -> str:
    """Which phase the time goes to, when one takes most of it."""
    whole = sum(verdict.phases_ms.values())
    if whole <= 0:
        return ""
    name, longest = max(verdict.phases_ms.items(), key=lambda p: p[1])
    share = int(100 * longest / whole)
    return f"{share}% of the wait is {_PHASES.get(name, name)}." if share >= 70 else ""


def still_arrives(source: SourceFacts) -> str:
    """What a degraded source still delivers."""
    if source.status not in (Status.UP, Status.DEGRADED) or source.items is None:
        return ""
    age = f", {duration_text(source.data_age_s)} old" if source.data_age_s is not None else ""
    return f"Data still arrive: {plural(source.items, 'item')}{age}."


def _still(notification: Notification) -> str:
    return (
        "still "
        if notification.kind.value in ("escalated", "renotified", "updated", "acked", "unacked", "snoozed")
        else ""
    )
