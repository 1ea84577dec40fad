"""Notification -> Text: the same sentences in the same order for every channel. No format, no escaping: that is the
payload's part.

Order: what is wrong, against normal · since when · what it feeds · what to do · link. One shape at the start, and it
shows the source's status; severity is a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.channels import group_text
from busta_health_dagster.channels.ended_text import EndedText
from busta_health_dagster.channels.firing_text import FiringText
from busta_health_dagster.channels.text import At, Text
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.wording.glyphs import STATUS

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import AlertFacts, Notification, SourceFacts


def text_of(notification: Notification) -> Text:
    """The words of a notification.

    Raises:
        ValueError: a notification about nothing: neither alert, group, report nor a text.
    """
    if notification.report is not None:
        text = group_text.report(notification)
    elif notification.group is not None:
        text = group_text.group(notification)
    elif notification.alert is not None and notification.source is not None:
        text = _alert(notification, notification.alert, notification.source)
    elif notification.text:
        text = Text(
            shape=STATUS["unknown"] if notification.kind is NotificationKind.MONITOR else "",
            word=notification.kind.value,
            headline=notification.text,
            summary=notification.text,
            notification=notification.text,
        )
    else:
        raise ValueError(
            f"a notification of kind {notification.kind} needs an alert with its source, a group, a report or a text"
        )
    if notification.late_from is not None:
        text = text.marked(f"late: from {At(notification.late_from).utc(notification.at)}")
    return text.marked("DRILL") if notification.drill else text


def _alert(notification: Notification, alert: AlertFacts, source: SourceFacts) -> Text:
    if notification.kind is NotificationKind.RESOLVED:
        ended = EndedText(notification, alert, source)
        return ended.resolved() if notification.recovered else ended.closed()
    return FiringText(notification, alert, source).firing()
