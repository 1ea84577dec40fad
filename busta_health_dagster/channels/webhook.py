"""Webhooks by the Standard Webhooks specification, or with the operator's own JSON body."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from busta_health_dagster.channels import phrases, template, transport
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.page_links import fleet_page, incident_page, source_page
from busta_health_dagster.channels.port import IN_PLACE, ChannelContext, ChannelType
from busta_health_dagster.channels.signature import sign
from busta_health_dagster.domain.delivery import Delivery, Outcome, Rejected
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.fields import SecretRef, Strict, TextOrSecret
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import (
        AckFacts,
        AlertFacts,
        NextFacts,
        Notification,
        RuleFacts,
        SourceFacts,
        VerdictFacts,
    )

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_WORD = re.compile(r"[a-z_]{1,20}")
_OURS = frozenset({"content-type", "content-length", "host", "webhook-id", "webhook-timestamp", "webhook-signature"})


class WebhookConfig(Strict):
    """`body` is a Jinja2 template that makes JSON; without it the documented shape is sent."""

    url: TextOrSecret
    secret: SecretRef | None = None
    headers: dict[str, TextOrSecret] = Field(default_factory=dict)
    body: str | None = None
    allow_private: bool = False
    ca_file: str | None = None

    @field_validator("url")
    @classmethod
    def _http(cls, url: TextOrSecret) -> TextOrSecret:
        if isinstance(url, str) and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError(f"{url!r} is not a web address; write https://host/path")
        return url

    @field_validator("headers")
    @classmethod
    def _names(cls, headers: dict[str, TextOrSecret]) -> dict[str, TextOrSecret]:
        for name in headers:
            if not _HEADER.fullmatch(name):
                raise ValueError(f"{name!r} is not a header name")
            if name.lower() in _OURS:
                raise ValueError(f"header {name} is set by us")
        return headers

    @field_validator("body")
    @classmethod
    def _template(cls, body: str | None) -> str | None:
        if body is not None:
            template.check(body)
        return body


def event_type(notification: Notification) -> str:
    """alert.opened, storm.resolved, report.weekly, monitor.stale, test."""
    if notification.kind is NotificationKind.TEST:
        return "test"
    if notification.report is not None:
        return f"report.{notification.report.name}"
    if notification.kind is NotificationKind.MONITOR:
        return f"monitor.{notification.reason if _WORD.fullmatch(notification.reason) else 'notice'}"
    word = "acknowledged" if notification.kind is NotificationKind.ACKED else notification.kind.value
    return f"{'storm' if notification.group is not None else 'alert'}.{word}"


def payload(notification: Notification) -> dict[str, Any]:
    """The documented shape. Numbers are numbers, times are UTC, a field is null and never missing; only `text` is
    prose.
    """
    text = text_of(notification)
    data: dict[str, Any]
    if notification.report is not None:
        facts = notification.report
        data = {"name": facts.name, "period": facts.period, "headline": facts.headline, "summary": facts.summary}
        data["lines"] = [{"label": label, "text": said.strip()} for label, said in facts.lines]
    elif notification.group is not None:
        data = _group(notification)
    elif notification.alert is not None and notification.source is not None:
        data = {
            "alert": _alert(notification.alert, notification.kind),
            "source": _source(notification.source, phrases.runbook(notification)),
            "rule": _rule(notification.rule),
            "verdict": _verdict(notification.verdict),
            "incident": _incident(notification, notification.alert),
            "reason": notification.reason or None,
            "related": list(notification.related),
            "links": dict(notification.action_urls) or None,
        }
    else:
        data = {"reason": notification.reason or None}
    prose = (
        text.notification
        if notification.report or notification.group or not notification.alert
        else f"{text.headline}. {phrases.advice(notification)}"
    )
    if notification.kind is NotificationKind.RESOLVED:
        prose = text.notification
    data |= {"drill": notification.drill, "text": prose, "url": _url(notification)}
    return {"type": event_type(notification), "timestamp": iso(notification.at), "data": data}


def send(delivery: Delivery, config: WebhookConfig, context: ChannelContext) -> Outcome:
    url = config.url if isinstance(config.url, str) else context.secret(config.url)
    host = urlsplit(url).hostname or "the webhook's host"
    event = payload(delivery.notification)
    try:
        body = template.render(config.body, {**event, "key": delivery.key}) if config.body else compact(event)
        headers = _headers(delivery, config, context, body)
    except template.TemplateFailed as failed:
        return Rejected(
            f"{delivery.channel}: {failed}", "Correct the channel's `body`, then: busta alerts outbox --retry"
        )
    except BadInput as why:
        return Rejected(f"{delivery.channel}: {why}", "Then: busta alerts outbox --retry")
    refuse = None if config.allow_private else context.refuse_address
    answer = transport.post(url, body, headers, timeout_s=context.timeout_s, refuse=refuse, ca_file=config.ca_file)
    remedy = f"Correct url or headers of channel {delivery.channel}, then: busta alerts outbox --retry"
    return transport.evaluated(answer, host, now=context.now, remedy=remedy)


def compact(event: dict[str, Any]) -> bytes:
    """The form that is signed and sent."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _headers(delivery: Delivery, config: WebhookConfig, context: ChannelContext, body: bytes) -> dict[str, str]:
    # The timestamp is that of the attempt (receivers refuse old ones); the id stays.
    now = int(context.now)
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "busta_health_dagster",
        "webhook-id": delivery.key,
        "webhook-timestamp": str(now),
    }
    for name, value in config.headers.items():
        plain = value if isinstance(value, str) else context.secret(value)
        if any(ord(c) < 32 or ord(c) > 255 for c in plain):
            raise BadInput(f"the value of header {name} holds a line break or a character that headers cannot carry")
        headers[name.lower()] = plain
    if config.secret is not None:
        headers["webhook-signature"] = sign(context.secret(config.secret), delivery.key, now, body)
    return headers


