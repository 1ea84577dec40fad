"""What people, and the configuration, do to an alert: acknowledge, snooze, resolve, remove."""

from __future__ import annotations

from dataclasses import replace

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Hold
from busta_health_dagster.domain.errors import Refused
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.alerting import escalation
from busta_health_dagster.engines.alerting.transition import Recorder, TransitionResult
from busta_health_dagster.wording.durations import duration_text

DEFAULT_ACK_S = 4 * 3600


def acknowledge(alert: Alert, now: int, steady: float, actor: str, note: str = "") -> TransitionResult:
    """Stop the clock until the policy's timeout (the shortest, when several ladders run); the remainder then runs on.

    Raises:
        Refused: the alert is not open.
    """
    _must_be_open(alert, "acknowledged")
    timeout = min((x.policy.ack_timeout_s for x in alert.ladders), default=DEFAULT_ACK_S)
    before_it = alert.ack.by if alert.ack is not None else ""
    taken_over = before_it if before_it != actor else ""
    p = _by_hand(alert, now, steady)
    p.set(
        ack=Hold(actor, now, steady + timeout, now + timeout, note, taken_over),
        first_acked_at=alert.first_acked_at or now,
    )
    _hold_clock(p)
    said = f': "{note}"' if note else ""
    who = f"acknowledged{' again' if before_it == actor else ''} by {actor}"
    if taken_over:
        who = f"{actor} has it since {from_epoch(now):%H:%M} UTC, taken over from {taken_over}"
    reason = f"{who}{said}; the clock stops for {duration_text(timeout)}"
    p.record(Event.ACKED, alert.state, reason, alert.notified, actor, until=now + timeout, note=note)
    p.notify(Event.ACKED, alert.notified, reason)
    before = escalation.upcoming(alert, now, steady)
    if before is not None and not before.repeat:
        for channel in before.channels:
            why = f"step L{before.step} put off: acknowledged"
            p.skip(Event.ESCALATED, why if channel in alert.notified else f"{why}. Not notified so far", channel)
    return p.step()


def unacknowledge(alert: Alert, now: int, steady: float, actor: str, note: str = "") -> TransitionResult:
    """The clock runs on at once.

    Raises:
        Refused: not acknowledged, or it is not open.
    """
    _must_be_open(alert, "taken back")
    if alert.ack is None:
        raise Refused(f"Alert {_name(alert)} is not acknowledged, so there is nothing to take back.")
    p = _by_hand(alert, now, steady)
    p.set(ack=None)
    _hold_clock(p)
    said = f': "{note}"' if note else ""
    reason = f"acknowledgement taken back by {actor}{said}; the clock runs on"
    p.record(Event.UNACKED, alert.state, reason, alert.notified, actor)
    p.notify(Event.UNACKED, alert.notified, reason)
    return p.step()


def snooze(alert: Alert, now: int, steady: float, actor: str, for_s: float, *, note: str = "") -> TransitionResult:
    """Send no more notifications of it for a while, and stop the clock; if it ends meanwhile, those who know are notified.

    Raises:
        Refused: the alert is not open, or the time is not longer than nothing.
    """
    _must_be_open(alert, "snoozed")
    if for_s <= 0:
        raise Refused(f"Alert {_name(alert)} cannot be snoozed for {for_s:g} s; give a time such as 2h.")
    p = _by_hand(alert, now, steady)
    p.set(snooze=Hold(actor, now, steady + for_s, int(now + for_s), note))
    _hold_clock(p)
    reason = f"snoozed by {actor} for {duration_text(for_s)}" + (f': "{note}"' if note else "")
    lasts = max(h.ends_at for h in (p.alert.snooze, p.alert.silence) if h is not None)
    p.record(Event.SNOOZED, alert.state, reason, alert.notified, actor, until=lasts, note=note)
    p.notify(Event.SNOOZED, alert.notified, reason)
    return p.step()


def resolve_by_hand(alert: Alert, now: int, steady: float, actor: str, note: str = "") -> TransitionResult:
    """End it on a person's word. If the source is still bad it reopens: a word fixes nothing.

    Raises:
        Refused: it has ended already.
    """
    if not alert.active:
        raise Refused(f"Alert {_name(alert)} is {alert.state.value} already.")
    return close(alert, f"by hand, {actor}" + (f': "{note}"' if note else ""), now, steady, actor)


def close(alert: Alert, reason: str, now: int, steady: float, actor: str = "") -> TransitionResult:
    """End an alert for a reason outside its verdicts: source or rule removed, import ended. Those who know are notified."""
    if not alert.active:
        return TransitionResult(alert)
    p = _by_hand(alert, now, steady) if actor else Recorder(alert, now, steady)
    p.end(Event.RESOLVED if alert.state is AlertState.OPEN else Event.CANCELLED, reason, actor)
    return p.step()


def removal_reason(alert: Alert, sources: frozenset[str], rules: frozenset[str]) -> str:
    """Why an alert has lost its ground under a new configuration; empty when it has not.

    `rules` are the fingerprints without label (`source/rule`) that the configuration still evaluates.
    """
    if alert.source not in sources:
        return f"removed: {alert.source} is not in the configuration any more"
    if f"{alert.source}/{alert.rule}" not in rules:
        return f"removed: rule {alert.rule} does not watch {alert.source} any more"
    return ""


def _by_hand(alert: Alert, now: int, steady: float) -> Recorder:
    return Recorder(replace(alert, acts=alert.acts + 1), now, steady)


def _hold_clock(p: Recorder) -> None:
    """Settle the clock under the holds as they are now; maintenance (no mark) keeps it standing."""
    if p.alert.mark is None:
        return
    p.alert = escalation.running(escalation.stopped(p.alert, p.steady), p.steady)


def _must_be_open(alert: Alert, what: str) -> None:
    if alert.state is not AlertState.OPEN:
        raise Refused(f"Alert {_name(alert)} is {alert.state.value}; only an open alert can be {what}.")


def _name(alert: Alert) -> str:
    return f"{alert.id} {alert.fingerprint}" if alert.id is not None else alert.fingerprint
