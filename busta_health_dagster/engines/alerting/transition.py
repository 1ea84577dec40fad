"""What one evaluation leaves behind: the alert as it is now, its transitions, the notifications to send, and those not sent and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Transition
from busta_health_dagster.engines.alerting import escalation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from busta_health_dagster.domain.rule import Rule, Severity
    from busta_health_dagster.domain.silence import Silence
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.alerting.routing import Considered, Routed

SHADOW = "shadow: evaluated and recorded, notifies no one"


GRACE_S = 900
"""An alert that fires again so soon after it resolved is the same alert, and the same incident."""


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds one evaluation.

    `now` is epoch seconds and goes into the record; `steady` measures durations (engines/monotonic_clock.py; in a replay the
    same as `now`). `maintenance` names the window that covers the verdict's slot (without a verdict: now),
    `inhibited_by` an open alert that keeps this one quiet. `reprobed` says that the newest observation was the one taken just
    before a maintenance window's end. `route` is asked once, when the alert opens. `due`: the source has no observation
    in its present slot, and a tick is about to make one; clocks speak after it, never on old news. `duty` is who is on
    call now, by rotation. `silence` is the one in force for this alert that ends last.
    """

    now: int
    steady: float
    source: Source
    rule: Rule
    route: Callable[[Source, str, Severity], Routed]
    maintenance: str = ""
    inhibited_by: str = ""
    reprobed: bool = False
    due: bool = False
    grace_s: int = GRACE_S
    duty: Mapping[str, str] = field(default_factory=dict)
    silence: Silence | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """Someone is to be notified.

    `route` says on whose behalf; `first` marks a step just reached, which no event filter drops.
    """

    event: Event
    channels: tuple[str, ...]
    reason: str
    route: int = 0
    first: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """No one, or this channel, is notified of this; and why."""

    at: int
    fingerprint: str
    channel: str
    event: Event
    reason: str


@dataclass(frozen=True, slots=True)
class TransitionResult:
    """What one evaluation did.

    `superseded` is the older alert of the same fingerprint, when a new one took its place. `knew` are the channels that had
    heard before this that it fires.
    """

    alert: Alert | None
    transitions: tuple[Transition, ...] = ()
    intents: tuple[Intent, ...] = ()
    not_sent: tuple[NotSent, ...] = ()
    considered: tuple[Considered, ...] = ()
    superseded: Alert | None = None
    knew: tuple[str, ...] = ()


class Recorder:
    """One alert at work at one moment. `now` is epoch seconds for the record, `steady` measures durations."""

    def __init__(self, alert: Alert, now: int, steady: float) -> None:
        self.alert = alert
        self.now = now
        self.steady = steady
        self.transitions: list[Transition] = []
        self.intents: list[Intent] = []
        self.not_sent: list[NotSent] = []
        self.considered: tuple[Considered, ...] = ()
        self.knew = alert.aware

    def step(self) -> TransitionResult:
        return TransitionResult(
            self.alert,
            tuple(self.transitions),
            tuple(self.intents),
            tuple(self.not_sent),
            self.considered,
            knew=self.knew,
        )

    def set(self, **changes: Any) -> None:
        self.alert = self.alert.changed(**changes)

    def record(
        self,
        event: Event,
        before: AlertState | None,
        reason: str,
        notify: tuple[str, ...] = (),
        actor: str = "",
        **numbers: Any,
    ) -> None:
        a = self.alert
        self.transitions.append(
            Transition(
                self.now,
                a.fingerprint,
                event,
                before,
                a.state,
                a.severity,
                a.step,
                reason,
                slot=a.evaluated_slot or None,
                actor=actor,
                notify=notify,
                numbers=numbers,
            )
        )

    def skip(self, event: Event, reason: str, channel: str = "all") -> None:
        self.not_sent.append(NotSent(self.now, self.alert.fingerprint, channel, event, reason))

    def notify(self, event: Event, channels: tuple[str, ...], reason: str, route: int = 0, first: bool = False) -> None:
        if channels:
            self.intents.append(Intent(event, channels, reason, route, first))

    def notified(self, channels: tuple[str, ...]) -> None:
        self.set(notified=tuple(dict.fromkeys((*self.alert.notified, *channels))))

    def end(self, event: Event, reason: str, actor: str = "") -> None:
        """Resolve an open alert, or cancel a pending one.

        Everyone who was notified that it fired is notified of its end, whatever is silent now.
        """
        a = self.alert
        if event is Event.CANCELLED:
            self.set(state=AlertState.CANCELLED, suppressed_by="", resolve_reason=reason)
            self.record(event, a.state, reason, actor=actor)
            self.skip(event, "it never opened, so no one was notified")
        else:
            flapped = a.flapping
            clock_s = escalation.elapsed(a, self.steady)
            self.set(
                state=AlertState.RESOLVED,
                resolved_at=self.now,
                resolved_steady=self.steady,
                resolve_reason=reason,
                suppressed_by="",
                flapping=False,
                snooze=None,
                silence=None,
                clock_s=clock_s,
                mark=None,
                notified=(),
                notified_before=a.notified,
                bad_run=0,
            )
            reason = f"{reason} (it was flapping)" if flapped else reason
            self.record(
                event,
                a.state,
                reason,
                a.notified,
                actor,
                lasted_s=self.now - (a.opened_at or self.now),
                worst=a.worst,
                last_bad_slot=a.last_bad_slot,
                first_good_slot=a.first_good_slot,
            )
            self.notify(event, a.notified, reason)
            never = dict.fromkeys(c for x in a.ladders for s in x.policy.steps for c in s.notify if c not in a.notified)
            for channel in never:
                self.skip(event, "was never notified that it fired", channel)
            if a.shadow:
                self.skip(event, SHADOW)

    def audible(self, channels: tuple[str, ...]) -> tuple[str, ...]:
        """No one, while something keeps this alert quiet. A resolution does not ask."""
        return () if self.why_silent() else channels

    def why_silent(self) -> str:
        a = self.alert
        if a.shadow:
            return SHADOW
        if a.suppressed_by:
            return f"suppressed ({a.suppressed_by})"
        if a.snoozed is not None and self.steady < a.snoozed.until:
            return f"{'silenced' if a.snoozed is a.silence else 'snoozed'} by {a.snoozed.by}"
        return ""
