"""PagerDuty Events API v2: one dedup_key from trigger to resolve, so that a retry cannot page twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from busta_health_dagster.channels import phrases, transport
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, ChannelContext, ChannelType
from busta_health_dagster.channels.text import flat
from busta_health_dagster.channels.urgency import is_acknowledged, service_key, urgency
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected
from busta_health_dagster.domain.fields import SecretRef, Strict
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.units import iso
from busta_health_dagster.wording.percentages import budget, percent

if TYPE_CHECKING:
    from busta_health_dagster.channels.text import Text
    from busta_health_dagster.domain.notification import Notification

SUMMARY_LIMIT = 1024
EVENT_LIMIT = 512 * 1024
_PATH = "/v2/enqueue"


class PagerDutyConfig(Strict):
    """`url` is for accounts in the EU service region, and for proxies; with or without PagerDuty's `/v2/enqueue`."""

    routing_key: SecretRef
    url: str = "https://events.pagerduty.com"
    client: str = "Source health"
    ca_file: str | None = None


def payload(notification: Notification, routing_key: str, client: str = "Source health") -> dict[str, Any]:
    """The event: trigger, acknowledge or resolve. Long summaries are cut; details that do not fit are left out and
    named. A group is acknowledged when all of it is: the incident is one.
    """
    key = service_key(notification)
    action = _action(notification)
    event: dict[str, Any] = {"routing_key": routing_key, "event_action": action, "dedup_key": key}
    if action != "trigger":
        return event
    text = text_of(notification)
    links = [{"href": b.url, "text": b.label} for b in text.buttons if b.id not in {"ack", "snooze"}]
    event |= {
        "client": client,
        "links": links,
        "payload": {
            "summary": _summary(notification, text),
            "source": notification.source.name if notification.source else notification.thread_key,
            "severity": urgency(notification).word,
            "timestamp": iso(notification.at),
            "component": notification.source.name if notification.source else None,
            "group": notification.source.group if notification.source else None,
            "class": notification.rule.name if notification.rule else notification.kind.value,
            "custom_details": _details(notification, text),
        },
    }
    if opened := next((b.url for b in text.buttons if b.id == "open"), None):
        event["client_url"] = opened
    return _fitted(event)


def send(delivery: Delivery, config: PagerDutyConfig, context: ChannelContext) -> Outcome:
    notification = delivery.notification
    if notification.report is not None:
        return Rejected("PagerDuty is not sent reports", f"Take {delivery.channel} out of the report's route")
    if notification.kind is NotificationKind.UPDATED and not is_acknowledged(notification):
        return Delivered(dict(delivery.thread), "nothing that PagerDuty shows has changed")
    event = payload(notification, context.secret(config.routing_key), config.client)
    if event["event_action"] == "trigger" and _was_acknowledged(delivery) and not is_acknowledged(notification):
        # A trigger on an acknowledged incident wakes no one: the incident begins again.
        ended = _enqueue(_ending(event), delivery, config, context)
        if not isinstance(ended, Delivered):
            return ended
    outcome = _enqueue(event, delivery, config, context)
    if notification.kind is NotificationKind.TEST and isinstance(outcome, Delivered):
        # A test must not leave a page behind.
        return _enqueue(_ending(event), delivery, config, context)
    return outcome


def _action(notification: Notification) -> str:
    if notification.kind is NotificationKind.RESOLVED:
        return "resolve"
    in_place = notification.kind in {NotificationKind.ACKED, NotificationKind.UPDATED}
    return "acknowledge" if in_place and is_acknowledged(notification) else "trigger"


def _was_acknowledged(delivery: Delivery) -> bool:
    return delivery.thread.get("action") == "acknowledge"


def _ending(event: dict[str, Any]) -> dict[str, Any]:
    return {k: event[k] for k in ("routing_key", "dedup_key")} | {"event_action": "resolve"}


def _enqueue(event: dict[str, Any], delivery: Delivery, config: PagerDutyConfig, context: ChannelContext) -> Outcome:
    body = json.dumps(event, ensure_ascii=False).encode()
    headers = {"content-type": "application/json", "user-agent": "busta_health_dagster"}
    answer = transport.post(
        f"{config.url.rstrip('/').removesuffix(_PATH)}{_PATH}",
        body,
        headers,
        timeout_s=context.timeout_s,
        refuse=None,
        ca_file=config.ca_file,
    )
    remedy = f"Check routing_key of channel {delivery.channel}: it belongs to an Events API v2 integration"
    outcome = transport.evaluated(answer, urlsplit(config.url).hostname or config.url, now=context.now, remedy=remedy)
    receipt = {"dedup_key": event["dedup_key"], "action": event["event_action"]}
    return Delivered(receipt, outcome.detail) if isinstance(outcome, Delivered) else outcome


def _summary(notification: Notification, text: Text) -> str:
    tail = ""
    if notification.alert is not None and notification.alert.acked is None and notification.alert.step > 1:
        tail = ", not acknowledged"
    whole = f"{text.headline}{tail}"
    return whole if len(whole) <= SUMMARY_LIMIT else whole[: SUMMARY_LIMIT - 1] + "…"


def _details(notification: Notification, text: Text) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if notification.drill:
        details["drill"] = "This is a drill: no source is really in trouble."
    if notification.alert is not None and notification.source is not None:
        alert, source = notification.alert, notification.source
        details |= {
            "since": iso(alert.first_bad_slot),
            "what": text.headline,
            "feeds": ", ".join(source.feeds) or None,
            "do": phrases.advice(notification),
            "uptime_30d": percent(source.uptime_30d) if source.uptime_30d is not None else None,
            "budget_left": f"{budget(source.budget_left)}%" if source.budget_left is not None else None,
            "tier": source.tier,
            "owners": ", ".join(source.owners) or None,
            "alert": alert.id,
            "incident": notification.incident,
            "step": f"{alert.step} of {alert.of_steps}",
            "notified": ", ".join(f"{t.channel} {iso(t.at)}" for t in notification.notified) or None,
            "reason": notification.reason or None,
            "also": " ".join(notification.related) or None,
        }
    else:
        details |= {line.label.lower(): flat(line.parts, notification.at) for line in text.lines if line.label}
        details |= {"sources": [f"{e.name}: {e.tail}" for e in text.entries]} if text.entries else {}
    return {k: v for k, v in details.items() if v is not None}


def _fitted(event: dict[str, Any]) -> dict[str, Any]:
    details = event["payload"]["custom_details"]
    left_out: list[str] = []
    while details and len(json.dumps(event, ensure_ascii=False).encode()) > EVENT_LIMIT:
        longest = max(details, key=lambda k: len(json.dumps(details[k])))
        left_out.append(longest)
        del details[longest]
    if left_out:
        details["left_out_for_size"] = left_out
    return event


CHANNEL = ChannelType(
    "pagerduty",
    PagerDutyConfig,
    send,
    events=AGAIN | {NotificationKind.ACKED, NotificationKind.UNACKED},
    reports=False,
)
