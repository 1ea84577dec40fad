"""An alert's life: pending -> open -> resolved, decided from one verdict and the time, with a reason for everything.

`advance` is pure: it returns the alert as it is now, the transitions that led there, the notifications to send, and those not sent and
why. It is called for every verdict that matters (`engines.rules.evaluate`) and, with `verdict=None`, once per pass for
every active alert.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event, fingerprint
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.alerting import confirmation, escalation
from busta_health_dagster.engines.alerting.actions import close
from busta_health_dagster.engines.alerting.flapping import ENDS_AT, is_flapping, push_state, ratio
from busta_health_dagster.engines.alerting.opening import Opener, blocker
from busta_health_dagster.engines.alerting.transition import Context, TransitionResult
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.rule import Rule, Severity


def advance(alert: Alert | None, verdict: Verdict | None, ctx: Context) -> TransitionResult:
    """Take one verdict in, then run the timers. UNKNOWN and None change no count: missing data never resolves."""
    if verdict is not None and (
        verdict.outcome is Outcome.UNKNOWN or (alert is not None and verdict.slot < alert.evaluated_slot)
    ):
        verdict = None
    if verdict is not None and not verdict.recovered and alert is not None and alert.state is AlertState.OPEN:
        verdict = replace(verdict, outcome=Outcome.BAD)  # between its two limits: what is open stays open
    if is_echo(verdict) and (alert is None or alert.state is not AlertState.OPEN):
        verdict = None
    if alert is not None and alert.active and alert.shadow and not ctx.rule.shadow:
        # The trial is over. What the shadow counted was not sent; the live rule counts, and tells, from the
        # start.
        return close(alert, "the rule left its shadow trial", ctx.now, ctx.steady)
    superseded = None
    if verdict is not None and (
        alert is None or (verdict.outcome is Outcome.BAD and is_over(alert, ctx.rule, ctx.steady, ctx.grace_s))
    ):
        if verdict.outcome is Outcome.GOOD:
            return TransitionResult(None)
        superseded = replace(alert, history=0) if alert is not None and alert.state is AlertState.RESOLVED else None
        alert = _fresh(alert, verdict, ctx)
    if alert is None:
        return TransitionResult(None)
    p = _Pass(alert, ctx)
    p.keep_quiet()
    if verdict is not None:
        p.take(verdict)
    elif (
        ctx.reprobed
        and alert.state is not AlertState.OPEN
        and alert.suppressed_by.startswith("maintenance")
        and alert.bad_run >= ctx.rule.for_
    ):
        p.fire("", p.alert.severity)
    if p.alert.state is AlertState.OPEN and not ctx.due:
        p.timers()
    return p.step() if superseded is None else replace(p.step(), superseded=superseded)


def is_echo(verdict: Verdict | None) -> bool:
    """A share over a window stays bad for a while after the source is up: true, and no reason to open an alert.

    Else every outage would be sent a second time, as a failure rate, when it is over.
    """
    if verdict is None or verdict.outcome is not Outcome.BAD or verdict.last_bad is None:
        return False
    return verdict.last_bad < verdict.slot


def is_over(alert: Alert, rule: Rule, steady: float, grace_s: int) -> bool:
    """Does a bad verdict begin something new?

    A run of bad ones that began within the grace period continues the old. Its end is outside, like that of every
    other stretch of time: at five minutes, good for up to 15 minutes is one outage and good for 20 are two.
    """
    if alert.state is AlertState.CANCELLED:
        return True
    if alert.state is not AlertState.RESOLVED or alert.bad_run:
        return False
    return alert.shadow != rule.shadow or steady - (alert.resolved_steady or 0.0) >= grace_s


def _fresh(old: Alert | None, verdict: Verdict, ctx: Context) -> Alert:
    """A new alert, with the states that its fingerprint had.

    One that was only ever pending is taken again, with its id.
    """
    return Alert(
        fingerprint(ctx.source.name, ctx.rule.name, verdict.label),
        ctx.source.name,
        ctx.rule.name,
        label=verdict.label,
        id=old.id if old is not None and old.state is AlertState.CANCELLED else None,
        state=AlertState.CANCELLED,
        severity=ctx.rule.severity if verdict.severity is None else verdict.severity,
        shadow=ctx.rule.shadow,
        history=0 if old is None else old.history,
    )


class _Pass(Opener):
    """One evaluation at work."""

    # Verdicts.

    def take(self, verdict: Verdict) -> None:
        bad = verdict.outcome is Outcome.BAD
        a = self.alert
        self.set(
            evaluated_slot=verdict.slot,
            value=verdict.value,
            limit=verdict.limit,
            reason=verdict.reason,
            numbers={**verdict.numbers, "for": self.ctx.rule.for_, "recover_after": self.ctx.rule.recover_after},
            bad_run=a.bad_run + 1 if bad else 0,
            good_run=0 if bad else a.good_run + 1,
            history=self._states_with(bad),
        )
        if bad:
            if escalation.is_recovering(a):
                self.between = "it was good when they fell due, and flaps"
            self._bad(verdict)
        else:
            self._good(verdict)

    def _states_with(self, bad: bool) -> int:
        """The last 21 states. An alert whose states are all good is let go: not before its grace period is over, which
        21 observations of a minute may not outlast after a long recovery.
        """
        a, ctx = self.alert, self.ctx
        if ctx.maintenance:
            return a.history
        in_grace = a.resolved_steady is not None and ctx.steady - a.resolved_steady < ctx.grace_s
        return push_state(a.history, bad) or (a.history if in_grace else 0)

    def _bad(self, verdict: Verdict) -> None:
        a, rule = self.alert, self.ctx.rule
        slot = verdict.slot if verdict.since is None else verdict.since
        self.set(
            bad_total=a.bad_total + 1,
            worst=_worse(a.worst, verdict),
            bad_reason=verdict.reason,
            run_since=slot if a.bad_run == 1 else a.run_since,
        )
        if not self.ctx.maintenance or a.first_good_slot is None:
            # What fails again during maintenance prolongs no outage that had ended before.
            self.set(first_good_slot=None, last_bad_slot=verdict.slot if verdict.last_bad is None else verdict.last_bad)
        severity = rule.severity if verdict.severity is None else verdict.severity
        if a.state is AlertState.OPEN:
            self._still_bad(severity)
            if verdict.news and self.alert.state is AlertState.OPEN:
                self.renew(verdict.news)
            return
        lasting = confirmation.lasts(rule, self.ctx.source, self.alert.run_since, verdict.slot)
        counted = f"{self.alert.bad_run} of {rule.for_} bad" if lasting else "to be confirmed"
        if a.state is AlertState.CANCELLED:
            self.set(state=AlertState.PENDING, pending_at=self.ctx.now, severity=severity)
            self.unsaid = a.bad_run >= rule.for_ and not blocker(self.ctx) and lasting
            if not self.unsaid:
                self.record(
                    Event.PENDING, None, f"{counted}: {verdict.reason}", value=verdict.value, limit=verdict.limit
                )
        if a.bad_run < rule.for_:
            self.skip(Event.PENDING, f"{counted}: the rule asks for {rule.for_} in a row")
        elif not lasting:
            wait = duration_text(confirmation.wait_s(self.ctx.source))
            self.skip(Event.PENDING, f"{counted}: the rule asks for {wait} of it, or the next slot")
        else:
            self.fire(verdict.reason, severity)

    def _still_bad(self, severity: Severity) -> None:
        a = self.alert
        if severity > a.severity:
            self._worsen(severity)
        started = is_flapping(a.history, a.flapping) and not a.flapping
        if started:
            self.start_flapping()
        elif a.flapping and not is_flapping(a.history, True):
            self.set(flapping=False)
            reason = f"changes fell to {ratio(a.history):.0%} (ends at {ENDS_AT:.0%}); it is still bad"
            self.record(Event.FLAPPING_ENDED, a.state, reason, self.audible(a.notified))
            self.notify(Event.FLAPPING_ENDED, self.audible(a.notified), reason)

    def _good(self, verdict: Verdict) -> None:
        a, rule = self.alert, self.ctx.rule
        if a.first_good_slot is None:
            self.set(first_good_slot=verdict.slot)
        if a.state is AlertState.PENDING:
            was = f"; {a.suppressed_by} had kept it from opening" if a.suppressed_by else ""
            self.end(Event.CANCELLED, f"good again before it opened: {verdict.reason}{was}")
        elif a.state is AlertState.RESOLVED and a.suppressed_by:
            self.set(suppressed_by="")
            self.record(Event.CANCELLED, a.state, f"good again while {a.suppressed_by} kept it from reopening")
        if a.state is not AlertState.OPEN:
            return
        enough = verdict.settled or a.good_run >= rule.recover_after
        if not a.flapping and is_flapping(a.history, False):
            self.start_flapping()
            return
        if a.flapping and not is_flapping(a.history, True):
            self.set(flapping=False)
            reason = f"changes fell to {ratio(a.history):.0%} (ends at {ENDS_AT:.0%})"
            if enough:
                self.record(Event.FLAPPING_ENDED, a.state, f"{reason}; sent with the resolution")
            else:
                self.record(Event.FLAPPING_ENDED, a.state, reason, self.audible(a.notified))
                self.notify(Event.FLAPPING_ENDED, self.audible(a.notified), reason)
        if not enough:
            self.skip(Event.RESOLVED, f"{a.good_run} of {rule.recover_after} good")
        elif self.alert.flapping:
            self.skip(Event.RESOLVED, "flapping: it ends when the changes do")
        else:
            enough_said = f"{a.good_run} good in a row; " if a.good_run > rule.recover_after else ""
            count = "" if verdict.settled else enough_said or f"{a.good_run} of {rule.recover_after} good; "
            self.end(Event.RESOLVED, f"{count}{verdict.reason}")

    def _worsen(self, severity: Severity) -> None:
        """The verdict itself became more severe: jump to the first step of that severity, whatever the clock says."""
        a = self.alert
        ladders = tuple(replace(x, step=max(x.step, escalation.starting_step(x, severity).step)) for x in a.ladders)
        self.set(severity=severity, ladders=ladders)
        reason = f"severity {severity.word}: {a.reason}"
        channels = self.audible(tuple(dict.fromkeys(c for x in ladders for c in x.channels)))
        self.record(Event.ESCALATED, a.state, reason, channels)
        for ladder in ladders:
            self.notify(Event.ESCALATED, self.audible(ladder.channels), reason, ladder.route, first=True)
        self.notified(channels)
        if not channels:
            self.skip(Event.ESCALATED, self.why_silent())

    # Clocks.

    def timers(self) -> None:
        a, ctx = self.alert, self.ctx
        if a.ack is not None and ctx.steady >= a.ack.until:
            self.set(ack=None)
            reason = f"the acknowledgement by {a.ack.by} ran out; the clock runs on"
            channels = self.audible(a.notified)
            self.record(Event.UNACKED, a.state, reason, channels)
            self.notify(Event.UNACKED, channels, reason)
            if not channels:
                self.skip(Event.UNACKED, self.why_silent())
        self._end_snoozes()
        a = self.alert
        if a.suppressed_by or a.snoozed is not None or a.shadow:
            return
        for step in escalation.due(a, ctx.steady, self.between):
            before = self.alert.severity
            self.alert = escalation.climbed(self.alert, step, ctx.steady)
            if step.unchanged:
                self.skip(Event.RENOTIFIED, f"not repeated: {step.reason}")
                continue
            self.set(severity=max(before, step.severity) if step.severity is not None else before)
            rises = self.alert.severity > before
            event = Event.ESCALATED if rises else Event.RENOTIFIED
            what = f"severity {self.alert.severity.word}, " if rises else ""
            reason = f"{step.reason}; {what}step L{step.step}"
            self.record(event, a.state, reason, step.channels)
            self.notify(event, step.channels, reason, self.alert.ladders[step.ladder].route, first=not step.repeat)
            self.notified(step.channels)

    def _end_snoozes(self) -> None:
        a, ctx = self.alert, self.ctx
        before = a.snoozed
        if a.snooze is not None and ctx.steady >= a.snooze.until:
            self.set(snooze=None)
        unknown = a.suppressed_by and not a.notified  # no one knows of it, nor could now: the end of its silence waits
        if a.silence is not None and ctx.silence is None and not unknown:
            self.set(silence=None)
            self.settle_clock()
        after = self.alert.snoozed
        if before is None or after == before:
            return
        if after is not None:
            self.say_snoozed(a.notified)
            return
        channels = self.audible(tuple(dict.fromkeys(c for x in a.ladders for c in x.channels)))
        reason = f"the {'silence' if before is a.silence else 'snooze'} by {before.by} is over and it is still open"
        self.record(Event.RENOTIFIED, a.state, reason, channels)
        self.notify(Event.RENOTIFIED, channels, reason, first=True)
        self.notified(channels)


def _worse(worst: float | None, verdict: Verdict) -> float | None:
    if verdict.value is None or worst is None:
        return verdict.value if worst is None else worst
    return (min if str(verdict.numbers.get("op", ">")).startswith("<") else max)(worst, verdict.value)
