"""Discord through a channel's webhook: one message per alert, changed in place; what must be heard is a message of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import field_validator

from busta_health_dagster.channels import markup, web_service
from busta_health_dagster.channels.markup import Markup, utf16
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import IN_PLACE, ChannelContext, ChannelType
from busta_health_dagster.channels.text import flat
from busta_health_dagster.channels.urgency import urgency
from busta_health_dagster.channels.web_service import WebServiceConfig
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification

CONTENT_LIMIT = 2000
DESCRIPTION_LIMIT = 3900
"""Discord takes 4096, and 6000 of all texts of the embeds."""
_GREEN, _COLORS = 0x2E7D32, {Severity.CRITICAL: 0xC62828, Severity.WARNING: 0xEF6C00, Severity.INFO: 0x1565C0}
_SIGNS = re.compile(r"([\\*_~`|<>\[\]()#@:-])")


class DiscordConfig(WebServiceConfig):
    """`webhook_url` holds the webhook's token: a reference only. `?thread_id=` in it is kept."""

    webhook_url: SecretRef

    @field_validator("webhook_url", mode="before")
    @classmethod
    def _reference(cls, value: object) -> object:
        return web_service.reference(value, "DISCORD_WEBHOOK_URL")


def escape(text: str) -> str:
    return _SIGNS.sub(r"\\\1", text)


MARKDOWN = Markup(
    escape,
    lambda t: f"**{t}**",
    lambda label, url: f"[{label}](<{url}>)",
    lambda t: "```\n" + t.replace("```", "'''") + "\n```",
)


def payload(notification: Notification) -> dict[str, Any]:
    """What creating and changing the message share. No one is mentioned, whatever a text says."""
    text = text_of(notification)
    message: dict[str, Any] = {
        "content": f"**{_escaped_within(markup.lead(text), CONTENT_LIMIT - 4)}**",
        "allowed_mentions": {"parse": []},
    }
    if below := markup.written(notification, text, MARKDOWN, DESCRIPTION_LIMIT, utf16):
        over = notification.kind is NotificationKind.RESOLVED
        message["embeds"] = [{"description": below, "color": _GREEN if over else _COLORS[urgency(notification)]}]
    return message


def reply(notification: Notification) -> dict[str, Any] | None:
    """What is said aloud beside a message that was changed: changing one notifies no one."""
    text = text_of(notification)
    if not text.reply:
        return None
    said = _escaped_within(f"{text.shape} {flat(text.reply, notification.at)}", CONTENT_LIMIT)
    return {"content": said, "allowed_mentions": {"parse": []}}


def send(delivery: Delivery, config: DiscordConfig, context: ChannelContext) -> Outcome:
    url = context.secret(config.webhook_url)
    remedy = f"Check the webhook of channel {delivery.channel}: it may have been removed in Discord"
    message, thread = payload(delivery.notification), dict(delivery.thread)
    if known := thread.get("id"):
        changed = web_service.call(
            _address(url, f"/messages/{quote(known, safe='')}"), message, config, context, method="PATCH", remedy=remedy
        )
        if isinstance(changed.outcome, Delivered):
            said = reply(delivery.notification)
            aloud = web_service.call(_address(url), said, config, context, remedy=remedy).outcome if said else None
            return aloud if aloud is not None and not isinstance(aloud, Delivered) else Delivered(thread, "updated")
        if changed.status != 404:
            return changed.outcome
        # Someone deleted it: the news still has to arrive, so a new message takes its place.
    posted = web_service.call(_address(url, wait=True), message, config, context, remedy=remedy)
    if not isinstance(posted.outcome, Delivered):
        return posted.outcome
    made = posted.said.get("id")
    return Delivered({"id": str(made)} if made else {}, "posted")


def _escaped_within(text: str, limit: int) -> str:
    """Cut before escaping, so that no escape is cut in two."""
    return escape(markup.cut(text, limit, lambda t: utf16(escape(t))))


def _address(url: str, more: str = "", *, wait: bool = False) -> str:
    parts = urlsplit(url)
    query = "&".join(q for q in (parts.query, "wait=true" if wait else "") if q)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + more, query=query))


CHANNEL = ChannelType("discord", DiscordConfig, send, events=IN_PLACE)
