"""What waits, what died and why, for `alerts outbox`, the page and the metrics; and another retry for the dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.alerting.monotonic_clock import latest
from busta_health_dagster.pipeline.delivery.attempt import notification_of
from busta_health_dagster.pipeline.delivery.delivery_pass import room_of
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.documents.delivery import Outbox, Undelivered
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.outbox_rows import OutboxRow


PARTIAL_FOR_S = 7 * 86400
"""How long a message that did not reach everyone is listed."""


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One message that has not been delivered, or not to everyone. `why` is never empty; `text` is its one line for a phone."""

    row: OutboxRow
    text: str
    why: str

    def as_json(self) -> Undelivered:
        row, m = self.row, self.row.message
        return {
            "id": row.id,
            "key": m.key,
            "state": "partial" if row.state == "done" else row.state,
            "channel": m.channel,
            "kind": m.kind,
            "severity": Severity(m.severity).word,
            "alerts": list(m.alert_ids),
            "text": self.text,
            "created_at": iso(int(row.created_at)),
            "due_at": iso(int(row.due_at)) if row.state == "waiting" else None,
            "attempts": row.attempts,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class OutboxView:
    """Newest first. `counts` by state: waiting, sending, done, dead, dropped, and of those done that are partial;
    `oldest_age_s` of what is not sent yet.
    """

    items: tuple[OutboxItem, ...]
    counts: Mapping[str, int]
    oldest_age_s: float
    at: int = 0

    def as_json(self) -> Outbox:
        """The shape of `alerts outbox -o json`."""
        return {
            "at": iso(self.at),
            "counts": dict(self.counts),
            "oldest_age_s": self.oldest_age_s,
            "messages": [item.as_json() for item in self.items],
        }


def outbox_view(app: App, *, limit: int = 200) -> OutboxView:
    """Everything that is not delivered, each with its reason."""
    with app.store.read() as uow:
        now = latest(app, uow)
        partial = uow.outbox.partial(app.clock.now() - PARTIAL_FOR_S, limit)
        rows = [*uow.outbox.list(limit=limit), *partial]
        held = waiting_reasons(app, uow, now)
        counts, oldest = uow.outbox.counts(), uow.outbox.oldest_age_s(app.clock.now())
    items = tuple(OutboxItem(row, _line(row), why_waiting(row, held, now)) for row in rows)
    return OutboxView(items, counts | {"partial": len(partial)}, oldest, app.now())


def waiting_reasons(app: App, uow: UnitOfWork, now: float) -> dict[str, str]:
    """Channel -> why it takes nothing at present; channels that take messages are left out."""
    rooms = {channel: room_of(app, uow, channel, load, now) for channel, load in uow.outbox.load(now).items()}
    return {channel: why for channel, (room, why) in rooms.items() if not room}


def why_waiting(row: OutboxRow, held: Mapping[str, str], now: float) -> str:
    """One sentence on where this message is: for `alerts outbox` and `alerts explain`."""
    if row.state == "sending":
        overdue = row.lease_until is not None and row.lease_until <= now
        return "its worker died while sending; the next pass takes it" if overdue else "being sent"
    if row.state == "done":
        return f"delivered, but refused for {row.receipt['refused']}"
    if row.state != "waiting":
        return row.reason or row.state
    parts = [row.reason] if row.reason else []
    if row.due_at > now:
        parts.append(f"tried again in {duration_text(row.due_at - now)}")
    elif row.message.channel in held:
        parts.append(held[row.message.channel])
    elif not row.attempts:
        parts.append("waits for the next delivery pass, or for an earlier message of its thread")
    return "; ".join(parts) or "due now"


def requeue(app: App, channel: str | None = None, *, actor: str) -> int:
    """Give the dead (of one channel) another retry with their keys, -> how many.

    Raises:
        UnknownName: no such channel is configured.
    """
    if channel is not None and channel not in app.config.policy.channels:
        raise UnknownName(f"There is no channel {channel!r}; there are {', '.join(app.config.policy.channels)}.")
    with app.store.write() as uow:
        now = latest(app, uow)
        dead = [r.id for r in uow.outbox.list("dead", limit=100_000) if channel in {None, r.message.channel}]
        again = uow.outbox.requeue(now, dead) if dead else 0
        uow.audit.append(AuditEntry(app.now(), actor, "outbox.retry", channel or "all channels", f"{again} messages"))
    return again


def _line(row: OutboxRow) -> str:
    try:
        return text_of(notification_of(row.message.payload)).notification
    except ValueError as why:
        return f"cannot be read: {why}"
