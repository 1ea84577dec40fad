"""One marked message through one channel, now: no outbox, no retry, no fallback. The answer is what is wanted."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected
from busta_health_dagster.domain.errors import StoreMissing, UnknownName
from busta_health_dagster.domain.notification import Notification, NotificationKind
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.delivery.attempt import send

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.delivery import ChannelAnswer
    from busta_health_dagster.pipeline.app.app import App

TEXT = "A test from busta: this channel works. Nothing is wrong, nothing is to be done."


@dataclass(frozen=True, slots=True)
class ChannelTest:
    """`answer` is delivered, later or rejected; `dead` are dead letters of this channel, `dead_since` the oldest."""

    channel: str
    kind: str
    where: str
    answer: str
    reason: str
    remedy: str
    took_s: float
    fallback: str | None
    dead: int = 0
    dead_since: int | None = None
    dead_alerts: tuple[int, ...] = ()

    @property
    def ok(self) -> bool:
        return self.answer == "delivered"

    def as_json(self) -> ChannelAnswer:
        """The shape of `alerts test -o json`."""
        return {
            "channel": self.channel,
            "kind": self.kind,
            "where": self.where,
            "answer": self.answer,
            "reason": self.reason,
            "remedy": self.remedy,
            "took_s": round(self.took_s, 3),
            "fallback": self.fallback,
            "dead": self.dead,
            "dead_since": iso(self.dead_since),
            "dead_alerts": list(self.dead_alerts),
        }


def channel_test(app: App, name: str) -> ChannelTest:
    """Send it and wait for the answer.

    Raises:
        UnknownName: no such channel is configured.
    """
    channels = app.config.policy.channels
    spec = channels.get(name)
    if spec is None:
        raise UnknownName(f"There is no channel {name!r}; there are {', '.join(channels) or 'none'}.")
    now = app.now()
    notification = Notification(
        NotificationKind.TEST,
        now,
        text=TEXT,
        reason="asked for by hand",
        base_url=app.config.settings.web.public_url or "",
    )
    started = time.monotonic()
    outcome = send(app, Delivery(f"busta_test_{uuid.uuid4().hex}", notification, name, now))
    took = time.monotonic() - started
    answer, reason, remedy = _answer(outcome)
    dead, since, alerts = _dead_letters(app, name)
    return ChannelTest(name, spec.kind, spec.where, answer, reason, remedy, took, spec.fallback, dead, since, alerts)


def _answer(outcome: Outcome) -> tuple[str, str, str]:
    if isinstance(outcome, Delivered) and outcome.refused:
        return "rejected", f"not by everyone: {outcome.detail}", "Correct those recipients"
    if isinstance(outcome, Delivered):
        return "delivered", outcome.detail, ""
    if isinstance(outcome, Rejected):
        return "rejected", outcome.reason, outcome.remedy
    return "later", outcome.reason, ""


def _dead_letters(app: App, name: str) -> tuple[int, int | None, tuple[int, ...]]:
    try:
        with app.store.read() as uow:
            rows = [r for r in uow.outbox.list("dead", limit=1000) if r.message.channel == name]
    except StoreMissing:  # a channel may be tried before there is anything to tell
        return 0, None, ()
    since = min((int(r.created_at) for r in rows), default=None)
    return len(rows), since, tuple(dict.fromkeys(key for r in reversed(rows) for key in r.message.alert_ids))
