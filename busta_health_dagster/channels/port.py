"""The port that every channel implements, ours and third parties': one attempt to deliver, and how it went.

A channel never retries, never sleeps and never decides who is notified: the outbox does. It may raise `MissingSecret`;
anything else that escapes it is a bug of the channel, and the message goes to the fallback.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.delivery import Delivered, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.domain.notification import NotificationKind

if TYPE_CHECKING:
    from pydantic import BaseModel

    from busta_health_dagster.domain.delivery import Delivery
    from busta_health_dagster.domain.fields import SecretRef

_log = logging.getLogger(__name__)

IN_PLACE = frozenset(NotificationKind)
"""Everything: for channels that change their message in place."""

AGAIN = IN_PLACE - {
    NotificationKind.ACKED,
    NotificationKind.UNACKED,
    NotificationKind.SNOOZED,
    NotificationKind.UPDATED,
}
"""What is worth a message of its own: for channels that cannot take one back."""


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What a channel may use.

    `secret` resolves a reference (raises MissingSecret). `now` is epoch seconds. `refuse_address` says why an IP
    address must not be connected to (None: it may); asked about the connected address. `timeout_s` bounds the
    attempt. `home` is where relative paths begin.
    """

    secret: Callable[[SecretRef], str]
    now: float
    refuse_address: Callable[[str], str | None]
    home: Path
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ChannelType:
    """A way of telling. `send` blocks for at most `context.timeout_s`: call it from a thread without a running event
    loop.

    `events` are the kinds of notification it is sent when the configuration does not say; `events_of`, where given, decides
    by the channel's own configuration. Reports go where a route sends them, unless the kind takes none; tests always
    arrive.
    """

    kind: str
    config: type[BaseModel]
    send: Callable[[Delivery, Any, ChannelContext], Outcome]
    events: frozenset[NotificationKind] = AGAIN
    events_of: Callable[[Any], frozenset[NotificationKind]] | None = None
    third_party: bool = False
    reports: bool = True

    def default_events(self, config: Any) -> frozenset[NotificationKind]:
        """What a channel with this configuration is sent unless `events:` says otherwise."""
        return self.events_of(config) if self.events_of else self.events


def deliver(channel: ChannelType, delivery: Delivery, config: Any, context: ChannelContext) -> Outcome:
    """One attempt that cannot harm other channels: whatever breaks becomes an outcome.

    A missing secret is `Rejected`, not `RetryLater`: the fallback notifies someone now, and `busta alerts outbox
    --retry` sends it again once the secret is there.
    """
    try:
        outcome = channel.send(delivery, config, context)
    except MissingSecret as missing:
        return Rejected(str(missing), "Set it, then: busta alerts outbox --retry")
    except Exception as broke:  # noqa: BLE001  a channel that breaks must not take the others with it
        # Its text may hold a URL with a token, so only the type is given; the log's formatter scrubs secrets by value.
        _log.exception("channel %s (%s) broke on %s", delivery.channel, channel.kind, delivery.key)
        remedy = "See the log; the channel's code or its template is wrong"
        return Rejected(f"channel {delivery.channel} ({channel.kind}) broke: {type(broke).__name__}", remedy)
    return _checked(outcome, channel, delivery)


def _checked(outcome: object, channel: ChannelType, delivery: Delivery) -> Outcome:
    if isinstance(outcome, Delivered | RetryLater | Rejected):
        return outcome
    said = f"answered {type(outcome).__name__}, not an outcome"
    return Rejected(f"channel {delivery.channel} ({channel.kind}) {said}")
