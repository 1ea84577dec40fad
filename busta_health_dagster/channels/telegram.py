"""Telegram's Bot API: one message each; what follows answers the alert's first message."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from busta_health_dagster.channels import markup, web_service
from busta_health_dagster.channels.markup import Markup, utf16
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, ChannelContext, ChannelType
from busta_health_dagster.channels.transport import LONGEST_WAIT_S
from busta_health_dagster.channels.urgency import urgency
from busta_health_dagster.channels.web_service import Reply, WebAddress, WebServiceConfig
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification

TEXT_LIMIT = 4096
_LEAD_LIMIT = 1000
_CHAT = re.compile(r"@[A-Za-z]\w{3,31}|-?\d{1,15}")


class TelegramConfig(WebServiceConfig):
    """`chat` is the chat's number, or `@name` of a public channel; `topic` the thread of a forum. `url` is for a Bot API server
    of one's own.
    """

    token: SecretRef
    chat: int | str
    topic: Annotated[int, Field(ge=1)] | None = None
    url: WebAddress = "https://api.telegram.org"

    @field_validator("chat")
    @classmethod
    def _chat(cls, chat: int | str) -> int | str:
        if isinstance(chat, str) and not _CHAT.fullmatch(chat):
            raise ValueError(
                f"{chat!r} is not a chat; write its number, such as -1001234567890, or @name of a public channel"
            )
        return chat


def escape(text: str) -> str:
    return html.escape(text, quote=False)


HTML = Markup(
    escape,
    lambda t: f"<b>{t}</b>",
    lambda label, url: f'<a href="{html.escape(url)}">{label}</a>',
    lambda t: f"<pre>{escape(t)}</pre>",
)


def payload(notification: Notification, config: TelegramConfig, first: str = "") -> dict[str, Any]:
    """`first` is the number of the message that this one answers. A drill and a test make no sound."""
    text = text_of(notification)
    said = f"<b>{escape(markup.cut(markup.lead(text), _LEAD_LIMIT, lambda t: utf16(escape(t))))}</b>"
    below = markup.written(notification, text, HTML, TEXT_LIMIT - utf16(said) - 1, utf16)
    message: dict[str, Any] = {
        "chat_id": config.chat,
        "text": f"{said}\n{below}".rstrip(),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    if config.topic is not None:
        message["message_thread_id"] = config.topic
    if urgency(notification) is Severity.INFO and notification.kind is not NotificationKind.RESOLVED:
        message["disable_notification"] = True
    if first.isdecimal():
        message["reply_parameters"] = {"message_id": int(first), "allow_sending_without_reply": True}
    return message


def send(delivery: Delivery, config: TelegramConfig, context: ChannelContext) -> Outcome:
    first = delivery.thread.get("message_id", "")
    url = f"{config.url}/bot{context.secret(config.token)}/sendMessage"
    remedy = f"Check token and chat of channel {delivery.channel}: the bot must be a member of the chat"
    answer = web_service.call(url, payload(delivery.notification, config, first), config, context, remedy=remedy)
    if isinstance(answer.outcome, Delivered):
        result = answer.said.get("result")
        made = result.get("message_id") if isinstance(result, dict) else None
        return Delivered({"message_id": first or str(made)} if first or made else {}, "posted")
    return _as_asked(answer)


def _as_asked(answer: Reply) -> Outcome:
    """Telegram says in the body how long to wait, and where a group has moved to."""
    asked = answer.said.get("parameters")
    if not isinstance(asked, dict):
        return answer.outcome
    wait, moved = asked.get("retry_after"), asked.get("migrate_to_chat_id")
    if isinstance(answer.outcome, RetryLater) and isinstance(wait, int) and wait >= 0:
        return replace(answer.outcome, after_s=min(float(wait), LONGEST_WAIT_S))
    if isinstance(answer.outcome, Rejected) and isinstance(moved, int):
        return replace(answer.outcome, remedy=f"The group has a new number: chat: {moved}")
    return answer.outcome


CHANNEL = ChannelType("telegram", TelegramConfig, send, events=AGAIN)
