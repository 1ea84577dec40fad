"""Opsgenie's Alert API, and Jira Service Management's, which took it over: one alias from create to close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, field_validator

from busta_health_dagster.channels import markup, phrases, web_service
from busta_health_dagster.channels.markup import PLAIN, cut
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, ChannelContext, ChannelType
from busta_health_dagster.channels.urgency import is_acknowledged, service_key, urgency
from busta_health_dagster.channels.web_service import WebServiceConfig, web_address
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected
from busta_health_dagster.domain.fields import SecretRef, Strict
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification

MESSAGE_LIMIT, DESCRIPTION_LIMIT, TAG_LIMIT, NOTE_LIMIT = 130, 15_000, 50, 25_000
_TAGS = 20
_PRIORITY = {Severity.CRITICAL: "P1", Severity.WARNING: "P3", Severity.INFO: "P5"}
_SOURCE = "busta_health_dagster"


class Responder(Strict):
    """Who is called, by name (a user by mail address)."""

    type: Literal["team", "user", "escalation", "schedule"]
    name: Annotated[str, Field(min_length=1)]


class OpsgenieConfig(WebServiceConfig):
    """`url` is for the EU (https://api.eu.opsgenie.com) and for Jira Service Management
    (https://api.atlassian.com/jsm/ops/integration). Without `responders` the integration's own team is called.
    """

    api_key: SecretRef
    responders: Annotated[tuple[Responder, ...], Field(max_length=50)] = ()
    url: str = "https://api.opsgenie.com"

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        return web_address(url).removesuffix("/v2/alerts")


def payload(notification: Notification, responders: tuple[Responder, ...] = ()) -> dict[str, Any]:
    """The body of create: what is longer than the service takes is cut."""
    text = text_of(notification)
    source = notification.source
    body: dict[str, Any] = {
        "message": cut(text.headline, MESSAGE_LIMIT),
        "alias": service_key(notification),
        "description": markup.written(notification, text, PLAIN, DESCRIPTION_LIMIT)
        or cut(text.notification, DESCRIPTION_LIMIT),
        "priority": _PRIORITY[urgency(notification)],
        "source": _SOURCE,
        "tags": [cut(t, TAG_LIMIT) for t in _tags(notification)][:_TAGS],
        "details": _details(notification),
    }
    if source is not None:
        body["entity"] = source.name
    if responders:
        body["responders"] = [_responder(r) for r in responders]
    return body


def send(delivery: Delivery, config: OpsgenieConfig, context: ChannelContext) -> Outcome:
    notification = delivery.notification
    if notification.report is not None:
        return Rejected("Opsgenie is not sent reports", f"Take {delivery.channel} out of the report's route")
    acked = is_acknowledged(notification)
    if notification.kind is NotificationKind.UPDATED and not acked:
        return Delivered(dict(delivery.thread), "nothing that Opsgenie shows has changed")
    service = _Service(delivery, config, context)
    if notification.kind is NotificationKind.RESOLVED:
        return service.act("close")
    if notification.kind in {NotificationKind.ACKED, NotificationKind.UPDATED} and acked:
        return service.act("acknowledge")
    if delivery.thread.get("action") == "acknowledge" and not acked:
        # Creating an alias that is acknowledged calls no one: the alert begins again.
        ended = service.act("close")
        if not isinstance(ended, Delivered):
            return ended
    made = service.create()
    if not isinstance(made, Delivered):
        return made
    if notification.kind is NotificationKind.TEST:
        return service.act("close")  # a test must not leave an alert behind
    if notification.kind is NotificationKind.ESCALATED and delivery.thread.get("action") == "create":
        return service.raise_priority()  # creating it again counts, and leaves the priority as it was
    return made


class _Service:
    """The calls about one alias."""

    def __init__(self, delivery: Delivery, config: OpsgenieConfig, context: ChannelContext) -> None:
        self._delivery, self._config, self._context = delivery, config, context
        self._alias = service_key(delivery.notification)

    def create(self) -> Outcome:
        return self._call("", payload(self._delivery.notification, self._config.responders), "create")

    def act(self, action: str) -> Outcome:
        notification = self._delivery.notification
        note = cut(text_of(notification).notification, NOTE_LIMIT)
        body = {"source": _SOURCE, "note": note}
        acked = notification.alert.acked if notification.alert is not None else None
        if action == "acknowledge" and acked is not None:
            body["user"] = cut(acked.by, 100)
        return self._call(f"/{action}", body, action)

    def raise_priority(self) -> Outcome:
        return self._call("/priority", {"priority": _PRIORITY[urgency(self._delivery.notification)]}, "create", "PUT")

    def _call(self, path: str, body: dict[str, Any], action: str, method: str = "POST") -> Outcome:
        at = f"/{quote(self._alias, safe='')}{path}?identifierType=alias" if path else ""
        outcome = web_service.call(
            f"{self._config.url}/v2/alerts{at}",
            body,
            self._config,
            self._context,
            headers={"authorization": f"GenieKey {self._context.secret(self._config.api_key)}"},
            method=method,
            remedy=f"Check api_key and url of channel {self._delivery.channel}: a key of an API integration, in its own region",
        ).outcome
        receipt = {"alias": self._alias, "action": action}
        return Delivered(receipt, outcome.detail) if isinstance(outcome, Delivered) else outcome


def _responder(responder: Responder) -> dict[str, str]:
    return {"type": responder.type, "username" if responder.type == "user" else "name": responder.name}


def _tags(notification: Notification) -> list[str]:
    source, rule = notification.source, notification.rule
    found = ["busta", *(["drill"] if notification.drill else [])]
    found += [rule.name] if rule else []
    return [*found, source.type, f"tier {source.tier}", *source.owners] if source else found


def _details(notification: Notification) -> dict[str, str]:
    source, alert = notification.source, notification.alert
    details = {
        "source": source.name if source else "",
        "feeds": ", ".join(source.feeds) if source else "",
        "alert": str(alert.id) if alert else "",
        "incident": notification.incident or "",
        "runbook": phrases.runbook(notification) or "",
        "reason": notification.reason,
    }
    return {name: cut(value, 1000) for name, value in details.items() if value}


CHANNEL = ChannelType(
    "opsgenie",
    OpsgenieConfig,
    send,
    events=AGAIN | {NotificationKind.ACKED, NotificationKind.UNACKED},
    reports=False,
)
