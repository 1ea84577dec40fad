"""An alert, everything needed to continue it after a restart, and the transitions that are the fact of its life."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from busta_health_dagster.domain.ladder import Ladder, ladder_in, ladder_out
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping


PAST_SHOWN = 50
"""How many alerts that are over a list shows unless it is asked for more."""


def fingerprint(source: str, rule: str, label: str = "") -> str:
    """`odds_api/slow-response`; the one identity an alert has."""
    return f"{source}/{rule}/{label}" if label else f"{source}/{rule}"


class AlertState(StrEnum):
    """CANCELLED was pending and never opened: no one was notified, and the next pending takes the same alert again."""

    PENDING = "pending"
    OPEN = "open"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What happened to an alert. RELEASED ends a SUPPRESSED; UNACKED is by hand or by timeout."""

    PENDING = "pending"
    CANCELLED = "cancelled"
    OPENED = "opened"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    RENOTIFIED = "renotified"
    ACKED = "acked"
    UNACKED = "unacked"
    SNOOZED = "snoozed"
    SUPPRESSED = "suppressed"
    RELEASED = "released"
    FLAPPING_STARTED = "flapping_started"
    FLAPPING_ENDED = "flapping_ended"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Hold:
    """A person's word that stops the clock: an acknowledgement or a snooze.

    `until` is on the steady clock, `ends_at` is epoch. `taken_over` names who had it before.
    """

    by: str
    at: int
    until: float
    ends_at: int
    note: str = ""
    taken_over: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A message that waits for its group: sent at `due` (steady clock) or dropped when the alert ends first. `muted`: it waits
    for the end of its route's mute. `knows`: its channels have heard of the alert before, and will hear of its end.
    """

    event: Event
    channels: tuple[str, ...]
    due: float
    reason: str
    muted: bool = False
    knows: bool = False


@dataclass(frozen=True)  # no slots: `changed` copies it whole
class Alert:
    """One alert of one fingerprint. Instants (`*_at`) are epoch seconds, UTC; slots are epoch seconds of the source's
    slots.

    The escalation clock is `clock_s` plus what the steady clock (engines/monotonic_clock.py) ran since `mark`; `mark` is None
    while it stands still, and lies in the future while an acknowledgement or a snooze holds it. `history` are the last
    21 good (0) and bad (1) verdicts, newest in bit 0. `notified` are the channels that know it fired, or wait to
    hear of it (`held`), and do not know yet that it ended; when it ends they become `notified_before`, for the case that it
    reopens.
    `value`, `limit`, `reason` are those of the newest verdict, `bad_reason` of the newest bad one. `acts` counts what
    people did to it: two deeds of one second are two messages. `snooze` is of this alert alone, `silence` came by its labels.
    `cause` is the provider whose failure it is a part of.
    """

    fingerprint: str
    source: str
    rule: str
    label: str = ""
    id: int | None = None
    state: AlertState = AlertState.PENDING
    severity: Severity = Severity.WARNING
    shadow: bool = False
    pending_at: int | None = None
    opened_at: int | None = None
    resolved_at: int | None = None
    resolved_steady: float | None = None
    first_bad_slot: int | None = None
    last_bad_slot: int | None = None
    first_good_slot: int | None = None
    run_since: int | None = None
    evaluated_slot: int = 0
    bad_run: int = 0
    good_run: int = 0
    bad_total: int = 0
    value: float | None = None
    limit: float | None = None
    worst: float | None = None
    reason: str = ""
    bad_reason: str = ""
    resolve_reason: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    history: int = 0
    flapping: bool = False
    suppressed_by: str = ""
    reopened: int = 0
    clock_s: float = 0.0
    mark: float | None = None
    ladders: tuple[Ladder, ...] = ()
    ack: Hold | None = None
    first_acked_at: int | None = None
    snooze: Hold | None = None
    silence: Hold | None = None
    notified: tuple[str, ...] = ()
    notified_before: tuple[str, ...] = ()
    held: tuple[Held, ...] = ()
    group_key: str = ""
    thread: str = ""
    flushed: float | None = None
    acts: int = 0
    cause: str = ""

    def changed(self, **changes: Any) -> Self:
        """`dataclasses.replace` for the step that every verdict takes: a tenth of its time, because no field is set again."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, **changes)
        return new

    @property
    def step(self) -> int:
        """The highest step reached on any ladder; 0 before it opens."""
        return max((ladder.step for ladder in self.ladders), default=0)

    @property
    def steps(self) -> int:
        """How many steps the longest ladder has."""
        return max((len(ladder.policy.steps) for ladder in self.ladders), default=0)

    @property
    def active(self) -> bool:
        return self.state in {AlertState.PENDING, AlertState.OPEN}

    @property
    def watched(self) -> bool:
        """Must good verdicts still reach it?

        Until its 21 states are all good it may flap or reopen, also when resolved.
        """
        return self.active or self.history != 0 or bool(self.held)

    @property
    def unaware(self) -> frozenset[str]:
        """Channels that count as notified, and wait to hear of it."""
        return frozenset(c for h in self.held if not h.knows for c in h.channels)

    @property
    def aware(self) -> tuple[str, ...]:
        """Channels that have heard that it fires, and not yet that it ended."""
        return tuple(c for c in self.notified if c not in self.unaware)

    @property
    def snoozed(self) -> Hold | None:
        """What lasts longer: its own snooze, or the silence that matches it."""
        holds = [h for h in (self.snooze, self.silence) if h is not None]
        return max(holds, key=lambda h: h.until, default=None)

    @property
    def progress(self) -> str:
        """`1 of 2`, for a list of pending alerts."""
        wanted = self.numbers.get("for", 1)
        return f"{self.bad_run} of {wanted}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same alert back."""
        out: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}  # asdict would copy for 0.5 ms
        out |= {"state": self.state.value, "severity": int(self.severity), "numbers": dict(self.numbers)}
        out |= {name: list(out[name]) for name in ("notified", "notified_before")}
        out |= {name: None if out[name] is None else asdict(out[name]) for name in _HOLDS}
        out["held"] = [asdict(h) | {"event": h.event.value, "channels": list(h.channels)} for h in self.held]
        return out | {"ladders": [ladder_out(x) for x in self.ladders]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        kept = {_RENAMED.get(name, name): value for name, value in data.items()}
        kept["state"] = AlertState(kept["state"])
        kept["severity"] = Severity(kept["severity"])
        kept["ladders"] = tuple(ladder_in(x) for x in kept["ladders"])
        for name in _HOLDS:
            kept[name] = None if kept.get(name) is None else Hold(**kept[name])
        kept["held"] = tuple(
            Held(**h | {"event": Event(h["event"]), "channels": tuple(h["channels"])}) for h in kept["held"]
        )
        kept["notified"], kept["notified_before"] = tuple(kept["notified"]), tuple(kept["notified_before"])
        return cls(**kept)


_HOLDS = ("ack", "snooze", "silence")
_RENAMED = {"told": "notified", "told_before": "notified_before"}
"""Field names of 0.1.0, as its stores still hold them."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing that happened to one alert, with its reason. `notify` are the channels it was meant for."""

    at: int
    fingerprint: str
    event: Event
    from_state: AlertState | None
    to_state: AlertState
    severity: Severity
    step: int
    reason: str
    slot: int | None = None
    actor: str = ""
    notify: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def surface_event(self) -> str:
        """Its name in `busta backtest`, where an alert that reopens has simply opened (again)."""
        return Event.OPENED.value if self.event is Event.REOPENED else self.event.value
