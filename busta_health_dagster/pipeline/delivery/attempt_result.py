"""Writes down how an attempt went, in one transaction: the message's state, the breaker, the counters, and anyone who is
notified instead.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from busta_health_dagster.channels.event_filter import event_filters
from busta_health_dagster.domain.delivery import Delivered, RetryLater
from busta_health_dagster.domain.notification import Notification, NotificationKind
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.fallback import FAILED_MARK, failed_channels, fallback_for, fallback_key, settle
from busta_health_dagster.engines.retry import Answer
from busta_health_dagster.engines.undelivered import is_over, knows
from busta_health_dagster.pipeline.alerting.monotonic_clock import latest
from busta_health_dagster.pipeline.app.links import base_url
from busta_health_dagster.pipeline.delivery.attempt import notification_of, payload_of
from busta_health_dagster.pipeline.delivery.breaker_state import channel_state, note_answer
from busta_health_dagster.pipeline.delivery.undelivered import ended_alerts
from busta_health_dagster.store.outbox_rows import Message

if TYPE_CHECKING:
    import random

    from busta_health_dagster.domain.delivery import Outcome
    from busta_health_dagster.engines.fallback import Settled
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.outbox_rows import OutboxRow

WARN_EVERY_S = 6 * 3600
"""Someone is notified of a dead channel without a fallback once in so long."""
OVERTAKEN = "overtaken"
_EVERYBODY = frozenset(
    {
        NotificationKind.RESOLVED,
        NotificationKind.FLAPPING_ENDED,
        NotificationKind.REPORT,
        NotificationKind.MONITOR,
        NotificationKind.TEST,
    }
)
_COUNTS_AS: Mapping[str, str] = {NotificationKind.FLAPPING_STARTED: NotificationKind.OPENED.value}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """`result` is the counter's label. `go_on`: may the channel take the next message?"""

    result: str
    handed_over: int = 0
    go_on: bool = True


def record_attempt(app: App, row: OutboxRow, owner: str, outcome: Outcome, rng: random.Random) -> RecordedAttempt:
    """Raises StoreError: then the lease ends by itself and the message is sent again, with its key."""
    now = app.clock.now()
    settled = settle(outcome, attempt=row.attempts, age_s=now - row.created_at, rng=rng)
    with app.store.write() as uow:
        return _Settlement(app, uow, row, outcome, settled).write(owner)


def pass_followers_to_fallback(app: App, uow: UnitOfWork, channel: str, now: float) -> int:
    """What waits behind a handed-over message goes the same way, in its order: who was notified by the fallback that it
    fired is notified that it ended, however long the channel itself stays away.
    """
    specs = app.config.policy.channels
    if channel not in specs or specs[channel].fallback is None:
        return 0
    copies = []
    for row in uow.outbox.left_behind(channel, f"{FAILED_MARK}{channel}"):
        m = row.message
        to, why = fallback_for(m.key, channel, specs)
        if to is not None and _wants(app, to, m.kind) and not _knows(uow, to, row):
            payload = _annotated(m.payload, f"{why}: an earlier message of this alert still waits there")
            copies.append(replace(m, key=fallback_key(m.key, channel), channel=to, payload=payload, due_at=None))
    return uow.outbox.enqueue(copies, now)


