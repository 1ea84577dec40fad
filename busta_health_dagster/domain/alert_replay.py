"""Where an alert stands, told by its transitions alone: they are the fact, and the alert's row is what they lead to.

The lifecycle's tests hold the two against each other after every step (`replay(transitions) == snapshot(alert)`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Transition
from busta_health_dagster.domain.rule import Severity


@dataclass(frozen=True, slots=True)
class AlertSnapshot:
    """Where an alert stands, as its transitions alone tell it: `replay(transitions) == snapshot(alert)`."""

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
        snoozed_until=alert.snoozed.ends_at if alert.snoozed else None,
        flapping=alert.flapping,
        suppressed_by=alert.suppressed_by,
        notified=tuple(sorted(alert.notified)),
    )


_FIRES = frozenset(
    {Event.OPENED, Event.REOPENED, Event.ESCALATED, Event.RENOTIFIED, Event.FLAPPING_STARTED, Event.FLAPPING_ENDED}
)


def _renotified(s: AlertSnapshot, t: Transition) -> dict[str, Any]:
    """A repeat ends a snooze; a move to another route ends none, and changes who was notified."""
    if "gone" not in t.numbers:
        return {"snoozed_until": None}
    left = {*s.notified, *t.numbers["instead"]} - set(t.numbers["gone"])
    return {"notified": tuple(sorted(left))}


_CHANGES: Mapping[Event, Callable[[AlertSnapshot, Transition], dict[str, Any]]] = {
    Event.OPENED: lambda _, t: {"opened_at": t.at, "suppressed_by": ""},
    Event.REOPENED: lambda s, t: {
        "resolved_at": None,
        "reopened": s.reopened + 1,
        "suppressed_by": "",
        "acked_by": s.acked_by if t.numbers.get("ack_kept") else "",
    },
    Event.RESOLVED: lambda _, t: {
        "resolved_at": t.at,
        "flapping": False,
        "suppressed_by": "",
        "snoozed_until": None,
        "notified": (),
    },
    Event.CANCELLED: lambda _s, _t: {"suppressed_by": ""},
    Event.RELEASED: lambda _s, _t: {"suppressed_by": ""},
    Event.SUPPRESSED: lambda _, t: {"suppressed_by": t.numbers["by"]},
    Event.ACKED: lambda _, t: {"acked_by": t.actor},
    Event.UNACKED: lambda _s, _t: {"acked_by": ""},
    Event.SNOOZED: lambda _, t: {"snoozed_until": t.numbers["until"]},
    Event.RENOTIFIED: _renotified,
    Event.FLAPPING_STARTED: lambda _s, _t: {"flapping": True},
    Event.FLAPPING_ENDED: lambda _s, _t: {"flapping": False},
}
"""What an event changes besides state, severity, step and who was notified; the others change nothing more."""


def replay(transitions: tuple[Transition, ...] | list[Transition]) -> AlertSnapshot:
    """The state that one alert's transitions, in order, lead to."""
    s = AlertSnapshot()
    for t in transitions:
        if t.from_state is None:  # born with this transition, or taken again after it was only ever pending
            s = AlertSnapshot(pending_at=t.at)
        s = replace(s, state=t.to_state, severity=t.severity, step=t.step)
        if t.event in _FIRES:
            s = replace(s, notified=tuple(sorted({*s.notified, *t.notify})))
        if t.event in _CHANGES:
            s = replace(s, **_CHANGES[t.event](s, t))
    return s
