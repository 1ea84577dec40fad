"""ntfy, at ntfy.sh or a server of one's own: a push message with priority, tags and links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import field_validator, model_validator

from busta_health_dagster.channels import markup, web_service
from busta_health_dagster.channels.markup import PLAIN, utf8
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, ChannelContext, ChannelType
from busta_health_dagster.channels.urgency import urgency
from busta_health_dagster.channels.web_service import WebAddress, WebServiceConfig, basic_auth, resolved
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome
from busta_health_dagster.domain.fields import SecretRef, TextOrSecret
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification

MESSAGE_LIMIT = 3900
"""Bytes. What is longer than 4096 becomes an attachment, which no phone shows at a glance."""
_TITLE_LIMIT = 250
_ACTIONS = 3
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PRIORITY = {Severity.CRITICAL: 5, Severity.WARNING: 4, Severity.INFO: 2}
_EMOJI = {Severity.CRITICAL: "rotating_light", Severity.WARNING: "warning", Severity.INFO: "information_source"}


class NtfyConfig(WebServiceConfig):
    """Who knows the `topic` can read and write it: at a public server keep it as a secret. `token` or `username` and `password`
    for a topic that is protected.
    """

    topic: TextOrSecret
    token: SecretRef | None = None
    username: TextOrSecret | None = None
    password: SecretRef | None = None
    url: WebAddress = "https://ntfy.sh"

    @field_validator("topic")
    @classmethod
    def _name(cls, topic: TextOrSecret) -> TextOrSecret:
        if isinstance(topic, str) and not _TOPIC.fullmatch(topic):
            raise ValueError(
                f"{topic!r} is not a topic; write up to 64 letters, digits, - and _, without the server's address"
            )
        return topic

    @model_validator(mode="after")
    def _credentials(self) -> NtfyConfig:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.token is not None and self.password is not None:
            raise ValueError("write token, or username and password, not both")
        return self


def payload(notification: Notification, topic: str) -> dict[str, Any]:
    """Priority 5 rings through the night, 2 makes no sound; the end of an alert has the ordinary 3."""
    text = text_of(notification)
    over = notification.kind is NotificationKind.RESOLVED and not notification.drill
    loud = urgency(notification)
    # The links are its buttons, and what a tap opens.
    words = markup.written(notification, text.without_buttons(), PLAIN, MESSAGE_LIMIT, utf8)
    message: dict[str, Any] = {
        "topic": topic,
        "title": markup.cut(text.headline, _TITLE_LIMIT, utf8),
        "message": words or markup.cut(text.notification, MESSAGE_LIMIT, utf8),
        "priority": 3 if over else _PRIORITY[loud],
        "tags": ["white_check_mark" if over else _EMOJI[loud], text.word],
    }
    if text.buttons:
        message["actions"] = [{"action": "view", "label": b.label, "url": b.url} for b in text.buttons[:_ACTIONS]]
        message["click"] = next((b.url for b in text.buttons if b.id == "open"), text.buttons[0].url)
    return message


def send(delivery: Delivery, config: NtfyConfig, context: ChannelContext) -> Outcome:
    headers = {}
    if config.token is not None:
        headers["authorization"] = f"Bearer {context.secret(config.token)}"
    elif config.username is not None and config.password is not None:
        headers["authorization"] = basic_auth(resolved(config.username, context), context.secret(config.password))
    body = payload(delivery.notification, resolved(config.topic, context))
    remedy = f"Check topic and credentials of channel {delivery.channel}: may they publish there?"
    outcome = web_service.call(f"{config.url}/", body, config, context, headers=headers, remedy=remedy).outcome
    return Delivered(detail="posted") if isinstance(outcome, Delivered) else outcome


CHANNEL = ChannelType("ntfy", NtfyConfig, send, events=AGAIN)