class _Settlement:
    """One attempt inside one transaction."""

    def __init__(self, app: App, uow: UnitOfWork, row: OutboxRow, outcome: Outcome, settled: Settled) -> None:
        self.app, self.uow, self.row = app, uow, row
        self.now, self.latest = app.clock.now(), latest(app, uow)
        self.outcome, self.settled = outcome, settled
        self.reason = settled.reason
        self.seen = False  # no one has to be warned of what the fallback knows, or what is over

    def write(self, owner: str) -> RecordedAttempt:
        m, uow = self.row.message, self.uow
        was_failing = channel_state(uow, m.channel, self.latest).breaker.failures > 0
        state = note_answer(uow, m.channel, self.outcome, self.settled, self.latest)
        others = self._stand_ins_to_end() if isinstance(self.outcome, Delivered) else self._fallback()
        result, added = self._result(), 0
        if self._finish(owner):
            if was_failing and isinstance(self.outcome, Delivered):
                # It is back: the next attempt of the others may be hours away, and resolutions wait behind them.
                uow.outbox.hasten(m.channel, self.latest)
            added = uow.outbox.enqueue(others, self.now)
            if self.settled.dead:
                self._warn(seen=self.seen or bool(others))
            elif isinstance(self.outcome, Delivered) and self.outcome.refused:
                self._warn_of_refused(self.outcome.refused)
        else:
            result = OVERTAKEN
            _log.warning("%s outlived its lease on %s: someone else owns it now", m.key, m.channel)
        uow.counters.add({f'busta_notifications_total{{channel="{m.channel}",result="{result}"}}': 1})
        return RecordedAttempt(result, added, state.may_send(self.latest)[0])

    def _result(self) -> str:
        if isinstance(self.outcome, Delivered):
            return "partial" if self.outcome.refused else "delivered"
        if not self.settled.dead:
            return "retry"
        return "rejected" if self.settled.answer is Answer.REJECTED else "dead"

    def _finish(self, owner: str) -> bool:
        box, key, now = self.uow.outbox, self.row.id, self.now
        if isinstance(self.outcome, Delivered):
            refused = {"refused": ", ".join(self.outcome.refused)} if self.outcome.refused else {}
            return box.complete(key, owner, now, receipt={**self.outcome.receipt, **refused}, detail=self.reason)
        if self.settled.due_in_s is not None:
            due = self.latest + self.settled.due_in_s
            if self.row.early:
                asked = self.outcome.after_s if isinstance(self.outcome, RetryLater) else None
                due = max(self.row.due_at, self.latest + (asked or 0.0))  # it was not its turn
            reached = self.outcome.reached if isinstance(self.outcome, RetryLater) else ()
            return box.retry(key, owner, due, self.reason, now, reached=reached)
        return box.dead(key, owner, self.reason, now)

    def _fallback(self) -> list[Message]:
        """The same message for the fallback, when it is time for that; the reason then names the channel, or says why there is none."""
        if not self.settled.fall_back:
            return []
        m = self.row.message
        to, why = fallback_for(m.key, m.channel, self.app.config.policy.channels)
        if to is not None and not _wants(self.app, to, m.kind):
            to, why = None, f"the fallback {to} takes no message of the kind {m.kind}"
        if is_over(self.row.about, ended_alerts(self.uow, m.alert_ids)):
            to, why = None, "it is over, so no one is notified instead"
            self.seen = True
        elif to is not None and _knows(self.uow, to, self.row):
            to, why = None, f"the fallback {to} knows it already"
            self.seen = True
        if to is None:
            self.reason += f". {why[:1].upper()}{why[1:]}" if self.settled.dead else ""
            return []
        payload = _annotated(m.payload, f"{m.channel} could not be notified: {self.reason}")
        self.reason += f". Told {to} {'instead' if self.settled.dead else 'meanwhile'}"
        return [replace(m, key=fallback_key(m.key, m.channel), channel=to, payload=payload, due_at=None)]

    def _stand_ins_to_end(self) -> list[Message]:
        """A channel that stood in for this one while it failed was notified that it fired: it is notified that it ended, too."""
        m = self.row.message
        if m.kind != NotificationKind.RESOLVED:
            return []
        stood_in = {
            other.message.channel
            for other in self.uow.outbox.of_thread(m.thread)
            if other.state not in {"dead", "dropped"}
            and other.message.kind != NotificationKind.RESOLVED
            and failed_channels(other.message.key)[-1:] == (m.channel,)
        }
        key = fallback_key(m.key, m.channel)
        stood_in -= {c for c in stood_in if _knows(self.uow, c, self.row)}
        return [replace(m, key=key, channel=c, due_at=None) for c in sorted(stood_in)]

    def _warn(self, *, seen: bool) -> None:
        """A dead letter is seen: in the log, on the page, and where no one was notified instead, by someone."""
        m, now = self.row.message, int(self.now)
        _log.error("dead letter %s: %s did not get it (%s): %s", self.row.id, m.channel, m.kind, self.reason)
        event = {"id": self.row.id, "channel": m.channel, "kind": m.kind, "reason": self.reason}
        self.uow.events.append("dead_letter", event, now)
        if not seen:
            self._warn_somebody(f"Channel {m.channel} did not get a message ({m.kind}): {self.reason}")

    def _warn_of_refused(self, refused: tuple[str, ...]) -> None:
        """Some of a channel's recipients will never get it: as visible as a dead letter."""
        m, who = self.row.message, ", ".join(refused)
        _log.error("%s did not reach all of %s: refused for %s", m.key, m.channel, who)
        self._warn_somebody(f"Channel {m.channel} did not reach everyone with a message ({m.kind}): refused for {who}")

    def _warn_somebody(self, says: str) -> None:
        m, now = self.row.message, int(self.now)
        to = None if m.kind == NotificationKind.MONITOR else _somebody(self.app, m.channel)
        if to is None:
            return
        text = f"{says}. See: busta alerts outbox"
        link = base_url(self.app, self.uow)
        notification = Notification(NotificationKind.MONITOR, now, reason="channel", text=text, base_url=link)
        key = f"busta_channel_{m.channel}_{floor_to(now, WARN_EVERY_S)}"
        self.uow.outbox.enqueue([Message(key, to, NotificationKind.MONITOR.value, payload_of(notification))], self.now)


def _wants(app: App, channel: str, kind: str) -> bool:
    """Does a channel take this kind when it stands in for another? What ended, reports and warnings reach all."""
    if kind in _EVERYBODY:
        return True
    wanted = event_filters(app.config.policy.channels, app.channels.registry)[channel]
    return wanted is None or _COUNTS_AS.get(kind, kind) in wanted


def _knows(uow: UnitOfWork, channel: str, row: OutboxRow) -> bool:
    """Has this channel been sent the same of the thread, or something newer? Then it stands in for no one."""
    own = fallback_key(row.message.key, row.message.channel)
    messages = [
        other.about
        for other in uow.outbox.of_thread(row.message.thread)
        if other.message.channel == channel and other.state not in {"dead", "dropped"} and other.message.key != own
    ]
    return knows(messages, row.about)


def _annotated(payload: Mapping[str, object], sentence: str) -> Mapping[str, object]:
    """The notification with the reason why it comes this way."""
    try:
        notification = notification_of(payload)
    except ValueError:  # the fallback's own attempt says so, with the remedy
        return payload
    return payload_of(replace(notification, on_behalf_of=(*notification.on_behalf_of, sentence)))


def _somebody(app: App, dead: str) -> str | None:
    """The first other channel of the last route, which matches everything; else any other."""
    policy = app.config.policy
    steps = policy.escalations[policy.routes[-1].escalation].steps if policy.routes else ()
    notified = [channel for step in steps for channel in step.notify]
    return next((c for c in (*notified, *policy.channels) if c != dead and c in policy.channels), None)
