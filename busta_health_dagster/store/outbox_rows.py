"""What stands in the outbox: messages, their rows, attempts, and the load of a channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from busta_health_dagster.engines.undelivered import Unsent

if TYPE_CHECKING:
    from collections.abc import Mapping


State = Literal["waiting", "sending", "done", "dead", "dropped"]
"""Dropped: what it had to say was over, or said by a newer message, before it could be sent; the reason tells."""


@dataclass(frozen=True, slots=True)
class Message:
    """What to send. `key` is the idempotency key, the same on every attempt; `payload` is the notification as JSON."""

    key: str
    channel: str
    kind: str
    payload: Mapping[str, Any]
    thread: str = ""
    severity: int = 0
    alert_ids: tuple[int, ...] = ()
    due_at: float | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message with its fate. `attempts` counts those begun, the present one included. Instants are epoch seconds.

    `early`: claimed before its time, to learn whether a channel answers again; that costs it no attempt.
    """

    id: int
    message: Message
    created_at: float
    due_at: float
    state: State
    attempts: int
    owner: str | None
    lease_until: float | None
    reason: str
    finished_at: float | None
    receipt: Mapping[str, Any] = field(default_factory=dict)
    early: bool = False

    @property
    def about(self) -> Unsent:
        """What decides whether it is still worth sending."""
        m = self.message
        return Unsent(self.id, m.kind, m.thread, m.alert_ids, self.created_at, self.state == "waiting")


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went: delivered, retry or dead."""

    at: float
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Load:
    """A channel's unsent messages: how many may be taken now, and how many someone is sending."""

    due: int
    sending: int
