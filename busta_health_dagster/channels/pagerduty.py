"""PagerDuty Events API v2: one dedup_key from trigger to resolve, so that a retry cannot page twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from busta_health_dagster.channels import phrases, transport
from busta_health_dagster.channels.port import ANEW, ChannelContext, ChannelType
from busta_health_dagster.channels.text import flat
from busta_health_dagster.channels.wording import text_of
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected
from busta_health_dagster.domain.fields import SecretRef, Strict
from busta_health_dagster.domain.notice import NoticeKind
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from busta_health_dagster.channels.text import Text
    from busta_health_dagster.domain.notice import Notice

SUMMARY_LIMIT = 1024
EVENT_LIMIT = 512 * 1024
_KEY_LIMIT = 255
_PATH = "/v2/enqueue"


class PagerDutyConfig(Strict):
    """`url` is for accounts in the EU service region, and for proxies; with or without PagerDuty's `/v2/enqueue`."""

    routing_key: SecretRef
    url: str = "https://events.pagerduty.com"
    client: str = "Source health"
    ca_file: str | None = None


def payload(notice: Notice, routing_key: str, client: str = "Source health") -> dict[str, Any]:
    """The event: trigger, acknowledge or resolve. Long summaries are cut; details that do not fit are left out and
    named.
    """
    key = f"busta/{notice.thread_key.removeprefix('alert-')}"[:_KEY_LIMIT]
    action = {NoticeKind.ACKED: "acknowledge", NoticeKind.RESOLVED: "resolve"}.get(notice.kind, "trigger")
    event: dict[str, Any] = {"routing_key": routing_key, "event_action": action, "dedup_key": key}
    if action != "trigger":
        return event
    text = text_of(notice)
    links = [{"href": b.url, "text": b.label} for b in text.buttons if b.id != "ack"]
    event |= {
        "client": client,
        "links": links,
        "payload": {
            "summary": _summary(notice, text),
            "source": notice.source.name if notice.source else notice.thread_key,
            "severity": _severity(notice),
            "timestamp": iso(notice.at),
            "component": notice.source.name if notice.source else None,
            "group": notice.source.group if notice.source else None,
            "class": notice.rule.name if notice.rule else notice.kind.value,
            "custom_details": _details(notice, text),
        },
    }
    if opened := next((b.url for b in text.buttons if b.id == "open"), None):
        event["client_url"] = opened
    return _fitted(event)


def send(delivery: Delivery, config: PagerDutyConfig, context: ChannelContext) -> Outcome:
    notice = delivery.notice
    if notice.report is not None:
        return Rejected("PagerDuty is not told of reports", f"Take {delivery.channel} out of the report's route")
    event = payload(notice, context.secret(config.routing_key), config.client)
    outcome = _enqueue(event, delivery, config, context)
    if notice.kind is NoticeKind.TEST and isinstance(outcome, Delivered):
        # A test must not leave a page behind.
        return _enqueue(
            {k: event[k] for k in ("routing_key", "dedup_key")} | {"event_action": "resolve"}, delivery, config, context
        )
    return outcome


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
    outcome = transport.judged(answer, urlsplit(config.url).hostname or config.url, now=context.now, remedy=remedy)
    return Delivered({"dedup_key": event["dedup_key"]}, outcome.detail) if isinstance(outcome, Delivered) else outcome


def _summary(notice: Notice, text: Text) -> str:
    tail = ""
    if notice.alert is not None and notice.alert.acked is None and notice.alert.step > 1:
        tail = ", nobody has acknowledged it"
    whole = f"{text.headline}{tail}"
    return whole if len(whole) <= SUMMARY_LIMIT else whole[: SUMMARY_LIMIT - 1] + "…"


def _severity(notice: Notice) -> str:
    if notice.drill or notice.kind is NoticeKind.TEST:
        return "info"  # a drill rings no bell
    facts = notice.alert or notice.group
    return facts.severity.word if facts else Severity.WARNING.word


def _details(notice: Notice, text: Text) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if notice.drill:
        details["drill"] = "This is a drill: no source is really in trouble."
    if notice.alert is not None and notice.source is not None:
        alert, source = notice.alert, notice.source
        details |= {
            "since": iso(alert.first_bad_slot),
            "what": text.headline,
            "feeds": ", ".join(source.feeds) or None,
            "do": phrases.advice(notice),
            "uptime_30d": phrases.share(source.uptime_30d, 2) if source.uptime_30d is not None else None,
            "budget_left": phrases.share(source.budget_left, 1) if source.budget_left is not None else None,
            "tier": source.tier,
            "owners": ", ".join(source.owners) or None,
            "alert": alert.id,
            "incident": notice.incident,
            "step": f"{alert.step} of {alert.of_steps}",
            "told": ", ".join(f"{t.channel} {iso(t.at)}" for t in notice.told) or None,
            "reason": notice.reason or None,
        }
    else:
        details |= {line.label.lower(): flat(line.parts, notice.at) for line in text.lines if line.label}
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


CHANNEL = ChannelType("pagerduty", PagerDutyConfig, send, events=ANEW | {NoticeKind.ACKED})
