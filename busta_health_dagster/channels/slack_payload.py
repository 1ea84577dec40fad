"""Text -> Slack blocks. Every text of a source is escaped, and `verbatim` keeps Slack from making links of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.text import At, Entry, Line, Part, Text

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
NAMED = 10


def payload(notification: Notification, key: str) -> dict[str, Any]:
    """The message without channel and ts: what chat.postMessage and chat.update share."""
    text = text_of(notification)
    today = notification.at
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(lead(text), HEADER_LIMIT), "emoji": False}}
    ]
    if text.lines:
        blocks.append(_section(_paragraph(text.lines, today)))
    if text.entries:
        blocks.append(_section(_entries(text, notification.base_url)))
    if text.table:
        blocks.append(_section(f"```{_preformatted(text.table)}```"))
    if text.buttons:
        blocks.append({"type": "actions", "elements": [_button(b.id, b.label, b.url, b.primary) for b in text.buttons]})
    if text.context:
        said = cut(mrkdwn(text.context, today), SECTION_LIMIT)
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": said, "verbatim": True}]})
    return {
        "text": escape(cut(f"{text.shape} {text.notification}".strip(), SECTION_LIMIT)),
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": _metadata(notification, key),
        "blocks": blocks,
    }


def reply(notification: Notification) -> str | None:
    """What goes below the message in its thread; None when changing the message is enough."""
    text = text_of(notification)
    return cut(f"{text.shape} {mrkdwn(text.reply, notification.at)}", SECTION_LIMIT) if text.reply else None


def reply_is_loud(notification: Notification) -> bool:
    """An update notifies no one: an escalation goes to the channel too."""
    return text_of(notification).reply_loud


def lead(text: Text) -> str:
    return f"{text.shape} {text.headline}".strip()


def escape(text: str) -> str:
    """The three characters that mean something in mrkdwn."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(parts: tuple[Part, ...], today: int) -> str:
    return "".join(escape(p) if isinstance(p, str) else _date(p, today) for p in parts)


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _date(at: At, today: int) -> str:
    """Each reader sees their own zone; notifications and old clients see UTC."""
    shown = at.utc(today)
    form = "{time}" if shown == at.utc() else "{date_short} {time}"
    return f"<!date^{at.epoch}^{form}|{shown}>"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _paragraph(lines: tuple[Line, ...], today: int) -> str:
    """Whole lines up to the limit: a cut inside `<!date...>` or `&amp;` would be shown raw."""
    shown: list[str] = []
    for line in lines:
        said = mrkdwn(line.parts, today)
        if line.joins and shown:
            shown[-1] += f" {said}"
        else:
            shown.append(f"*{escape(line.label)}* {said}" if line.label else said)
    return _bounded(shown)


def _entries(text: Text, base: str) -> str:
    rows = ["*Worst first*", *(_entry(e) for e in text.entries[:NAMED])]
    rest = len(text.entries) - NAMED
    if rest > 0:
        rows.append(f"<{base.rstrip('/')}/source-health?state=down|{rest} more>" if base else f"{rest} more")
    return _bounded(rows)


def _entry(entry: Entry) -> str:
    name = f"<{entry.url}|{escape(entry.name)}>" if entry.url else escape(entry.name)
    return f"{entry.shape} {name} · {escape(entry.tail)}"


def _bounded(rows: list[str]) -> str:
    kept: list[str] = []
    for row in rows:
        if sum(len(r) + 1 for r in kept) + len(row) > SECTION_LIMIT - 2:
            kept.append("…")
            break
        kept.append(row)
    return "\n".join(kept)


def _preformatted(table: str) -> str:
    rows = escape(table.replace("```", "'''")).splitlines()
    kept: list[str] = []
    for row in rows:
        if sum(len(r) + 1 for r in kept) + len(row) > SECTION_LIMIT - 10:
            kept.append("…")
            break
        kept.append(row)
    return "\n".join(kept)


def _button(action: str, label: str, url: str, primary: bool) -> dict[str, Any]:
    button = {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": label, "emoji": False},
        "url": url,
    }
    return {**button, "style": "primary"} if primary else button


def _metadata(notification: Notification, key: str) -> dict[str, Any]:
    if notification.group is not None:
        facts: dict[str, Any] = {"group": notification.group.key, "alerts": len(notification.group.members)}
        return {"event_type": "busta_storm", "event_payload": {**facts, "key": key}}
    if notification.alert is not None:
        facts = {"alert_id": notification.alert.id, "fingerprint": notification.alert.fingerprint}
        return {"event_type": "busta_alert", "event_payload": {**facts, "key": key}}
    return {"event_type": f"busta_{notification.kind.value}", "event_payload": {"key": key}}
