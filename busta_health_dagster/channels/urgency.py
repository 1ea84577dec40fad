"""For services that keep alerts of their own: how loud a message may be, and which messages are about one alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification


def urgency(notification: Notification) -> Severity:
    """The alert's severity. A drill, a test and a report ring no bell; what the monitor says of itself is a warning."""
    quiet = notification.drill or notification.kind in {NotificationKind.TEST, NotificationKind.REPORT}
    if quiet:
        return Severity.INFO
    facts = notification.alert or notification.group
    return facts.severity if facts else Severity.WARNING


def is_acknowledged(notification: Notification) -> bool:
    """Someone has it: the alert, or all of a group."""
    facts = notification.alert or notification.group
    return facts is not None and facts.acked is not None


def service_key(notification: Notification) -> str:
    """The name of the alert at such a service: the same from beginning to end, so that a retry cannot call twice."""
    return f"busta/{notification.thread_key.removeprefix('alert-')}"
