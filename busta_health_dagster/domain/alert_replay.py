"""Where an alert stands, told by its transitions alone: they are the fact, and the alert's row is what they lead to.

The lifecycle's tests hold the two against each other after every step (`fold(transitions) == standing(alert)`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Transition
from busta_health_dagster.domain.rule import Severity


@dataclass(frozen=True, slots=True)
class AlertSnapshot:
    """Where an alert stands, as its transitions alone tell it: `fold(transitions) == standing(alert)`."""

    state: AlertState | None = None
    severity: Severity = Severity.INFO
    step: int = 0
    pending_at: int | None = None
    opened_at: int | None = None
    resolved_at: int | None = None
    reopened: int = 0
    acked_by: str = ""
    snoozed_until: int | None = None
    flapping: bool = False
    suppressed_by: str = ""
    notified: tuple[str, ...] = ()


def snapshot(alert: Alert) -> AlertSnapshot:
    return AlertSnapshot(
        state=alert.state,
        severity=alert.severity,
        step=alert.step,
        pending_at=alert.pending_at,
        opened_at=alert.opened_at,
        resolved_at=alert.resolved_at,
        reopened=alert.reopened,
        acked_by=alert.ack.by if alert.ack else "",
        snoozed_until=alert.snooze.ends_at if alert.snooze else None,
        flapping=alert.flapping,
        suppressed_by=alert.suppressed_by,
        notified=tuple(sorted(alert.notified)),
    )


_FIRES = frozenset(
    {Event.OPENED, Event.REOPENED, Event.ESCALATED, Event.RENOTIFIED, Event.FLAPPING_STARTED, Event.FLAPPING_ENDED}
)


def replay(transitions: tuple[Transition, ...] | list[Transition]) -> AlertSnapshot:
    """The state that one alert's transitions, in order, lead to."""
    s = AlertSnapshot()
    for t in transitions:
        if t.from_state is None:  # born with this transition, or taken again after it was only ever pending
            s = AlertSnapshot(pending_at=t.at)
        s = replace(s, state=t.to_state, severity=t.severity, step=t.step)
        if t.event in _FIRES:
            s = replace(s, notified=tuple(sorted({*s.notified, *t.notify})))
        match t.event:
            case Event.OPENED:
                s = replace(s, opened_at=t.at, suppressed_by="")
            case Event.REOPENED:
                acked_by = s.acked_by if t.numbers.get("ack_kept") else ""
                s = replace(s, resolved_at=None, reopened=s.reopened + 1, suppressed_by="", acked_by=acked_by)
            case Event.RESOLVED:
                s = replace(s, resolved_at=t.at, flapping=False, suppressed_by="", snoozed_until=None, notified=())
            case Event.CANCELLED | Event.RELEASED:
                s = replace(s, suppressed_by="")
            case Event.SUPPRESSED:
                s = replace(s, suppressed_by=t.numbers["by"])
            case Event.ACKED:
                s = replace(s, acked_by=t.actor)
            case Event.UNACKED:
                s = replace(s, acked_by="")
            case Event.SNOOZED:
                s = replace(s, snoozed_until=t.numbers["until"])
            case Event.RENOTIFIED if "gone" in t.numbers:  # moved to another route, which ends no snooze
                left = {*s.notified, *t.numbers["instead"]} - set(t.numbers["gone"])
                s = replace(s, notified=tuple(sorted(left)))
            case Event.RENOTIFIED:
                s = replace(s, snoozed_until=None)
            case Event.FLAPPING_STARTED:
                s = replace(s, flapping=True)
            case Event.FLAPPING_ENDED:
                s = replace(s, flapping=False)
            case _:
                pass
    return s
