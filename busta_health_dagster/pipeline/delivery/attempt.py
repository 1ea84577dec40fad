"""One attempt to send one stored message: whatever is wrong with it becomes an outcome with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.channels.port import deliver
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.notification import Notification
from busta_health_dagster.engines.retry import SCHEDULE_S
from busta_health_dagster.pipeline.alerting.action_links import action_urls
from busta_health_dagster.pipeline.alerting.rebuilding import as_sent_now, with_service_level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store.outbox_rows import OutboxRow

SEND_TIMEOUT_S = 10.0
"""Total deadline of one attempt."""
MOST_BEGUN = 2 * len(SCHEDULE_S)
"""A message that kills its worker never ends an attempt: after so many it must not kill another."""


def attempt(app: App, row: OutboxRow, timeout_s: float = SEND_TIMEOUT_S) -> Outcome:
    """Send it now. Never raises for what the channel, its configuration or the message does wrong."""
    if row.attempts > MOST_BEGUN:
        begun = f"{row.attempts - 1} attempts were begun and none gave an answer: the worker died each time"
        return Rejected(begun, "See the log of the daemon, then: busta alerts outbox --retry")
    try:
        notification = notification_of(row.message.payload)
    except ValueError as why:
        return Rejected(f"the stored message cannot be read: {why}", "It was written by another version of busta")
    if app.drill:
        notification = replace(notification, drill=True)
    with app.store.read() as uow:
        if not app.drill:
            notification = with_service_level(app, uow, as_sent_now(app, uow, row, notification))
            links = action_urls(app, uow, notification, row.message.key, row.message.channel)
            notification = replace(notification, action_urls=links)
        receipt, earlier = uow.outbox.thread(row.message.thread, row.message.channel)
    thread = {name: str(value) for name, value in receipt.items()}
    delivery = Delivery(
        row.message.key,
        notification,
        row.message.channel,
        int(row.created_at),
        row.attempts,
        thread,
        earlier,
        tuple(row.receipt.get("reached", ())),
    )
    return send(app, delivery, timeout_s)


def send(app: App, delivery: Delivery, timeout_s: float = SEND_TIMEOUT_S) -> Outcome:
    """Through the channel as it is configured now."""
    spec = app.config.policy.channels.get(delivery.channel)
    if spec is None:
        there = ", ".join(app.config.policy.channels) or "none"
        remedy = f"Put it back into alerts.yaml and then: busta alerts outbox --retry (there are: {there})"
        return Rejected(f"there is no channel {delivery.channel} in the configuration any more", remedy)
    channel = app.channels.registry.get(spec.kind)
    if channel is None:
        why = f"there is no channel kind {spec.kind!r}; there are {', '.join(sorted(app.channels.registry))}"
        return Rejected(why, "Install the plug-in again, then: busta alerts outbox --retry")
    return _scrubbed(app, deliver(channel, delivery, spec.config, app.channels.context(timeout_s)))


def notification_of(payload: Mapping[str, object]) -> Notification:
    """Raises ValueError."""
    return Notification.from_json(json.dumps(payload))


def payload_of(notification: Notification) -> dict[str, object]:
    """The notification as the outbox stores it."""
    stored: dict[str, object] = json.loads(notification.to_json())
    return stored


def _scrubbed(app: App, outcome: Outcome) -> Outcome:
    """Reasons are stored and shown: no secret leaves this process in one."""
    scrub = app.secrets.scrub
    if isinstance(outcome, Delivered):
        return replace(outcome, detail=scrub(outcome.detail))
    if isinstance(outcome, RetryLater):
        return replace(outcome, reason=scrub(outcome.reason))
    return replace(outcome, reason=scrub(outcome.reason), remedy=scrub(outcome.remedy))
