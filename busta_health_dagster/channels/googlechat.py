"""Google Chat through a space's webhook: a card per message, all of one alert in its thread."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import field_validator

from busta_health_dagster.channels import markup, web_service
from busta_health_dagster.channels.markup import cut
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, ChannelContext, ChannelType
from busta_health_dagster.channels.text import flat
from busta_health_dagster.channels.web_service import WebServiceConfig
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome
from busta_health_dagster.domain.fields import SecretRef

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification

MESSAGE_LIMIT = 30_000
"""Bytes; Google takes 32,000."""
_TITLE_LIMIT = 200
_FALLBACK_LIMIT = 1000
_IN_THREAD = "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"


class GoogleChatConfig(WebServiceConfig):
    """`webhook_url` holds key and token of the space's webhook: a reference only."""

    webhook_url: SecretRef

    @field_validator("webhook_url", mode="before")
    @classmethod
    def _reference(cls, value: object) -> object:
        return web_service.reference(value, "GOOGLE_CHAT_WEBHOOK_URL")


def payload(notification: Notification) -> dict[str, Any]:
    """A card's paragraphs take a little HTML: every text is escaped, and what does not fit is left out."""
    text = text_of(notification)
    widgets: list[dict[str, Any]] = [
        {"decoratedText": {"topLabel": label, "text": _escape(said), "wrapText": True}}
        for label, said in markup.labelled(text, notification.at)
    ]
    if rows := [*markup.entries(text), *text.table.splitlines()]:
        widgets.append(_paragraph("<br>".join(_escape(row) for row in rows)))
    if text.context:
        widgets.append(_paragraph(_escape(flat(text.context, notification.at))))
    links = [{"text": b.label, "onClick": {"openLink": {"url": b.url}}} for b in text.buttons]
    last = [{"buttonList": {"buttons": links}}] if links else []
    message = _message(notification, [*widgets, *last])
    while widgets and len(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")) > MESSAGE_LIMIT:
        widgets = [*widgets[: -2 if widgets[-1] == _MORE else -1], *([_MORE] if len(widgets) > 1 else [])]
        message = _message(notification, [*widgets, *last])
    return message


def send(delivery: Delivery, config: GoogleChatConfig, context: ChannelContext) -> Outcome:
    parts = urlsplit(context.secret(config.webhook_url))
    query = urlencode([*parse_qsl(parts.query), ("messageReplyOption", _IN_THREAD)])
    remedy = f"Check the webhook of channel {delivery.channel}: it may have been removed from the space"
    url = urlunsplit(parts._replace(query=query))
    outcome = web_service.call(url, payload(delivery.notification), config, context, remedy=remedy).outcome
    return (
        Delivered({"thread": delivery.notification.thread_key}, "posted") if isinstance(outcome, Delivered) else outcome
    )


def _message(notification: Notification, widgets: list[dict[str, Any]]) -> dict[str, Any]:
    text = text_of(notification)
    card: dict[str, Any] = {"header": {"title": cut(markup.lead(text), _TITLE_LIMIT), "subtitle": text.word}}
    if widgets:
        card["sections"] = [{"widgets": widgets}]
    return {
        "fallbackText": cut(f"{text.shape} {text.notification}".strip(), _FALLBACK_LIMIT),
        "cardsV2": [{"cardId": notification.thread_key, "card": card}],
        "thread": {"threadKey": notification.thread_key},
    }


def _paragraph(said: str) -> dict[str, Any]:
    return {"textParagraph": {"text": said}}


_MORE = _paragraph("…")


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


CHANNEL = ChannelType("googlechat", GoogleChatConfig, send, events=AGAIN)
