"""Slack. With a bot token one message per alert, changed in place, details in its thread; with an incoming webhook
one message each.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from busta_health_dagster.channels import slack_payload, transport
from busta_health_dagster.channels.port import AGAIN, IN_PLACE, ChannelContext, ChannelType
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.fields import SecretRef, Strict
from busta_health_dagster.domain.retry_after import retry_after

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

    from busta_health_dagster.domain.notification import NotificationKind

_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
_REMEDIES = {
    "invalid_auth": "Set a valid bot token (xoxb-...)",
    "not_authed": "Set the bot token",
    "account_inactive": "The token's bot was removed: install it again",
    "token_revoked": "Set a new bot token",
    "token_expired": "Set a new bot token",
    "missing_scope": "Give the bot the scope chat:write",
    "channel_not_found": "Correct `channel`, or invite the bot to it",
    "not_in_channel": "Invite the bot to the channel",
    "is_archived": "The channel is archived: name another one",
    "no_service": "The incoming webhook was removed: make a new one",
}


class SlackConfig(Strict):
    """Either `token` and `channel`, or `webhook_url`. `base_url` is for proxies and Slack's other regions."""

    token: SecretRef | None = None
    channel: str | None = None
    webhook_url: SecretRef | None = None
    base_url: str = "https://slack.com/api/"
    ca_file: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> SlackConfig:
        if self.webhook_url is not None:
            if self.token is not None or self.channel is not None:
                raise ValueError("write token and channel, or webhook_url, not both")
        elif self.token is None or self.channel is None:
            raise ValueError(
                'write token: {env: SLACK_BOT_TOKEN} and channel: "#data-alerts", or webhook_url: {env: NAME}'
            )
        return self


def payload(delivery: Delivery) -> dict[str, Any]:
    return slack_payload.payload(delivery.notification, delivery.key)


def send(delivery: Delivery, config: SlackConfig, context: ChannelContext) -> Outcome:
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        if config.webhook_url is not None:
            return _through_webhook(delivery, config, context)
        return _through_bot(delivery, config, context)
    except SlackApiError as why:
        return _evaluated(why, delivery, context.now)
    except (SlackClientError, OSError) as why:
        return _unreached(why, context.timeout_s)


def _through_bot(delivery: Delivery, config: SlackConfig, context: ChannelContext) -> Outcome:
    assert config.token is not None
    assert config.channel is not None
    client = _client(config, context, context.secret(config.token))
    message = payload(delivery)
    thread = delivery.thread
    if not thread.get("ts"):
        return _posted(client, config.channel, message)
    changed = {k: v for k, v in message.items() if not k.startswith("unfurl")}
    try:
        client.api_call("chat.update", json={"channel": thread["channel"], "ts": thread["ts"], **changed})
    except Exception as why:
        if _code(why) not in _GONE:
            raise
        # Someone deleted it: the news still has to arrive, so a new message takes its place.
        return _posted(client, config.channel, message)
    if (said := slack_payload.reply(delivery.notification)) is not None:
        answer = {
            "channel": thread["channel"],
            "thread_ts": thread["ts"],
            "text": said,
            "unfurl_links": False,
            "parse": "none",
        }
        if slack_payload.reply_is_loud(delivery.notification):
            answer["reply_broadcast"] = True
        client.api_call("chat.postMessage", json=answer | {"metadata": message["metadata"]})
    return Delivered(dict(thread), "updated")


def _posted(client: WebClient, channel: str, message: dict[str, Any]) -> Delivered:
    answer = client.api_call("chat.postMessage", json={"channel": channel, **message})
    # chat.update wants the channel's id, not its name.
    return Delivered({"channel": str(answer["channel"]), "ts": str(answer["ts"])}, "posted")


def _through_webhook(delivery: Delivery, config: SlackConfig, context: ChannelContext) -> Outcome:
    from slack_sdk.webhook import WebhookClient

    assert config.webhook_url is not None
    message = payload(delivery)
    client = WebhookClient(
        context.secret(config.webhook_url), timeout=int(context.timeout_s) or 1, ssl=_tls(config), retry_handlers=[]
    )
    answer = client.send_dict(
        {"text": message["text"], "blocks": message["blocks"], "unfurl_links": False, "unfurl_media": False}
    )
    if answer.status_code == 200:
        return Delivered(detail="posted")
    evaluated = transport.evaluated(
        transport.Answer(answer.status_code, {k.title(): str(v) for k, v in answer.headers.items()}),
        "Slack",
        now=context.now,
    )
    if isinstance(evaluated, Rejected):
        code = str(answer.body).strip()[:60]
        return Rejected(
            f"Slack answered {answer.status_code} {code}", _REMEDIES.get(code, "Check the incoming webhook")
        )
    return evaluated


def _client(config: SlackConfig, context: ChannelContext, token: str) -> WebClient:
    from slack_sdk import WebClient

    # No retry handlers: the outbox retries, with the same key and in its own time.
    return WebClient(
        token=token, base_url=config.base_url, timeout=int(context.timeout_s) or 1, ssl=_tls(config), retry_handlers=[]
    )


def _unreached(why: Exception, timeout_s: float) -> RetryLater:
    reason = getattr(why, "reason", why)  # urllib wraps what happened
    if isinstance(reason, TimeoutError):
        return RetryLater(f"Slack did not answer within {timeout_s:g} s")
    if isinstance(reason, ssl.SSLError):
        said = getattr(reason, "verify_message", "") or reason.reason or "handshake"
        return RetryLater(f"TLS with Slack failed: {said.lower()}")
    return RetryLater(f"Slack cannot be reached: {type(reason if isinstance(reason, Exception) else why).__name__}")


def _tls(config: SlackConfig) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=config.ca_file) if config.ca_file else None


def _evaluated(why: SlackApiError, delivery: Delivery, now: float) -> Outcome:
    code = _code(why)
    status = getattr(why.response, "status_code", 200)
    headers = {k.title(): v for k, v in (getattr(why.response, "headers", None) or {}).items()}
    wait = headers.get("Retry-After")
    if " " in code:  # slack-sdk's own words for an answer that is no JSON: a proxy's page
        return RetryLater(f"Slack answered {status} and no JSON")
    if status == 429 or status >= 500 or code in _PASSING:
        after_s = retry_after(str(wait) if wait else None, now, transport.LONGEST_WAIT_S)
        return RetryLater(f"Slack answered {status} {code}".rstrip(), after_s)
    return Rejected(f"Slack answered {code or status}", _REMEDIES.get(code, f"Check channel {delivery.channel}"))


def _code(why: Exception) -> str:
    response = getattr(why, "response", None)
    if response is None:
        return ""
    try:
        return str(response.get("error") or "")
    except (ValueError, AttributeError):
        return ""


def _events(config: SlackConfig) -> frozenset[NotificationKind]:
    return AGAIN if config.webhook_url is not None else IN_PLACE


CHANNEL = ChannelType("slack", SlackConfig, send, events=IN_PLACE, events_of=_events)
