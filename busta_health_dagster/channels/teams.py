"""Microsoft Teams through a workflow ("When a Teams webhook request is received"): an Adaptive Card per message.

Every text is a TextRun, which Teams shows as it is: no mark-up, no link, no mention can come from a source.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import field_validator

from busta_health_dagster.channels import markup, web_service
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, ChannelContext, ChannelType
from busta_health_dagster.channels.text import flat
from busta_health_dagster.channels.urgency import urgency
from busta_health_dagster.channels.web_service import WebServiceConfig
from busta_health_dagster.domain.delivery import Delivery, Outcome, Rejected
from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.wording.sentences import capital

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.domain.notification import Notification

CARD_LIMIT = 28 * 1024
"""Of the whole message; Teams refuses a larger one."""
_ACTIONS = 6
_TITLE_LIMIT = 500
RETIRED = (
    "this is the address of an Office 365 connector, which Microsoft has retired: Teams takes nothing there any more"
)
REMEDY = (
    "make a workflow ('Post to a channel when a webhook request is received') in the channel's menu in Teams, and put its URL "
    "into the variable"
)
_COLORS = {Severity.CRITICAL: "Attention", Severity.WARNING: "Warning", Severity.INFO: "Accent"}


class TeamsConfig(WebServiceConfig):
    """`webhook_url` is the workflow's address. It holds a signature: a reference only."""

    webhook_url: SecretRef

    @field_validator("webhook_url", mode="before")
    @classmethod
    def _workflow(cls, value: object) -> object:
        if isinstance(value, str) and is_retired(value):
            raise ValueError(f"{RETIRED}; {REMEDY}, webhook_url: {{env: TEAMS_WEBHOOK_URL}}")
        return web_service.reference(value, "TEAMS_WEBHOOK_URL")

    def refused_secret(self, secret: Callable[[SecretRef], str]) -> tuple[str, str, str] | None:
        """(key, what is wrong, remedy) where what a reference holds can never work."""
        try:
            url = secret(self.webhook_url)
        except MissingSecret:
            return None  # said as such
        return ("webhook_url", f"{self.webhook_url}: {RETIRED}.", REMEDY) if is_retired(url) else None


def is_retired(url: str) -> bool:
    """The address of an Office 365 connector?"""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower()
    if host == "webhook.office.com" or host.endswith(".webhook.office.com"):
        return True
    return host in {"outlook.office.com", "outlook.office365.com"} and parts.path.startswith("/webhook")


def payload(notification: Notification) -> dict[str, Any]:
    """The message with its card; rows that would make it too large are left out."""
    text = text_of(notification)
    body = [
        _block(
            (
                markup.cut(markup.lead(text), _TITLE_LIMIT),
                {"weight": "Bolder", "size": "Medium", **_color(notification)},
            )
        )
    ]
    body += [
        _block((f"{label} ", {"weight": "Bolder"}), (said, {})) if label else _block((said, {}))
        for label, said in markup.labelled(text, notification.at)
    ]
    body += [_block((entry, {}), spacing="None") for entry in markup.entries(text)]
    body += [_block((row, {"fontType": "Monospace"}), spacing="None") for row in text.table.splitlines()]
    if text.context:
        body.append(_block((flat(text.context, notification.at), {"isSubtle": True, "size": "Small"})))
    actions = [{"type": "Action.OpenUrl", "title": b.label, "url": b.url} for b in text.buttons[:_ACTIONS]]
    while (
        len(body) > 1
        and len(json.dumps(_message(body, actions), ensure_ascii=False).encode("utf-8", "replace")) > CARD_LIMIT
    ):
        body = [*body[: -2 if body[-1] == _MORE else -1], _MORE]
    return _message(body, actions)


def send(delivery: Delivery, config: TeamsConfig, context: ChannelContext) -> Outcome:
    url = context.secret(config.webhook_url)
    if is_retired(url):
        return Rejected(RETIRED, f"{capital(REMEDY)}, then: busta alerts outbox --retry")
    remedy = f"Check the workflow of channel {delivery.channel}: is it turned on, and is its URL the one we have?"
    return web_service.call(url, payload(delivery.notification), config, context, remedy=remedy).outcome


def _message(body: list[dict[str, Any]], actions: list[dict[str, str]]) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if actions:
        card["actions"] = actions
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def _block(*runs: tuple[str, dict[str, Any]], spacing: str = "Small") -> dict[str, Any]:
    inlines = [{"type": "TextRun", "text": said, **how} for said, how in runs]
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": inlines}


_MORE = _block(("…", {}))


def _color(notification: Notification) -> dict[str, str]:
    return {"color": "Good" if notification.kind is NotificationKind.RESOLVED else _COLORS[urgency(notification)]}


CHANNEL = ChannelType("teams", TeamsConfig, send, events=AGAIN)
