"""How an alert opens and reopens, what keeps it from it, and when it is said to flap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Hold
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting import escalation
from busta_health_dagster.engines.alerting.flapping import STARTS_AT, is_flapping, ratio
from busta_health_dagster.engines.alerting.on_call import on_duty_now
from busta_health_dagster.engines.alerting.transition import SHADOW, Context, Recorder
from busta_health_dagster.wording.durations import duration_text


class Opener(Recorder):
    """A recorder that knows what surrounds the alert."""

    def __init__(self, alert: Alert, ctx: Context) -> None:
        super().__init__(on_duty_now(alert, ctx.duty), ctx.now, ctx.steady)
        self.ctx = ctx
        self.unsaid = False  # it became pending in this very pass, and opens before that is worth a transition
        self.between = ""  # what kept steps of the ladder from being sent, and has ended in this pass

    def keep_quiet(self) -> None:
        """Maintenance stops the clock, an inhibitor only the messages."""
        a, ctx = self.alert, self.ctx
        if a.state is not AlertState.OPEN or a.shadow:
            return
        if ctx.maintenance and a.mark is not None:
            self.alert = escalation.stopped(a, ctx.steady)
        elif not ctx.maintenance and a.mark is None:
            self.alert = escalation.running(a, ctx.steady)
        by = blocker(ctx)
        if by and by != a.suppressed_by:
            self.set(suppressed_by=by)
            self.record(Event.SUPPRESSED, a.state, f"suppressed ({by}): open; no more notifications are sent", by=by)
            self.skip(Event.SUPPRESSED, f"suppressed ({by})")
        elif not by and a.suppressed_by:
            self.set(suppressed_by="")
            self.between = f"{a.suppressed_by} had kept it quiet"
            self.record(Event.RELEASED, a.state, f"{a.suppressed_by} ended")
            self.skip(Event.RELEASED, "nothing changed for those who know")
        if self.take_silence():
            self.say_snoozed(self.alert.notified)

    def take_silence(self) -> bool:
        """The silence that matches it now, if that is another than it has; -> whether that changes until when it is snoozed.
        One that has ended is let go by the timers, after what was observed. It lasts by the wall clock: where that was set
        back, the steady clock comes to its end too early.
        """
        silence, mine = self.ctx.silence, self.alert.silence
        if silence is None:
            return False
        known = mine is not None and (mine.at, mine.ends_at) == (silence.starts_at, silence.ends_at)
        if known and mine is not None and self.steady < mine.until:
            return False
        before, left = self.alert.snoozed, silence.ends_at - self.now
        self.set(silence=Hold(silence.by, silence.starts_at, self.steady + left, silence.ends_at, silence.comment))
        self.settle_clock()
        return not known and self.alert.snoozed != before

    def settle_clock(self) -> None:
        """The clock under the holds as they are now; maintenance (no mark) keeps it standing."""
        if self.alert.mark is not None:
            self.alert = escalation.running(escalation.stopped(self.alert, self.steady), self.steady)

    def say_snoozed(self, channels: tuple[str, ...]) -> None:
        """To those who know: until when they are told no more."""
        a, hold = self.alert, self.alert.snoozed
        assert hold is not None
        said = f': "{hold.note}"' if hold.note else ""
        how = "silenced" if hold is a.silence else "snoozed"
        reason = f"{how} by {hold.by} for {duration_text(hold.ends_at - self.now)}{said}"
        self.record(Event.SNOOZED, a.state, reason, channels, hold.by, until=hold.ends_at, note=hold.note)
        self.notify(Event.SNOOZED, channels, reason)

    def fire(self, why: str, severity: Severity) -> None:
        """Enough bad verdicts: open, reopen, or say what keeps it from opening."""
        a, ctx, rule = self.alert, self.ctx, self.ctx.rule
        by = blocker(ctx)
        if by:
            if by != a.suppressed_by:
                self.set(suppressed_by=by)
                self.record(Event.SUPPRESSED, a.state, f"suppressed ({by}): {a.bad_reason}", by=by, value=a.value)
                self.skip(Event.OPENED, f"suppressed ({by})")
            return
        self.set(severity=max(severity, a.severity))
        a = self.alert
        held_by, was = a.suppressed_by, a.state
        if held_by.startswith("maintenance"):
            reason = f"failing since {held_by}: {a.bad_reason}"
        elif held_by:
            reason = f"still bad after {held_by} ended: {a.bad_reason}"
        else:
            reason = f"{a.bad_run} of {rule.for_} bad: {why}" if rule.for_ > 1 else why
        if was is AlertState.RESOLVED:
            self._reopen(reason)
            return
        self.set(state=AlertState.OPEN, opened_at=ctx.now, suppressed_by="", first_bad_slot=a.run_since, clock_s=0.0)
        if not a.shadow:
            routed = ctx.route(ctx.source, rule.name, a.severity)
            self.considered = routed.considered
            ladders = tuple(escalation.starting_step(x, a.severity) for x in routed.ladders)
            reached = [x.policy.steps[x.step - 1].severity for x in ladders]
            severity = max([a.severity, *(s for s in reached if s is not None)])
            self.set(ladders=ladders, mark=ctx.steady, severity=severity)
            self.take_silence()
        self._announce(Event.OPENED, None if self.unsaid else was, reason, ())
        if a.shadow:
            self.skip(Event.OPENED, SHADOW)

    def _reopen(self, reason: str) -> None:
        a = self.alert
        after = duration_text(self.ctx.steady - (a.resolved_steady or self.ctx.steady))
        kept = a.ack is not None and any(x.policy.sticky_ack for x in a.ladders)
        if a.ack is not None and not kept:
            reason = f"{reason}; the acknowledgement by {a.ack.by} ended with the recovery"
        self.set(
            state=AlertState.OPEN,
            resolved_at=None,
            resolved_steady=None,
            suppressed_by="",
            reopened=a.reopened + 1,
            resolve_reason="",
            ack=a.ack if kept else None,
        )
        if not a.shadow:
            self.alert = escalation.running(self.alert, self.ctx.steady)
            self.take_silence()
        self._announce(
            Event.REOPENED,
            a.state,
            f"again {after} after it resolved, the same incident; {reason}",
            a.notified_before,
            ack_kept=kept,
        )

    def renew(self, news: str) -> None:
        """Something new has begun inside what is open: the same alert, and people are told as at its opening. An
        acknowledgement holds; it was given for what was known then.
        """
        a = self.alert
        channels = self.audible(tuple(dict.fromkeys((*a.notified, *(c for x in a.ladders for c in x.channels)))))
        reason = f"new while it was open: {news}"
        self.set(reopened=a.reopened + 1)
        self.record(
            Event.REOPENED,
            a.state,
            reason,
            channels,
            value=a.value,
            limit=a.limit,
            shadow=a.shadow,
            first_bad_slot=a.run_since,
            ack_kept=True,
        )
        self.notify(Event.REOPENED, channels, reason, first=True)
        self.notified(channels)
        if not channels:
            self.skip(Event.REOPENED, self.why_silent())

    def _announce(
        self, event: Event, was: AlertState | None, reason: str, also: tuple[str, ...], **numbers: Any
    ) -> None:
        flaps = is_flapping(self.alert.history, False) and not self.alert.shadow
        also = self.audible(also)
        reached = tuple(dict.fromkeys(c for x in self.alert.ladders for c in x.channels))
        channels = tuple(dict.fromkeys((*also, *self.audible(reached))))
        clock = escalation.elapsed(self.alert, self.ctx.steady)
        said = escalation.what_it_says(self.alert)
        self.set(ladders=tuple(replace(x, notified_s=clock, said=said) for x in self.alert.ladders), notified_before=())
        a = self.alert
        self.record(
            event,
            was,
            reason,
            () if flaps else channels,
            value=a.value,
            limit=a.limit,
            shadow=a.shadow,
            first_bad_slot=a.run_since,
            **numbers,
        )
        claimed: set[str] = set()
        for ladder in a.ladders:
            mine = tuple(c for c in ladder.channels if c in channels and c not in claimed)
            claimed.update(mine)
            self.notify(event, mine, reason, ladder.route, first=True)
        self.notify(event, tuple(c for c in also if c not in claimed), reason, first=True)
        self.notified(channels)
        if a.silence is not None:
            self.skip(event, self.why_silent())
            self.say_snoozed(())
        if flaps:
            self.start_flapping()

    def start_flapping(self) -> None:
        a = self.alert
        self.set(flapping=True)
        share = f"{ratio(a.history):.1%} of the last 21 verdicts changed, starts at {STARTS_AT:.0%}"
        reason = f"{share}: one message now and one when it ends; the steps of its ladder are still sent"
        firing = [i for i in self.intents if i.event in {Event.OPENED, Event.REOPENED}]
        channels = self.audible(tuple(dict.fromkeys((*a.notified, *(c for i in firing for c in i.channels)))))
        # One message, not two: that it flaps says that it is open again.
        self.intents = [i for i in self.intents if i not in firing]
        self.record(Event.FLAPPING_STARTED, a.state, reason, channels)
        self.notify(Event.FLAPPING_STARTED, channels, reason, first=True)
        if any(x.policy.repeat_s for x in a.ladders):
            self.skip(Event.RENOTIFIED, "flapping: no repeat until it is bad for as long as its step waits")


def blocker(ctx: Context) -> str:
    """What keeps an alert from opening or telling: `maintenance NAME`, or the rule of the alert that inhibits it."""
    if ctx.maintenance:
        return f"maintenance {ctx.maintenance}"
    if not ctx.inhibited_by:
        return ""
    source, _, rule = ctx.inhibited_by.partition("/")
    return rule if source == ctx.source.name else ctx.inhibited_by
