"""One message on its way through one channel, and how it went. Outcomes are types; the outbox acts on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from busta_health_dagster.domain.notification import Notification


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a channel is asked to send.

    `key` is the idempotency key: the same on every attempt, so that a duplicate can be known as one. `thread` is the
    receipt of the first message that this channel accepted for the same alert or group (empty: this is the first);
    `earlier` are the keys of all its messages that were delivered, oldest first. `reached` are those of the channel's
    recipients who have this very message from an earlier attempt.
    """

    key: str
    notification: Notification
    channel: str
    created_at: int
    attempt: int = 1
    thread: Mapping[str, str] = field(default_factory=dict)
    earlier: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivered:
    """Accepted by the other side. `receipt` is what a later message of the thread needs (Slack: channel and ts).

    `refused` are recipients who will never get it, each with the answer, where others did: a failure that is seen.
    """

    receipt: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Not now. `after_s` is what the other side asked for (Retry-After); None leaves it to the backoff. `reached` are the
    recipients who have it all the same: the next attempt leaves them out.
    """

    reason: str
    after_s: float | None = None
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never, as it is: goes to the fallback and the dead letters at once. `remedy` tells the operator what to do."""

    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.reason}. {self.remedy}" if self.remedy else self.reason


Outcome = Delivered | RetryLater | Rejected
