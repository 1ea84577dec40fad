"""Text -> a mail: plain text of at most 76 columns and HTML with inlined styles, in one thread per alert.

The subject never changes, so that every client threads; the state is the first line and the preheader. Message-ID is
the idempotency key.
"""

from __future__ import annotations

import base64
import re
import textwrap
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.text import Line, Text, flat
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.wording.sentences import capital, clean

if TYPE_CHECKING:
    from jinja2 import Template

    from busta_health_dagster.domain.delivery import Delivery
    from busta_health_dagster.domain.notification import Notification

WIDTH = 76
_LABEL = 12
_UNIT = re.compile(r"(\d) (?=(?:ms|s|min|h|d|UTC)\b)")


def payload(delivery: Delivery, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """The whole message, the same on every attempt."""
    notification = delivery.notification
    text = text_of(notification)
    domain = sender.rpartition("@")[2].strip("> ") or "busta.invalid"
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = format_datetime(from_epoch(delivery.created_at))
    mail["Subject"] = subject(notification)
    mail["Message-ID"] = message_id(delivery.key, domain)
    if notification.report is None:
        earlier = [message_id(key, domain) for key in (notification.thread_key, *delivery.earlier)]
        if delivery.earlier:
            mail["In-Reply-To"] = earlier[-1]
        mail["References"] = " ".join(earlier)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(plain(notification, text), cte="quoted-printable")
    mail.add_alternative(html(notification, text), subtype="html", cte="quoted-printable")
    _attach(mail, notification)
    return mail


def subject(notification: Notification) -> str:
    """Constant for a thread: `[busta] odds_api slow-response #4127`. A report's is its finding."""
    mark = "DRILL " if notification.drill else ""
    if notification.report is not None:
        return clean(f"{mark}{notification.report.headline}", 200)
    if notification.group is not None:
        return clean(f"[busta] {mark}{notification.group.cause or notification.group.key}")
    if notification.alert is not None and notification.source is not None:
        rule = notification.rule.name if notification.rule else "alert"
        return clean(f"[busta] {mark}{notification.source.name} {rule} #{notification.alert.id}")
    return clean(f"[busta] {mark}{notification.kind.value}")


def message_id(key: str, domain: str) -> str:
    return f"<{re.sub(r'[^A-Za-z0-9._-]', '-', key)}@{domain}>"


_COLOURS = {"critical": "#b3261e", "warning": "#8f5500", "resolved": "#1b6e3c"}


def first_line(text: Text) -> str:
    """`▲ critical: odds_api is still slow after 35 min: 6.4 s, normally 0.13–0.26 s`."""
    return f"{text.shape} {text.word}: {text.headline}." if text.shape else f"{text.headline}."


def plain(notification: Notification, text: Text) -> str:
    if notification.report is not None and notification.report.text:
        return notification.report.text
    blocks = [_wrapped(first_line(text))]
    lines, do = _before_do(text.lines)
    if lines:
        blocks.append("\n".join(_labelled(line, notification.at) for line in lines))
    if do:
        blocks.append("\n".join(_labelled(line, notification.at) for line in do))
    if text.entries:
        blocks.append("\n".join(_wrapped(f"{e.shape} {e.name} · {e.tail}", "  ") for e in text.entries))
    if text.table:
        blocks.append(text.table)
    if text.buttons:
        blocks.append(
            "\n".join(
                f"{b.label:<{_LABEL - 1}} {b.url}" if len(b.label) < _LABEL else f"{b.label}\n{b.url}"
                for b in text.buttons
            )
        )
    if text.context:
        blocks.append(_wrapped(f"{capital(flat(text.context, notification.at))}."))
    if (why := _why(notification)) is not None:
        blocks.append(_wrapped(why))
    return "\n\n".join(blocks) + "\n"


def html(notification: Notification, text: Text) -> str:
    """Inlined styles only, no remote images; everything is escaped by the template."""
    if notification.report is not None and notification.report.html:
        return notification.report.html
    return _template().render(
        text=text,
        preheader=first_line(text),
        lines=[(line.label, flat(line.parts, notification.at)) for line in text.lines],
        context=capital(flat(text.context, notification.at)),
        why=_why(notification),
        colour=_COLOURS.get(text.word, "#4a4f57"),
    )


def _why(notification: Notification) -> str | None:
    return f"Why this mail: busta alerts explain {notification.alert.id}" if notification.alert is not None else None


def _before_do(lines: tuple[Line, ...]) -> tuple[list[Line], list[Line]]:
    at = next((k for k, line in enumerate(lines) if line.label in ("Do", "Please")), len(lines))
    return list(lines[:at]), list(lines[at:])


def _labelled(line: Line, today: int) -> str:
    said = flat(line.parts, today)
    if not line.label:
        return _wrapped(said)
    pad = " " * _LABEL
    rows = _rows(said, WIDTH - _LABEL) or [""]
    return "\n".join([f"{line.label:<{_LABEL}}{rows[0]}", *(f"{pad}{row}" for row in rows[1:])])


def _wrapped(text: str, hang: str = "") -> str:
    return "\n".join(_rows(text, WIDTH, hang))


def _rows(text: str, width: int, hang: str = "") -> list[str]:
    """Lines of at most `width`; a number keeps its unit."""
    tied = _UNIT.sub("\\1\u00a0", text)
    rows = textwrap.wrap(tied, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
    return [row.replace("\u00a0", " ") for row in rows]


def _attach(mail: EmailMessage, notification: Notification) -> None:
    for attachment in notification.report.attachments if notification.report else ():
        main, _, sub = attachment.mime.partition("/")
        data = base64.b64decode(attachment.base64)
        if attachment.cid:
            body: Any = mail.get_body(("html",))
            body.add_related(data, main, sub, cid=f"<{attachment.cid}>", filename=attachment.name)
        else:
            mail.add_attachment(data, maintype=main, subtype=sub, filename=attachment.name)


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("busta_health_dagster.channels", "templates")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).get_template("mail.html.j2")