def _url(notification: Notification) -> str | None:
    if notification.report is not None:
        return notification.report.url
    if notification.dagster_url:
        return notification.dagster_url
    if not notification.base_url:
        return None
    if notification.source is not None and notification.group is None:
        return source_page(notification.base_url, notification.source.name)
    return fleet_page(notification.base_url)


def _incident(notification: Notification, alert: AlertFacts) -> dict[str, Any] | None:
    if not notification.incident:
        return None
    return {
        "id": notification.incident,
        "started_at": iso(alert.first_bad_slot),
        "url": incident_page(notification),
    }


def _alert(alert: AlertFacts, kind: NotificationKind) -> dict[str, Any]:
    return {
        "id": alert.id,
        "fingerprint": alert.fingerprint,
        "state": "resolved" if kind is NotificationKind.RESOLVED else alert.state,
        "severity": alert.severity.word,
        "step": alert.step,
        "of_steps": alert.of_steps,
        "pending_at": iso(alert.pending_at),
        "opened_at": iso(alert.opened_at),
        "escalated_at": iso(alert.escalated_at),
        "acknowledged": _ack(alert.acked),
        "resolved_at": iso(alert.resolved_at),
        "flapping": alert.flapping,
        "next": _next(alert.next),
    }


def _ack(acked: AckFacts | None) -> dict[str, Any] | None:
    return (
        {"by": acked.by, "at": iso(acked.at), "note": acked.note or None, "until": iso(acked.until)} if acked else None
    )


def _next(coming: NextFacts | None) -> dict[str, Any] | None:
    return (
        {"at": iso(coming.at), "notify": list(coming.notify), "unless": "acknowledged or resolved"} if coming else None
    )


def _source(source: SourceFacts, runbook: str | None) -> dict[str, Any]:
    return {
        "name": source.name,
        "type": source.type,
        "tier": source.tier,
        "status": source.status.word,
        "since": iso(source.since),
        "reason": source.reason or None,
        "detail": source.detail or None,
        "owners": list(source.owners),
        "tags": dict(source.tags),
        "feeds": list(source.feeds),
        "runbook": runbook,
    }


def _rule(rule: RuleFacts | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    return {
        "name": rule.name,
        "pattern": rule.pattern.value,
        "metric": rule.metric,
        "op": rule.op,
        "value": rule.value,
        "for": rule.for_,
    }


def _verdict(verdict: VerdictFacts | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    normal = verdict.normal
    return {
        "value": verdict.value,
        "normal": {"p5": normal.p5, "p95": normal.p95, "basis": normal.basis} if normal else None,
        "bad_in_a_row": verdict.bad_in_a_row,
        "slot": iso(verdict.slot),
        "phases_ms": dict(verdict.phases_ms) or None,
    }


def _group(notification: Notification) -> dict[str, Any]:
    facts = notification.group
    assert facts is not None
    return {
        "group": facts.key,
        "storm": facts.storm,
        "severity": facts.severity.word,
        "since": iso(facts.since),
        "fleet": facts.fleet,
        "provider": {"name": facts.cause, "sources": facts.of, "elsewhere": list(facts.elsewhere)}
        if facts.cause
        else None,
        "open": facts.open,
        "acknowledged": _ack(facts.acked),
        "next": _next(facts.next),
        "alerts": [
            {
                "id": m.alert_id,
                "source": m.source,
                "tier": m.tier,
                "status": m.status.word,
                "severity": m.severity.word,
                "rule": m.rule,
                "reason": m.reason or None,
                "open": m.open,
            }
            for m in facts.members
        ],
        "reason": notification.reason or None,
        "links": dict(notification.action_urls) or None,
    }


CHANNEL = ChannelType("webhook", WebhookConfig, send, events=IN_PLACE - {NotificationKind.UPDATED})
